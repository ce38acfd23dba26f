"""What every message shares."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["PROTOCOL", "JobName", "Message", "Sentence"]

PROTOCOL: Final = 1
_SENTENCE_CHARACTERS: Final = 4000


def _sayable(text: object) -> object:
    if not isinstance(text, str):
        return text
    if len(text) > _SENTENCE_CHARACTERS:
        text = text[: _SENTENCE_CHARACTERS - 1] + "…"
    return text.encode("utf-8", "replace").decode()


# What is said may quote what was sent, a megabyte of it, or a file name that is no text; it
# must fit a line all the same.
Sentence = Annotated[str, BeforeValidator(_sayable)]
# In every event of its job.
JobName = Annotated[str, Field(max_length=1000)]


class Message(BaseModel):
    """A frozen message; unknown fields are ignored so that old ends hear newer ones."""

    # Built when it is first used: a panel shows its window before it says a word.
    model_config = ConfigDict(
        frozen=True, extra="ignore", protected_namespaces=(), defer_build=True
    )

    v: Literal[1] = 1

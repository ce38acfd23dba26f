"""What every message shares."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["PROTOCOL", "Message"]

PROTOCOL: Final = 1


class Message(BaseModel):
    """A frozen message; unknown fields are ignored so that old ends hear newer ones."""

    # Built when it is first used: a panel shows its window before it says a word.
    model_config = ConfigDict(
        frozen=True, extra="ignore", protected_namespaces=(), defer_build=True
    )

    v: Literal[1] = 1

"""The message line: one sentence, at most two buttons, never a box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from plugin.state.observable import Observable, ObservableList

__all__ = ["MOST_BUTTONS", "Button", "Message", "Messages", "Tone"]

Tone = Literal["info", "warn", "error", "done"]
MOST_BUTTONS: Final = 2
_KEPT: Final = 50


@dataclass(frozen=True)
class Button:
    """An action that a message offers, and the key of its label."""

    action: str
    label_key: str
    payload: str = ""  # what it acts on: a job's or take's id


@dataclass(frozen=True)
class Message:
    """What the line says.

    Parameters
    ----------
    key, values
        The sentence in the locale.
    sentence : str
        The engine's or bridge's own English words with their numbers, where there are any:
        shown instead of the key's text where English is spoken, and under Details always.
    details : str
        For Details and the report; never shown at first.
    about : str
        What it speaks of (a job's or take's id), so that it can be taken back.
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)
    sentence: str = ""
    tone: Tone = "info"
    buttons: tuple[Button, ...] = ()
    details: str = ""
    code: str = ""
    about: str = ""


class Messages:
    """The current message and the ones before it.

    Attributes
    ----------
    current : Observable of Message or None
    history : ObservableList of Message
        Newest first.
    """

    def __init__(self) -> None:
        self.current: Observable[Message | None] = Observable(None)
        self.history: ObservableList[Message] = ObservableList()

    def show(self, message: Message) -> None:
        """Say something; it replaces what was said."""
        if message == self.current.value:
            return
        self.history.set([message, *self.history][:_KEPT])
        self.current.set(message)

    def say(
        self,
        key: str,
        *,
        tone: Tone = "info",
        buttons: tuple[Button, ...] = (),
        about: str = "",
        **values: Any,
    ) -> None:
        """Say a sentence of the locale."""
        self.show(Message(key, values, tone=tone, buttons=buttons, about=about))

    def dismiss(self, about: str | None = None) -> None:
        """Empty the line; with `about`, only if it speaks of that."""
        current = self.current.value
        if current is not None and about in (None, current.about):
            self.current.set(None)

"""Earlier texts of one field."""

from __future__ import annotations

from typing import Final

from plugin.state.observable import Observable, ObservableList

__all__ = ["HISTORY", "Recall"]

HISTORY: Final = 50


class Recall:
    """Earlier texts, newest first, and a walk through them that keeps what was being typed."""

    def __init__(self, text: Observable[str]) -> None:
        self.entries: ObservableList[str] = ObservableList()
        self._text = text
        self._place = -1
        self._draft = ""

    def remember(self, text: str) -> None:
        """Put a text on top; an equal older one moves up, the fifty-first falls out."""
        text = text.strip()
        self._place = -1
        if text:
            rest = [entry for entry in self.entries if entry != text]
            self.entries.set([text, *rest][:HISTORY])

    def older(self) -> bool:
        """Show the next older text; False at the end."""
        if self._place < 0 or self._text.value != self.entries[self._place]:
            self._draft, self._place = self._text.value, -1
        place = self._place + 1
        while place < len(self.entries) and self.entries[place] == self._text.value:
            place += 1
        if place >= len(self.entries):
            return False
        self._place = place
        self._text.set(self.entries[place])
        return True

    def newer(self) -> bool:
        """Show the next newer text, at last what was being typed; False beyond that."""
        if self._place < 0:
            return False
        self._place -= 1
        self._text.set(self._draft if self._place < 0 else self.entries[self._place])
        return True

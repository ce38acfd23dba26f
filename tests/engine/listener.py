"""A reporter that keeps what it hears and stops a run where it is told."""

from __future__ import annotations

from flowanchor_engine.errors import Cancelled
from flowanchor_engine.progress import Phase, Rough, Silent


class Listener(Silent):
    """Keeps what it hears; stops at a chosen phase and unit."""

    def __init__(self, stop_at: tuple[Phase, int] | None = None) -> None:
        self.heard: list[tuple[Phase, int, int]] = []
        self.notes: list[str] = []
        self.previews = 0
        self._stop_at = stop_at
        self._stopped = False

    def phase(self, phase: Phase, done: int, total: int) -> None:
        self.heard.append((phase, done, total))
        self._stopped = self._stopped or (phase, done) == self._stop_at

    def preview(self, rough: Rough) -> None:
        self.previews += 1

    def note(self, code: str, sentence: str) -> None:
        self.notes.append(code)

    def check(self) -> None:
        if self._stopped:
            raise Cancelled

"""A job's reporter that also keeps what the recipe tells: times per phase and notes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowanchor_engine.progress import Phase, Reporter, Rough

__all__ = ["Watch"]


class Watch:
    """Passes everything on to `inner` and remembers.

    Attributes
    ----------
    seconds : dict of str to float
        Time per phase.
    notes : list of str
        Sentences for the person, each once.
    """

    def __init__(self, inner: Reporter) -> None:
        self._inner = inner
        self.seconds: dict[str, float] = {}
        self.notes: list[str] = []

    @contextmanager
    def timing(self, phase: Phase) -> Iterator[None]:
        """Add the time of the body to a phase."""
        begun = time.perf_counter()
        yield
        self.seconds[phase.value] = round(
            self.seconds.get(phase.value, 0.0) + time.perf_counter() - begun, 3
        )

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Pass on."""
        self._inner.phase(phase, done, total)

    def preview(self, rough: Rough) -> None:
        """Pass on."""
        self._inner.preview(rough)

    def watched(self) -> int | None:
        """Pass on."""
        return self._inner.watched()

    def note(self, code: str, sentence: str) -> None:
        """Pass on and keep."""
        if sentence not in self.notes:
            self.notes.append(sentence)
        self._inner.note(code, sentence)

    def check(self) -> None:
        """Pass on."""
        self._inner.check()

"""How a running edit speaks to whoever started it: phases, previews, notes, stop.

One plain interface between the engine's inside and a terminal, a worker or a test.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Phase", "Reporter", "Silent"]


class Phase(StrEnum):
    """The parts of a job in the order in which they run."""

    DOWNLOAD = "download"
    LOAD = "load"
    READ = "read"
    TEXT = "text"
    ENCODE = "encode"
    EDIT = "edit"
    DECODE = "decode"
    COMPOSITE = "composite"
    WRITE = "write"


class Reporter(Protocol):
    """What the engine calls while it works; every method must return quickly."""

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Say that `done` of `total` units of `phase` are finished (0 <= done <= total)."""

    def preview(self, step: int, frame: int, picture: NDArray[np.uint8]) -> None:
        """Hand over a rough picture, uint8 (H, W, 3) RGB, of clip frame `frame`."""

    def note(self, code: str, sentence: str) -> None:
        """Tell the person something that does not stop the job."""

    def check(self) -> None:
        """Raise `Cancelled` if the person asked to stop; cheap, called often."""


class Silent:
    """A reporter that says nothing and never stops."""

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Ignore progress."""

    def preview(self, step: int, frame: int, picture: NDArray[np.uint8]) -> None:
        """Ignore pictures."""

    def note(self, code: str, sentence: str) -> None:
        """Ignore notes."""

    def check(self) -> None:
        """Never stop."""

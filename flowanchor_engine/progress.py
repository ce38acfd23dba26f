"""How a running edit speaks to whoever started it: phases, previews, notes, stop.

One plain interface between the engine's inside and a terminal, a worker or a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["WHOLE", "Phase", "Reporter", "Rough", "Share", "Silent", "stands_for"]

Share = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, 0..1 of its width and height."""

WHOLE: Final[Share] = (0.0, 0.0, 1.0, 1.0)


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


@dataclass(frozen=True)
class Rough:
    """A rough picture of an edit that still runs.

    Parameters
    ----------
    step : int
        Finished steps.
    frame : int
        The edited frame that it shows, counted from the first edited one.
    start, stop : int
        The frames ``start <= i < stop`` that it stands for: one latent frame holds up to four.
    picture : array, shape (H, W, 3), uint8 RGB
    share : Share
        Where it lies in the whole picture; a crop is all that the model sees.
    """

    step: int
    frame: int
    start: int
    stop: int
    picture: NDArray[np.uint8]
    share: Share = WHOLE


def stands_for(frame: int, frames: int) -> tuple[int, int, int, int]:
    """Return which frame is shown for a wish, and the latent frame that shows it.

    Latent frame 0 stands for frame 0 alone, latent frame j for frames ``4j - 3`` to ``4j``.

    Parameters
    ----------
    frame : int
        Wished; the nearest frame there is counts.
    frames : int
        Of the edit, at least 1.

    Returns
    -------
    (frame, latent, start, stop)
    """
    frame = min(max(0, frame), frames - 1)
    latent = (frame + 3) // 4
    return frame, latent, max(0, 4 * latent - 3), min(4 * latent + 1, frames)


class Reporter(Protocol):
    """What the engine calls while it works; every method must return quickly."""

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Say that `done` of `total` units of `phase` are finished (0 <= done <= total)."""

    def preview(self, rough: Rough) -> None:
        """Hand over a rough picture."""

    def watched(self) -> int | None:
        """Return the edited frame that the person looks at, None if nobody said; any thread."""

    def note(self, code: str, sentence: str) -> None:
        """Tell the person something that does not stop the job."""

    def check(self) -> None:
        """Raise `Cancelled` if the person asked to stop; cheap, called often."""


class Silent:
    """A reporter that says nothing and never stops."""

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Ignore progress."""

    def preview(self, rough: Rough) -> None:
        """Ignore pictures."""

    def watched(self) -> int | None:
        """Nobody looks."""
        return None

    def note(self, code: str, sentence: str) -> None:
        """Ignore notes."""

    def check(self) -> None:
        """Never stop."""

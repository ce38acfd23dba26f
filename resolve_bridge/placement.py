"""What is placed, and what it takes to remove or redo it."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from fractions import Fraction

# At run time: `records` reads the fields' types.
from resolve_bridge.extract import Look  # noqa: TC001

__all__ = ["Delivery", "Placement", "Recipe", "Result"]


class Delivery(enum.StrEnum):
    """How a result returns to the timeline."""

    PATCH = "patch"
    FRAME = "frame"
    TAKE = "take"


@dataclass(frozen=True, slots=True)
class Result:
    """A finished edit, ready to be placed.

    Parameters
    ----------
    path : str
        The file, or the folder of numbered pictures; straight alpha.
    frames : int
        Its length, and `rate` its frames per second.
    key : str
        Hash of everything that decided its pixels: equal keys are the same result.
    name : str
        What the placed clip is called.
    recipe : str
        The request as JSON; it travels with the clip.
    grade, transform : Look
        From the extract: what is copied to the placed clip.
    part : (int, int) or None
        The result covers only these frames of the extract, half-open; None for all of it.
    """

    path: str
    frames: int
    rate: Fraction
    delivery: Delivery
    key: str
    name: str
    recipe: str
    grade: Look
    transform: Look
    part: tuple[int, int] | None = None

    def lies(self, start: int, frames: int, rate: Fraction) -> tuple[int, int]:
        """Return where the result lies on the timeline: its first frame and its length.

        Parameters
        ----------
        start, frames : int
            Of the shot, in timeline frames.
        rate : Fraction
            The timeline's.
        """
        if self.part is None:
            return start, frames
        ratio = rate / self.rate
        first = math.floor(self.part[0] * ratio)
        last = min(math.floor(self.part[1] * ratio), frames)
        return start + first, max(1, last - first)


@dataclass(frozen=True, slots=True)
class Placement:
    """What was added to a timeline, by identities that outlive every session.

    Parameters
    ----------
    source_item, item_id : str
        The shot, and what was placed; the same for a take.
    track_made, folder_made, media_made : bool
        Whether undo removes them as well.
    take_before : int
        The take that was selected before; 0 for other deliveries.
    marker_frame : int
        Where the recipe's marker sits on the placed item, -1 for none.
    path : str
        As of `Result`.
    notes : tuple of str
        What could not be carried over: ``one_short``, ``transform``, ``grade``, ``colour``; or
        ``light``: linear light beside a clip that is not, or the reverse.
    """

    key: str
    delivery: Delivery
    project_id: str
    timeline_id: str
    source_item: str
    item_id: str
    track: int
    track_made: bool
    start: int
    stop: int
    media_id: str
    path: str
    folder_id: str = ""
    folder_made: bool = False
    media_made: bool = False
    take_before: int = 0
    marker_frame: int = -1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a placed clip remembers: where it came from, and the request as JSON."""

    placement: Placement
    recipe: str

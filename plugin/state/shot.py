"""The shot that is edited, as the panel shows it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

from plugin.state.naming import shot_name
from plugin.state.observable import Observable

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ClipFacts

__all__ = ["LEAST_FRAMES", "FrameRange", "ShotState", "ShotView", "middle", "window_count"]

LEAST_FRAMES: Final = 5  # two latent frames: fewer show the model no motion
_OVERLAP: Final = 5  # latent frames, as in `request.Working`

FrameRange = tuple[int, int]
"""Frames ``start <= i < stop`` of a shot."""


@dataclass(frozen=True)
class ShotView:
    """One clip.

    Parameters
    ----------
    id : str
        Outlives sessions: the timeline item's id, or a hash of the file's path.
    name : str
        As the editor knows it, ``A012_C004_0812.mov``.
    path : str
        The file that the engine reads, and `start` the first frame used in it.
    rate_given : bool
        The file does not know its rate (images): the request says it.
    timecode_in, timecode_out : str
        On the timeline; '' for a file.
    track : str
        ``V1``, '' for a file.
    tags : str
        Colour tags in words.
    kind : str
        ``clip``, or why it cannot be edited: ``title``, ``generator``, ``compound`` ...
    retimed : bool
    warnings : tuple of str
        Notes of the bridge.
    record : str
        The bridge's own record of the shot as JSON, for placing later; '' for a file.
    extract : str
        Its record of the frames that are edited, '' while the host has to render them first.
    """

    id: str
    name: str
    path: str
    start: int
    frames: int
    rate: Fraction
    width: int
    height: int
    timecode_in: str = ""
    timecode_out: str = ""
    track: str = ""
    tags: str = ""
    how: Literal["selected", "under_playhead", "file"] = "selected"
    kind: str = "clip"
    retimed: bool = False
    rate_given: bool = False
    warnings: tuple[str, ...] = ()
    record: str = ""
    extract: str = ""


class ShotState:
    """The shot, what its file says, and how much of its proxy can be seen.

    Attributes
    ----------
    shot : Observable of ShotView or None
    facts : Observable of ClipFacts or None
    proxy : Observable of str or None
        Folder of the proxy pictures (`flowanchor_engine.protocol.proxies`).
    ready : Observable of int
        Proxy frames that hold pictures, counted from the first.
    """

    def __init__(self) -> None:
        self.shot: Observable[ShotView | None] = Observable(None)
        self.facts: Observable[ClipFacts | None] = Observable(None)
        self.proxy: Observable[str | None] = Observable(None)
        self.ready: Observable[int] = Observable(0)

    def show(self, shot: ShotView | None, facts: ClipFacts | None = None) -> None:
        """Take another shot, or the same one read anew; its proxy is made again."""
        self.proxy.set(None)
        self.ready.set(0)
        self.facts.set(facts)
        self.shot.set(shot)

    @property
    def name(self) -> str:
        """The shot's name for files and titles, '' without one."""
        shot = self.shot.value
        return shot_name(shot.name or shot.path) if shot is not None else ""


def middle(frames: int, count: int, within: FrameRange | None = None) -> FrameRange:
    """Return the middle `count` frames of a shot or of a part of it, fewer if it is shorter."""
    start, stop = within or (0, frames)
    count = min(count, stop - start)
    first = start + (stop - start - count) // 2
    return first, first + count


def window_count(frames: int, window_frames: int = 81) -> int:
    """Return in how many overlapping windows the model sees so many frames.

    Parameters
    ----------
    window_frames : int
        Pictures of one window, ``4n + 1``, as of `ModelInfo`.
    """
    latents = -(-(max(frames, 1) - 1) // 4) + 1
    size = (window_frames - 1) // 4 + 1
    if latents <= size or size <= _OVERLAP:
        return 1
    return -(-(latents - _OVERLAP) // (size - _OVERLAP))

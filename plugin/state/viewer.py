"""What the viewer shows and where it stands; drawing is the widget's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

from plugin.state.curves import Held
from plugin.state.observable import Observable
from plugin.state.shot import FrameRange, middle

__all__ = ["MODES", "TEST_FRAMES", "Mode", "PreviewPicture", "ViewerState"]

Mode = Literal["before", "after", "wipe", "side", "difference"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
TEST_FRAMES: Final = 9
_SPEEDS: Final = (1, 2, 4, 8)


@dataclass(frozen=True)
class PreviewPicture:
    """A rough picture of a running edit; frames count the shot's pictures.

    Parameters
    ----------
    frame : int
        What was asked for.
    first, last : int or None
        The frames that the picture stands for, both included; None: `frame` alone.
    share : tuple of float
        Where it lies in the whole picture: left, top, right, bottom, 0..1.
    """

    job: str
    path: str
    frame: int
    step: int
    total: int
    first: int | None = None
    last: int | None = None
    share: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)

    def shows(self, frame: int) -> bool:
        """Whether the picture stands for a frame."""
        first = self.frame if self.first is None else self.first
        return first <= frame <= (self.frame if self.last is None else self.last)


class ViewerState:
    """Mode, place and marks of the viewer.

    Attributes
    ----------
    mode : Observable of Mode
    hold_before : Observable of bool
        Held down: the original is seen, whatever the mode.
    overlay : Observable of bool
        The matte over the picture.
    words_overlay : Observable of int or None
        Which chip's attention is shown.
    gain : Observable of float
        Of the difference, 1..16.
    frame : Observable of int
    playing : Observable of int
        0 stands; 1, 2, 4, 8 forwards; negative backwards.
    range : Observable of (int, int)
        Marks I and O, half-open: the frames of a test.
    edit_range : Observable of (int, int) or None
        What an edit is limited to; None for the whole shot.
    zoom : Observable of float
        1 shows one picture pixel per screen pixel; 0 fits the picture into the viewer.
    pan, wipe_angle, wipe
        Wipe position 0..1 across the picture, angle in degrees (0: upright edge).
    compare : Observable of (str, str or None)
        Id of the shown take ('' for none), and of a second one to compare with.
    """

    def __init__(self) -> None:
        self.frames: Observable[int] = Observable(0)
        self.mode: Observable[Mode] = Observable("after")
        self.hold_before: Observable[bool] = Observable(False)
        self.overlay: Observable[bool] = Observable(False)
        self.words_overlay: Observable[int | None] = Observable(None)
        self.gain: Observable[float] = Held(4.0, lambda value: min(16.0, max(1.0, value)))
        self.frame: Observable[int] = Observable(0)
        self.playing: Observable[int] = Observable(0)
        self.range: Observable[FrameRange] = Observable((0, 0))
        self.edit_range: Observable[FrameRange | None] = Observable(None)
        self.zoom: Observable[float] = Held(0.0, lambda value: min(32.0, max(0.0, value)))
        self.pan: Observable[tuple[float, float]] = Observable((0.0, 0.0))
        self.wipe: Observable[float] = Held(0.5, lambda value: min(1.0, max(0.0, value)))
        self.wipe_angle: Observable[float] = Observable(0.0)
        self.compare: Observable[tuple[str, str | None]] = Observable(("", None))
        self.preview: Observable[PreviewPicture | None] = Observable(None)
        self.popped_out: Observable[bool] = Observable(False)
        self._marked = False

    def show_shot(self, frames: int) -> None:
        """Stand at the start of another shot's test range."""
        self.playing.set(0)
        self.preview.set(None)
        self.compare.set(("", None))
        self.words_overlay.set(None)
        self.hold_before.set(False)
        self.zoom.set(0.0)
        self.pan.set((0.0, 0.0))
        self.frames.set(frames)
        self.edit_range.set(None)
        self.reset_range()
        self.frame.set(self.range.value[0])

    # ---- moving -----------------------------------------------------------------------------

    def go(self, frame: int) -> None:
        """Show a frame, the nearest one there is."""
        self.frame.set(min(max(0, frame), max(0, self.frames.value - 1)))

    def frame_in(self, part: FrameRange) -> int:
        """Return the shown frame counted from the start of a part, its nearest one."""
        start, stop = part
        return min(max(self.frame.value, start), max(start, stop - 1)) - start

    def step(self, by: int) -> None:
        """Stop and go a few frames on."""
        self.playing.set(0)
        self.go(self.frame.value + by)

    def advance(self, by: int = 1) -> bool:
        """Go on while playing, round at the ends; False if nothing can play."""
        if self.frames.value < 2 or self.playing.value == 0:
            return False
        direction = int(math.copysign(by, self.playing.value))
        self.frame.set((self.frame.value + direction) % self.frames.value)
        return True

    def play(self, direction: Literal[-1, 1]) -> None:
        """J or L: play that way, faster with every press; against the motion it slows down."""
        now = self.playing.value
        if now * direction <= 0:
            self.playing.set(direction)
        else:
            place = _SPEEDS.index(abs(now)) if abs(now) in _SPEEDS else 0
            self.playing.set(direction * _SPEEDS[min(place + 1, len(_SPEEDS) - 1)])

    def stop(self) -> None:
        """K."""
        self.playing.set(0)

    # ---- marks ------------------------------------------------------------------------------

    @property
    def range_is_own(self) -> bool:
        """Whether a person set the marks; otherwise they lie in the middle."""
        return self._marked

    def mark_in(self, frame: int | None = None) -> None:
        """I: the range starts here; a mark behind its end moves the end along."""
        start = self.frame.value if frame is None else frame
        start = min(max(0, start), max(0, self.frames.value - 1))
        stop = self.range.value[1]
        if stop <= start:
            stop = min(self.frames.value, start + TEST_FRAMES)
        self._marked = True
        self.range.set((start, stop))

    def mark_out(self, frame: int | None = None) -> None:
        """O: this frame is the last of the range."""
        last = self.frame.value if frame is None else frame
        stop = min(max(0, last), max(0, self.frames.value - 1)) + 1
        start = self.range.value[0]
        if start >= stop:
            start = max(0, stop - TEST_FRAMES)
        self._marked = True
        self.range.set((start, stop))

    def reset_range(self) -> None:
        """Put the marks around the middle nine frames."""
        self._marked = False
        self.range.set(middle(self.frames.value, TEST_FRAMES))

    def centre_range(self, frame: int) -> None:
        """Put the marks around a frame."""
        count = min(TEST_FRAMES, self.frames.value)
        start = min(max(0, frame - count // 2), max(0, self.frames.value - count))
        self.range.set((start, start + count))

    def limit_edit(self, part: FrameRange | None) -> None:
        """Edit only a part of the shot, or all of it again."""
        if part is not None:
            start, stop = max(0, part[0]), min(self.frames.value, part[1])
            part = (
                (start, stop) if (start, stop) != (0, self.frames.value) and stop > start else None
            )
        self.edit_range.set(part)

    # ---- takes ------------------------------------------------------------------------------

    def show_takes(self, first: str, second: str | None = None) -> None:
        """Show a take against the shot, or two against each other; the first opens the wipe."""
        before = self.compare.value[0]
        self.compare.set((first, second))
        if first and not before and self.mode.value in ("before", "after"):
            self.mode.set("wipe")

"""Where the edit may happen: which matte, and how its border is treated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from flowanchor_engine.request import MatteShape, MatteSpec
from plugin.state.curves import Held
from plugin.state.observable import Observable, ObservableList, Signal

if TYPE_CHECKING:
    from flowanchor_engine.protocol import MatteDone
    from plugin.state.shot import FrameRange

__all__ = ["FEATHER_PX", "GROW_PX", "MatteState", "Origin"]

Origin = Literal["none", "fusion", "alpha", "file", "drawn", "whole"]
Channel = Literal["auto", "luma", "alpha"]
GROW_PX: Final = 8.0  # pixels of a 1080-line picture; the engine scales them
FEATHER_PX: Final = 12.0
_DRIFT: Final = 0.5  # of the way from sure to lost


class MatteState:
    """The matte and its border.

    Attributes
    ----------
    origin : Observable
        ``none``: nothing chosen yet; ``whole``: the whole picture, chosen on purpose.
    label : Observable of str
        ``Polygon1`` or a file's name.
    path, channel, start
        Of a file, a Fusion export or the clip's own alpha; `start` is the matte's frame under
        the shot's first.
    shapes : ObservableList of MatteShape
    grow_px, feather_px : Observable of float
        Pixels of a 1080-line picture, -256..256 and 0..256.
    coverage, drift : Observable of tuple of float
        Per frame: share of the picture, and how unsure a tracked matte is (0..1).
    empty_frames : Observable of tuple of int
    proxy : Observable of str or None
        Folder of the matte's 8-bit pictures as the composite will use it.
    changed : Signal
        Something that alters the matte's pixels changed.
    measured : Signal
        The engine told coverage, empty frames and drift, all of them together.
    """

    def __init__(self) -> None:
        self.origin: Observable[Origin] = Observable("none")
        self.label: Observable[str] = Observable("")
        self.path: Observable[str] = Observable("")
        self.channel: Observable[Channel] = Observable("auto")
        self.start: Observable[int] = Observable(0)
        self.shapes: ObservableList[MatteShape] = ObservableList()
        self.track: Observable[bool] = Observable(False)
        self.grow_px: Observable[float] = Held(GROW_PX, _within(-256, 256))
        self.feather_px: Observable[float] = Held(FEATHER_PX, _within(0, 256))
        self.smooth_frames: Observable[int] = Observable(0)
        self.invert: Observable[bool] = Observable(False)
        self.repeat_last: Observable[bool] = Observable(False)
        self.coverage: Observable[tuple[float, ...]] = Observable(())
        self.empty_frames: Observable[tuple[int, ...]] = Observable(())
        self.drift: Observable[tuple[float, ...]] = Observable(())
        self.notes: Observable[tuple[str, ...]] = Observable(())
        self.proxy: Observable[str | None] = Observable(None)
        self.changed: Signal[None] = Signal()
        self.measured: Signal[None] = Signal()
        self._quiet = False
        for watched in (
            *(self.origin, self.path, self.channel, self.start, self.track, self.grow_px),
            *(self.feather_px, self.smooth_frames, self.invert, self.repeat_last),
        ):
            watched.changed.connect(self._touched)
        self.shapes.changed.connect(self._touched)

    # ---- choosing ---------------------------------------------------------------------------

    def clear(self) -> None:
        """No matte chosen; border settings stay, they are a habit of the person."""
        self._choose("none", "", "", "auto", 0, ())

    def use_whole(self) -> None:
        """Take the whole picture, on purpose."""
        self._choose("whole", "", "", "auto", 0, ())

    def use_file(
        self,
        path: str,
        label: str = "",
        *,
        origin: Literal["fusion", "file", "alpha"] = "file",
        channel: Channel = "auto",
        start: int = 0,
    ) -> None:
        """Take a matte from a file: loaded, exported from Fusion, or the clip's own alpha."""
        name = label or path.replace("\\", "/").rpartition("/")[2]
        chosen = "alpha" if origin == "alpha" else channel
        self._choose(origin, path, name, chosen, start, ())

    def draw(self, shape: MatteShape) -> None:
        """Add a shape; the first one makes the matte a drawn one."""
        if self.origin.value != "drawn":
            self._choose("drawn", "", "", "auto", 0, (shape,))
        else:
            self.shapes.append(shape)

    def erase(self, index: int) -> None:
        """Take one shape away; without any there is no matte."""
        shapes = [shape for i, shape in enumerate(self.shapes) if i != index]
        if shapes:
            self.shapes.set(shapes)
        else:
            self.clear()

    def apply(self, spec: MatteSpec | None) -> None:
        """Take over the matte of a recipe."""
        self._quiet = True
        if spec is None:
            self.use_whole()
        elif spec.path is not None:
            self.use_file(spec.path, channel=spec.channel, start=spec.start)
        else:
            self._choose("drawn", "", "", "auto", 0, spec.shapes)
        if spec is not None:
            self.track.set(spec.track)
            self.grow_px.set(spec.grow_px)
            self.feather_px.set(spec.feather_px)
            self.smooth_frames.set(spec.smooth_frames)
            self.invert.set(spec.invert)
            self.repeat_last.set(spec.repeat_last)
        self._quiet = False
        self._touched(None)

    # ---- what comes out ---------------------------------------------------------------------

    def spec(self, part: FrameRange | None = None) -> MatteSpec | None:
        """Return the matte of a request; None for the whole picture (and for no choice).

        Parameters
        ----------
        part : (int, int), optional
            Only these frames of the shot are edited: the matte starts later, and drawn key
            frames count from the part's first frame.
        """
        first = part[0] if part is not None else 0
        border: dict[str, Any] = {
            "grow_px": self.grow_px.value,
            "feather_px": self.feather_px.value,
            "smooth_frames": self.smooth_frames.value,
            "invert": self.invert.value,
            "repeat_last": self.repeat_last.value,
            "track": self.track.value,
        }
        match self.origin.value:
            case "none" | "whole":
                return None
            case "drawn":
                return MatteSpec(shapes=self._shapes_of(part), **border)
            case _:
                return MatteSpec(
                    path=self.path.value,
                    channel=self.channel.value,
                    start=self.start.value + first,
                    **border,
                )

    def key_frames(self) -> tuple[int, ...]:
        """Return the frames on which something is drawn."""
        return tuple(sorted({shape.frame for shape in self.shapes}))

    def covers(self, part: FrameRange) -> bool:
        """Whether a part of the shot can be edited with this matte.

        A drawn matte that is tracked starts from its key frames, so the part needs one.
        """
        if self.origin.value != "drawn" or not self.track.value:
            return True
        return any(part[0] <= frame < part[1] for frame in self.key_frames())

    # ---- what the engine told ---------------------------------------------------------------

    def take(self, done: MatteDone) -> None:
        """Take the engine's measurement of the matte."""
        self.empty_frames.set(done.empty_frames)
        self.drift.set(done.drift)
        self.notes.set(done.notes)
        self.coverage.set(done.coverage)
        self.proxy.set(done.path)
        self.measured.emit(None)

    @property
    def mean_coverage(self) -> float | None:
        """Share of the picture over all frames, None while unknown."""
        shares = self.coverage.value
        return sum(shares) / len(shares) if shares else None

    @property
    def problem(self) -> Literal["", "empty", "partly_empty", "full"]:
        """What is odd about the measured matte."""
        shares = self.coverage.value
        if not shares:
            return ""
        if len(self.empty_frames.value) >= len(shares):
            return "empty"
        if self.empty_frames.value:
            return "partly_empty"
        return "full" if all(share >= 1 for share in shares) else ""

    @property
    def drifted(self) -> tuple[int, ...]:
        """Frames on which a tracked matte is more lost than sure."""
        return tuple(i for i, value in enumerate(self.drift.value) if value > _DRIFT)

    # ---- within -----------------------------------------------------------------------------

    def _shapes_of(self, part: FrameRange | None) -> tuple[MatteShape, ...]:
        if part is None or part[0] == 0:
            return self.shapes.value
        first, stop = part
        if self.track.value:
            inside = [s for s in self.shapes if first <= s.frame < stop]
            return tuple(s.model_copy(update={"frame": s.frame - first}) for s in inside)
        if len(self.key_frames()) <= 1:  # it stands still: its frame says nothing
            return tuple(s.model_copy(update={"frame": 0}) for s in self.shapes)
        return tuple(
            s.model_copy(update={"frame": s.frame - first}) for s in self.shapes if s.frame >= first
        )

    def _choose(
        self,
        origin: Origin,
        path: str,
        label: str,
        channel: Channel,
        start: int,
        shapes: tuple[MatteShape, ...],
    ) -> None:
        before, self._quiet = self._quiet, True
        self.path.set(path)
        self.label.set(label)
        self.channel.set(channel)
        self.start.set(start)
        self.repeat_last.set(False)
        self.shapes.set(shapes)
        if origin != "drawn":
            self.track.set(False)
        self.origin.set(origin)
        self._quiet = before
        self._touched(None)

    def _touched(self, _: object) -> None:
        if self._quiet:
            return
        self.coverage.set(())
        self.empty_frames.set(())
        self.drift.set(())
        self.notes.set(())
        self.changed.emit(None)


def _within(least: float, most: float) -> Any:
    def mend(value: float) -> float:
        return min(most, max(least, value))

    return mend

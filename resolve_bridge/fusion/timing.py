"""Which comp frame is which frame of the clip.

A clip's composition counts frames in one of two ways, by a project setting: modern comps
begin every clip at the project's default start frame, legacy comps count from the source's
first frame, so a trimmed clip begins at its left offset. Both agree in one thing, and that
is what counts here: the clip's frame `k` is comp frame ``RenderStart + k``, and the render
range is exactly as long as the clip. Handles lie in the global range, outside of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resolve_bridge.errors.masks import MaskRequestError
from resolve_bridge.fusion.verdict import NotAnalytic, Reason

__all__ = ["CompClock", "comp_clock"]


@dataclass(frozen=True, slots=True)
class CompClock:
    """The clock of one clip's comp.

    Attributes
    ----------
    start : int
        Comp frame of the clip's first frame.
    duration : int
        Frames of the clip on the timeline.
    """

    start: int
    duration: int

    def times(self, start: int = 0, stop: int | None = None) -> tuple[float, ...]:
        """Return the comp frames of the clip's frames ``start`` up to, not including, ``stop``.

        Negative starts and stops beyond the duration reach into the handles.
        """
        last = self.duration if stop is None else stop
        return tuple(float(self.start + k) for k in range(start, last))


def comp_clock(
    *,
    render_start: float | None,
    render_end: float | None,
    duration: int,
    global_range: Sequence[float] | None = None,
) -> CompClock | NotAnalytic:
    """Set the clock of a comp, or say why it cannot be trusted.

    Parameters
    ----------
    render_start, render_end : float or None
        `COMPN_RenderStart` and `COMPN_RenderEnd` of the live comp (both inclusive), or the
        text's `RenderRange`.
    duration : int, >= 1
        Frames of the clip on the timeline.
    global_range : sequence of two floats, optional
        First and last frame that exist, handles included.

    Returns
    -------
    CompClock or NotAnalytic
        Reason ``timing`` where the range is missing, not whole, not as long as the clip
        (retimed clips) or outside of the global range.

    Raises
    ------
    MaskRequestError
        Code ``fusion.request``: a duration below 1.
    """
    if duration < 1:
        raise MaskRequestError(f"A clip of {duration} frames has no mask.")
    if render_start is None or render_end is None:
        return _untimed("its frame range is not known", "no render range")
    detail = f"render {render_start}..{render_end}, clip {duration}, global {global_range}"
    if render_start != int(render_start) or render_end != int(render_end):
        return _untimed("its frame range is not made of whole frames", detail)
    length = int(render_end) - int(render_start) + 1
    if length != duration:
        return _untimed(f"it has {length} frames, but the clip has {duration}", detail)
    if global_range is not None:
        first, last = global_range
        if not (first <= render_start and render_end <= last):
            return _untimed("its frame range lies outside of its own material", detail)
    return CompClock(int(render_start), duration)


def _untimed(why: str, detail: str) -> NotAnalytic:
    return NotAnalytic(
        tool="",
        reason=Reason.TIMING,
        sentence=f"The Fusion composition cannot be matched to the clip: {why}.",
        detail=detail,
    )

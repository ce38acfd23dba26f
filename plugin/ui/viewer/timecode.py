"""The numbers under the picture: which frame of how many, and its timecode."""

from __future__ import annotations

from fractions import Fraction

from resolve_bridge.frames import frames_of, timecode_of

__all__ = ["counter", "frame_timecode"]


def frame_timecode(first: str, frame: int, rate: Fraction) -> str:
    """Return the timecode of a frame of the shot; '' where the first one has none.

    Parameters
    ----------
    first : str
        Timecode of frame 0; ``;`` before its frames means drop frame.
    frame : int
        Counted from the first frame of the shot.
    rate : Fraction
        Frames per second. Timecode starts anew after 24 hours.
    """
    start = frames_of(first, rate)
    if start is None:
        return ""
    drop = ";" in first
    end = frames_of("23:59:59" + (";" if drop else ":") + f"{_last(rate):02d}", rate)
    day = (end or 0) + 1
    return timecode_of((start + frame) % day, rate, drop=drop)


def _last(rate: Fraction) -> int:
    return -(-rate.numerator // rate.denominator) - 1


def counter(frame: int, frames: int) -> str:
    """Return what the counter reads; people count frames from 1."""
    return f"{frame + 1}/{frames}"

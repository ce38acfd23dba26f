"""Start timecode of a part of a clip."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from timecode.timecode import Timecode, TimecodeError

__all__ = ["advance"]

# SMPTE ST 12-1 counts these; drop-frame exists at 29.97 and its double only.
_NAMES: Final = {
    Fraction(24000, 1001): "23.976",
    Fraction(30000, 1001): "29.97",
    Fraction(48000, 1001): "47.952",
    Fraction(60000, 1001): "59.94",
}


def advance(timecode: str, frames: int, rate: Fraction) -> str | None:
    """Return the timecode `frames` frames later.

    Parameters
    ----------
    timecode : str
        ``HH:MM:SS:FF``, or with ``;`` before the frames for drop-frame counting.
    frames : int, >= 0
    rate : Fraction
        Any other rate than the NTSC ones counts to its next whole number.

    Returns
    -------
    str or None
        None if the text is not a timecode at this rate.
    """
    drop = ";" in timecode
    name = _NAMES.get(rate) or str(max(1, -(-rate.numerator // rate.denominator)))
    if not frames:
        return timecode
    try:
        moved = Timecode(name, timecode, force_non_drop_frame=not drop) + frames
    except (TimecodeError, ValueError, IndexError, ZeroDivisionError):
        return None
    return str(moved)

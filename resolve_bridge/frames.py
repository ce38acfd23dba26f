"""Frames, rates and timecode, by Resolve's conventions. Integers and fractions only."""

from __future__ import annotations

import math
from fractions import Fraction

_NTSC = {
    "23.976": 24,
    "23.98": 24,
    "29.97": 30,
    "47.952": 48,
    "47.95": 48,
    "59.94": 60,
    "119.88": 120,
}


def rate_of(text: str) -> tuple[Fraction, bool] | None:
    """Read a rate as Resolve spells it.

    Parameters
    ----------
    text : str
        ``"24"``, ``"23.976"``, ``"29.97 DF"``, ``"25.0"``.

    Returns
    -------
    (Fraction, bool) or None
        Frames per second, and whether timecode drops frames; None for anything else.
    """
    number, _, flag = text.strip().partition(" ")
    drop = flag.strip().upper() == "DF"
    short = number.rstrip("0").rstrip(".") if "." in number else number
    if short in _NTSC:
        return Fraction(_NTSC[short] * 1000, 1001), drop
    try:
        rate = Fraction(short)
    except (ValueError, ZeroDivisionError):
        return None
    return (rate, drop) if 0 < rate <= 1000 else None


def spelled(rate: Fraction) -> tuple[str, ...]:
    """Return how Resolve may spell a rate, most likely first: ``"23.976"``, ``"24"``."""
    if rate.denominator == 1:
        return str(rate.numerator), f"{rate.numerator}.0"
    known = {Fraction(count * 1000, 1001): text for text, count in reversed(_NTSC.items())}
    return (known.get(rate) or f"{float(rate):.3f}".rstrip("0"),)


def nominal(rate: Fraction) -> int:
    """Return the frames that a timecode second counts: 24 for 23.976."""
    return math.ceil(rate)


def frames_of(timecode: str, rate: Fraction) -> int | None:
    """Return the frame count of a timecode; ``;`` before the frames means drop frame.

    Returns
    -------
    int or None
        None for what is not a timecode of this rate.
    """
    drop = ";" in timecode
    parts = timecode.replace(";", ":").split(":")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        return None
    hours, minutes, seconds, frame = (int(part) for part in parts)
    per_second = nominal(rate)
    if minutes > 59 or seconds > 59 or frame >= per_second:
        return None
    total = ((hours * 60 + minutes) * 60 + seconds) * per_second + frame
    if drop:
        dropped = per_second // 15  # two of 30, four of 60, each minute but the tenth
        if seconds == 0 and frame < dropped and minutes % 10:
            return None  # a number that drop frame leaves out
        all_minutes = hours * 60 + minutes
        total -= dropped * (all_minutes - all_minutes // 10)
    return total


def timecode_of(frame: int, rate: Fraction, *, drop: bool) -> str:
    """Return the timecode of a frame count.

    Parameters
    ----------
    frame : int, >= 0
    rate : Fraction
        Frames per second.
    drop : bool
        Write drop-frame timecode, with ``;``.
    """
    per_second = nominal(rate)
    if drop:
        dropped = per_second // 15
        per_minute = 60 * per_second - dropped
        per_ten = 10 * per_minute + dropped
        tens, rest = divmod(frame, per_ten)
        frame += 9 * dropped * tens
        if rest >= 60 * per_second:
            frame += dropped * (1 + (rest - 60 * per_second) // per_minute)
    seconds, frames = divmod(frame, per_second)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    mark = ";" if drop else ":"
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{frames:02d}"


def source_frames(duration: int, *, timeline_rate: Fraction, source_rate: Fraction) -> int:
    """Return how many source frames a stretch of timeline touches, the last one counted whole."""
    return math.ceil(duration * source_rate / timeline_rate)


def whole(value: object) -> int | None:
    """Read a frame number that Resolve gives as int, float or digits; None for the rest."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return math.floor(value) if math.isfinite(value) else None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.lstrip("-").isdigit() else None
    return None

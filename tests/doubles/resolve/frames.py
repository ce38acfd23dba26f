"""Rates, timecodes and source frames: the arithmetic Resolve does, in exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

_NTSC = {"23.976": 24, "29.97": 30, "47.952": 48, "59.94": 60, "95.904": 96, "119.88": 120}


def is_drop(rate: str) -> bool:
    return rate.endswith(" DF")


def exact(rate: str) -> Fraction:
    """Give the exact rate behind one of Resolve's rate strings ('23.976', '29.97 DF', '25')."""
    name = rate.removesuffix(" DF")
    if name in _NTSC:
        return Fraction(_NTSC[name] * 1000, 1001)
    return Fraction(name)


def nominal(rate: str) -> int:
    """Frames that one second of timecode counts."""
    return math.ceil(exact(rate))


def name(rate: Fraction) -> str:
    """Give Resolve's string for an exact rate."""
    for text, whole in _NTSC.items():
        if rate == Fraction(whole * 1000, 1001):
            return text
    return str(rate.numerator) if rate.denominator == 1 else f"{float(rate):.3f}"


def timecode(frame: int, rate: str) -> str:
    """Write a frame number as timecode; drop frame uses ';' before the frames."""
    fps = nominal(rate)
    if is_drop(rate):
        per_minute, dropped = fps * 60 - fps // 15, fps // 15
        per_ten = fps * 600 - 9 * dropped
        tens, rest = divmod(frame, per_ten)
        frame += 9 * dropped * tens
        if rest >= fps * 60:
            frame += dropped * ((rest - fps * 60) // per_minute + 1)
    seconds, frames = divmod(frame, fps)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}{';' if is_drop(rate) else ':'}{frames:02d}"


def parse(text: str, rate: str) -> int | None:
    """Read a timecode as a frame number, None where it is not one."""
    parts = text.replace(";", ":").split(":")
    if len(parts) != 4 or not all(part.isdigit() for part in parts):
        return None
    hour, minute, second, frames = map(int, parts)
    fps = nominal(rate)
    if minute > 59 or second > 59 or frames >= fps:
        return None
    total = ((hour * 60 + minute) * 60 + second) * fps + frames
    if is_drop(rate):
        minutes = hour * 60 + minute
        total -= fps // 15 * (minutes - minutes // 10)
    return total

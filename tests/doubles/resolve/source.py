"""Which source frame: the arithmetic behind the picture, and the getters that bend it.

The picture follows :func:`shown`. The getters follow what was measured on running Resolves:
the left offset is exact only where nothing is retimed, the source start slips at 23.976, the
source end is exclusive at equal rates and inclusive at unequal ones.
"""

from __future__ import annotations

import math
from fractions import Fraction

from tests.doubles.resolve import frames, model


def ratio(item: model.Item, rate: str) -> Fraction:
    """Source frames per timeline frame at normal speed."""
    if item.media is None or item.media.kind in ("still", "compound", "generator"):
        return Fraction(1)
    return frames.exact(item.media.rate) / frames.exact(rate)


def shown(item: model.Item, rate: str, frame: int) -> int:
    """Source frame that a timeline frame shows."""
    if item.media is None or item.media.kind == "still":
        return 0
    along = (Fraction(frame) - item.start) * ratio(item, rate)
    if item.ramp:
        share = (Fraction(frame) - item.start) / item.duration
        along *= 1 + share * (item.speed - 1)  # eases from normal to the item's speed
    else:
        along *= item.speed
    index = math.floor(item.left + along)
    return min(max(index, 0), item.media.frames - 1)


def span(item: model.Item, rate: str) -> Fraction:
    return item.duration * ratio(item, rate) * abs(item.speed)


def left_offset(item: model.Item, rate: str, *, audio: bool) -> Fraction:
    """The source in-point; elsewhere, something else."""
    if item.media is None:
        return Fraction(0)
    if item.ramp:
        return Fraction(math.floor(item.left * Fraction(3, 2)) + 5)
    if abs(item.speed) != 1:
        return item.left / abs(item.speed)
    if audio:
        return item.left / ratio(item, rate)
    return item.left


def right_offset(item: model.Item, rate: str) -> Fraction:
    if item.media is None or item.media.kind == "still":
        return Fraction(0)
    rest = item.media.frames - item.left - span(item, rate)
    return max(Fraction(0), rest / abs(item.speed))


def start_frame(item: model.Item, rate: str) -> int:
    """The source start, which slips by one frame now and then at 23.976."""
    if item.media is None or item.source_unknown or item.media.kind == "still":
        return 0
    start = math.floor(item.left)
    film = "23.976" in (rate, item.media.rate)
    return start - 1 if film and start > 0 and start % 3 == 1 else start


def end_frame(item: model.Item, rate: str) -> int:
    if item.media is None or item.source_unknown or item.media.kind == "still":
        return 0
    length = math.floor(span(item, rate))
    if item.speed < 0:
        return math.floor(item.left) - length
    end = math.floor(item.left) + length
    same = frames.exact(item.media.rate) == frames.exact(rate)
    return end if same else end - 1


def start_time(item: model.Item, rate: str) -> float:
    """Seconds on the media's own timecode."""
    if item.media is None or item.source_unknown:
        return 0.0
    return float((item.media.start + item.left) / frames.exact(item.media.rate))


def end_time(item: model.Item, rate: str) -> float:
    if item.media is None or item.source_unknown:
        return 0.0
    signed = span(item, rate) * (-1 if item.speed < 0 else 1)
    return float((item.media.start + item.left + signed) / frames.exact(item.media.rate))

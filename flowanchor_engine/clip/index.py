"""Which frame is shown when: the presentation index of a clip, and what its rate is.

Built from a demux-only scan. Frame numbers are positions in this index and nothing else;
no rate times a time ever becomes a frame number.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowanchor_engine.clip.records import PacketMark

__all__ = ["STANDARD_RATES", "FrameIndex", "build_index", "settle_rate"]

STANDARD_RATES: Final = tuple(
    Fraction(number, 1001) for number in (24000, 30000, 48000, 60000, 96000, 120000)
) + tuple(
    Fraction(number) for number in (24, 25, 30, 48, 50, 60, 72, 96, 100, 120, 12, 15, 10, 8, 5)
)


@dataclass(frozen=True)
class FrameIndex:
    """Times of all frames in presentation order.

    Parameters
    ----------
    pts : tuple of int
        Ticks of `time_base`, strictly rising. Empty for files without times, whose frames
        are only known by counting (`ordinal`).
    durations : tuple of int
        Ticks; the distance to the next frame, and the packet's word for the last.
    keys : tuple of int
        Times of key frames, rising.
    ordinal : int
        Number of frames of a file without times, 0 otherwise.
    labels : tuple of int
        For files whose times are those of coding and not of showing: what the decoder
        writes on each frame, in the order of showing. Empty where the times are right.
    """

    time_base: Fraction
    pts: tuple[int, ...]
    durations: tuple[int, ...]
    keys: tuple[int, ...]
    rate: Fraction
    variable: bool
    intra_only: bool
    ordinal: int = 0
    labels: tuple[int, ...] = ()

    def label(self, frame: int) -> int:
        """Return the time that the decoder writes on a frame."""
        return self.labels[frame] if self.labels else self.pts[frame]

    def __len__(self) -> int:
        return len(self.pts) or self.ordinal

    def key_before(self, pts: int, *, back: int = 0) -> int | None:
        """Return the time of the key frame at or before `pts`, or of one `back` earlier."""
        place = bisect_right(self.keys, pts) - 1 - back
        return self.keys[place] if place >= 0 else None

    def position(self, pts: int) -> int | None:
        """Return the frame number shown exactly at `pts`, or None."""
        place = bisect_left(self.pts, pts)
        return place if place < len(self.pts) and self.pts[place] == pts else None

    def seconds(self, frame: int) -> Fraction:
        """Return the time at which a frame begins; the end of the clip for the last + 1."""
        if not self.pts:
            return frame / self.rate
        if frame >= len(self.pts):
            return (self.pts[-1] + self.durations[-1]) * self.time_base
        return self.pts[frame] * self.time_base


def build_index(
    marks: Sequence[PacketMark],
    *,
    time_base: Fraction,
    average_rate: Fraction | None,
    first_pts: int | None,
    reordered: bool,
    labels: Sequence[int] = (),
) -> FrameIndex:
    """Order the packets of a clip by presentation time.

    Parameters
    ----------
    marks : sequence of PacketMark
        In file order.
    first_pts : int or None
        Time of the first frame that decodes: packets before it (leading pictures of an
        open group at the head of a file) show nothing and are left out.
    reordered : bool
        Whether presentation differs from coding order; only then is a missing pts not
        the dts.
    labels : sequence of int
        Decoder's times in the order of showing, where the two orders disagree.
    """
    timed = [
        (mark.pts if mark.pts is not None else None if reordered else mark.dts, mark)
        for mark in marks
        if mark.shown
    ]
    if not timed or first_pts is None or any(pts is None for pts, _ in timed):
        rate = average_rate or Fraction(25)
        return FrameIndex(time_base, (), (), (), rate, False, False, ordinal=len(timed))
    shown = sorted(
        ((pts, mark) for pts, mark in timed if pts is not None and pts >= first_pts),
        key=lambda pair: pair[0],
    )
    # Two packets at one time make one picture (fields, hidden reference frames).
    unique = dict(shown)
    pts = tuple(unique)
    last = unique[pts[-1]].duration
    gaps = tuple(b - a for a, b in pairwise(pts))
    rate, variable = settle_rate(pts, time_base, average_rate)
    usual = last or (gaps[-1] if gaps else max(1, round(1 / rate / time_base)))
    keys = tuple(sorted(time for time, mark in unique.items() if mark.key))
    return FrameIndex(
        time_base,
        pts,
        (*gaps, usual),
        keys or pts[:1],
        rate,
        variable,
        intra_only=len(keys) == len(pts),
        labels=tuple(labels),
    )


def settle_rate(
    pts: Sequence[int], time_base: Fraction, average: Fraction | None
) -> tuple[Fraction, bool]:
    """Find the constant rate that explains the times to one tick or millisecond.

    Containers round (Matroska to 1 ms) and then name a rate such as 19001/317; a standard
    rate that fits every frame is preferred to the container's arithmetic.

    Returns
    -------
    (rate, variable)
        `variable` if no constant rate fits; the rate is then the average one.
    """
    if len(pts) < 2:
        return average or Fraction(25), False
    measured = Fraction(len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    nearby = [r for r in STANDARD_RATES if abs(r - measured) <= measured / 50]
    hint = average or measured
    slack = max(Fraction(1), Fraction(1, 1000) / time_base)
    nearby.sort(key=lambda r: abs(r - hint))
    candidates = [*nearby, *([average] if average else []), measured]
    for rate in candidates:
        step = 1 / (rate * time_base)
        if all(abs(time - pts[0] - number * step) <= slack for number, time in enumerate(pts)):
            return rate, False
    return average or measured, True

"""How fast a phase gets on now: seconds per unit over the last half minute."""

from __future__ import annotations

from collections import deque
from typing import Final

__all__ = ["Pace"]

_SPAN_S: Final = 30.0
_LEAST_S: Final = 0.25  # between two marks: a download tells of every block


class Pace:
    """Measures one phase.

    The last half minute counts, or the last unit where one takes longer: what a job found done
    already, in a cache or on the disk, says nothing about what is left.
    """

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def seconds(self, now_s: float, done: int) -> float | None:
        """Hear that `done` units are finished; return seconds per unit, None where unknown."""
        marks = self._marks
        if marks and done < marks[-1][1]:  # counted anew
            marks.clear()
        while len(marks) > 1 and now_s - marks[1][0] >= _SPAN_S:
            marks.popleft()
        begun_s, before = marks[0] if marks else (now_s, done)
        if not marks or (done > marks[-1][1] and now_s - marks[-1][0] >= _LEAST_S):
            marks.append((now_s, done))
        return (now_s - begun_s) / (done - before) if done > before and now_s > begun_s else None

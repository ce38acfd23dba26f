"""The line of a wipe: where it lies and which side of it is which; pure numbers.

A wipe is a position 0..1 and an angle in degrees. At 0 degrees the line is vertical and the
first picture lies left of it; at 90 it is horizontal and the first picture lies above it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from plugin.ui.viewer.geometry import Box

__all__ = ["CENTRE", "HORIZONTAL", "VERTICAL", "Wipe", "grip"]

CENTRE: Final = 0.5
VERTICAL: Final = 0.0
HORIZONTAL: Final = 90.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Wipe:
    """A wipe over a picture's rectangle in device pixels."""

    target: Box
    position: float = CENTRE
    angle: float = VERTICAL

    @property
    def normal(self) -> Point:
        """Unit vector from the first picture to the second."""
        turn = math.radians(self.angle)
        x, y = math.cos(turn), math.sin(turn)
        return round(x, 12), round(y, 12)

    @property
    def corners(self) -> tuple[Point, ...]:
        """The rectangle, clockwise from the top left."""
        box = self.target
        return ((box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom))

    def _extent(self) -> tuple[float, float]:
        nx, ny = self.normal
        along = [x * nx + y * ny for x, y in self.corners]
        return min(along), max(along)

    @property
    def offset(self) -> float:
        """The line is all points p with ``p . normal == offset``; whole if upright or level."""
        low, high = self._extent()
        offset = low + self.position * (high - low)
        return float(round(offset)) if self.angle % 90 == 0 else offset

    def position_at(self, x: float, y: float) -> float:
        """Return the position, 0..1, whose line runs through a device point."""
        nx, ny = self.normal
        low, high = self._extent()
        return min(1.0, max(0.0, (x * nx + y * ny - low) / (high - low)))

    def distance(self, x: float, y: float) -> float:
        """Return how far a device point lies from the line."""
        nx, ny = self.normal
        return abs(x * nx + y * ny - self.offset)

    def second(self) -> tuple[Point, ...]:
        """Return the corners of the part that shows the second picture; () for none."""
        nx, ny = self.normal
        offset = self.offset
        corners = self.corners
        kept: list[Point] = []
        for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
            a, b = ax * nx + ay * ny - offset, bx * nx + by * ny - offset
            if a >= 0:
                kept.append((ax, ay))
            if (a < 0 < b) or (b < 0 < a):
                share = a / (a - b)
                kept.append((ax + share * (bx - ax), ay + share * (by - ay)))
        return tuple(kept) if len(kept) > 2 else ()

    def line(self) -> tuple[Point, Point] | None:
        """Return where the line enters and leaves the rectangle; None if it only touches."""
        nx, ny = self.normal
        offset = self.offset
        corners = self.corners
        ends: list[Point] = []
        for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
            a, b = ax * nx + ay * ny - offset, bx * nx + by * ny - offset
            if (a <= 0 < b) or (b <= 0 < a):
                share = a / (a - b)
                ends.append((ax + share * (bx - ax), ay + share * (by - ay)))
        return (ends[0], ends[1]) if len(ends) == 2 else None


def grip(wipe: Wipe, x: float, y: float, *, reach: float) -> Literal["line", "side", "rim"] | None:
    """Return what a press at a device point takes hold of.

    'line' is the wipe itself; 'side' the left or right edge of the picture, from which an
    upright wipe is pulled in; 'rim' its top or bottom edge, for a level one.
    """
    box = wipe.target
    near_x = box.x - reach <= x <= box.right + reach
    near_y = box.y - reach <= y <= box.bottom + reach
    if not (near_x and near_y):
        return None
    if wipe.distance(x, y) <= reach:
        return "line"
    if min(abs(x - box.x), abs(x - box.right)) <= reach:
        return "side"
    if min(abs(y - box.y), abs(y - box.bottom)) <= reach:
        return "rim"
    return None

"""Drawing a matte on the picture: a box or a lasso, in picture coordinates all the way.

Because points are kept in picture coordinates while the mouse moves, zoom and pan may change
under the hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from flowanchor_engine.request import MatteShape
from plugin.ui.viewer.core import Tool
from plugin.ui.viewer.geometry import View

__all__ = ["LEAST_PX", "Stroke", "simplified"]

LEAST_PX: Final = 4  # a click is no box
Point = tuple[float, float]


def simplified(points: list[Point], *, tolerance: Point) -> list[Point]:
    """Return fewer points that stay within a tolerance (per axis) of the line drawn.

    Douglas and Peucker's method, without recursion, measured in units of the tolerance.
    """
    if len(points) < 3:
        return list(points)
    scaled = [(x / tolerance[0], y / tolerance[1]) for x, y in points]
    keep = {0, len(points) - 1}
    stack = [(0, len(points) - 1)]
    while stack:
        start, stop = stack.pop()
        farthest, worst = 0.0, -1
        for index in range(start + 1, stop):
            distance = _distance(scaled[index], scaled[start], scaled[stop])
            if distance > farthest:
                farthest, worst = distance, index
        if farthest > 1.0:
            keep.add(worst)
            stack += [(start, worst), (worst, stop)]
    return [points[index] for index in sorted(keep)]


def _distance(point: Point, a: Point, b: Point) -> float:
    dx, dy = b[0] - a[0], b[1] - a[1]
    length = dx * dx + dy * dy
    share = 0.0
    if length > 0:
        share = min(1.0, max(0.0, ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / length))
    x, y = point[0] - a[0] - share * dx, point[1] - a[1] - share * dy
    return float((x * x + y * y) ** 0.5)


@dataclass
class Stroke:
    """One shape while it is drawn."""

    tool: Tool
    points: list[Point] = field(default_factory=list)

    def add(self, view: View, x: float, y: float) -> None:
        """Take a device point; beyond the picture its border counts."""
        u, v = view.to_picture(x, y)
        point = (min(1.0, max(0.0, u)), min(1.0, max(0.0, v)))
        if self.tool == "box":
            self.points[1:] = [point] if self.points else []
            if not self.points:
                self.points = [point]
        elif not self.points or self.points[-1] != point:
            self.points.append(point)

    def shape(self, view: View, *, frame: int) -> MatteShape | None:
        """Return what was drawn, None if it is too small to mean anything."""
        if len(self.points) < 2:
            return None
        xs, ys = [x for x, _ in self.points], [y for _, y in self.points]
        target = view.target
        wide = (max(xs) - min(xs)) * target.width
        high = (max(ys) - min(ys)) * target.height
        if wide < LEAST_PX or high < LEAST_PX:
            return None
        if self.tool == "box":
            corners = ((min(xs), min(ys)), (max(xs), max(ys)))
            return MatteShape(kind="box", frame=frame, points=corners)
        outline = simplified(self.points, tolerance=(1 / target.width, 1 / target.height))
        if len(outline) < 3:
            return None
        return MatteShape(kind="lasso", frame=frame, points=tuple(outline))

"""Outlines: Bezier polygons, B-splines, ellipses, rounded rectangles, flattened to points.

Everything ends as closed rings of points in pixels, so fine that the true curve is never
further than `FLATNESS_PX` from the ring.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from resolve_bridge.fusion.table import Table
from resolve_bridge.fusion.verdict import Reason, refuse

__all__ = [
    "FLATNESS_PX",
    "Outline",
    "Points",
    "ellipse_ring",
    "flatten_bezier",
    "flatten_bspline",
    "read_bspline",
    "read_polyline",
    "rectangle_ring",
]

Points = NDArray[np.float64]

FLATNESS_PX: Final = 1 / 128

_POINT_FIELDS: Final = frozenset(
    {"X", "Y", "LX", "LY", "RX", "RY", "Linear", "LockX", "LockY", "LockP", "LockPF", "PublishID",
     "Selected"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outline:
    """A drawn outline in Fusion's own units, relative to the centre of its tool.

    Attributes
    ----------
    nodes : Points, shape (n, 6)
        x, y and the offsets of the left and the right handle; x in widths, y in heights, up.
    closed : bool
    published : tuple of (str, int)
        Ids under which single points are published, with the index of the point.
    """

    nodes: Points
    closed: bool
    published: tuple[tuple[str, int], ...] = ()

    def mix(self, other: Outline, share: float) -> Outline:
        """Move every point towards its partner in `other`; `share` 0 is here, 1 is there."""
        return Outline(self.nodes + (other.nodes - self.nodes) * share, self.closed)


def read_polyline(table: Table, owner: str) -> Outline:
    """Read `Polyline { Closed = true, Points = { ... } }`.

    A handle that is not written lies a third of the way to the neighbour, which draws the
    straight line between two such points.

    Raises
    ------
    Refusal
        Reasons ``unknown_value`` and ``bad_number``.
    """
    points = _points(table, owner, _POINT_FIELDS)
    closed = table.flag("Closed")
    count = len(points)
    nodes = np.zeros((count, 6))
    published: list[tuple[str, int]] = []
    for index, point in enumerate(points):
        nodes[index, 0] = _coordinate(point, "X", owner)
        nodes[index, 1] = _coordinate(point, "Y", owner)
        publish_id = point.text("PublishID")
        if publish_id is not None:
            published.append((publish_id, index))
    for index, point in enumerate(points):
        for column, x_key, y_key, step in ((2, "LX", "LY", -1), (4, "RX", "RY", 1)):
            if x_key in point.fields or y_key in point.fields:
                nodes[index, column] = _coordinate(point, x_key, owner, default=0.0)
                nodes[index, column + 1] = _coordinate(point, y_key, owner, default=0.0)
            elif closed or 0 <= index + step < count:
                nodes[index, column : column + 2] = (
                    nodes[(index + step) % count, :2] - nodes[index, :2]
                ) / 3
    if not np.isfinite(nodes).all():
        raise refuse(owner, Reason.BAD_NUMBER, "has a broken number among its points")
    return Outline(nodes, closed, tuple(published))


def read_bspline(table: Table, owner: str) -> Outline:
    """Read `BSplinePolyline { Closed = true, Points = { { X =, Y = } }, Order = 4 }`.

    Raises
    ------
    Refusal
        Reason ``tension`` where a point carries a weight of its own or the basis is not the
        uniform cubic one: no document says how Fusion bends the curve then.
    """
    points = _points(table, owner, frozenset({"X", "Y", "W", "Linear", "Selected"}))
    order = table.number("Order")
    knots = table.table("Knots")
    steps = np.diff([k for k in (knots.array if knots else []) if isinstance(k, int | float)])
    uniform = steps.size == 0 or bool(np.allclose(steps, steps[0]))
    if order not in (None, 4.0) or not uniform or any("W" in point.fields for point in points):
        raise refuse(owner, Reason.TENSION, "is a B-spline whose points have their own tension")
    nodes = np.zeros((len(points), 6))
    for index, point in enumerate(points):
        nodes[index, 0] = _coordinate(point, "X", owner)
        nodes[index, 1] = _coordinate(point, "Y", owner)
    if not np.isfinite(nodes).all():
        raise refuse(owner, Reason.BAD_NUMBER, "has a broken number among its points")
    return Outline(nodes, table.flag("Closed"))


def _points(table: Table, owner: str, known: frozenset[str]) -> list[Table]:
    listed = table.table("Points")
    if listed is None:
        return []
    points = list(listed.array)
    if listed.fields:
        # `[1] = { ... }` is legal Lua for the first point; anything else is not a point list.
        numbered = sorted((k, v) for k, v in listed.fields.items() if isinstance(k, int))
        if points or [key for key, _ in numbered] != list(range(1, len(listed.fields) + 1)):
            raise refuse(owner, Reason.UNKNOWN_VALUE, "has an outline that cannot be read")
        points = [value for _, value in numbered]
    found: list[Table] = []
    for point in points:
        if not isinstance(point, Table) or point.array:
            raise refuse(owner, Reason.UNKNOWN_VALUE, "has an outline that cannot be read")
        strange = [str(key) for key in point.fields if key not in known]
        if strange:
            raise refuse(
                owner,
                Reason.UNKNOWN_VALUE,
                "has points of an unknown kind",
                detail=", ".join(strange),
            )
        found.append(point)
    return found


def _coordinate(point: Table, key: str, owner: str, default: float | None = None) -> float:
    value = point.number(key)
    if value is not None:
        return value
    if default is not None and key not in point.fields:
        return default
    raise refuse(owner, Reason.BAD_NUMBER, "has a point without a readable position", detail=key)


def flatten_bezier(control: Points) -> Points:
    """Flatten cubic segments.

    Parameters
    ----------
    control : Points, shape (segments, 4, 2)
        Control points in pixels.

    Returns
    -------
    Points, shape (n, 2)
        Points from the start of the first segment; the end of the last one is left out.
    """
    if len(control) == 0:
        return np.zeros((0, 2))
    # |B''| <= 6 max |second difference|; n equal steps stay within |B''| / (8 n^2).
    bend = np.linalg.norm(np.diff(control, n=2, axis=1), axis=2).max(axis=1)
    counts = np.ceil(np.sqrt(0.75 * bend / FLATNESS_PX)).astype(np.int64).clip(1, 4096)
    segment = np.repeat(np.arange(len(control)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    s = ((np.arange(len(segment)) - first) / np.repeat(counts, counts))[:, None]
    p0, p1, p2, p3 = (control[segment, i] for i in range(4))
    r = 1.0 - s
    out: Points = r**3 * p0 + 3 * r * r * s * p1 + 3 * r * s * s * p2 + s**3 * p3
    return out


def flatten_bspline(points: Points) -> Points:
    """Flatten a closed uniform cubic B-spline over its control polygon, shape (n, 2)."""
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    third = np.roll(points, -2, axis=0)
    control = np.stack(
        [
            (before + 4 * points + after) / 6,
            (2 * points + after) / 3,
            (points + 2 * after) / 3,
            (points + 4 * after + third) / 6,
        ],
        axis=1,
    )
    return flatten_bezier(control)


def _steps(radius_px: float, angle: float = math.tau) -> int:
    if radius_px <= FLATNESS_PX:
        return 4
    return max(4, math.ceil(angle / (2 * math.acos(1 - FLATNESS_PX / radius_px))))


def ellipse_ring(rx_px: float, ry_px: float) -> Points:
    """Ring of an ellipse around the origin, half axes in pixels."""
    angle = np.linspace(0.0, math.tau, _steps(max(rx_px, ry_px)), endpoint=False)
    return np.stack([rx_px * np.cos(angle), ry_px * np.sin(angle)], axis=1)


def rectangle_ring(width_px: float, height_px: float, radius_px: float) -> Points:
    """Ring of a rectangle around the origin with circular corners."""
    hw, hh = width_px / 2, height_px / 2
    radius = min(radius_px, hw, hh)
    corners = [(hw, hh, 0.0), (-hw, hh, 0.25), (-hw, -hh, 0.5), (hw, -hh, 0.75)]
    if radius <= 0:
        return np.array([(x, y) for x, y, _ in corners])
    arc = np.linspace(0.0, math.tau / 4, _steps(radius, math.tau / 4) + 1)
    rings = []
    for x, y, turn in corners:
        angle = arc + turn * math.tau
        middle = np.array([x - math.copysign(radius, x), y - math.copysign(radius, y)])
        rings.append(middle + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    return np.concatenate(rings)

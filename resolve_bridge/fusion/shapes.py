"""Mask tools as rings of points over time.

Space: x in picture widths, y in picture heights, up, origin at the lower left. A polygon's
points are relative to its centre, turned and scaled about it in pixels. An ellipse's width
and height are both fractions of the picture's **width**; a rectangle's height is a fraction
of its **height**, its corner radius a fraction of half the shorter side. Angles turn
counter-clockwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from resolve_bridge.fusion.checks import DRAWN, FRAME, check_known
from resolve_bridge.fusion.drawn import outline_track
from resolve_bridge.fusion.outline import (
    Outline,
    Points,
    ellipse_ring,
    flatten_bezier,
    flatten_bspline,
    rectangle_ring,
)
from resolve_bridge.fusion.table import Table
from resolve_bridge.fusion.verdict import Assumption, Reason, refuse

if TYPE_CHECKING:
    from resolve_bridge.fusion.tracks import Inputs

__all__ = ["RingTrack", "polygon", "shape", "triangle"]

RingTrack = Callable[[float], tuple[Points, bool]]
"""Comp time to a ring in pixels, y down, and whether it is closed."""


def shape(inputs: Inputs, reg_id: str) -> RingTrack:
    """Return the ring that a mask tool of this kind draws.

    Raises
    ------
    Refusal
        Whatever an input of the tool refuses.
    """
    if reg_id in ("PolylineMask", "BSplineMask", "PolyMaskInputs"):
        return polygon(inputs, is_bspline=reg_id == "BSplineMask")
    for name in ("Width", "Height"):
        if inputs.comp.input(inputs.tool, name) is None:
            inputs.assumed.add(Assumption.DEFAULT_SIZE)
    centre = inputs.point("Center", (0.5, 0.5))
    wide, high = inputs.number("Width", 0.5), inputs.number("Height", 0.5)
    angle = inputs.number("Angle", 0.0)
    size = np.array([inputs.width, inputs.height], dtype=np.float64)
    round_off = inputs.number("CornerRadius", 0.0)
    is_ellipse = reg_id == "EllipseMask"

    def ring(time: float) -> tuple[Points, bool]:
        across = abs(wide(time)) * size[0]
        if is_ellipse:
            points = ellipse_ring(across / 2, abs(high(time)) * size[0] / 2)
        else:
            up = abs(high(time)) * size[1]
            share = min(max(round_off(time), 0.0), 1.0)
            points = rectangle_ring(across, up, share * min(across, up) / 2)
        return _placed(inputs, points, centre(time), angle(time)), True

    return ring


def _placed(inputs: Inputs, points: Points, centre: tuple[float, float], degrees: float) -> Points:
    """Turn points (pixels, up) about the origin and put them at a centre (pixels, down)."""
    if degrees:
        turn = math.radians(degrees)
        cos, sin = math.cos(turn), math.sin(turn)
        points = points @ np.array([[cos, sin], [-sin, cos]])
    x, y = centre[0] * inputs.width, (1.0 - centre[1]) * inputs.height
    return np.stack([x + points[:, 0], y - points[:, 1]], axis=1)


def polygon(inputs: Inputs, *, is_bspline: bool) -> RingTrack:
    """Return the ring of a drawn polygon or B-spline.

    Raises
    ------
    Refusal
        Reasons ``double_polygon``, ``rotation_3d``, ``open_shape``, ``unknown_input`` and
        those of the outline and the other inputs.
    """
    name = inputs.tool.name
    second = inputs.comp.input(inputs.tool, inputs.prefix + "Polyline2")
    if second is not None and not second.disabled:
        listed = second.value.table("Points") if isinstance(second.value, Table) else None
        if (
            second.source_op is not None
            or second.expression is not None
            or (listed is not None and (listed.array or listed.fields))
        ):
            raise refuse(name, Reason.DOUBLE_POLYGON, "is a double polygon")
    for axis in ("XRotation", "YRotation"):
        turn = inputs.number(axis, 0.0)
        if any(turn(time) != 0 for time in inputs.times):
            raise refuse(name, Reason.ROTATION_3D, "is turned in space", detail=axis)
    for part, whole in (("WritePosition", 0.0), ("WriteLength", 1.0)):
        written = inputs.number(part, whole)
        if any(written(time) != whole for time in inputs.times):
            raise refuse(name, Reason.UNKNOWN_INPUT, "is drawn only in part", detail=part)
    outline = outline_track(inputs)
    centre = inputs.point("Center", (0.5, 0.5))
    size, angle = inputs.number("Size", 1.0), inputs.number("ZRotation", 0.0)
    solid = inputs.number("Solid", 1.0)
    for time in inputs.times:
        if solid(time) != 0 and not outline(time).closed:
            raise refuse(name, Reason.OPEN_SHAPE, "has an outline that is not closed")
        if is_bspline and not outline(time).closed:
            raise refuse(name, Reason.OPEN_SHAPE, "has an outline that is not closed")
    if is_bspline:
        inputs.assumed.add(Assumption.BSPLINE_BASIS)
    pixels = np.array([inputs.width, inputs.height], dtype=np.float64)

    def ring(time: float) -> tuple[Points, bool]:
        now = outline(time)
        scale = pixels * size(time)
        if is_bspline:
            points = flatten_bspline(now.nodes[:, :2] * scale)
        else:
            points = _bezier_points(now, scale)
        return _placed(inputs, points, centre(time), angle(time)), now.closed

    return ring


def triangle(inputs: Inputs) -> RingTrack:
    """Return the ring of a triangle whose three corners are all written.

    Raises
    ------
    Refusal
        Reason ``triangle`` where a corner stands at its unpublished default.
    """
    corners: list[str] = []
    for name in inputs.comp.input_ids(inputs.tool):
        if name.startswith("Point") and inputs.comp.input(inputs.tool, name) is not None:
            corners.append(name)
    check_known(inputs, inputs.comp.input_ids(inputs.tool), DRAWN | FRAME | set(corners))
    if len(corners) != 3:
        # The corners that were never moved are not written, and no document gives them.
        raise refuse(
            inputs.tool.name,
            Reason.TRIANGLE,
            f"is a triangle of which only {len(corners)} corners are in the export",
        )
    tracks = [inputs.point(name, None) for name in corners]

    def ring(time: float) -> tuple[Points, bool]:
        up = np.array([track(time) for track in tracks])
        return np.stack([up[:, 0] * inputs.width, (1 - up[:, 1]) * inputs.height], axis=1), True

    return ring


def _bezier_points(outline: Outline, scale: Points) -> Points:
    nodes = outline.nodes
    ends = np.arange(len(nodes) if outline.closed else len(nodes) - 1)
    after = (ends + 1) % len(nodes)
    at = nodes[:, :2]
    control = np.stack(
        [at[ends], at[ends] + nodes[ends, 4:6], at[after] + nodes[after, 2:4], at[after]], axis=1
    )
    points = flatten_bezier(control * scale)
    return points if outline.closed else np.concatenate([points, at[-1:] * scale])

"""Drawn outlines as functions of comp time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from resolve_bridge.fusion.outline import Outline, read_bspline, read_polyline
from resolve_bridge.fusion.table import Table, Value
from resolve_bridge.fusion.verdict import Reason, WayOut, refuse

if TYPE_CHECKING:
    from resolve_bridge.fusion.spline import Curve
    from resolve_bridge.fusion.tracks import Inputs

__all__ = ["OutlineTrack", "outline_track"]

OutlineTrack = Callable[[float], Outline]


def outline_track(inputs: Inputs, name: str = "Polyline") -> OutlineTrack:
    """Return the drawn outline over time.

    Raises
    ------
    Refusal
        Reasons ``blank``, ``point_count``, ``spline`` and those of the readers.
    """
    value, driver, _ = inputs.source(name)
    if driver is None:
        outline = _read(inputs, value)
        _check(inputs, outline)
        return lambda _: outline
    if driver.reg_id != "BezierSpline":
        raise inputs.refuse_driver("shape", driver)
    curve = inputs.curve(driver)
    if curve.relative:
        raise refuse(inputs.tool.name, Reason.SPLINE, "repeats its shape relative to its end")
    shapes: dict[int, Outline] = {}
    for index, key in enumerate(curve.keys):
        if key.shape is not None:
            shapes[index] = _read(inputs, key.shape)
    for time in inputs.times:
        _check_blend(inputs, curve, shapes, time)

    def at(time: float) -> Outline:
        first, second, share = curve.blend(time)
        start = shapes[first]
        return start if first == second else start.mix(shapes[second], share)

    return at


def _check_blend(inputs: Inputs, curve: Curve, shapes: dict[int, Outline], time: float) -> None:
    first, second, _ = curve.blend(time)
    for index in (first, second):
        if index not in shapes:
            raise refuse(
                inputs.tool.name,
                Reason.SPLINE,
                f"has a key without a shape at frame {curve.keys[index].time:g}",
            )
        _check(inputs, shapes[index])
    one, two = shapes[first], shapes[second]
    if len(one.nodes) != len(two.nodes) or one.closed != two.closed:
        raise refuse(
            inputs.tool.name,
            Reason.POINT_COUNT,
            f"changes from {len(one.nodes)} to {len(two.nodes)} points between the frames "
            f"{curve.keys[first].time:g} and {curve.keys[second].time:g}",
        )


def _check(inputs: Inputs, outline: Outline) -> None:
    if len(outline.nodes) < 2:
        raise refuse(
            inputs.tool.name,
            Reason.BLANK,
            "has no shape drawn yet",
            ways_out=(WayOut.OPEN_FUSION, WayOut.MATTE_FILE),
        )
    for published, index in outline.published:
        value, driver, _ = inputs.source(published)
        if driver is not None:
            raise inputs.refuse_driver(published, driver)
        if value is not None:
            x, y = inputs.plain_point(published, value)
            here = outline.nodes[index, :2] + 0.5
            if max(abs(here[0] - x), abs(here[1] - y)) > 1e-4:
                raise refuse(
                    inputs.tool.name,
                    Reason.PUBLISHED,
                    f"has a point moved from outside ({published})",
                )


def _read(inputs: Inputs, value: Value) -> Outline:
    if isinstance(value, Table) and value.ctor == "Polyline":
        return read_polyline(value, inputs.tool.name)
    if isinstance(value, Table) and value.ctor == "BSplinePolyline":
        return read_bspline(value, inputs.tool.name)
    if value is None:
        return Outline(np.zeros((0, 6)), closed=False)
    raise refuse(
        inputs.tool.name,
        Reason.UNKNOWN_VALUE,
        "has an outline that cannot be read",
        detail=repr(value),
    )

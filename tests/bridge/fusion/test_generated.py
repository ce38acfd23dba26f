# ruff: noqa: E501 - compositions read best on one line
"""Hundreds of generated compositions, text in, matte out, against the reference."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from resolve_bridge.fusion.mask import Mask, evaluate
from resolve_bridge.fusion.model import from_text
from resolve_bridge.fusion.raster import frame
from tests.bridge.fusion import reference, writing
from tests.bridge.fusion.reference import Ellipse, Key, Polygon, Rectangle, Shape, Spline

W, H = 192, 108

_share = st.floats(0, 1).map(lambda v: round(v, 4))


def _between(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda v: round(v, 4))


@st.composite
def outlines(draw: st.DrawFn, count: int | None = None) -> list[tuple[float, ...]]:
    """A drawn outline: points around a middle, some with handles, never through themselves."""
    count = count or draw(st.integers(3, 8))
    points = []
    for k in range(count):
        angle = 2 * np.pi * (k + draw(_between(-0.2, 0.2))) / count
        radius = draw(_between(0.12, 0.4))
        x, y = radius * np.cos(angle), radius * np.sin(angle) * 1.2
        if draw(st.booleans()):
            reach = draw(_between(0.0, 0.3)) * 2 * np.pi * radius / count
            tx, ty = -np.sin(angle) * reach, np.cos(angle) * reach * 1.2
            points.append((x, y, -tx, -ty, tx, ty))
        else:
            points.append((x, y, 0.0, 0.0, 0.0, 0.0))
    return [tuple(round(v, 6) for v in p) for p in points]


_centres = st.tuples(_between(0.1, 0.9), _between(0.1, 0.9))
_degrees = _between(-360, 360)
_shapes: st.SearchStrategy[Shape] = st.one_of(
    st.builds(Polygon, outlines(), _centres, _between(0.3, 1.6), _degrees),
    st.builds(Ellipse, _between(0.05, 0.8), _between(0.05, 0.8), _centres, _degrees),
    st.builds(Rectangle, _between(0.05, 0.9), _between(0.05, 0.9), _share, _centres, _degrees),
)


def matte(text: str, tool: str, time: float = 0.0) -> np.ndarray:
    found = evaluate(from_text(text), tool, times=(time,), width=W, height=H)
    assert isinstance(found, Mask), found
    return frame(found, 0)


def assert_equal(found: np.ndarray, truth: np.ndarray) -> None:
    if truth.sum() > 60:
        assert reference.iou(found, truth) >= 0.995
    else:  # a sliver at the frame's edge: too small for a ratio
        assert np.abs(found - truth).sum() < 0.6
    assert reference.edge_error_px(found, truth) < 0.5


@settings(max_examples=200, deadline=None)
@given(_shapes)
def test_any_still_shape(shape: Shape) -> None:
    text = writing.setting([writing.tool("M", writing.reg_id(shape), writing.static_inputs(shape))])
    assert_equal(matte(text, "M"), reference.matte([shape], W, H))


@st.composite
def _rows(draw: st.DrawFn, low: float, high: float) -> list[Key]:
    times = sorted(draw(st.sets(st.integers(0, 40), min_size=1, max_size=4)))
    keys = [Key(float(t), draw(_between(low, high))) for t in times]
    for a, b in pairwise(keys):
        if draw(st.booleans()):
            third = (b.time - a.time) / 3
            a.right = (round(a.time + third, 4), a.value)
            b.left = (round(b.time - third, 4), b.value)
        b.step_in = draw(st.integers(0, 3)) == 0
    return keys


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_animated_ellipse_or_rectangle(data: st.DataObject) -> None:
    names = {"Width": (0.1, 0.7), "Height": (0.1, 0.7), "Angle": (-90, 90), "CX": (0.3, 0.7),
             "CY": (0.3, 0.7)}  # fmt: skip
    is_ellipse = data.draw(st.booleans())
    if not is_ellipse:
        names["CornerRadius"] = (0, 1)
    rows = {name: data.draw(_rows(*span)) for name, span in names.items()}
    time = data.draw(st.one_of(st.integers(-3, 45), st.floats(0, 40)))
    at = {name: Spline(keys)(time) for name, keys in rows.items()}
    centre = (at["CX"], at["CY"])
    shape: Shape = (
        Ellipse(at["Width"], at["Height"], centre, at["Angle"])
        if is_ellipse
        else Rectangle(at["Width"], at["Height"], at["CornerRadius"], centre, at["Angle"])
    )

    def wire(name: str) -> str:
        return f'Input {{ SourceOp = "M{name}", Source = "Value", }}'

    inputs = {
        name: wire(name) for name in names if not name.startswith("C") or name == "CornerRadius"
    }
    inputs["Center"] = 'Input { SourceOp = "Path", Source = "Value" }'
    text = writing.setting([
        writing.tool("M", writing.reg_id(shape), inputs),
        writing.tool("Path", "XYPath", {"X": wire("CX"), "Y": wire("CY")}),
        *(writing.spline(f"M{name}", keys) for name, keys in rows.items()),
    ])  # fmt: skip
    assert_equal(matte(text, "M", time), reference.matte([shape], W, H))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_animated_polygon_moves_its_points_pairwise(data: st.DataObject) -> None:
    count = data.draw(st.integers(3, 6))
    times = sorted(data.draw(st.sets(st.integers(0, 40), min_size=2, max_size=4)))
    keys = [Key(float(t), float(k)) for k, t in enumerate(times)]
    for a, b in pairwise(keys):
        if data.draw(st.booleans()):
            third = (b.time - a.time) / 3
            a.right, b.left = (a.time + third, a.value), (b.time - third, b.value)
        b.step_in = data.draw(st.integers(0, 4)) == 0
    shapes = [data.draw(outlines(count)) for _ in keys]
    time = data.draw(st.one_of(st.integers(-2, 44), st.floats(0, 40)))
    displacement = Spline(keys)(time)
    first = min(int(displacement), len(keys) - 2)
    share = displacement - first
    a, b = np.array(shapes[first]), np.array(shapes[first + 1])
    now = Polygon([tuple(p) for p in a + (b - a) * share])
    text = writing.setting([
        writing.tool("M", "PolylineMask", {"Polyline": 'Input { SourceOp = "S", Source = "Value" }'}),
        writing.spline("S", keys, [writing.polyline(p) for p in shapes]),
    ])  # fmt: skip
    truth = reference.matte([now], W, H)
    found = matte(text, "M", time)
    # Two outlines mixed half-way may cross themselves: those pixels are averages.
    if (
        reference.iou(truth, reference.fill([reference.ring(now, W, H)], W, H, non_zero=True))
        > 0.999
    ):
        assert_equal(found, truth)
    else:
        assert reference.iou(found, truth) > 0.97


@settings(max_examples=100, deadline=None)
@given(st.lists(_shapes, min_size=2, max_size=4), st.booleans())
def test_any_chain_by_maximum_is_the_union(shapes: list[Shape], through_pipes: bool) -> None:
    tools = []
    for k, shape in enumerate(shapes):
        inputs = writing.static_inputs(shape)
        if k:
            below = f"Pipe{k}" if through_pipes else f"M{k - 1}"
            inputs["EffectMask"] = f'Input {{ SourceOp = "{below}", Source = "Mask" }}'
            inputs["PaintMode"] = 'Input { Value = FuID { "Maximum" } }'
            if through_pipes:
                pipe = {"Input": f'Input {{ SourceOp = "M{k - 1}", Source = "Mask" }}'}
                tools.append(writing.tool(f"Pipe{k}", "PipeRouter", pipe))
        tools.append(writing.tool(f"M{k}", writing.reg_id(shape), inputs))
    found = matte(writing.setting(tools), f"M{len(shapes) - 1}")
    assert reference.iou(found, reference.matte(shapes, W, H)) >= 0.995


@settings(max_examples=60, deadline=None)
@given(_shapes, st.sampled_from([(384, 216), (1920, 1080), (3840, 2160)]))
def test_the_matte_of_a_larger_picture_is_the_same_matte(
    shape: Shape, size: tuple[int, int]
) -> None:
    text = writing.setting([writing.tool("M", writing.reg_id(shape), writing.static_inputs(shape))])
    found = evaluate(from_text(text), "M", times=(0,), width=size[0], height=size[1])
    assert isinstance(found, Mask)
    k = size[0] // W
    large = frame(found, 0).reshape(H, k, W, k).mean(axis=(1, 3))
    assert np.abs(large - matte(text, "M")).max() < 0.06

"""Coverage, soft edges, borders and paint modes against independent evaluations."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolve_bridge.fusion.coverage import FillRule, coverage
from resolve_bridge.fusion.layer import Layer, PaintMode
from resolve_bridge.fusion.outline import ellipse_ring, rectangle_ring
from resolve_bridge.fusion.raster import draw_layers
from resolve_bridge.fusion.soften import Filter, soften
from tests.bridge.fusion import reference

CORPUS = Path(__file__).parent / "corpus"
W, H = 160, 90


def layer(*rings: np.ndarray, **changes: object) -> Layer:
    plain = Layer(
        rings=rings, closed=True, solid=True, border_px=0.0, sigma_px=0.0,
        filter=Filter.GAUSSIAN, passes=4, level=1.0, mode=PaintMode.MERGE, invert=False,
        fill=FillRule.ALTERNATE,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def square(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


# Coverage ---------------------------------------------------------------------------------


def test_area_is_exact_to_the_last_bit_that_matters() -> None:
    ring = np.array([(3.25, 2.5), (17.75, 2.5), (17.75, 10.125), (3.25, 10.125)])
    found = coverage([ring], 32, 16, FillRule.ALTERNATE)
    assert found.sum() == pytest.approx(14.5 * 7.625, abs=1e-5)
    assert found[2, 3] == pytest.approx(0.75 * 0.5)
    assert found[10, 17] == pytest.approx(0.75 * 0.125)
    assert found[5, 10] == 1
    assert found[0, 0] == 0


def test_a_slanted_edge_covers_each_pixel_by_its_true_area() -> None:
    found = coverage([np.array([(0.0, 0), (4, 0), (0, 4)])], 4, 4, FillRule.ALTERNATE)
    truth = np.array([[1, 1, 1, 0.5], [1, 1, 0.5, 0], [1, 0.5, 0, 0], [0.5, 0, 0, 0]])
    np.testing.assert_allclose(found, truth, atol=1e-7)


_COORDINATE = st.floats(-60, 220).map(lambda v: round(v, 3))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_COORDINATE, _COORDINATE), min_size=3, max_size=9), st.booleans())
def test_any_polygon_equals_scan_lines(points: list[tuple[float, float]], non_zero: bool) -> None:
    ring = np.array(points)
    rule = FillRule.NON_ZERO if non_zero else FillRule.ALTERNATE
    found = coverage([ring], W, H, rule)
    truth = reference.fill([ring], W, H, non_zero=non_zero)
    assert found.shape == truth.shape
    assert found.min() >= -1e-6
    assert found.max() <= 1 + 1e-6
    # Away from the outline every pixel is exact; on it, crossings are averages.
    apart = np.abs(found - truth)
    touched = np.zeros((H, W), dtype=np.uint8)
    cv2.polylines(touched, [np.rint((ring - 0.5) * 16).astype(np.int32)], True, 1, 4, cv2.LINE_8, 4)
    assert apart[touched == 0].max(initial=0.0) < 1e-6
    assert apart.mean() < 0.01


def star_points(radii: list[float], x: float, y: float) -> np.ndarray:
    angle = np.arange(len(radii)) * math.tau / len(radii)
    return np.stack([x + radii * np.cos(angle), y + radii * np.sin(angle)], axis=1)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(4, 70), min_size=3, max_size=9), st.floats(-10, 170), st.floats(-10, 100))
def test_outlines_that_do_not_cross_are_exact(radii: list[float], x: float, y: float) -> None:
    ring = star_points(radii, x, y)
    found, truth = coverage([ring], W, H, FillRule.ALTERNATE), reference.fill([ring], W, H)
    # Sixteen sampled lines per pixel see a corner up to a sixteenth off.
    assert np.abs(found - truth).max() < 0.08
    length = np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).sum()
    assert np.abs(found - truth).sum() < 0.01 * length


@settings(max_examples=100, deadline=None)
@given(
    st.floats(-30, 190), st.floats(-30, 120), st.floats(2, 60), st.floats(2, 60), st.floats(0, 180)
)
def test_simple_shapes_are_exact_even_when_cut_by_the_frame(
    x: float, y: float, rx: float, ry: float, degrees: float
) -> None:
    turn = math.radians(degrees)
    spin = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    ring = ellipse_ring(rx, ry) @ spin + (x, y)
    found = coverage([ring], W, H, FillRule.ALTERNATE)
    truth = reference.fill([ring], W, H)
    assert np.abs(found - truth).max() < 0.07  # the reference samples sixteen lines
    assert np.abs(found.sum() - truth.sum()) < 0.01 * (rx + ry) + 0.05


def test_the_direction_of_drawing_does_not_matter() -> None:
    ring = ellipse_ring(30, 20) + np.array([80, 45])
    for rule in FillRule:
        one = coverage([ring], W, H, rule)
        np.testing.assert_allclose(one, coverage([ring[::-1]], W, H, rule), atol=1e-6)


def test_a_hole_is_a_hole_only_by_alternation() -> None:
    outer, inner = square(10, 10, 70, 70), square(30, 30, 50, 50)
    assert coverage([outer, inner], W, H, FillRule.ALTERNATE)[40, 40] == 0
    assert coverage([outer, inner], W, H, FillRule.NON_ZERO)[40, 40] == 1


def test_flattening_stays_within_a_hundredth_of_a_pixel() -> None:
    for rx, ry in ((3, 2), (500, 20), (2000, 1500)):
        ring = ellipse_ring(rx, ry)
        middle = (ring + np.roll(ring, -1, axis=0)) / 2
        level = np.hypot(middle[:, 0] / rx, middle[:, 1] / ry)
        assert ((1 - level) * max(rx, ry)).max() < 0.01


def test_the_area_of_a_rounded_rectangle_is_that_of_the_formula() -> None:
    ring = rectangle_ring(60, 40, 12) + np.array([80, 45])
    area = coverage([ring], W, H, FillRule.ALTERNATE).sum()
    # A ring of chords lies inside the arcs, by at most the flatness along all of them.
    assert area == pytest.approx(60 * 40 - (4 - math.pi) * 144, abs=24 * math.pi / 128)


# Soft edges -------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [1.0, 1.5, 3.0, 4.7, 4.9, 7.0, 9.6, 14.0])
def test_a_soft_edge_is_the_true_bell_whatever_grid_it_is_drawn_on(sigma: float) -> None:
    ring = np.array([(70.3, 60.7), (180.2, 80.1), (160.9, 180.6), (80.5, 150.2)])
    width, height, fine = 256, 256, 3
    found = soften(
        lambda k: coverage([ring / k], width // k, height // k, FillRule.ALTERNATE),
        sigma, Filter.GAUSSIAN, 1, width,
    )  # fmt: skip
    sharp = coverage([ring * fine], width * fine, height * fine, FillRule.ALTERNATE)
    reach = np.arange(-math.ceil(6 * sigma * fine), math.ceil(6 * sigma * fine) + 1)
    bell = np.exp(-(reach**2) / (2 * (sigma * fine) ** 2))
    bell /= bell.sum()
    blurred = cv2.sepFilter2D(sharp.astype(np.float64), -1, bell, bell,
                              borderType=cv2.BORDER_CONSTANT)  # fmt: skip
    truth = blurred.reshape(height, fine, width, fine).mean(axis=(1, 3))
    assert np.abs(found - truth).max() < (0.02 if sigma < 1.2 else 0.006)


@pytest.mark.parametrize("kind", list(Filter))
@pytest.mark.parametrize("sigma", [2.0, 6.0, 20.0])
def test_every_filter_has_the_asked_spread_and_keeps_the_area(kind: Filter, sigma: float) -> None:
    width, height = 256, 256
    found = soften(
        lambda k: coverage([square(96, -99, 160, 999) / k], width // k, height // k,
                           FillRule.ALTERNATE),
        sigma, kind, 4, width,
    )  # fmt: skip
    row = found[128].astype(np.float64)
    assert row.sum() == pytest.approx(64, rel=2e-3)
    at = np.arange(width) + 0.5 - 128
    spread = (row * at**2).sum() / row.sum() - 64**2 / 12
    assert math.sqrt(spread) == pytest.approx(sigma, rel=0.05)


def test_the_documented_order_of_filters_holds() -> None:
    """One box is the box filter, two are Bartlett, four are all but the Gaussian."""
    ring = square(60.4, 40.2, 200.7, 210.9)

    def draw(kind: Filter, passes: int = 4) -> np.ndarray:
        return draw_layers([layer(ring, sigma_px=8.0, filter=kind, passes=passes)], 256, 256)

    np.testing.assert_allclose(draw(Filter.MULTI_BOX, 1), draw(Filter.BOX), atol=0.02)
    np.testing.assert_allclose(draw(Filter.MULTI_BOX, 2), draw(Filter.BARTLETT), atol=0.02)
    np.testing.assert_allclose(draw(Filter.MULTI_BOX, 4), draw(Filter.GAUSSIAN), atol=0.03)
    assert np.abs(draw(Filter.BOX) - draw(Filter.GAUSSIAN)).max() > 0.03


def test_softness_of_shapes_beyond_the_frame_reaches_in() -> None:
    inside = draw_layers([layer(square(-40, -50, -1, 200), sigma_px=6.0)], W, H)
    assert inside[45, 0] == pytest.approx(0.5 * math.erfc(1.5 / (6 * math.sqrt(2))), abs=0.01)
    assert inside[45, 60] == 0


def test_a_half_level_line_stays_where_the_hard_edge_was() -> None:
    soft = draw_layers([layer(square(40.5, -99, 120.25, 300), sigma_px=5.0)], W, H)
    row = soft[45]
    left = np.interp(0.5, row[20:60], np.arange(20, 60) + 0.5)
    assert left == pytest.approx(40.5, abs=0.02)


# Borders ----------------------------------------------------------------------------------


def test_a_border_thickens_and_narrows_by_half_its_width_and_strokes_by_all() -> None:
    ring = ellipse_ring(30, 30) + np.array([80, 45])

    def area(**changes: object) -> float:
        return float(draw_layers([layer(ring, **changes)], W, H).sum())

    # Strokes are sampled eight by eight: each side may be a sixteenth of a pixel
    # off, and the chords of the ring another hundredth.
    for border in (3.0, 8.0):
        for signed in (border, -border):
            radius = 30 + signed / 2
            truth = math.pi * radius**2
            assert area(border_px=signed) == pytest.approx(truth, abs=math.tau * radius * 0.08)
        truth = math.tau * 30 * border
        assert area(border_px=border, solid=False) == pytest.approx(truth, abs=math.tau * 30 * 0.14)
    assert area(solid=False) == 0


def test_an_open_stroke_does_not_close() -> None:
    line = np.array([(20.0, 20), (140, 20), (140, 70)])
    found = draw_layers([layer(line, solid=False, closed=False, border_px=4.0)], W, H)
    assert found[20, 80] == 1
    assert found[45, 80] == 0


def test_a_stroke_as_wide_as_the_picture_still_draws() -> None:
    found = draw_layers([layer(square(10, 10, 20, 20), solid=False, border_px=40000.0)], W, H)
    assert found.min() == 1


# Paint modes ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", list(PaintMode))
@pytest.mark.parametrize("level", [1.0, 0.25])
def test_every_paint_mode_is_its_documented_formula(mode: PaintMode, level: float) -> None:
    low = layer(square(20, 20, 100, 70), level=0.8)
    high = layer(square(60, 40, 140, 80), level=level, mode=mode)
    found = draw_layers([low, high], W, H)
    a = 0.8 * coverage(list(low.rings), W, H, FillRule.ALTERNATE)
    cover = coverage(list(high.rings), W, H, FillRule.ALTERNATE)
    b = level * cover
    truth = {
        PaintMode.MERGE: a * (1 - cover) + b,
        PaintMode.ADD: np.clip(a + b, 0, 1),
        PaintMode.SUBTRACT: np.clip(a - b, 0, 1),
        PaintMode.MINIMUM: np.minimum(a, b),
        PaintMode.MAXIMUM: np.maximum(a, b),
        PaintMode.AVERAGE: (a + b) / 2,
        PaintMode.MULTIPLY: a * b,
        PaintMode.REPLACE: np.where(b > 0, b, a),
        PaintMode.INVERT: a * (1 - b) + (1 - a) * b,
        PaintMode.COPY: b,
        PaintMode.IGNORE: a,
    }[mode]
    np.testing.assert_allclose(found, truth, atol=1e-6)


@pytest.mark.parametrize("mode", list(PaintMode))
def test_a_mask_outside_the_picture_joins_as_an_empty_one(mode: PaintMode) -> None:
    low = layer(square(20, 20, 100, 70))
    gone = layer(square(-400, -400, -300, -300), mode=mode)
    empty = layer(square(5, 5, 5, 80), mode=mode)
    one, other = draw_layers([low, gone], W, H), draw_layers([low, empty], W, H)
    np.testing.assert_array_equal(one, other)


def test_invert_turns_everything_below_around() -> None:
    low = layer(square(20, 20, 100, 70))
    high = layer(square(60, 40, 140, 80), mode=PaintMode.ADD, invert=True)
    plain = draw_layers([low, replace(high, invert=False)], W, H)
    np.testing.assert_allclose(draw_layers([low, high], W, H), 1 - plain, atol=1e-6)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_chain_stays_between_zero_and_one(data: st.DataObject) -> None:
    layers = []
    for _ in range(data.draw(st.integers(1, 4))):
        x, y = data.draw(st.floats(-50, 200)), data.draw(st.floats(-50, 120))
        rx, ry = data.draw(st.floats(0, 90)), data.draw(st.floats(0, 90))
        layers.append(
            layer(
                ellipse_ring(rx, ry) + np.array([x, y]),
                level=data.draw(st.floats(-2, 3)),
                mode=data.draw(st.sampled_from(PaintMode)),
                sigma_px=data.draw(st.sampled_from([0.0, 1.0, 12.0, 300.0])),
                border_px=data.draw(st.sampled_from([0.0, 3.0, -3.0])),
                filter=data.draw(st.sampled_from(Filter)),
                invert=data.draw(st.booleans()),
                solid=data.draw(st.booleans()),
            )
        )
    found = draw_layers(layers, W, H)
    assert found.shape == (H, W)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found.min() >= -1e-5
    assert found.max() <= 1 + 1e-5

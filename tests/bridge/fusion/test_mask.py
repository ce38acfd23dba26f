# ruff: noqa: E501 - compositions read best on one line
"""From text to mattes: units, animation, chains, and every refusal by its name."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from resolve_bridge.errors.masks import MaskRequestError
from resolve_bridge.fusion.mask import Mask, evaluate
from resolve_bridge.fusion.model import from_text, load
from resolve_bridge.fusion.raster import frame
from resolve_bridge.fusion.soften import Filter
from resolve_bridge.fusion.verdict import Assumption, NotAnalytic, Reason, WayOut
from tests.bridge.fusion import reference
from tests.bridge.fusion.reference import Ellipse, Polygon, Rectangle

CORPUS = Path(__file__).parent / "corpus"
W, H = 320, 180


def mask(
    tools: str, tool: str = "M", times: tuple[float, ...] = (0.0,), size: tuple[int, int] = (W, H)
) -> Mask:
    comp = from_text(f"{{ Tools = ordered() {{ {tools} }} }}")
    found = evaluate(comp, tool, times=times, width=size[0], height=size[1])
    assert isinstance(found, Mask), found
    return found


def refusal(tools: str, tool: str = "M", times: tuple[float, ...] = (0.0,)) -> NotAnalytic:
    comp = from_text(f"{{ Tools = ordered() {{ {tools} }} }}")
    found = evaluate(comp, tool, times=times, width=W, height=H)
    assert isinstance(found, NotAnalytic)
    return found


def drawn(tools: str, tool: str = "M", time: float = 0.0) -> np.ndarray:
    return frame(mask(tools, tool, (time,)), 0)


def agree(found: np.ndarray, truth: np.ndarray) -> None:
    assert reference.iou(found, truth) > 0.995
    assert reference.edge_error_px(found, truth) < 0.1


TRIANGLE = "{ X = -0.2, Y = -0.2 }, { X = 0.3, Y = -0.1 }, { X = 0.05, Y = 0.3 }"
STRAIGHT = [(-0.2, -0.2, 0, 0, 0, 0), (0.3, -0.1, 0, 0, 0, 0), (0.05, 0.3, 0, 0, 0, 0)]


def polygon(points: str = TRIANGLE, inputs: str = "") -> str:
    return (f"M = PolylineMask {{ Inputs = {{ Polyline = Input {{ Value = Polyline {{ Closed = true,"
            f" Points = {{ {points} }} }} }}, {inputs} }} }}")  # fmt: skip


# Units ------------------------------------------------------------------------------------


def test_a_default_ellipse_is_a_circle_half_as_wide_as_the_picture() -> None:
    found = drawn("M = EllipseMask { }")
    assert mask("M = EllipseMask { }").assumed == {Assumption.DEFAULT_SIZE}
    agree(found, reference.matte([Ellipse(0.5, 0.5)], W, H))
    assert found[:, W // 2].sum() == pytest.approx(found[H // 2].sum(), abs=0.1)


def test_a_rectangle_measures_each_side_by_its_own() -> None:
    found = drawn(
        "M = RectangleMask { Inputs = { Width = Input { Value = 0.5 }, Height = Input { Value = 0.5 } } }"
    )
    assert found[H // 2].sum() == pytest.approx(W / 2)
    assert found[:, W // 2].sum() == pytest.approx(H / 2)


def test_a_corner_radius_of_one_rounds_the_shorter_side_away() -> None:
    found = drawn("M = RectangleMask { Inputs = { Width = Input { Value = 0.5 }, Height = Input { Value = 0.5 },"
                  " CornerRadius = Input { Value = 1 } } }")  # fmt: skip
    agree(found, reference.matte([Rectangle(0.5, 0.5, 1.0)], W, H))


def test_up_is_up_and_angles_turn_counter_clockwise() -> None:
    high = drawn("M = EllipseMask { Inputs = { Width = Input { Value = 0.1 }, Height = Input { Value = 0.1 },"
                 " Center = Input { Value = { 0.25, 0.75 } } } }")  # fmt: skip
    rows, columns = np.nonzero(high > 0.5)
    assert rows.mean() + 0.5 == pytest.approx(H / 4, abs=0.1)
    assert columns.mean() + 0.5 == pytest.approx(W / 4, abs=0.1)
    turned = drawn("M = RectangleMask { Inputs = { Width = Input { Value = 0.6 }, Height = Input { Value = 0.05 },"
                   " Angle = Input { Value = 30 } } }")  # fmt: skip
    agree(turned, reference.matte([Rectangle(0.6, 0.05, degrees=30)], W, H))
    rows, columns = np.nonzero(turned > 0.5)
    right = columns > W * 0.6
    assert rows[right].mean() < H / 2  # the right end goes up


def test_points_are_relative_to_the_centre_and_turn_and_scale_in_pixels() -> None:
    found = drawn(polygon(inputs="Center = Input { Value = { 0.4, 0.55 } }, Size = Input { Value = 0.7 },"
                          " ZRotation = Input { Value = 40 }"))  # fmt: skip
    agree(found, reference.matte([Polygon(STRAIGHT, (0.4, 0.55), 0.7, 40)], W, H))


def test_handles_bend_and_missing_handles_are_straight() -> None:
    bent = "{ X = -0.2, Y = -0.2, RX = 0.2, RY = -0.15 }, { X = 0.3, Y = -0.1, LX = 0, LY = 0, RX = 0, RY = 0 }, { X = 0.05, Y = 0.3 }"
    third = (0.05 + 0.2) / 3, (0.3 + 0.2) / 3
    points = [(-0.2, -0.2, third[0], third[1], 0.2, -0.15), (0.3, -0.1, 0, 0, 0, 0),
              (0.05, 0.3, 0.25 / 3, -0.4 / 3, -third[0], -third[1])]  # fmt: skip
    agree(drawn(polygon(bent)), reference.matte([Polygon(points)], W, H))


def test_a_missing_handle_lies_a_third_of_the_way() -> None:
    bent = "{ X = -0.3, Y = -0.2, RX = 0.1, RY = 0.4 }, { X = 0.3, Y = -0.2 }, { X = 0, Y = -0.35 }"
    points = [(-0.3, -0.2, 0.1, -0.05, 0.1, 0.4), (0.3, -0.2, -0.2, 0, -0.1, -0.05),
              (0, -0.35, 0.1, 0.05, -0.1, 0.05)]  # fmt: skip
    agree(drawn(polygon(bent)), reference.matte([Polygon(points)], W, H))


def test_the_same_text_scales_with_the_picture() -> None:
    small = frame(mask(polygon()), 0)
    large = frame(mask(polygon(), size=(W * 4, H * 4)), 0)
    agree(large.reshape(H, 4, W, 4).mean(axis=(1, 3)), small)


def test_values_may_come_boxed_or_listed_by_number() -> None:
    plain = drawn(polygon())
    listed = (
        "[1] = { X = -0.2, Y = -0.2 }, [2] = { X = 0.3, Y = -0.1 }, [3] = { X = 0.05, Y = 0.3 }"
    )
    boxed = polygon(
        listed,
        "Size = Input { Value = Number { Value = 1 } }, Center = Input { Value = Point { X = 0.5, Y = 0.5 } }",
    )
    np.testing.assert_array_equal(drawn(boxed), plain)


def test_level_and_invert() -> None:
    plain = drawn(polygon())
    np.testing.assert_allclose(
        drawn(polygon(inputs="Level = Input { Value = 0.25 }")), plain / 4, atol=1e-6
    )
    np.testing.assert_allclose(
        drawn(polygon(inputs="Invert = Input { Value = 1 }")), 1 - plain, atol=1e-6
    )


def test_the_soft_edge_is_a_share_of_the_width() -> None:
    found = mask(polygon(inputs="SoftEdge = Input { Value = 0.05 }"))
    assert found.layers(0)[0].sigma_px == pytest.approx(0.05 * W / 2)
    assert Assumption.SOFT_EDGE_WIDTH in found.assumed


@pytest.mark.parametrize(
    ("written", "kind"),
    [("", Filter.BOX), ("Fast Gaussian", Filter.GAUSSIAN), ("Gaussian", Filter.GAUSSIAN),
     ("Multi-box", Filter.MULTI_BOX), ("Bartlett", Filter.BARTLETT), ("Box", Filter.BOX)],
)  # fmt: skip
def test_the_filter_is_the_written_one_and_the_menus_first_without(
    written: str, kind: Filter
) -> None:
    inputs = f'Filter = Input {{ Value = FuID {{ "{written}" }}, }}' if written else ""
    assert mask(polygon(inputs=inputs)).layers(0)[0].filter is kind


# The corpus -------------------------------------------------------------------------------


def test_the_animated_polygon_moves_as_its_splines_say() -> None:
    comp = load(CORPUS / "polygon_animated.setting")
    found = evaluate(comp, "Polygon1", times=(0, 12, 24, 36, 60), width=W, height=H)
    assert isinstance(found, Mask)
    spin = [0, 15, 30, 15, 15]  # ping-pong between 0 and 30 degrees, every 24 frames
    x = [0.35, 0.35 + 0.3 * 0.15625, 0.5, 0.65 - 0.3 * 0.15625, 0.65]
    y = [0.5, 0.5, 0.6, 0.6, 0.6]
    first = [(-0.15, 0.05, -0.02, -0.1, 0.02, 0.1), (0.02, 0.22, -0.07, 0, 0.07, 0)]
    for index in range(5):
        layer = found.layers(index)[0]
        middle = layer.rings[0]
        assert len(middle) > 20
        turn = math.radians(spin[index])
        # The first point is never flattened away: follow it.
        at = [first[0][:2], None, (-0.2, 0.1), None, (-0.1, 0.05)][index]
        if at is None:
            continue
        px, py = at[0] * W, at[1] * H
        sx = x[index] * W + px * math.cos(turn) - py * math.sin(turn)
        sy = (1 - y[index]) * H - (px * math.sin(turn) + py * math.cos(turn))
        assert middle[0] == pytest.approx((sx, sy), abs=1e-3)
    assert found.layers(4)[0].sigma_px == pytest.approx(0.03 * W / 2)


def test_a_chain_joins_by_its_paint_modes_through_a_pipe() -> None:
    comp = load(CORPUS / "chain.comp")
    found = evaluate(comp, "Triangle1", times=(0,), width=W, height=H)
    assert isinstance(found, Mask)
    assert found.chain == ("Rectangle1", "Ellipse1", "Triangle1")
    matte = frame(found, 0)
    rectangle = reference.matte([Rectangle(0.3, 0.5, 0.4, (0.35, 0.5), 15)], W, H)
    hole = reference.fill([np.array([(0.45, 0.55), (0.55, 0.55), (0.5, 0.38)]) * (W, H)], W, H)
    left = np.s_[:, : int(W * 0.3)]
    agree(matte[left], rectangle[left])
    assert matte[hole == 1].max() == 0
    assert matte[H // 2, int(W * 0.66)] > 0.9


def test_groups_instances_and_published_points() -> None:
    comp = load(CORPUS / "groups_instances.setting")
    inner = evaluate(comp, "Look/Ellipse1", times=(0, 6, 12, 18, 30), width=W, height=H)
    assert isinstance(inner, Mask)
    for index, width in enumerate((0.2, 0.3, 0.4, 0.3, 0.3)):  # looped every 12 frames
        agree(frame(inner, index), reference.matte([Ellipse(width, 0.25, (0.4, 0.55))], W, H))
    both = evaluate(comp, "Ellipse2", times=(0,), width=W, height=H)
    assert isinstance(both, Mask)
    truth = reference.matte([Ellipse(0.2, 0.25, (0.4, 0.55)), Ellipse(0.1, 0.3)], W, H)
    agree(frame(both, 0), truth)
    instance = evaluate(comp, "Instance_Ellipse1", times=(0,), width=W, height=H)
    assert isinstance(instance, Mask)
    assert instance.chain == ("Instance_Ellipse1",)
    layer = instance.layers(0)[0]
    assert not layer.solid
    assert np.ptp(layer.rings[0], axis=0) == pytest.approx((0.5 * W, 0.3 * W), abs=0.01)


def test_several_polygons_in_one_tool() -> None:
    comp = load(CORPUS / "multi_poly.setting")
    found = evaluate(comp, "Hole_Mask", times=(0, 5), width=W, height=H)
    assert isinstance(found, Mask)
    matte = frame(found, 1)
    assert matte[H // 2, W // 2] == 0  # the hole
    assert matte[H // 2, int(W * 0.3)] == 1
    moved = [(0, 0, 0, 0, 0, 0), (0.15, 0, 0, 0, 0, 0), (0.15, 0.15, 0, 0, 0, 0)]
    frame_, hole = Rectangle(0.6, 0.6), [(-0.1, -0.1), (0.1, -0.1), (0, 0.15)]
    cut = reference.matte([Polygon([(x, y, 0, 0, 0, 0) for x, y in hole])], W, H)
    over = reference.matte([Polygon(moved, (0.7, 0.7))], W, H)
    # Merging lays over: what the new polygon covers takes its level, -1 cuts a hole.
    truth = np.clip(reference.matte([frame_], W, H) * (1 - cut) - cut, 0, 1) * (1 - over) + over
    agree(matte, truth)
    assert Assumption.MULTI_POLY_ORDER in found.assumed


def test_a_bspline_is_the_uniform_cubic_curve_of_its_points() -> None:
    comp = load(CORPUS / "bspline.setting")
    found = evaluate(comp, "BSpline1", times=(0,), width=W, height=H)
    assert isinstance(found, Mask)
    points = np.array([(-0.25, -0.2), (0.25, -0.25), (0.3, 0.2), (0, 0.1), (-0.3, 0.3)])
    u = np.arange(400)[:, None] / 400
    ring = np.concatenate([
        ((1 - u) ** 3 * points[k - 1] + (3 * u**3 - 6 * u**2 + 4) * points[k]
         + (-3 * u**3 + 3 * u**2 + 3 * u + 1) * points[(k + 1) % 5] + u**3 * points[(k + 2) % 5]) / 6
        for k in range(5)
    ])  # fmt: skip
    truth = reference.fill([np.stack([(0.5 + ring[:, 0]) * W, (0.5 - ring[:, 1]) * H], 1)], W, H)
    agree(frame(found, 0) / 0.8, truth)
    assert found.assumed == {Assumption.BSPLINE_BASIS}


def test_a_star_is_hollow_by_alternation_and_full_by_winding() -> None:
    comp = load(CORPUS / "self_crossing.setting")
    star = evaluate(comp, "Star", times=(0,), width=W, height=H)
    filled = evaluate(comp, "Filled", times=(0,), width=W, height=H)
    assert isinstance(star, Mask)
    assert isinstance(filled, Mask)
    assert frame(star, 0)[H // 2, W // 2] == 0
    assert frame(filled, 0)[H // 2, W // 2] == 1


def test_a_centre_on_a_straight_path_moves_along_it() -> None:
    comp = load(CORPUS / "path_centre.setting")
    found = evaluate(comp, "Rectangle1", times=(0, 15, 30), width=W, height=H)
    assert isinstance(found, Mask)
    middles = [found.layers(k)[0].rings[0].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(
        middles, [(0.2 * W, 0.5 * H), (0.5 * W, 0.35 * H), (0.8 * W, 0.2 * H)], atol=0.05
    )


def test_a_crooked_path_counts_when_its_keys_mark_the_corner() -> None:
    # In pixels the two legs are 128 and 72 long: the corner lies at 0.64 of the way.
    def path(middle: float) -> str:
        return (
            'M = EllipseMask { Inputs = { Center = Input { SourceOp = "P", Source = "Position" } } },'
            'P = PolyPath { Inputs = { Displacement = Input { SourceOp = "D", Source = "Value" },'
            " PolyLine = Input { Value = Polyline { Points = { { X = -0.2, Y = 0 }, { X = 0.2, Y = 0 },"
            " { X = 0.2, Y = 0.4 } } } } } },"
            f"D = BezierSpline {{ KeyFrames = {{ [0] = {{ 0 }}, [10] = {{ {middle} }}, [20] = {{ 1 }} }} }}"
        )

    found = mask(path(0.64), times=(0, 5, 10, 15))
    middles = [found.layers(k)[0].rings[0].mean(axis=0) / (W, H) for k in range(4)]
    np.testing.assert_allclose(middles, [(0.3, 0.5), (0.5, 0.5), (0.7, 0.5), (0.7, 0.3)], atol=1e-3)
    halves = mask(path(0.5), times=(5,))  # the picture's own units: two equal legs
    np.testing.assert_allclose(
        halves.layers(0)[0].rings[0].mean(axis=0) / (W, H), (0.5, 0.5), atol=1e-3
    )
    assert refusal(path(0.3), times=(5.0,)).reason is Reason.PATH


def test_a_switched_off_mask_lets_the_one_below_through() -> None:
    below = "B = EllipseMask { Inputs = { Width = Input { Value = 0.1 } } }"
    found = mask('M = RectangleMask { PassThrough = true, Inputs = { EffectMask = Input {'
                 f' SourceOp = "B", Source = "Mask" }} }} }}, {below}')  # fmt: skip
    assert found.chain == ("B",)


def test_frames_inside_the_enabled_region_are_drawn() -> None:
    text = "M = EllipseMask { EnabledRegion = TimeRegion { { Start = 14, End = 112 } } }"
    assert len(mask(text, times=tuple(range(14, 113)))) == 99
    assert refusal(text, times=(13.0, 14.0)).reason is Reason.OUT_OF_RANGE


def test_settings_without_effect_on_the_matte_do_not_disturb() -> None:
    quiet = ('Comments = Input { Value = "x" }, ShowViewControls = Input { Value = 0 }, LevelNest = Input { Value = 1 },'
             ' Depth = Input { Value = 1 }, UseGPU = Input { Value = 0 }, ClippingMode = Input { Value = FuID { "None" } },'
             ' OutputSize = Input { Value = FuID { "Custom" } }, MotionBlur = Input { Value = 0 },'
             ' Polyline2 = Input { Value = Polyline { } }, CapStyle = Input { Value = 2 }')  # fmt: skip
    np.testing.assert_array_equal(drawn(polygon(inputs=quiet)), drawn(polygon()))


# Refusals ---------------------------------------------------------------------------------

REFUSED = {
    "ByTracker": Reason.TRACKER, "ByExpression": Reason.EXPRESSION, "ByModifier": Reason.MODIFIER,
    "ByNothing": Reason.MISSING_TOOL, "FromBitmap": Reason.BITMAP, "Painted": Reason.PAINT,
    "ByWand": Reason.WAND, "ByRanges": Reason.RANGES, "Magic": Reason.MAGIC_MASK,
    "Keyer": Reason.UNKNOWN_TOOL, "Blank": Reason.BLANK, "NeverDrawn": Reason.BLANK,
    "Unequal": Reason.POINT_COUNT, "Double": Reason.DOUBLE_POLYGON, "Open": Reason.OPEN_SHAPE,
    "Tense": Reason.TENSION, "Tilted": Reason.ROTATION_3D, "Upright": Reason.MASK_SIZE,
    "Blurred": Reason.MOTION_BLUR, "Newer": Reason.UNKNOWN_INPUT, "Odd": Reason.UNKNOWN_VALUE,
    "Broken": Reason.BAD_NUMBER, "Off": Reason.SWITCHED_OFF, "Trimmed": Reason.OUT_OF_RANGE,
    "Half": Reason.TRIANGLE, "Snake": Reason.LOOP, "OnKeyer": Reason.UNKNOWN_TOOL,
    "Scripted": Reason.SCRIPT, "Vectored": Reason.PATH, "Tented": Reason.SPLINE,
    "Driven": Reason.PUBLISHED, "Shapes": Reason.SHAPE_TOOL,
}  # fmt: skip


@pytest.mark.parametrize(("tool", "reason"), REFUSED.items())
def test_what_the_text_cannot_tell_is_named_and_has_ways_out(tool: str, reason: Reason) -> None:
    comp = load(CORPUS / "refused.comp")
    found = evaluate(comp, tool, times=range(9), width=1920, height=1080)
    assert isinstance(found, NotAnalytic)
    assert found.reason is reason
    assert found.tool in found.sentence
    assert found.sentence.endswith(".")
    assert WayOut.MATTE_FILE in found.ways_out
    if reason not in (Reason.BLANK, Reason.SWITCHED_OFF):
        assert found.ways_out[0] is WayOut.SAVER


def test_every_reason_but_two_has_its_case() -> None:
    elsewhere = {Reason.TIMING, Reason.CHAIN}  # test_timing, and below
    assert set(REFUSED.values()) | elsewhere == set(Reason)


def test_a_multi_poly_over_another_mask_is_refused() -> None:
    found = refusal(
        'M = MultiPoly { Inputs = { EffectMask = Input { SourceOp = "B", Source = "Mask" } },'
        " PolyMask1 = PolyMaskInputs { } }, B = EllipseMask { }"
    )
    assert found.reason is Reason.CHAIN


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Tracker", Reason.TRACKER), ("PlanarTracker", Reason.TRACKER),
        ("Dimension.PlanarTracker", Reason.TRACKER), ("Expression", Reason.EXPRESSION),
        ("PerturbPoint", Reason.MODIFIER), ("Vector", Reason.MODIFIER),
        ("Fuse.MyModifier", Reason.MODIFIER), ("LUTLookup", Reason.MODIFIER),
    ],
)  # fmt: skip
def test_whatever_drives_the_centre_is_named(kind: str, reason: Reason) -> None:
    found = refusal(
        f'M = EllipseMask {{ Inputs = {{ Center = Input {{ SourceOp = "D", Source = "Position" }} }} }}, D = {kind} {{ }}'
    )
    assert found.reason is reason
    assert "D" in found.sentence or reason is Reason.EXPRESSION


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("M = EllipseMask { Inputs = { Width = 0.2 } }", Reason.UNKNOWN_INPUT),
        ("M = EllipseMask { Inputs = { Width = Slider { Value = 0.2 } } }", Reason.UNKNOWN_INPUT),
        ("M = EllipseMask { Inputs = { Width = Input { 0.2 } } }", Reason.UNKNOWN_INPUT),
        ("M = EllipseMask { EnabledRegion = Span { 3 } }", Reason.UNKNOWN_INPUT),
        ('M = EllipseMask { SourceOp = "Gone" }', Reason.MISSING_TOOL),
        (
            'M = EllipseMask { SourceOp = "N" }, N = EllipseMask { SourceOp = "M" }',
            Reason.MISSING_TOOL,
        ),
        (
            'M = EllipseMask { Inputs = { EffectMask = Input { SourceOp = "Gone", Source = "Mask" } } }',
            Reason.MISSING_TOOL,
        ),
    ],
)
def test_what_cannot_be_read_is_never_taken_for_a_default(text: str, reason: Reason) -> None:
    assert refusal(text).reason is reason


def test_changing_point_counts_only_matter_where_they_are_used() -> None:
    comp = load(CORPUS / "refused.comp")
    assert isinstance(evaluate(comp, "Unequal", times=(0,), width=W, height=H), Mask)
    assert isinstance(evaluate(comp, "Unequal", times=(9, 20), width=W, height=H), Mask)
    found = evaluate(comp, "Unequal", times=(0, 1), width=W, height=H)
    assert isinstance(found, NotAnalytic)
    assert "3 to 4 points between the frames 0 and 9" in found.sentence


def test_a_key_without_a_shape_is_refused() -> None:
    text = ('M = PolylineMask { Inputs = { Polyline = Input { SourceOp = "S", Source = "Value" } } },'
            "S = BezierSpline { KeyFrames = { [0] = { 0 } } }")  # fmt: skip
    assert refusal(text).reason is Reason.SPLINE


def test_a_published_point_counts_only_where_it_lies_where_it_was_drawn() -> None:
    def text(point: str) -> str:
        return polygon(
            '{ X = -0.2, Y = -0.2, PublishID = "Point0" }, { X = 0.3, Y = -0.1 }, { X = 0.05, Y = 0.3 }',
            point,
        )

    np.testing.assert_array_equal(
        drawn(text("Point0 = Input { Value = { 0.3, 0.3 } }")), drawn(polygon())
    )
    assert refusal(text("Point0 = Input { Value = { 0.4, 0.3 } }")).reason is Reason.PUBLISHED
    moved = text('Point0 = Input { SourceOp = "T", Source = "Position1" }') + ", T = Tracker { }"
    assert refusal(moved).reason is Reason.TRACKER


@pytest.mark.parametrize(
    ("times", "width", "height"),
    [((), W, H), ((0.0,), 0, H), ((0.0,), W, 99999), ((math.nan,), W, H)],
)
def test_impossible_requests_are_coded_errors(
    times: tuple[float, ...], width: int, height: int
) -> None:
    comp = from_text("{ Tools = { M = EllipseMask { } } }")
    with pytest.raises(MaskRequestError) as caught:
        evaluate(comp, "M", times=times, width=width, height=height)
    assert caught.value.code == "fusion.request"


def test_every_assumption_has_its_sentence() -> None:
    assert all(assumption.sentence.endswith(".") for assumption in Assumption)

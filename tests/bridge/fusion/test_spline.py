# ruff: noqa: E501 - compositions read best on one line
"""Animation splines against values measured in Fusion and against a brute-force curve."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolve_bridge.fusion.model import from_text
from resolve_bridge.fusion.spline import Curve, read_curve
from resolve_bridge.fusion.verdict import Assumption, Reason, Refusal
from tests.bridge.fusion.reference import Key, Spline
from tests.bridge.fusion.writing import setting, spline


def curve(keys: str) -> Curve:
    comp = from_text(f"{{ Tools = {{ S = BezierSpline {{ KeyFrames = {{ {keys} }} }} }} }}")
    return read_curve(comp.tool("S"), "M")[0]


def test_handles_are_absolute_and_ease_as_fusion_does() -> None:
    found = curve("[0] = { 0, RH = { 8, 0 } }, [24] = { 1, LH = { 16, 1 } }")
    # Measured in Resolve 21.1: cubic-bezier(1/3, 0, 2/3, 1) over 24 frames.
    assert found.value(6) == pytest.approx(0.1562, abs=5e-5)
    assert found.value(12) == pytest.approx(0.5, abs=1e-9)
    assert found.value(18) == pytest.approx(0.8438, abs=5e-5)


def test_keys_without_handles_are_linear_and_hold_outside() -> None:
    found = curve("[10] = { 1 }, [20] = { 3 }, [5.5] = { -1 }")
    assert [found.value(t) for t in (0, 5.5, 7.75, 10, 15, 20, 99)] == pytest.approx(
        [-1, -1, 0, 1, 2, 3, 3]
    )


def test_a_single_key_is_a_constant() -> None:
    assert curve("[7] = { 0.25 }").value(-3) == 0.25


def test_stored_handles_win_over_the_linear_flag() -> None:
    found = curve(
        "[0] = { 0, RH = { 8, 0 }, Flags = { Linear = true } }, [24] = { 1, LH = { 16, 1 } }"
    )
    assert found.value(6) == pytest.approx(0.15625, abs=1e-6)


def test_step_in_holds_the_key_before_and_step_out_jumps_to_the_key_after() -> None:
    into = curve("[0] = { 1 }, [10] = { 2, Flags = { StepIn = true } }, [20] = { 4 }")
    assert [into.value(t) for t in (0, 9.99, 10, 15)] == pytest.approx([1, 1, 2, 3])
    out = curve("[0] = { 1, Flags = { StepOut = true } }, [10] = { 2 }")
    assert [out.value(t) for t in (0, 0.01, 5, 10)] == pytest.approx([1, 2, 2, 2])
    assert out.steps_out


def test_shapes_step_and_blend_as_numbers_do() -> None:
    found = curve(
        "[0] = { 0 }, [10] = { 1, Flags = { StepIn = true } }, [20] = { 2, Flags = { StepOut = true } },"
        " [30] = { 3, RH = { 34, 3 } }, [42] = { 4, LH = { 38, 4 } }, [50] = { 4 }"
    )
    assert [found.blend(t) for t in (-1, 5, 10, 15, 25, 36, 46, 99)] == [
        (0, 0, 0.0), (0, 0, 0.0), (1, 1, 0.0), (1, 2, pytest.approx(0.5)), (3, 3, 0.0),
        (3, 4, pytest.approx(0.5)), (4, 5, pytest.approx(0.5)), (5, 5, 0.0),
    ]  # fmt: skip
    assert found.blend(33)[2] == pytest.approx(0.15625)


def test_stepping_out_is_an_assumption_that_travels() -> None:
    comp = from_text(
        "{ Tools = { S = BezierSpline { KeyFrames = {"
        " [0] = { 1, Flags = { StepOut = true } }, [9] = { 2 } } } } }"
    )
    assert read_curve(comp.tool("S"), "M")[1] == {Assumption.STEP_OUT}


def _flagged(flag: str, *more: str) -> Curve:
    rows = [
        f"[0] = {{ 0, Flags = {{ {flag} = true }} }}",
        f"[10] = {{ 1, Flags = {{ {flag} = true }} }}",
    ]
    return curve(", ".join([*rows, *more]))


def test_a_loop_repeats_forwards_for_ever() -> None:
    found = _flagged("Loop")
    assert [found.value(t) for t in (-5, 5, 10, 11, 15, 20, 29, 105)] == pytest.approx(
        [0, 0.5, 1, 0.1, 0.5, 0, 0.9, 0.5]
    )


def test_a_loop_ends_at_the_next_key() -> None:
    # Measured on three flagged keys: the first pair repeats up to the third key, then holds.
    found = curve(
        "[0] = { 0, Flags = { Loop = true } }, [12] = { 1, Flags = { Loop = true } },"
        " [24] = { 5, Flags = { Loop = true } }"
    )
    assert [found.value(t) for t in (18, 23, 24, 40)] == pytest.approx([0.5, 11 / 12, 5, 5])


def test_a_loop_flag_on_one_key_alone_loops_nothing() -> None:
    found = curve("[0] = { 0, Flags = { Loop = true } }, [12] = { 1 }")
    assert found.value(30) == 1


def test_a_loop_may_hold_several_keys() -> None:
    found = curve(
        "[0] = { 0, Flags = { Loop = true } }, [4] = { 8 }, [8] = { 0, Flags = { Loop = true } }"
    )
    assert [found.value(t) for t in (2, 6, 10, 14, 18)] == pytest.approx([4, 4, 4, 4, 4])
    assert [found.value(t) for t in (12, 20)] == pytest.approx([8, 8])


def test_ping_pong_turns_around_every_time() -> None:
    found = _flagged("Pingpong")
    assert [found.value(t) for t in (9, 10, 11, 19, 20, 21, 33)] == pytest.approx(
        [0.9, 1, 0.9, 0.1, 0, 0.1, 0.7]
    )


def test_relative_loops_climb() -> None:
    found = _flagged("LoopRel")
    assert [found.value(t) for t in (5, 15, 20, 37)] == pytest.approx([0.5, 1.5, 2, 3.7])


@pytest.mark.parametrize(
    ("flag", "values"),
    [("PreLoop", [0.5, 0.9, 0.0, 0.5]), ("PrePingpong", [0.5, 0.1, 1.0, 0.5]),
     ("PreLoopRel", [0.5, -0.1, -1.0, -1.5])],
)  # fmt: skip
def test_pre_loops_run_backwards(flag: str, values: list[float]) -> None:
    found = _flagged(flag)
    assert [found.value(t) for t in (5, -1, -10, -15)] == pytest.approx(values)
    assert found.value(50) == 1


def test_both_directions_at_once() -> None:
    rows = "[0] = { 0, Flags = { Loop = true, PreLoop = true } }, [4] = { 4, Flags = { PreLoop = true, Loop = true } }"
    found = curve(rows)
    assert [found.value(t) for t in (-3, 1, 5, 9)] == pytest.approx([1, 1, 1, 1])


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ("", Reason.SPLINE),
        ("[0] = 3", Reason.SPLINE),
        ("{ 3 }", Reason.SPLINE),
        ("[0] = { }", Reason.SPLINE),
        ('["x"] = { 1 }', Reason.SPLINE),
        ("[0] = { 1, Flags = { Wobble = true } }", Reason.SPLINE),
        ("[0] = { 1, Bounce = 2 }", Reason.SPLINE),
        ("[0] = { 1e999 }", Reason.BAD_NUMBER),
        ("[0] = { 1, RH = { 1.#IND, 2 } }", Reason.BAD_NUMBER),
        ("[0] = { 1, Flags = { Loop = true } }, [5] = { 2, Flags = { Pingpong = true } }",
         Reason.SPLINE),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_by_name(keys: str, reason: Reason) -> None:
    with pytest.raises(Refusal) as caught:
        curve(keys)
    assert caught.value.verdict.reason is reason
    assert caught.value.verdict.tool == "M"
    assert "M" in caught.value.verdict.sentence


@st.composite
def key_lists(draw: st.DrawFn) -> list[Key]:
    times = sorted(draw(st.sets(st.integers(-40, 120), min_size=1, max_size=6)))
    keys = [Key(t + draw(st.sampled_from([0, 0.25])), draw(st.floats(-3, 3).map(lambda v: round(v, 4))))
            for t in times]  # fmt: skip
    for a, b in pairwise(keys):
        span = b.time - a.time
        if draw(st.booleans()):
            a.right = (round(a.time + span * draw(st.floats(0, 1)), 5), draw(st.floats(-4, 4)))
        if draw(st.booleans()):
            b.left = (round(b.time - span * draw(st.floats(0, 1)), 5), draw(st.floats(-4, 4)))
        b.step_in = draw(st.integers(0, 4)) == 0
    return keys


@settings(max_examples=250, deadline=None)
@given(key_lists(), st.floats(-60, 140))
def test_any_curve_equals_the_brute_force_curve(keys: list[Key], time: float) -> None:
    comp = from_text(setting([spline("S", keys)]))
    found = read_curve(comp.tool("S"), "M")[0].value(time)
    truth = Spline(keys)
    # A vertical tangent leaves the table's own step as the only uncertainty.
    low, high = sorted((truth(time - 1e-4), truth(time + 1e-4)))
    assert min(low, truth(time)) - 2e-3 <= found <= max(high, truth(time)) + 2e-3


@settings(max_examples=200, deadline=None)
@given(key_lists(), st.floats(-60, 140))
def test_a_curve_stays_within_its_values_and_handles(keys: list[Key], time: float) -> None:
    found = read_curve(from_text(setting([spline("S", keys)])).tool("S"), "M")[0].value(time)
    bounds = [k.value for k in keys]
    bounds += [h[1] for k in keys for h in (k.left, k.right) if h is not None]
    assert min(bounds) - 1e-9 <= found <= max(bounds) + 1e-9

"""The time left agrees with what was measured, and is unknown where nothing was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.protocol import Estimated
from plugin.services.estimate import RunClock
from plugin.state.job_queue import Job

_s = st.floats(0.1, 500)


def told(before: float, each: float, forwards: int, after: float) -> Estimated:
    total = before + each * forwards + after
    return Estimated(id=1, forwards=forwards, forwards_cached=2, s_per_forward=each, total_s=total)


@given(before=_s, each=st.floats(0.1, 20), forwards=st.integers(2, 92), after=_s)
def test_a_true_forecast_counts_down_to_zero(
    before: float, each: float, forwards: int, after: float
) -> None:
    forecast = told(before, each, forwards, after)
    total = forecast.total_s
    assert total is not None
    edit = each * forwards
    clock = RunClock(100.0, forecast)
    seen = [
        (0.0, clock.left_s(100.0, "load", None)),
        (before / 2, clock.left_s(100 + before / 2, "encode", None)),
        (before, clock.left_s(100 + before, "edit", edit)),
        (before + edit / 2, clock.left_s(100 + before + edit / 2, "edit", edit / 2)),
        (before + edit, clock.left_s(100 + before + edit, "decode", None)),
        (total, clock.left_s(100 + total, "write", None)),
    ]
    for spent, left in seen:
        assert left == pytest.approx(total - spent, abs=1e-6 * total)


def test_nothing_is_invented() -> None:
    clock = RunClock(0.0)
    assert clock.left_s(1.0, "load", 3.0) is None
    assert clock.left_s(2.0, "edit", None) is None
    assert clock.left_s(3.0, "edit", 40.0) == 40.0
    assert clock.left_s(4.0, "decode", None) is None
    assert clock.left_s(4.0, "decode", 5.0) == 5.0
    unmeasured = RunClock(0.0, Estimated(id=1, forwards=9, forwards_cached=5, s_per_forward=None,
                                         total_s=None))  # fmt: skip
    assert unmeasured.left_s(1.0, "load", None) is None


@given(now=st.floats(0, 1e6), total=_s)
def test_time_left_is_never_negative(now: float, total: float) -> None:
    clock = RunClock(0.0, told(total, 1.0, 4, total))
    for phase in ("load", "edit", "decode", "write"):
        left = clock.left_s(now, phase, 0.0)
        assert left is None or left >= 0


def job(name: str, state: str, seconds: float | None) -> Job:
    return Job(
        id=name,
        order_key=1.0,
        state=state,  # type: ignore[arg-type]
        request={},
        request_hash="",
        eta_s=seconds if state == "running" else None,
        estimate_s=seconds if state == "waiting" else None,
    )

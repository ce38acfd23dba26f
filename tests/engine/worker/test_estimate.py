"""How long an edit would take is asked before it runs; the answer keeps to the edit's own rules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.errors import RangeError
from flowanchor_engine.method import schedule
from flowanchor_engine.method.windows import plan_windows
from flowanchor_engine.request import (
    EditRequest,
    MethodSettings,
    Prompts,
    SourceSpec,
    Working,
    skipped_steps,
)
from flowanchor_engine.worker import estimate
from flowanchor_engine.worker.outlook import outlook, window_count


def request(frames: int = 81, working: Working | None = None, **method: Any) -> EditRequest:
    return EditRequest(
        source=SourceSpec(path="a.mov", frames=frames),
        prompts=Prompts(now="a", wanted="b"),
        method=MethodSettings(**method),
        working=working or Working(),
    )


@given(st.integers(1, 200), st.integers(2, 40), st.integers(1, 40))
def test_windows_are_counted_as_they_are_planned(frames: int, size: int, overlap: int) -> None:
    if frames <= size or overlap < size:
        planned = len(plan_windows(frames, size=size, overlap=overlap))
        assert window_count(frames, size=size, overlap=overlap) == planned
        return
    with pytest.raises(RangeError) as edit:
        plan_windows(frames, size=size, overlap=overlap)
    with pytest.raises(RangeError) as answer:
        window_count(frames, size=size, overlap=overlap)
    assert answer.value.user_message == edit.value.user_message


@given(st.integers(1, 60), st.floats(0, 0.999))
def test_what_leaves_nothing_to_run_is_refused_as_by_the_edit(steps: int, share: float) -> None:
    asked = request(steps=steps, skip_share=share)
    executed = steps - skipped_steps(steps, share)
    if executed:
        assert len(schedule.build(asked.method).steps) == executed
        assert estimate.forwards(asked) == 4 * executed - 1
        assert estimate.forwards(asked, cached=True) == 2 * executed - 1
        return
    with pytest.raises(RangeError) as edit:
        schedule.build(asked.method)
    with pytest.raises(RangeError) as answer:
        estimate.forwards(asked)
    assert answer.value.user_message == edit.value.user_message


def test_an_outlook_refuses_what_the_edit_would_refuse(tmp_path: Path) -> None:
    timings = estimate.Memory(tmp_path / "timings.json")
    assert outlook(1, request(), timings).total_s is None
    for wrong in (
        request(steps=2, skip_share=0.9),
        request(working=Working(window_latents=3, window_overlap=3)),
        request(working=Working(window_latents=2)),
    ):
        with pytest.raises(RangeError):
            outlook(1, wrong, timings)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema":"flowanchor.Timings.1","jobs":[1]}'])
def test_damaged_timings_are_only_forgotten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "timings.json"
    path.write_text(text)
    timings = estimate.Memory(path)
    assert timings.forecast("k", 10).total_s is None
    timings.record("k", s_per_forward=2.0, s_besides=5.0)
    assert timings.forecast("k", 10).total_s == 25.0
    assert json.loads(path.read_text())["schema"] == estimate.SCHEMA
    assert [left.name for left in tmp_path.iterdir()] == ["timings.json"]


def test_a_few_odd_runs_do_not_move_the_median(tmp_path: Path) -> None:
    timings = estimate.Memory(tmp_path / "timings.json")
    for seconds in (1.0, 1.0, 90.0, 1.0, 0.001):
        timings.record("k", s_per_forward=seconds, s_besides=0.0)
    assert estimate.Memory(tmp_path / "timings.json").forecast("k", 46).total_s == 46.0

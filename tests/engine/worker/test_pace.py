"""How long a unit of a job's phase takes, and what is left of it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine import protocol
from flowanchor_engine.progress import Phase
from flowanchor_engine.worker.channel import Channel
from flowanchor_engine.worker.job import Job
from flowanchor_engine.worker.pace import Pace


def test_what_was_done_before_says_nothing_about_the_time_left() -> None:
    pace = Pace()
    assert pace.seconds(100, 12) is None  # continued after twelve steps
    assert pace.seconds(104, 13) == 4
    assert pace.seconds(108, 14) == 4
    known = Pace()  # a download that reads what it has at once, then waits for the net
    assert known.seconds(0, 0) is None
    assert known.seconds(1, 8000) == 1 / 8000
    for second in range(2, 60):
        slow = known.seconds(second, 8000 + second)
    assert slow == pytest.approx(1)


def test_a_unit_longer_than_the_span_counts_by_itself() -> None:
    pace = Pace()
    told = [pace.seconds(60 * number, number) for number in range(5)]
    assert told == [None, 60, 60, 60, 60]
    assert pace.seconds(300, 2) is None  # counted anew
    assert pace.seconds(360, 3) == 60


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 9)), max_size=40))
def test_a_pace_is_never_negative(steps: list[tuple[float, int]]) -> None:
    pace, now_s, done = Pace(), 0.0, 0
    for seconds, units in steps:
        now_s, done = now_s + seconds, done + units
        told = pace.seconds(now_s, done)
        assert told is None or told >= 0


def test_phases_tell_the_pace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((10.0, 12.0, 14.0))
    ticking = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("flowanchor_engine.worker.job.time", ticking)
    out = io.BytesIO()
    job = Job(Channel(out), protocol.Run(id=1, job="a", request={}, out="o"), tmp_path)
    for done in (20, 21, 22):
        job.phase(Phase.EDIT, done, 23)
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(one["s_per_unit"], one["eta_s"]) for one in told] == [(None, None), (2, 4), (2, 2)]

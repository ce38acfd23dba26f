"""The stall detector finds stalls and names their cause; the benchmark runs and tells."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from plugin.bench.stalls import StallDetector


def work_hard(seconds: float, seen: Callable[[], object] = lambda: True) -> int:
    """Work for so much of the processor's time, and until somebody has seen it."""
    end, total = time.thread_time() + seconds, 0
    late = time.monotonic() + 60
    while time.thread_time() < end or (not seen() and time.monotonic() < late):
        total += 1
    return total


def test_a_stall_is_found_with_its_length_and_cause(qtbot: QtBot) -> None:
    with StallDetector() as stalls:
        qtbot.waitUntil(lambda: stalls.beats > 5, timeout=60_000)
        before = stalls._last - stalls._began

        def work() -> None:
            stalls._samples.clear()  # what was seen while the machine was busy
            work_hard(0.2, lambda: told_of(stalls._samples))

        QTimer.singleShot(0, work)
        qtbot.waitUntil(lambda: any(told_of([s.stack]) for s in stalls.found), timeout=60_000)
    # A busy machine makes stalls of its own.
    found = next(stall for stall in stalls.found if told_of([stall.stack]))
    assert found.lasted_ms >= 180
    assert found.at_s >= round(before, 3)
    assert "work_hard" in stalls.text()
    assert json.loads(json.dumps(stalls.data()))["stalls"]


def told_of(stacks: Sequence[tuple[str, ...]]) -> bool:
    """Whether most stacks name the work."""
    named = sum(any("work_hard" in line for line in stack) for stack in stacks)
    return named > len(stacks) / 2


def test_waiting_is_told_from_work(qtbot: QtBot) -> None:
    with StallDetector() as stalls:
        QTimer.singleShot(0, lambda: time.sleep(0.15))
        qtbot.wait(250)
    found = max(stalls.found, key=lambda stall: stall.lasted_ms)
    assert found.lasted_ms >= 130
    assert not found.own


def test_short_work_is_no_stall(qtbot: QtBot) -> None:
    with StallDetector(threshold_ms=150) as stalls:
        for _ in range(5):
            QTimer.singleShot(0, lambda: work_hard(0.02))
            qtbot.wait(30)
        qtbot.waitUntil(lambda: stalls.beats > 5, timeout=60_000)
    assert [stall for stall in stalls.found if stall.own] == []


def test_the_detector_leaves_no_thread(qtbot: QtBot) -> None:
    def threads() -> int:
        return sum(thread.name == "stall-detector" for thread in threading.enumerate())

    detector = StallDetector()
    detector.start()
    assert threads() == 1
    detector.stop()
    detector.stop()
    assert threads() == 0


@pytest.mark.slow
def test_benchmark_of_the_viewer_tells_every_case(qtbot: QtBot) -> None:
    from plugin.bench import viewer

    data = viewer.run(frames=4)
    assert {(row["width"], row["height"]) for row in data["rows"]} == set(viewer.SIZES)
    assert all(row["new_ms"] > 0 for row in data["rows"])
    assert data["memory"]["cache_mb"] <= data["memory"]["cache_limit_mb"]
    assert "slowest case" in viewer.table(data)

"""The stall detector finds stalls and names their cause; the benchmark runs and tells."""

from __future__ import annotations

import json
import threading
import time

import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from plugin.bench.stalls import StallDetector


def work_hard(seconds: float) -> int:
    end, total = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        total += 1
    return total


def test_a_stall_is_found_with_its_length_and_cause(qtbot: QtBot) -> None:
    with StallDetector() as stalls:
        qtbot.wait(60)
        QTimer.singleShot(0, lambda: work_hard(0.2))
        qtbot.wait(320)
    found = max(stalls.found, key=lambda stall: stall.lasted_ms)
    assert found.lasted_ms >= 180
    assert found.at_s >= 0.04
    assert any("work_hard" in line for line in found.stack)
    assert "work_hard" in stalls.text()
    assert json.loads(json.dumps(stalls.data()))["stalls"]


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
    assert [stall for stall in stalls.found if stall.own] == []
    assert stalls.beats > 5


def test_the_detector_leaves_no_thread(qtbot: QtBot) -> None:
    before = threading.active_count()
    detector = StallDetector()
    detector.start()
    assert threading.active_count() == before + 1
    detector.stop()
    detector.stop()
    assert threading.active_count() == before


@pytest.mark.slow
def test_benchmark_of_the_viewer_tells_every_case(qtbot: QtBot) -> None:
    from plugin.bench import viewer

    data = viewer.run(frames=4)
    assert {(row["width"], row["height"]) for row in data["rows"]} == set(viewer.SIZES)
    assert all(row["new_ms"] > 0 for row in data["rows"])
    assert data["memory"]["cache_mb"] <= data["memory"]["cache_limit_mb"]
    assert "slowest case" in viewer.table(data)

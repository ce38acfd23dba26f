"""Jobs that are stopped, kindly or by force."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from plugin.services.engine import EngineTimes
from tests.panel.services.actors import program
from tests.panel.services.stage import BEGINNING, Stage, played


def test_stop_is_obeyed(qtbot: QtBot, tmp_path: Path) -> None:
    script = [*BEGINNING, {"wait_s": 600}, {"copy": True}]
    times = EngineTimes(force_stop_ms=600_000)  # nobody is killed for being slow here
    with Stage(qtbot, tmp_path, played(tmp_path, script), times=times) as stage:
        one, two = stage.add(1), stage.add(2)
        stage.wait(lambda: stage.job(one).phase == "encode")
        pid = stage.engine.pid
        stage.queue.cancel(one.id)
        stage.wait(lambda: stage.job(two).phase == "encode")
        assert stage.job(one).state == "stopped"
        stage.queue.cancel_all()
        stage.wait_end(one, two)
        assert stage.job(two).state == "stopped"
        assert stage.engine.pid == pid
        assert stage.takes == []
        assert not any((tmp_path / "takes").iterdir())


def test_a_job_that_does_not_stop_says_so_and_is_forced(qtbot: QtBot, tmp_path: Path) -> None:
    body = """
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] == "run":
        say({"v":1,"type":"phase","job":c["job"],"seq":0,"phase":"edit","done":1,"total":9})
"""
    times = EngineTimes(slow_stop_ms=150, force_stop_ms=500)
    with Stage(qtbot, tmp_path, program(body), times=times) as stage:
        job = stage.add()
        stage.wait(lambda: stage.job(job).phase == "edit")
        pid = stage.engine.pid
        begun = time.monotonic()
        stage.queue.cancel(job.id)
        stage.wait(lambda: "stopping" in stage.phases)
        assert time.monotonic() - begun >= 0.14
        stage.wait_end(job)
        assert time.monotonic() - begun >= 0.45
        assert stage.job(job).state == "stopped"
        stage.wait(lambda: stage.engine.state.value.phase == "ready")
        assert stage.engine.pid not in (0, pid)
        assert not psutil.pid_exists(pid)
        assert stage.deaths == []


def test_force_stop_on_request(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, [*BEGINNING, {"wait_s": 600}])) as stage:
        job = stage.add()
        stage.wait(lambda: stage.job(job).phase == "encode")
        stage.queue.cancel(job.id)
        stage.engine.force_stop()
        stage.wait_end(job)
        assert stage.job(job).state == "stopped"
        stage.wait(lambda: stage.engine.ready)


@pytest.mark.qt_no_exception_capture
def test_a_forced_stop_ends_its_job_whatever_others_make_of_the_death(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = [*BEGINNING, {"wait_s": 600}]
    with Stage(qtbot, tmp_path, played(tmp_path, {"run": script})) as stage:
        job = stage.add()
        stage.wait(lambda: stage.job(job).phase == "encode")
        pid = stage.engine.pid
        said: list[object] = []
        monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: said.append(error))

        def upset(answer: object) -> None:
            raise ValueError("not now")

        stage.engine._answers[10**9] = upset
        stage.queue.cancel(job.id)
        stage.engine.force_stop()
        stage.wait_end(job)
        assert stage.job(job).state == "stopped"
        stage.wait(lambda: stage.engine.ready and stage.engine.pid != pid)

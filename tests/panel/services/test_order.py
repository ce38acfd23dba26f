"""The supervisor against the product's own mock engine: what begins when, and in which order."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from plugin.services.launch import local_engine
from tests.panel.services.actors import program
from tests.panel.services.stage import WHOLE, Stage, played


def test_jobs_run_one_at_a_time_in_order(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, WHOLE)) as stage:
        jobs = [stage.add(seed) for seed in range(3)]
        stage.queue.to_front(jobs[2].id)
        order: list[str] = []
        stage.queue.jobs.changed.connect(
            lambda seen: order.extend(j.id for j in seen if j.state == "running")
        )
        stage.wait_end(*jobs)
        assert list(dict.fromkeys(order)) == [jobs[2].id, jobs[0].id, jobs[1].id]
        assert [stage.job(job).state for job in jobs] == ["done"] * 3
        assert [take.number for take in stage.takes] == [1, 2, 3]
        assert len(stage.store.load_takes("shot")) == 3
        assert {Path(take.file).read_bytes() for take in stage.takes} == {stage.clip.read_bytes()}
        assert stage.engine.state.value.phase == "ready"
        assert "busy" in stage.phases
        assert stage.deaths == []


def test_nothing_is_started_before_it_is_needed(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, WHOLE)) as stage:
        qtbot.wait(200)
        assert stage.engine.pid == 0
        assert stage.engine.state.value.phase == "off"
        stage.engine.start()
        stage.wait(lambda: stage.engine.ready)
        state = stage.engine.state.value
        assert (state.phase, state.device) == ("ready", "mock")
        assert "mock" in state.features


def test_a_paused_queue_begins_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, WHOLE)) as stage:
        stage.queue.pause()
        job = stage.add()
        qtbot.wait(300)
        assert stage.job(job).state == "waiting"
        assert stage.engine.pid == 0
        stage.queue.resume()
        stage.wait_end(job)


def test_another_engine_can_take_over(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, program("stay()")) as stage:
        stage.engine.start()
        stage.wait(lambda: stage.engine.ready)
        assert stage.engine.state.value.device == "d"
        stage.engine.restart(local_engine(mock="-"))
        stage.wait(lambda: stage.engine.state.value.device == "mock")
        assert stage.deaths == []

"""Engines that die, at any moment and for any reason: no job is lost, none ends twice."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from plugin.services.launch import Launch
from plugin.services.store import Store
from plugin.state.job_queue import JobQueue
from tests.panel.services.actors import program
from tests.panel.services.stage import BEGINNING, EDIT, WHOLE, Stage, phase, played

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")


@pytest.mark.parametrize(("status", "code"), [(137, "ram"), (1, "engine_died")])
def test_a_death_before_decoding_is_tried_once_more_and_then_told(
    qtbot: QtBot, tmp_path: Path, status: int, code: str
) -> None:
    script = [*BEGINNING, phase("edit", 1, 4), {"exit": status}]
    with Stage(qtbot, tmp_path, played(tmp_path, script)) as stage:
        job = stage.add()
        states: list[str] = []
        stage.queue.jobs.changed.connect(lambda jobs: states.append(jobs[0].state))
        stage.wait_end(job)
        ended = stage.job(job)
        assert (ended.state, ended.code, ended.attempts) == ("failed", code, 2)
        assert [key for i, key in enumerate(states) if i == 0 or states[i - 1] != key] == [
            *("running", "waiting", "running", "failed")
        ]
        assert len(stage.deaths) == 2
        stage.wait(lambda: stage.engine.state.value.phase == "ready")  # a fresh idle engine


def test_a_death_while_decoding_is_not_repeated(qtbot: QtBot, tmp_path: Path) -> None:
    script = [*BEGINNING, *EDIT, phase("decode"), {"exit": 1}]
    with Stage(qtbot, tmp_path, played(tmp_path, script)) as stage:
        job = stage.add()
        stage.wait_end(job)
        assert (stage.job(job).state, stage.job(job).attempts) == ("failed", 1)
        assert len(stage.deaths) == 1


def test_the_second_try_continues_where_the_first_was(qtbot: QtBot, tmp_path: Path) -> None:
    log = tmp_path / "runs"
    body = f"""
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] == "run":
        with open({str(log)!r}, "a") as f: f.write(json.dumps([c["resume"], c["memory"]]) + "\\n")
        os._exit(1)
"""
    launch = program(
        f"greeting['features'] = ['resume']\nhear(); say(greeting)\n{body}", greet=False
    )
    with Stage(qtbot, tmp_path, launch, low_memory=lambda: True) as stage:
        stage.wait_end(stage.add())
    assert log.read_text().splitlines() == ['[false, "low"]', '[true, "low"]']


def test_the_last_words_are_kept_with_the_job(qtbot: QtBot, tmp_path: Path) -> None:
    body = """
while line := sys.stdin.readline():
    if json.loads(line)["type"] == "run":
        sys.stderr.write("the last words\\n"); sys.stderr.flush(); os._exit(1)
"""
    with Stage(qtbot, tmp_path, program(body)) as stage:
        job = stage.add()
        stage.wait_end(job)
        assert "the last words" in stage.job(job).last_lines
        assert stage.store.load_jobs()[0].last_lines == stage.job(job).last_lines


@pytest.mark.parametrize(
    ("launch", "phase", "code"),
    [
        (Launch("/nowhere/python"), "no_engine", "engine_missing"),
        (
            program("hear(); say({**greeting, 'protocol': 9}); stay()", greet=False),
            "mismatch",
            "version",
        ),
        (program("os._exit(1)", greet=False), "crashed", "engine_died"),
    ],
)
def test_an_engine_that_cannot_be_used_is_not_tried_for_ever(
    qtbot: QtBot, tmp_path: Path, launch: Launch, phase: str, code: str
) -> None:
    with Stage(qtbot, tmp_path, launch) as stage:
        job = stage.add()
        stage.wait(lambda: stage.engine.state.value.phase == phase)
        qtbot.wait(500)
        assert stage.engine.state.value.code == code
        assert len(stage.deaths) == 1
        assert stage.job(job).state == "waiting"  # it loses nothing
        stage.engine.start()
        stage.wait(lambda: len(stage.deaths) == 2)


def test_waits_until_the_device_is_free(qtbot: QtBot, tmp_path: Path) -> None:
    flag = tmp_path / "free"
    body = f"""
if not os.path.exists({str(flag)!r}):
    say({{"v": 1, "type": "refused", "id": None, "code": "engine_busy", "user_message": "Taken."}})
    os._exit(3)
hear(); say(greeting)
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] == "run":
        say({{"v":1,"type":"error","job":c["job"],"seq":0,"code":"words","user_message":"x"}})
"""
    with Stage(qtbot, tmp_path, program(body, greet=False)) as stage:
        job = stage.add()
        stage.wait(lambda: len(stage.deaths) >= 2)
        assert stage.deaths[0].code == "engine_busy"
        assert stage.job(job).state == "waiting"
        flag.touch()
        stage.wait_end(job)
        assert stage.job(job).code == "words"


def test_an_engine_that_keeps_dying_idle_is_left_alone(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, program("time.sleep(0.05); os._exit(1)")) as stage:
        stage.engine.start()
        stage.wait(lambda: stage.engine.state.value.phase == "crashed")
        assert len(stage.deaths) == 4
        qtbot.wait(300)
        assert len(stage.deaths) == 4


@posix
def test_an_engine_that_is_ended_from_outside_gives_its_job_back(
    qtbot: QtBot, tmp_path: Path
) -> None:
    flag = tmp_path / "again"
    script = [*BEGINNING, {"wait_s": 60}]
    with Stage(qtbot, tmp_path, played(tmp_path, script)) as stage:
        job = stage.add()
        stage.wait(lambda: stage.job(job).phase == "encode")
        played(tmp_path, WHOLE)  # what the next engine plays
        flag.touch()
        os.kill(stage.engine.pid, signal.SIGTERM)
        stage.wait_end(job)
        assert stage.job(job).state == "done"


@posix
@pytest.mark.parametrize("seed", range(8))
def test_kill_at_random_moments_loses_nothing(qtbot: QtBot, tmp_path: Path, seed: int) -> None:
    """Four engines are killed in a row, anywhere from starting to writing; jobs end once each."""
    chance = random.Random(seed)
    script = [
        act
        for name in ("load", "read", "text", "encode")
        for act in (phase(name), {"wait_s": 0.01})
    ]
    script += [a for i in range(1, 7) for a in ({"wait_s": 0.02}, phase("edit", i, 6))]
    script += [phase("decode"), {"wait_s": 0.05}, phase("write"), {"wait_s": 0.02}, {"copy": True}]
    with Stage(qtbot, tmp_path, played(tmp_path, script)) as stage:
        jobs = [stage.add(number) for number in range(5)]
        killed = 0
        while killed < 4:
            if not stage.queue.waiting:
                jobs.append(stage.add(len(jobs)))
            stage.wait(lambda: stage.engine.pid != 0)
            goal = chance.choice(["starting", "load", "text", "encode", "edit", "decode", "write"])
            if goal == "starting":
                qtbot.wait(chance.randrange(60))
            else:
                pid = stage.engine.pid
                stage.wait(
                    lambda goal=goal, pid=pid: (  # type: ignore[misc]
                        stage.engine.pid != pid
                        or (stage.queue.running and stage.queue.running.phase == goal)
                        or not stage.queue.waiting
                    )
                )
                qtbot.wait(chance.randrange(25))
            if stage.engine.pid:  # else it is between two lives
                os.kill(stage.engine.pid, signal.SIGKILL)
                killed += 1
                stage.wait(lambda count=killed: len(stage.deaths) >= count)  # type: ignore[misc]
            if stage.engine.state.value.phase == "crashed":
                stage.engine.start()
        if stage.engine.state.value.phase == "crashed":
            stage.engine.start()
        stage.wait_end(*jobs)
        for job in jobs:
            ended = stage.job(job)
            takes = [take for take in stage.store.load_takes("shot") if take.job == job.id]
            assert len(takes) == (1 if ended.state == "done" else 0)
            assert all(Path(take.file).is_file() for take in takes)
            assert ended.state == "done" or ended.code in ("ram", "engine_died")
        assert stage.troubles == []


def test_a_closed_panel_finds_its_running_job_waiting(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, [*BEGINNING, {"wait_s": 60}])) as stage:
        job = stage.add()
        stage.wait(lambda: stage.job(job).phase == "encode")
        pid = stage.engine.pid
    assert not psutil.pid_exists(pid)
    store = Store(tmp_path / "panel.db")
    queue = JobQueue(store)
    assert queue.restore() == 1
    assert queue.paused.value
    assert queue.jobs[0].attempts == 1
    store.close()

"""The supervisor against the product's own mock engine: order, ends, stops, deaths."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytestqt.qtbot import QtBot

from flowanchor_engine import protocol
from plugin.services.engine import EngineTimes
from plugin.services.launch import Launch, local_engine
from plugin.services.store import Store
from plugin.state.errors import StoreError
from plugin.state.job_queue import JobQueue
from tests.panel.services.actors import program
from tests.panel.services.stage import Stage, phase, played

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
BEGINNING = [phase("load"), phase("read"), phase("text"), phase("encode")]
EDIT = [act for i in range(1, 5) for act in ({"wait_s": 0.02}, phase("edit", i, 4))]
WHOLE = [*BEGINNING, *EDIT, phase("decode"), phase("write"), {"copy": True}]


# ---- the queue


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


def test_previews_notes_and_progress_arrive(qtbot: QtBot, tmp_path: Path) -> None:
    note = {"event": {"type": "note", "code": "plan", "user_message": "Memory plan."}}
    script = [*BEGINNING, note, phase("edit", 1, 4), {"preview": {"step": 1, "frame": 4}}]
    script += [{"wait_s": 0.2}, phase("edit", 2, 4), phase("decode"), {"copy": True}]
    with Stage(qtbot, tmp_path, played(tmp_path, script)) as stage:
        shown: list[tuple[int, int, int, bool]] = []
        notes: list[Any] = []
        seen: list[tuple[str, int, int]] = []
        stage.engine.noted.connect(notes.append)
        stage.engine.preview.changed.connect(
            lambda p: p and shown.append((p.step, p.total, p.frame, Path(p.path).is_file()))
        )
        stage.queue.jobs.changed.connect(
            lambda jobs: seen.append((jobs[0].phase, jobs[0].done, jobs[0].total))
        )
        job = stage.add()
        stage.wait_end(job)
        assert shown == [(1, 4, 4, True)]
        assert stage.engine.preview.value is None
        assert notes == [(job.id, "plan", "Memory plan.")]
        assert ("edit", 2, 4) in seen


def test_previews_show_what_is_looked_at_in_the_shots_own_frames(
    qtbot: QtBot, tmp_path: Path
) -> None:
    steps = [act for step in (1, 2, 3) for act in ({"preview": {"step": step}}, {"wait_s": 0.6})]
    script = [*BEGINNING, phase("edit", 0, 3), *steps, {"copy": True}]
    looked = {"at": 2}
    launch = played(tmp_path, script)
    with Stage(qtbot, tmp_path, launch, watched=lambda job: looked["at"]) as stage:
        shown: list[tuple[int, int | None, int | None]] = []
        stage.engine.preview.changed.connect(
            lambda p: p and shown.append((p.frame, p.first, p.last))
        )
        job = stage.add(part=(40, 49))
        stage.wait(lambda: shown)
        looked["at"] = 8
        stage.engine.look_elsewhere()
        stage.wait(lambda: len(shown) == 2)
        looked["at"] = 0
        stage.engine.look_elsewhere()
        stage.wait_end(job)
        assert shown == [(42, 41, 44), (48, 45, 48), (40, 40, 40)]
        stage.engine.look_elsewhere()  # nothing runs: nobody is told, and no clock ticks


def test_scrubbing_tells_the_engine_at_most_four_times_a_second_and_the_newest_at_last(
    qtbot: QtBot, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    body = f"""
out = open({str(log)!r}, "a", buffering=1)
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] == "run": out.write(f"run {{c['preview_frame']}}\\n")
    if c["type"] == "watch":
        out.write(f"watch {{c['frame']}}\\n")
        say({{"v": 1, "type": "refused", "id": c["id"], "code": "protocol", "user_message": "No."}})
"""
    launch = program(
        f"greeting['features'] = ['preview.frame']\nhear(); say(greeting)\n{body}", greet=False
    )
    looked = {"at": 0}
    with Stage(qtbot, tmp_path, launch, watched=lambda job: looked["at"]) as stage:
        job = stage.add()
        stage.wait(lambda: log.exists() and "run" in log.read_text())
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < 1.2:
            looked["at"] = 1 + int(passed * 50)
            stage.engine.look_elsewhere()
            qtbot.wait(10)
        newest = looked["at"]
        stage.wait(lambda: log.read_text().splitlines()[-1] == f"watch {newest}")
        stage.engine.look_elsewhere()  # the same frame again is not told again
        qtbot.wait(400)
        lines = log.read_text().splitlines()
        assert lines[0] == "run 0"
        assert 2 <= len(lines) - 1 <= 2 + passed / 0.25  # four a second, and the first and the last
        assert lines.count(f"watch {newest}") == 1
        assert stage.job(job).state == "running"  # a refusal of that ends nothing


def test_an_engine_that_shows_no_chosen_frame_is_not_told(qtbot: QtBot, tmp_path: Path) -> None:
    log = tmp_path / "log"
    body = f"""
while line := sys.stdin.readline():
    c = json.loads(line)
    open({str(log)!r}, "a").write(c["type"] + "\\n")
"""
    looked = {"at": 0}
    with Stage(qtbot, tmp_path, program(body), watched=lambda job: looked["at"]) as stage:
        stage.add()
        stage.wait(lambda: log.exists() and "run" in log.read_text())
        looked["at"] = 5
        stage.engine.look_elsewhere()
        qtbot.wait(500)
        assert "watch" not in log.read_text()


# ---- errors


def test_an_error_of_the_engine_is_the_jobs_end(qtbot: QtBot, tmp_path: Path) -> None:
    failed = {"type": "error", "code": "vram", "user_message": "Full.", "hint": ["save_memory"]}
    with Stage(qtbot, tmp_path, played(tmp_path, [{"event": failed}])) as stage:
        one, two = stage.add(1), stage.add(2)
        stage.wait_end(one, two)
        job = stage.job(one)
        assert (job.state, job.code, job.sentence, job.hint) == (
            *("failed", "vram", "Full."),
            ("save_memory",),
        )
        assert stage.takes == []


def test_a_refused_run_is_an_end_too(qtbot: QtBot, tmp_path: Path) -> None:
    body = """
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] == "run":
        say({"v": 1, "type": "refused", "id": c["id"], "code": "request", "user_message": "No."})
"""
    with Stage(qtbot, tmp_path, program(body)) as stage:
        job = stage.add()
        stage.wait_end(job)
        assert (stage.job(job).state, stage.job(job).code) == ("failed", "request")
        assert stage.engine.state.value.phase == "ready"


def test_a_result_that_is_not_there_is_no_take(qtbot: QtBot, tmp_path: Path) -> None:
    result: dict[str, Any] = dict.fromkeys(("recipe", "sheet", "sha256"), "")
    result |= {"type": "result", "path": str(tmp_path / "x.mov"), "rate": "24/1"}
    result |= dict.fromkeys(("frames", "width", "height"), 9)
    with Stage(qtbot, tmp_path, played(tmp_path, [{"event": result}])) as stage:
        job = stage.add()
        stage.wait_end(job)
        assert (stage.job(job).state, stage.job(job).code) == ("failed", "output")


def test_a_folder_that_cannot_be_made_fails_the_job(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("a file")
    with Stage(qtbot, tmp_path, played(tmp_path, WHOLE)) as stage:
        job = stage.add()
        stage.wait_end(job)
        assert (stage.job(job).state, stage.job(job).code) == ("failed", "output")


def test_a_store_that_fails_is_tried_again(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, WHOLE)) as stage:
        full = {"left": 2}
        original = Store.finish_job

        def finish(self: Store, job: Any, take: Any) -> Any:
            if full["left"]:
                full["left"] -= 1
                raise StoreError("The disk is full.")
            return original(self, job, take)

        monkeypatch.setattr(Store, "finish_job", finish)
        one, two = stage.add(1), stage.add(2)
        stage.wait_end(one, two)
        assert [error.code for error in stage.troubles] == ["store", "store"]
        assert [take.job for take in stage.takes] == [one.id, two.id]


def test_a_job_that_cannot_be_noted_as_running_waits_for_the_disk(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, WHOLE)) as stage:
        full = {"left": 3}
        original = Store.put_jobs

        def put(self: Store, jobs: Any, **how: Any) -> None:
            if full["left"] and any(job.state in ("running", "failed") for job in jobs):
                full["left"] -= 1
                raise StoreError("The disk is full.")
            original(self, jobs, **how)

        monkeypatch.setattr(Store, "put_jobs", put)
        job = stage.add()
        stage.wait_end(job)
        assert stage.job(job).state == "done"
        assert len(stage.troubles) == 3
        (tmp_path / "takes").rename(tmp_path / "old")
        (tmp_path / "takes").write_text("a file")
        full["left"] = 0
        second = stage.add(2)
        stage.wait_end(second)
        assert (stage.job(second).state, stage.job(second).code) == ("failed", "output")


@pytest.mark.parametrize("line", ["garbage", "[1]", '{"v":1,"type":"from_the_future","job":"a"}'])
def test_strange_lines_disturb_no_job(qtbot: QtBot, tmp_path: Path, line: str) -> None:
    script = [*BEGINNING, {"raw": line}, *EDIT, {"raw": line}, {"copy": True}]
    with Stage(qtbot, tmp_path, played(tmp_path, script)) as stage:
        job = stage.add()
        stage.wait_end(job)
        assert stage.job(job).state == "done"


def test_late_and_repeated_events_find_nobody(qtbot: QtBot, tmp_path: Path) -> None:
    body = """
def event(c, kind, seq, **more): say({"v": 1, "type": kind, "job": c["job"], "seq": seq, **more})
old = None
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] != "run": continue
    if old:
        event(old, "phase", 90, phase="decode", done=9, total=9)
        event(old, "error", 91, code="vram", user_message="late")
    event(c, "phase", 5, phase="edit", done=3, total=4)
    event(c, "phase", 2, phase="load", done=0, total=1)
    event(c, "error", 5, code="vram", user_message="old number")
    event(c, "cancelled" if False else "error", 6, code="words", user_message="the end")
    event(c, "error", 7, code="ram", user_message="a second end")
    old = c
"""
    with Stage(qtbot, tmp_path, program(body)) as stage:
        one, two = stage.add(1), stage.add(2)
        stage.wait_end(one, two)
        qtbot.wait(100)
        assert [stage.job(job).code for job in (one, two)] == ["words", "words"]
        assert stage.ends == {one.id: 1, two.id: 1}


# ---- stopping


def test_stop_is_obeyed(qtbot: QtBot, tmp_path: Path) -> None:
    script = [*BEGINNING, {"wait_s": 60}, {"copy": True}]
    with Stage(qtbot, tmp_path, played(tmp_path, script)) as stage:
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
        stage.wait(lambda: stage.engine.state.value.phase == "stopping")
        assert time.monotonic() - begun >= 0.14
        stage.wait_end(job)
        assert time.monotonic() - begun >= 0.45
        assert stage.job(job).state == "stopped"
        stage.wait(lambda: stage.engine.state.value.phase == "ready")
        assert stage.engine.pid not in (0, pid)
        assert not psutil.pid_exists(pid)
        assert stage.deaths == []


def test_force_stop_on_request(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, [*BEGINNING, {"wait_s": 60}])) as stage:
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
    script = [*BEGINNING, {"wait_s": 60}]
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


# ---- deaths


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


# ---- kill -9 at random moments


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


# ---- a full card

CARD = {"need_mb": 9000, "total_mb": 12288, "program": "Resolve"}


def full(*free_mb: int) -> list[dict[str, Any]]:
    return [{"busy": {**CARD, "free_mb": list(free_mb)}}, phase("load"), {"copy": True}]


def test_jobs_wait_for_room_on_the_card_and_go_on_by_themselves(
    qtbot: QtBot, tmp_path: Path
) -> None:
    launch = played(tmp_path, full(1000, *[2000] * 8, 11000))
    with Stage(qtbot, tmp_path, launch) as stage:
        one, two = stage.add(1), stage.add(2)
        stage.wait(lambda: stage.job(one).state == "failed")
        failed = stage.job(one)
        assert (failed.code, failed.values["used_mb"]) == ("vram_busy", 11288)
        assert failed.sentence == "Resolve is using 11.0 GB of this card."
        qtbot.wait(200)
        assert stage.job(two).state == "waiting"  # it would fail as well
        assert stage.job(two).note == "say.queue.card_taken"
        begun: list[str] = []
        stage.queue.jobs.changed.connect(
            lambda jobs: begun.extend(job.id for job in jobs if job.state == "running")
        )
        stage.engine.room.wait(one.id)
        assert [job.id for job in stage.queue.waiting] == [one.id, two.id]  # its old place
        assert stage.job(one).note == "say.queue.card_taken"
        stage.wait(lambda: stage.job(two).state == "done")
        assert [stage.job(job).state for job in (one, two)] == ["done", "done"]
        assert list(dict.fromkeys(begun)) == [one.id, two.id]
        assert stage.deaths == []


def test_a_job_can_be_tried_on_a_full_card_past_those_that_wait(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, full(1000))) as stage:
        one, two = stage.add(1), stage.add(2)
        stage.wait(lambda: stage.job(one).state == "failed")
        stage.engine.room.wait(one.id)
        third = stage.add(3)  # asked for since: it may need less, so it is tried
        stage.wait(lambda: stage.job(third).state == "failed")
        stage.engine.room.try_anyway(third.id)
        stage.wait(lambda: stage.job(third).state == "done")
        assert [stage.job(job).state for job in (one, two)] == ["waiting", "waiting"]
        stage.queue.cancel_all()
        qtbot.wait(300)  # nobody waits for room any more
        assert [stage.job(job).state for job in (one, two)] == ["stopped", "stopped"]


def test_an_engine_that_cannot_tell_is_simply_tried_again(qtbot: QtBot, tmp_path: Path) -> None:
    log = tmp_path / "runs"
    body = f"""
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] == "status":
        say({{"v": 1, "type": "status", "id": c["id"], "running": None, "rss_mb": 1}})
    if c["type"] == "run":
        open({str(log)!r}, "a").write("run\\n")
        say({{"v":1,"type":"error","job":c["job"],"seq":0,"code":"vram_busy","user_message":"x",
             "values":{{"need_mb": 9000}}}})
"""
    with Stage(qtbot, tmp_path, program(body)) as stage:
        job = stage.add()
        stage.wait(lambda: stage.job(job).state == "failed")
        stage.engine.room.wait(job.id)
        stage.wait(lambda: log.read_text().count("run") == 2)
        stage.wait(lambda: stage.job(job).state == "failed")


# ---- beside the queue


def test_estimates_reach_wish_and_waiting_jobs(qtbot: QtBot, tmp_path: Path) -> None:
    reply = {"reply": {"total_s": 400.0, "s_per_forward": 4.0, "forwards": 92}}
    script = {"run": [{"wait_s": 60}], "estimate": [reply]}
    with Stage(qtbot, tmp_path, played(tmp_path, script)) as stage:
        asked: list[int] = []

        def wish() -> Any:
            asked.append(1)
            return stage.request(5)

        for _ in range(20):
            stage.engine.forecasts.want(wish)
        one, two = stage.add(1), stage.add(2)
        stage.wait(lambda: stage.job(two).estimate_s == 400.0)
        stage.wait(lambda: stage.engine.forecasts.wish.value is not None)
        told = stage.engine.forecasts.wish.value
        assert told is not None
        assert told.total_s == 400.0
        assert len(asked) <= 3
        assert stage.job(one).state == "running"


def test_the_source_side_is_warmed_when_things_have_settled(qtbot: QtBot, tmp_path: Path) -> None:
    log = tmp_path / "log"
    body = f"""
out = open({str(log)!r}, "a", buffering=1)
def end(name): say({{"v": 1, "type": "precomputed", "job": name, "seq": 0}})
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] in ("precompute", "cancel", "run", "release"):
        out.write(c["type"] + " " + c.get("job", "-").split("-")[0] + "\\n")
    if c["type"] == "precompute" and c["request"]["seed"] != 7: end(c["job"])
    if c["type"] == "cancel": say({{"v":1,"type":"cancelled","job":c["job"],"seq":1}})
    if c["type"] == "run":
        say({{"v":1,"type":"error","job":c["job"],"seq":0,"code":"words","user_message":"x"}})
"""
    launch = program(
        f"greeting['features'] = ['precompute']\nhear(); say(greeting)\n{body}", greet=False
    )
    with Stage(qtbot, tmp_path, launch) as stage:
        warmer = stage.engine.warmer
        stage.engine.start()
        for seed in (1, 2, 3):
            warmer.settle(lambda seed=seed: stage.request(seed))  # type: ignore[misc]
        stage.wait(lambda: log.exists() and log.read_text().count("precompute") == 1)
        warmer.settle(lambda: stage.request(3))  # known already
        qtbot.wait(200)
        assert log.read_text() == "precompute warm\n"
        warmer.settle(lambda: stage.request(7))  # takes for ever
        stage.wait(lambda: log.read_text().count("precompute") == 2)
        job = stage.add()
        stage.wait_end(job)
        assert log.read_text().splitlines()[2:4] == ["cancel warm", f"run {job.id}"]


def test_an_idle_engine_is_told_to_free_its_memory(qtbot: QtBot, tmp_path: Path) -> None:
    log = tmp_path / "log"
    body = f"""
while line := sys.stdin.readline():
    c = json.loads(line)
    if c["type"] == "release": open({str(log)!r}, "a").write("release\\n")
"""
    times = EngineTimes(idle_ms=200)
    with Stage(qtbot, tmp_path, program(body), times=times) as stage:
        stage.engine.start()
        stage.wait(log.exists)
        assert log.read_text() == "release\n"


def test_silence_is_shown_and_nothing_is_killed(qtbot: QtBot, tmp_path: Path) -> None:
    from plugin.services.child import Patience
    from tests.panel.services import stage as stage_module

    script = [*BEGINNING, {"silence_s": 1.5}, {"copy": True}]
    original = stage_module.PATIENCE
    stage_module.PATIENCE = Patience(silence_ms=700)
    try:
        stage = Stage(qtbot, tmp_path, played(tmp_path, script))
    finally:
        stage_module.PATIENCE = original
    with stage:
        job = stage.add()
        stage.wait(lambda: stage.engine.silent.value)
        stage.wait_end(job)
        assert not stage.engine.silent.value
        assert stage.job(job).state == "done"


def test_another_engine_can_take_over(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, program("stay()")) as stage:
        stage.engine.start()
        stage.wait(lambda: stage.engine.ready)
        assert stage.engine.state.value.device == "d"
        stage.engine.restart(local_engine(mock="-"))
        stage.wait(lambda: stage.engine.state.value.device == "mock")
        assert stage.deaths == []


def test_a_request_that_is_too_long_fails_without_a_line(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, WHOLE)) as stage:
        wish = stage.request()
        data = wish.dump()
        data["comment"] = {"x": "y" * protocol.MAX_LINE_BYTES}
        job = stage.queue.add(data, "hash")
        stage.wait_end(job)
        assert stage.job(job).code == "protocol"

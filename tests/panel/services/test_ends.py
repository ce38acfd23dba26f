"""How jobs end that do not become takes: once, and with a code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from flowanchor_engine import protocol
from plugin.services.store import Store
from plugin.state.errors import StoreError
from tests.panel.services.actors import program
from tests.panel.services.stage import BEGINNING, EDIT, WHOLE, Stage, played


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


def test_a_request_that_is_too_long_fails_without_a_line(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, played(tmp_path, WHOLE)) as stage:
        wish = stage.request()
        data = wish.dump()
        data["comment"] = {"x": "y" * protocol.MAX_LINE_BYTES}
        job = stage.queue.add(data, "hash")
        stage.wait_end(job)
        assert stage.job(job).code == "protocol"

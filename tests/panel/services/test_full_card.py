"""A card that other programs have filled: jobs wait for room and go on by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from plugin.services.engine import EngineTimes
from tests.panel.services.actors import program
from tests.panel.services.stage import Stage, phase, played

CARD = {"need_mb": 9000, "total_mb": 12288, "program": "Resolve"}


def full(*free_mb: int) -> list[dict[str, Any]]:
    return [{"busy": {**CARD, "free_mb": list(free_mb)}}, phase("load"), {"copy": True}]


def test_jobs_wait_for_room_on_the_card_and_go_on_by_themselves(
    qtbot: QtBot, tmp_path: Path
) -> None:
    launch = played(tmp_path, full(1000, *[2000] * 8, 11000))
    times = EngineTimes(again_ms=300, room_ms=600_000, forecast_ms=20, settle_ms=50)
    with Stage(qtbot, tmp_path, launch, times=times) as stage:
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
        assert begun == []
        stage.engine.room._pause.setInterval(50)
        stage.engine.room._pause.start()
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

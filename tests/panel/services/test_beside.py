"""What the engine does beside jobs: it estimates, warms, rests, and may fall silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from plugin.services.child import Patience
from plugin.services.engine import EngineTimes
from tests.panel.services.actors import program
from tests.panel.services.stage import BEGINNING, Stage, played


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
        stage.wait(lambda: not warmer.busy)  # it has answered, too
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
        stage.wait(lambda: log.exists() and log.read_text())
        assert log.read_text() == "release\n"


def test_silence_is_shown_and_nothing_is_killed(qtbot: QtBot, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    script = [*BEGINNING, {"silence_s": 0, "hold": str(hold)}, {"copy": True}]
    patience = Patience(handshake_ms=60_000, silence_ms=700)
    with Stage(qtbot, tmp_path, played(tmp_path, script), patience=patience) as stage:
        seen: list[bool] = []
        stage.engine.silent.changed.connect(seen.append)
        job = stage.add()
        stage.wait(lambda: stage.job(job).phase == "encode")
        stage.wait(lambda: stage.engine.silent.value)
        assert stage.job(job).state == "running"
        seen.clear()
        hold.unlink()
        stage.wait_end(job)
        assert seen[0] is False
        assert stage.job(job).state == "done"
        assert stage.deaths == []

"""What a running job shows: progress, notes, and pictures of the frame that is looked at."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pytestqt.qtbot import QtBot

from flowanchor_engine import protocol
from tests.panel.services.actors import program
from tests.panel.services.stage import BEGINNING, Stage, phase, played


def test_previews_notes_and_progress_arrive(qtbot: QtBot, tmp_path: Path) -> None:
    note = {"event": {"type": "note", "code": "plan", "user_message": "Memory plan."}}
    hold = tmp_path / "hold"
    hold.touch()
    script = [*BEGINNING, note, phase("edit", 1, 4), {"preview": {"step": 1, "frame": 4}}]
    script += [{"hold": str(hold)}, phase("edit", 2, 4), phase("decode"), {"copy": True}]
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
        stage.wait(lambda: shown)
        hold.unlink()
        stage.wait_end(job)
        assert shown == [(1, 4, 4, True)]
        assert stage.engine.preview.value is None
        assert notes == [(job.id, "plan", "Memory plan.")]
        assert ("edit", 2, 4) in seen


def test_previews_show_what_is_looked_at_in_the_shots_own_frames(
    qtbot: QtBot, tmp_path: Path
) -> None:
    holds = {step: tmp_path / f"hold-{step}" for step in (1, 2, 3)}
    steps: list[dict[str, Any]] = []
    for step, hold in holds.items():
        hold.touch()
        steps += [{"preview": {"step": step}}, {"hold": str(hold)}]
    script = [*BEGINNING, phase("edit", 0, 3), *steps, {"copy": True}]
    looked = {"at": 2}
    launch = played(tmp_path, script)
    with Stage(qtbot, tmp_path, launch, watched=lambda job: looked["at"]) as stage:
        shown: list[tuple[int, int | None, int | None]] = []
        stage.engine.preview.changed.connect(
            lambda p: p and shown.append((p.frame, p.first, p.last))
        )
        accepted: list[protocol.Accepted] = []
        stage.engine._child.received.connect(
            lambda event: accepted.append(event) if isinstance(event, protocol.Accepted) else None
        )

        def look(frame: int) -> None:
            """Look elsewhere and wait until the engine knows."""
            known = len(accepted)
            looked["at"] = frame
            stage.engine.look_elsewhere()
            stage.wait(lambda: len(accepted) > known)

        job = stage.add(part=(40, 49))
        stage.wait(lambda: shown)
        look(8)
        holds[1].unlink()
        stage.wait(lambda: len(shown) == 2)
        look(0)
        holds[2].unlink()
        holds[3].unlink()
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
        while (passed := time.monotonic() - begun) < 1.2 or log.read_text().count("watch") < 2:
            assert passed < 60, "nobody is told"
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

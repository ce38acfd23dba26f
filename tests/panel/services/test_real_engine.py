"""The supervisor and the real engine on the embedded model: edits, stops, kills, memory."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytestqt.qtbot import QtBot

from flowanchor_engine.request import EditRequest
from plugin.services.engine import EngineTimes
from plugin.services.launch import local_engine
from tests.doubles.gate import Gate
from tests.engine.room.conftest import GB, SITE, Told
from tests.panel.services.stage import Stage

pytestmark = pytest.mark.slow
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
LONG = 180_000


def variant(request: EditRequest, seed: int, **method: Any) -> EditRequest:
    numbers = request.method.model_copy(update=method)
    return request.model_copy(update={"seed": seed, "method": numbers})


def test_an_edit_from_queue_to_take(
    qtbot: QtBot, tmp_path: Path, film_request: EditRequest
) -> None:
    low = {"on": False}
    gate = Gate(tmp_path / "gate", "run")
    launch = local_engine().with_variables(**gate.variables)
    with Stage(qtbot, tmp_path, launch, low_memory=lambda: low["on"]) as stage:
        previews: list[bool] = []
        notes: list[tuple[str, str, str]] = []
        stage.engine.preview.changed.connect(
            lambda p: p and previews.append(Path(p.path).is_file())
        )
        stage.engine.noted.connect(notes.append)
        stage.engine.start()
        stage.engine.forecasts.want(lambda: film_request)
        stage.wait(lambda: stage.engine.forecasts.wish.value is not None)
        told = stage.engine.forecasts.wish.value
        assert told is not None
        assert told.forwards == 15  # 4 steps, 4 branches, one shared
        assert told.total_s is None  # nothing was measured yet

        gate.hold("edit", done=3)
        first = stage.add(request=film_request)
        stage.wait(lambda: previews and previews[-1], LONG)  # the newest picture can be read
        gate.let_go()
        stage.wait_end(first, timeout=LONG)
        assert stage.job(first).state == "done", stage.job(first)
        take = stage.takes[0]
        assert Path(take.file).is_file()
        assert Path(take.recipe).is_file()
        assert take.frames == 9
        assert len(take.sha256) == 64
        stage.wait(lambda: (stage.engine.forecasts.wish.value or told).total_s is not None)
        stage.wait(lambda: stage.engine.state.value.memory_used_mb > 100)

        # Warmed while a person types, then run with the source side known.
        second = variant(film_request, 8)
        stage.engine.warmer.settle(lambda: second)
        stage.wait(lambda: stage.engine.warmer._done == second.key("source"), timeout=LONG)
        low["on"] = True  # Save memory: the next job opens the model under another plan
        plans = [note for note in notes if note[1] == "plan"]
        job = stage.add(request=second)
        stage.wait_end(job, timeout=LONG)
        assert stage.job(job).state == "done"
        assert len([note for note in notes if note[1] == "plan"]) == len(plans) + 1
        again = stage.add(request=film_request)
        stage.wait_end(again, timeout=LONG)
        assert stage.takes[-1].sha256 == take.sha256  # saving memory changes no picture here
        assert stage.deaths == []
        assert stage.troubles == []


def test_stopping_is_quick_and_the_next_job_is_right(
    qtbot: QtBot, tmp_path: Path, film_request: EditRequest
) -> None:
    gate = Gate(tmp_path / "gate", "run")
    launch = local_engine().with_variables(**gate.variables)
    times = EngineTimes(force_stop_ms=LONG)  # it stops by itself, however busy the machine is
    with Stage(qtbot, tmp_path, launch, times=times) as stage:
        chance = random.Random(3)
        for number in range(4):
            goal = chance.choice(["load", "encode", "edit"]) if number else "load"
            gate.hold(goal, "edit")  # what is known already is not encoded again
            job = stage.add(request=variant(film_request, number, steps=12))
            stage.wait(lambda job=job, goal=goal: (  # type: ignore[misc]
                stage.job(job).phase in (goal, "edit")
            ), LONG)  # fmt: skip
            stage.queue.cancel(job.id)
            stage.wait_end(job, timeout=LONG)
            assert stage.job(job).state == "stopped"
        gate.let_go()
        job = stage.add(request=film_request)
        stage.wait_end(job, timeout=LONG)
        assert stage.job(job).state == "done"
        assert stage.deaths == []
        assert [path.name for path in (tmp_path / "takes").iterdir() if path.suffix == ".mov"] == [
            Path(stage.takes[0].file).name
        ]


@posix
def test_killed_in_every_phase_it_continues_and_gives_the_same_pictures(
    qtbot: QtBot, tmp_path: Path, film_request: EditRequest
) -> None:
    request = variant(film_request, 5, steps=8)
    with Stage(qtbot, tmp_path, local_engine()) as stage:
        whole = stage.add(request=request)
        stage.wait_end(whole, timeout=LONG)
        expected = stage.takes[0].sha256
    seen: list[str] = []
    for number, goal in enumerate(("load", "encode", "edit")):
        folder = tmp_path / str(number)
        folder.mkdir()
        gate = Gate(folder / "gate", "run")
        gate.hold(goal, done=3 if goal == "edit" else 0)
        fresh = local_engine().with_variables(
            FLOWANCHOR_CACHE=str(folder / "cache"), **gate.variables
        )
        with Stage(qtbot, folder, fresh) as stage:
            job = stage.add(request=request)
            stage.wait(
                lambda job=job, goal=goal, stage=stage: (  # type: ignore[misc]
                    stage.job(job).phase == goal and (goal != "edit" or stage.job(job).done >= 3)
                ),
                LONG,
            )
            pid = stage.engine.pid
            os.kill(pid, signal.SIGKILL)
            gate.let_go()
            stage.wait(lambda job=job, stage=stage: stage.job(job).attempts == 1, LONG)  # type: ignore[misc]
            stage.wait_end(job, timeout=LONG)
            assert stage.job(job).state == "done", stage.job(job)
            assert stage.takes[0].sha256 == expected
            assert [death.code for death in stage.deaths] == ["ram"]
            assert not psutil.pid_exists(pid)
            seen.append(goal)
    assert seen == ["load", "encode", "edit"]


def test_a_full_card_is_waited_for(qtbot: QtBot, tmp_path: Path, film_request: EditRequest) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITE)
    card = Told(folder)
    card.say(GB // 2, (os.getpid(), 6 * GB))
    launch = local_engine().with_variables(PYTHONPATH=card.path)
    with Stage(qtbot, tmp_path, launch) as stage:
        job = stage.add(request=film_request)
        stage.wait(lambda: stage.job(job).state == "failed", LONG)
        failed = stage.job(job)
        assert failed.code == "vram_busy"
        assert failed.values["program"] == psutil.Process().name()
        assert failed.values["used_mb"] == 6 * 1024
        stage.engine.room.wait(job.id)
        qtbot.wait(500)  # several looks at a card that is still full
        assert stage.job(job).state == "waiting"
        card.say(6 * GB)
        stage.wait(lambda: stage.job(job).state == "done", LONG)
        assert stage.deaths == []


def test_an_error_of_the_real_engine(
    qtbot: QtBot, tmp_path: Path, film_request: EditRequest
) -> None:
    times = EngineTimes(idle_ms=300)
    with Stage(qtbot, tmp_path, local_engine(idle_s=1e9), times=times) as stage:
        source = film_request.source.model_copy(update={"path": str(tmp_path / "none.mov")})
        job = stage.add(request=film_request.model_copy(update={"source": source}))
        stage.wait_end(job, timeout=LONG)
        assert (stage.job(job).state, stage.job(job).code) == ("failed", "clip_missing")
        assert stage.job(job).hint

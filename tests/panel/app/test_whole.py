"""The whole panel with the real engine and the embedded model, as an editor would use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from plugin.services.proxies import ProxyReader
from plugin.ui.actions import Target
from tests.doubles.gate import Gate
from tests.panel.app.conftest import FIRST, Running

pytestmark = pytest.mark.slow

Start = Callable[..., Running]
SAID = json.loads((FIRST / "first.json").read_text())


def prepare(here: Running, first: Path) -> None:
    """Open the bundled shot with its matte and its texts."""
    here.open(first / "first.mp4")
    here.model.matte.use_file(str(first / "first_matte.mp4"), channel="luma")
    here.until(lambda: here.suite.book.matte.value is not None)
    here.write(SAID["now"], SAID["wanted"])
    here.until(lambda: here.model.can_run.value)


def test_an_edit_from_the_clip_to_the_take(launch: Start, first: Path) -> None:
    here = launch()
    prepare(here, first)
    assert [c.text for c in here.model.prompts.chips if c.state == "drive"] == ["pink"]
    assert 0.03 < (here.model.matte.mean_coverage or 0) < 0.3

    previews: list[object] = []
    here.model.viewer.preview.changed.connect(previews.append)
    here.panel.act.edit.click()
    here.until(lambda: len(here.model.takes.all) == 1, seconds=240)
    assert any(previews), "a rough picture was shown while it ran"
    take = here.model.takes.all[0]
    assert Path(take.file).is_file()
    assert take.number == 1
    here.until(lambda: here.suite.book.take(take.id) is not None)
    here.until(lambda: take.id in here.suite.book.measured.value)
    measured = here.suite.book.measured.value[take.id]
    assert max(measured.outside_max) == 0, "a patch leaves every pixel outside as it was"
    assert max(measured.inside) > 1

    # What is seen outside of the matte is the shot itself.
    before = ProxyReader(here.model.shot.proxy.value or "")
    after = ProxyReader(here.suite.book.take(take.id).frames.folder)  # type: ignore[union-attr]
    matte = ProxyReader(here.suite.book.matte.value.frames.folder)  # type: ignore[union-attr]
    for number in range(before.frames):
        outside = matte.frame(number) == 0
        assert np.array_equal(before.frame(number)[outside], after.frame(number)[outside])
    assert here.model.viewer.mode.value == "wipe"
    assert any(chip.share is not None for chip in here.model.prompts.chips)

    # The second press finds the source side in the cache.
    here.model.strengths.where.set(70)
    here.panel.act.edit.click()
    here.until(lambda: len(here.model.takes.all) == 2, seconds=240)
    recipe = json.loads(Path(here.model.takes.all[0].recipe).read_text())
    first = json.loads(Path(here.model.takes.all[1].recipe).read_text())
    if here.model.takes.all[0].seed == here.model.takes.all[1].seed:
        assert recipe["result"]["forwards_saved"] > first["result"]["forwards_saved"]

    # Without Resolve, placing saves the same file where the person says.
    here.suite.actions.run("place", Target(take=take.id))
    here.until(lambda: here.said() == "say.place.saved")
    assert Path(here.asked[0]).read_bytes() == Path(take.file).read_bytes()


def test_stopping_a_run_leaves_nothing_and_the_next_one_is_right(
    launch: Start, first: Path, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate", "run")
    here = launch(gate=gate)
    prepare(here, first)
    here.model.seed_locked.set(True)
    gate.hold("edit")
    here.panel.act.edit.click()
    here.until(lambda: here.model.queue.running and here.model.queue.running.phase == "edit")
    job = here.model.queue.running
    assert job is not None
    here.suite.actions.run("stop_job", Target(job=job.id))
    here.until(lambda: here.model.queue.get(job.id).state == "stopped")  # type: ignore[union-attr]
    assert not len(here.model.takes.all)
    gate.let_go()
    here.model.queue.retry(job.id)
    here.until(lambda: len(here.model.takes.all) == 1, seconds=240)


def test_what_was_done_is_there_after_a_restart(launch: Start, first: Path) -> None:
    here = launch()
    prepare(here, first)
    here.panel.act.edit.click()
    here.until(lambda: len(here.model.takes.all) == 1, seconds=240)
    title = here.model.takes.all[0].title
    here.model.takes.star(here.model.takes.all[0].id)
    here.application.close()
    again = launch()
    again.open(first / "first.mp4")
    assert [take.title for take in again.model.takes.all] == [title]
    assert again.model.takes.all[0].starred
    assert again.model.prompts.history[0] == SAID["wanted"]


def test_the_engine_is_killed_in_the_middle_and_the_take_still_comes(
    launch: Start, first: Path, tmp_path: Path
) -> None:
    import os
    import signal

    gate = Gate(tmp_path / "gate", "run")
    here = launch(gate=gate)
    prepare(here, first)
    gate.hold("edit", done=2)
    here.panel.act.edit.click()
    here.until(
        lambda: (
            here.model.queue.running
            and here.model.queue.running.phase == "edit"
            and here.model.queue.running.done >= 2
        )
    )
    os.kill(here.suite.engine.pid, signal.SIGKILL)
    gate.let_go()
    here.until(lambda: len(here.model.takes.all) == 1, seconds=240)
    assert here.model.queue.jobs[0].attempts == 1


def test_the_first_run_tries_the_bundled_shot(launch: Start) -> None:
    here = launch()
    here.suite.actions.run("check_system")
    here.until(lambda: {"engine", "memory"} <= {line.name for line in here.suite.desk.checked})
    here.suite.actions.run("try_shot")
    here.until(
        lambda: here.suite.desk.tried.value and here.suite.desk.tried.value.left_s, seconds=240
    )

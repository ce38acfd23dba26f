"""Saving a take where there is no timeline: the panel goes on meanwhile, and may be closed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QThread

from plugin.state.takes import Take
from plugin.ui.actions import Target
from plugin.ui.base import Button
from plugin.ui.parts import sentence_of
from tests.panel.app.conftest import Running
from tests.panel.services.trickle import Trickle

Start = Callable[..., Running]


@pytest.fixture
def here(launch: Start, first: Path) -> Running:
    """A panel whose list holds one take."""
    here = launch(mock="-")
    here.open(first / "first.mp4")
    here.model.matte.use_whole()
    here.write("a cyan ball", "a pink ball")
    here.until(lambda: here.model.can_run.value)
    here.panel.act.edit.click()
    here.until(lambda: len(here.model.takes.all) == 1)
    here.until(lambda: here.said() == "say.take.ready")
    return here


def take_of(here: Running) -> Take:
    take = here.model.takes.all[0]
    Path(take.file).parent.mkdir(parents=True, exist_ok=True)
    return take


def save(here: Running, take: Take) -> Path:
    """Press the take's button; return the file that the person named."""
    here.suite.actions.run("place", Target(take=take.id))
    return Path(here.asked[-1])


def around(path: Path) -> list[str]:
    """What lies where a file is saved, less the folders of panel and test."""
    return sorted(each.name for each in path.parent.iterdir() if path.stem in each.name)


def test_a_slow_copy_is_said_and_the_panel_goes_on(here: Running) -> None:
    take = take_of(here)
    Path(take.file).unlink(missing_ok=True)
    with Trickle(Path(take.file)) as slow:
        target = save(here, take)
        assert here.suite.placing.busy.value == take.id
        assert here.said() == "say.place.saving"
        message = here.model.messages.current.value
        assert message is not None
        assert sentence_of(message) == f"Saving {target.name}…"
        here.until(lambda: slow.written > 2)
        save(here, take)
        assert len(here.asked) == 1, "nobody is asked for a name that cannot be taken now"
        here.model.takes.star(take.id)
        assert take_of(here).starred
        assert here.said() == "say.place.saving"
        assert not target.exists()
        slow.end()
        here.until(lambda: here.said() == "say.place.saved")
    assert not here.suite.placing.busy.value
    assert target.read_bytes() == slow.sent
    assert around(target) == [target.name]


def test_closing_the_panel_stops_the_copy(here: Running) -> None:
    take = take_of(here)
    Path(take.file).unlink(missing_ok=True)
    copies = here.suite.copies
    with Trickle(Path(take.file)) as slow:
        target = save(here, take)
        # Half of it lies there, under another name.
        here.until(lambda: slow.written > 2 and len(around(target)) == 1)
        here.application.close()
        assert around(target) == []
        assert not copies.busy
        assert not any(thread.isRunning() for thread in copies.findChildren(QThread))
    assert here.said() == "say.place.saving", "nothing is said after the end"


def test_a_take_saved_as_itself_is_still_there(here: Running) -> None:
    take = take_of(here)
    Path(take.file).write_bytes(b"the only one")
    here.suite.ask_save = lambda _: take.file
    here.suite.actions.run("place", Target(take=take.id))
    here.until(lambda: not here.suite.placing.busy.value)
    assert here.said() == "say.place.itself"
    assert Path(take.file).read_bytes() == b"the only one"
    assert around(Path(take.file)).count(Path(take.file).name) == 1


def test_nothing_is_saved_over_what_it_was_made_of(
    here: Running, first: Path, tmp_path: Path
) -> None:
    take = take_of(here)
    Path(take.file).write_bytes(b"take 1")
    here.model.matte.use_file(str(first / "first_matte.mp4"), channel="luma")
    other = tmp_path / "other.mov"
    other.write_bytes(b"take 2")
    here.suite.store.finish_job(
        replace(here.model.queue.jobs[0], id="of-another-shot"),
        replace(take, id="take-2", job="of-another-shot", shot_id="elsewhere", file=str(other)),
    )
    kept = {
        path: path.read_bytes() for path in (first / "first.mp4", first / "first_matte.mp4", other)
    }
    for path in kept:
        here.suite.ask_save = lambda _, path=path: str(path)  # the dialog was told to replace it
        here.suite.actions.run("place", Target(take=take.id))
        here.until(lambda: not here.suite.placing.busy.value)
        message = here.model.messages.current.value
        assert message is not None
        assert (message.code, message.about) == ("original", take.id)
        assert sentence_of(message) == (
            f"{path.name} belongs to a shot, a matte or another take. Choose another name."
        )
    assert {path: path.read_bytes() for path in kept} == kept
    assert around(first / "first.mp4") == ["first.json", "first.mp4", "first_matte.mp4"]

    # The way out asks again.
    better = tmp_path / "better.mov"
    here.suite.ask_save = lambda _: str(better)
    named = {each.text(): each for each in here.panel.message.findChildren(Button)}
    named["Other name…"].click()
    here.until(lambda: here.said() == "say.place.saved")
    assert better.read_bytes() == b"take 1"


def test_what_stops_a_copy_is_said_with_a_way_out(here: Running, tmp_path: Path) -> None:
    take = take_of(here)
    target = tmp_path / "copy.mov"
    target.write_bytes(b"old")
    with Path(take.file).open("wb") as file:
        file.truncate(shutil.disk_usage(tmp_path).free + (1 << 30))
    for wished, said in (
        (target, "error.disk"),
        (tmp_path / "copy", "error.output"),  # becomes copy.mov, of which nobody was asked
        (tmp_path / "nowhere" / "copy.mov", "error.output"),
    ):
        if said == "error.output":
            os.truncate(take.file, 3)
        here.suite.placing.save_as(take.id, wished)
        here.until(lambda: not here.suite.placing.busy.value)
        message = here.model.messages.current.value
        assert message is not None
        assert (message.key, message.about) == (said, take.id)
        assert message.buttons
        assert message.details
    assert target.read_bytes() == b"old"
    assert around(target) == ["copy.mov"]
    asked = len(here.asked)
    here.suite.actions.run("try_again", Target(text=take.id))
    assert len(here.asked) == asked + 1, "to try again means to be asked again"
    here.until(lambda: not here.suite.placing.busy.value)
    here.suite.placing.save_as(take.id, target)
    here.until(lambda: here.said() == "say.place.saved")
    assert target.read_bytes() == Path(take.file).read_bytes(), "what was agreed to is replaced"

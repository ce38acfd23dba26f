"""Asking twice for the same edit, with the real buttons, the real lists and the mock engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect

from plugin.ui.base import Button
from tests.panel.app.conftest import Running

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


def offered(here: Running) -> dict[str, Button]:
    """The buttons of the message line by what is written on them, once they are laid out."""

    def found() -> dict[str, Button]:
        return {b.text(): b for b in here.panel.message.findChildren(Button) if b.isVisible()}

    here.until(found)
    return found()


def make(here: Running) -> Any:
    known = {take.id for take in here.model.takes.all}
    here.panel.act.edit.click()
    here.until(lambda: len(here.model.takes.all) > len(known))
    return next(take for take in here.model.takes.all if take.id not in known)


def prepare(here: Running, first: Path) -> None:
    here.open(first / "first.mp4")
    here.model.matte.use_file(str(first / "first_matte.mp4"), channel="luma")
    here.write("a cyan ball", "a pink ball")
    here.until(lambda: here.model.can_run.value)


def test_the_same_edit_is_made_once(launch: Start, first: Path) -> None:
    here = launch(mock="-")
    prepare(here, first)
    here.panel.how.lock.click()
    assert here.model.seed_locked.value
    take = make(here)
    here.model.takes.selected.set(())

    here.panel.act.edit.click()
    assert len(here.model.queue.jobs) == 1
    assert here.model.takes.selected.value == (take.id,)
    assert here.panel.message.text.text() == "That is take 1 already."
    assert list(offered(here)) == ["New seed", "Make it again"]

    # Once more all the same: the same seed, a file of its own.
    offered(here)["Make it again"].click()
    here.until(lambda: len(here.model.takes.all) == 2)
    again = here.model.takes.all[0]
    assert (again.seed, again.request_hash) == (take.seed, take.request_hash)
    assert again.file != take.file
    assert Path(take.file).is_file()

    # The newest of them answers, also in the next session, until its file is touched.
    here.application.close()
    here = launch(mock="-")
    prepare(here, first)
    here.model.seed_locked.set(True)
    here.model.seed.set(take.seed)
    here.panel.act.edit.click()
    assert here.model.takes.selected.value == (again.id,)
    with Path(again.file).open("ab") as file:
        file.write(b"\0")
    Path(take.file).unlink()
    third = make(here)
    assert third.seed == take.seed

    # A matte that was drawn anew under the same name is another edit.
    matte = first / "first_matte.mp4"
    matte.write_bytes(matte.read_bytes() + b"\0")
    here.panel.act.edit.click()
    here.until(lambda: len(here.model.takes.all) == 4)

    # "New seed" keeps the seed held, with another number.
    here.until(lambda: here.model.queue.running is None)
    here.panel.act.edit.click()
    offered(here)["New seed"].click()
    here.until(lambda: len(here.model.takes.all) == 5)
    assert here.model.seed_locked.value
    assert here.model.takes.all[0].seed == here.model.seed.value != take.seed


def test_what_waits_already_is_pointed_at(launch: Start, first: Path) -> None:
    here = launch(mock="-")
    prepare(here, first)
    here.panel.queue.toggle_pause()
    here.model.seed_locked.set(True)
    here.panel.resize(400, 640)
    for seed in (1, 2, 3):
        here.model.seed.set(seed)
        here.panel.act.edit.click()
    here.panel.act.test.click()
    assert [job.kind for job in here.model.queue.jobs] == ["edit", "edit", "edit", "test"]
    here.until(lambda: len(here.panel.queue.jobs_rows()) == 4)
    here.panel.area.verticalScrollBar().setValue(0)
    focus = here.panel.window().focusWidget()

    here.panel.act.test.click()
    assert len(here.model.queue.jobs) == 4
    assert here.panel.message.text.text() == "That is in the queue already."
    assert [row.pointed for row in here.panel.queue.jobs_rows()] == [False, False, False, True]
    row = here.panel.queue.jobs_rows()[3]
    seen = here.panel.area.viewport()
    here.until(lambda: seen.rect().contains(QRect(row.mapTo(seen, QPoint()), row.size())))
    assert here.panel.window().focusWidget() is focus, "a key pressed now does not stop it"

    offered(here)["New seed"].click()
    assert [job.kind for job in here.model.queue.jobs][3:] == ["test", "test"]
    assert not any(row.pointed for row in here.panel.queue.jobs_rows())

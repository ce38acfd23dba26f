"""Placing takes time: the panel says so, and goes on with another shot meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from plugin.control.folders import Folders
from plugin.services.host import host_child
from plugin.state.takes import Take
from plugin.ui.base import Button
from tests.journey.desk import FIRST, Desk
from tests.panel.app.conftest import Running

pytestmark = pytest.mark.slow

Start = Callable[..., Running]


def offered(here: Running) -> dict[str, Button]:
    return {b.text(): b for b in here.panel.message.findChildren(Button) if b.isVisible()}


def make(here: Running) -> Take:
    """Make a take; its file is the bundled shot, which Resolve can read."""
    known = len(here.model.takes.all)
    here.until(lambda: here.model.can_run.value)
    here.panel.act.edit.click()
    here.until(lambda: len(here.model.takes.all) > known)
    take: Take = here.model.takes.all[0]
    Path(take.file).write_bytes((FIRST / "first.mp4").read_bytes())
    return take


def test_another_shot_is_looked_at_while_a_take_is_placed(
    launch: Start, folders: Folders, desk: Desk
) -> None:
    here = launch(mock="-", host=host_child(folders.host, *desk.host_arguments()))
    here.until(lambda: here.suite.book.matte.value is not None)
    here.model.delivery_kind.set("frame")
    here.write("a cyan ball", "a pink ball")
    take = make(here)
    shot = here.model.shot.shot.value
    assert shot is not None
    before = {item.id for item in desk.items()}

    here.panel.takes.place(take.id)
    tile = here.panel.takes.tile(take.id)
    assert "Placing…" in tile.accessibleName()
    here.panel.takes.place(take.id)
    assert here.said() == "say.place.going", "it is said once more, and done once"
    here.model.takes.clear_unstarred()
    assert Path(take.file).is_file()

    # The editor clicks on another clip, whose own take is the selected one.
    elsewhere = replace(shot, id="elsewhere", name="B002.mov")
    here.model.open_shot(elsewhere)
    kept = here.suite.store.finish_job(
        replace(here.model.queue.jobs[0], id="other"),
        replace(take, id="other", job="other", shot_id="elsewhere", placed="theirs"),
    )
    here.model.takes.show_shot("elsewhere")
    here.model.takes.select(kept.id)
    here.until(lambda: here.said() == "say.place.placed")
    placed = here.model.takes.known(take.id)
    assert placed is not None
    assert placed.placed in {item.id for item in desk.items()} - before
    assert placed.starred

    offered(here)["Undo"].click()
    here.until(lambda: here.said() == "say.place.undone")
    assert {item.id for item in desk.items()} == before
    assert here.model.takes.known(take.id).placed == ""  # type: ignore[union-attr]
    assert here.model.takes.known(kept.id).placed == "theirs"  # type: ignore[union-attr]

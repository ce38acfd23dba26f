"""A mask of Fusion's, read again: what has not changed is known, and what is used stays."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin.control.folders import Folders
from plugin.control.tidy import trim
from plugin.services.host import host_child
from plugin.services.host_state import Matte
from plugin.state.repeats import read_by
from tests.journey.desk import POLYGON, Desk
from tests.panel.app.conftest import Running

pytestmark = pytest.mark.slow

Start = Callable[..., Running]
NARROWER = re.sub(r"X = (-?[\d.]+)", lambda found: f"X = {float(found[1]) * 0.9:.6f}", POLYGON)


def begin(launch: Start, folders: Folders, desk: Desk) -> Running:
    here = launch(mock="-", host=host_child(folders.host, *desk.host_arguments()))
    here.until(lambda: here.suite.book.matte.value is not None)
    return here


def reread(here: Running) -> Path:
    """Press Reread and wait until the mask has been read again; return its first picture."""
    read: list[Any] = []
    host = here.suite.host
    ask = host.read_matte

    def watched(shot: Any, folder: Path, on_done: Any, *others: Any, **options: Any) -> Any:
        def done(answer: Any) -> None:
            on_done(answer)
            read.append(answer)

        return ask(shot, folder, done, *others, **options)

    host.read_matte = watched  # type: ignore[method-assign]
    try:
        here.panel.shot.reread.click()
        here.until(lambda: read)
    finally:
        del host.read_matte
    here.until(lambda: here.suite.book.matte.value is not None)
    assert isinstance(read[-1], Matte)
    assert here.model.matte.path.value == read[-1].path
    return Path(read[-1].path)


def edit(here: Running) -> None:
    """Press the button; wait for what it makes, if it makes anything."""
    here.until(lambda: here.model.can_run.value)
    here.panel.act.edit.click()
    here.until(lambda: all(job.state == "done" for job in here.model.queue.jobs))


def test_a_mask_that_nobody_touched_is_the_same_after_rereading(
    launch: Start, folders: Folders, desk: Desk
) -> None:
    here = begin(launch, folders, desk)
    model = here.model
    assert model.matte.origin.value == "fusion"
    first = Path(model.matte.path.value)
    model.seed_locked.set(True)
    here.write("a cyan ball", "a pink ball")
    edit(here)
    (take,) = model.takes.all
    shown = here.suite.book.matte.value
    assert shown is not None

    assert reread(here) == first
    assert model.request("edit").key("result") == take.request_hash
    again = here.suite.book.matte.value
    assert again is not None
    assert again.key == shown.key, "nor is it measured again"
    model.takes.selected.set(())
    edit(here)
    assert len(model.queue.jobs) == 1, "nothing is made twice"
    assert here.said() == "say.repeat.take"
    assert model.takes.selected.value == (take.id,)

    # Drawn anew in Fusion: another mask, another edit.
    desk.item.comps.clear()
    desk.cut.mask(desk.item, NARROWER)
    narrower = reread(here)
    assert narrower != first
    edit(here)
    assert len(model.takes.all) == 2
    assert {read_by(each.request)[1] for each in model.takes.all} == {str(first), str(narrower)}

    # And back again, as undo in Fusion does: the first take is the answer once more.
    desk.item.comps.clear()
    desk.cut.mask(desk.item, POLYGON)
    assert reread(here) == first
    edit(here)
    assert len(model.takes.all) == 2
    assert model.takes.selected.value == (take.id,)


def test_only_masks_that_nothing_names_make_room(
    launch: Start, folders: Folders, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = begin(launch, folders, desk)
    here.write("a cyan ball", "a pink ball")
    edit(here)
    used = Path(here.model.matte.path.value)
    desk.item.comps.clear()
    desk.cut.mask(desk.item, NARROWER)
    old = reread(here)
    made_ns = old.stat().st_mtime_ns
    here.application.close()
    render = folders.renders / "render-0123"
    render.mkdir(parents=True)
    (render / "shot.mov").write_bytes(b"x")

    # The disk is full of other pictures when the panel starts the next time.
    monkeypatch.setattr("plugin.control.suite.trim", lambda *given: trim(*given, limit=0))
    desk.click()
    here = launch(mock="-", host=host_child(folders.host, *desk.host_arguments()), ready=False)
    here.until(lambda: here.suite.book.matte.value is not None)
    assert used.is_file(), "a take was made with it"
    assert not render.exists()
    assert Path(here.model.matte.path.value) == old, "it is called as before"
    assert old.stat().st_mtime_ns > made_ns, "but had to be drawn again"

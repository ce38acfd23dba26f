"""Answers that come late: what was asked about one shot is nothing for the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugin.control.folders import Folders
from plugin.control.shots import ShotControl
from plugin.services.host import HostService, host_child
from plugin.services.launch import Launch
from plugin.services.media import MediaService
from plugin.state.errors import message_of
from plugin.state.session import PanelModel
from plugin.ui.viewer.pictures import Book
from resolve_bridge.extract import extract_source
from tests.journey.desk import FIRST, Desk
from tests.panel.app.conftest import Running
from tests.panel.host.hold import Hold
from tests.panel.host.test_view import shot as some_shot

Start = Callable[..., Running]


@pytest.fixture
def held(launch: Start, folders: Folders, desk: Desk, tmp_path: Path) -> tuple[Running, Hold]:
    """A panel on a clip in Resolve whose mask is being read, and what holds that up."""
    hold = Hold(tmp_path / "hold", "read_matte")
    host = host_child(folders.host, *desk.host_arguments()).with_variables(**hold.variables)
    here = launch(mock="-", host=host)
    here.until(lambda: here.suite.mattes._asked)
    assert here.model.matte.origin.value == "none"
    return here, hold


def answered(here: Running, hold: Hold) -> None:
    """Let the mask be read and wait until everything that was asked is answered."""
    hold.open()
    here.until(lambda: not here.suite.host._calls)


@pytest.mark.slow
def test_the_mask_of_a_shot_that_was_left_is_not_laid_over_the_next(
    held: tuple[Running, Hold],
) -> None:
    here, hold = held
    here.open(FIRST / "first.mp4")
    answered(here, hold)
    assert here.model.matte.origin.value == "none"
    assert here.model.shot.shot.value.how == "file"  # type: ignore[union-attr]


@pytest.mark.slow
def test_what_a_person_chose_meanwhile_stays(held: tuple[Running, Hold]) -> None:
    here, hold = held
    here.model.matte.use_whole()
    answered(here, hold)
    assert here.model.matte.origin.value == "whole"


@pytest.mark.slow
def test_a_mask_that_nothing_came_before_is_taken(held: tuple[Running, Hold]) -> None:
    here, hold = held
    answered(here, hold)
    assert here.model.matte.origin.value == "fusion"


def test_a_shot_that_was_read_again_is_opened_once(
    qapp: object, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first frames may come although they were called off: nobody waits for them."""
    from plugin.control.ground import Ground

    ground = Ground(folders)
    launch = Launch("/nowhere/python")
    host, media = HostService(launch), MediaService(launch)
    given: list[Callable[[Any], object]] = []

    def make_extract(shot: Any, on_done: Callable[[Any], object], *_: Any) -> None:
        given.append(on_done)

    monkeypatch.setattr(host, "make_extract", make_extract)
    monkeypatch.setattr(media, "proxy", lambda *_, **__: None)
    model: PanelModel = ground.model
    book: Book = ground.book
    control = ShotControl(model, book, host, media, folders, handled=lambda _: True)
    opened: list[Any] = []
    control.opened.connect(opened.append)
    source = some_shot().media
    assert source is not None
    shot = replace(some_shot(), media=replace(source, path=__file__))
    host.shot.set(shot)
    control._take_again(shot)
    first, second = given
    first(extract_source(shot))
    assert opened == []
    second(extract_source(shot))
    assert len(opened) == 1
    ground.close()


def test_an_engine_that_speaks_again_takes_back_its_own_message_alone(launch: Start) -> None:
    here = launch(mock="-")
    messages = here.model.messages
    here.suite._on_silence(True)
    assert here.said() == "error.engine_silent"
    here.suite._on_silence(False)
    assert messages.current.value is None
    here.suite._on_silence(True)
    messages.show(message_of("output"))
    here.suite._on_silence(False)
    assert here.said() == "error.output"

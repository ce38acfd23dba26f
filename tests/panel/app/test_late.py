"""Answers that come late: what was asked about one shot is nothing for the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowanchor_engine.request import EditRequest, Prompts, SourceSpec
from plugin.control.folders import Folders
from plugin.control.shots import ShotControl
from plugin.control.wiring import HostWiring
from plugin.services.host import HostService, host_child
from plugin.services.host_state import OnError
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


class Timeline(HostService):
    """Answers what is placed and withdrawn when the test says so."""

    def __init__(self) -> None:
        super().__init__(Launch("/nowhere/python"))
        self.answers: list[tuple[Callable[[Any], object], OnError]] = []
        self.withdrawn: list[object] = []

    def read_shot(self, on_done: Any, on_error: Any, **_: Any) -> Any:
        source = some_shot().media
        assert source is not None
        on_done(replace(some_shot(), media=replace(source, path=__file__)))

    def make_extract(self, shot: Any, on_done: Any, *_: Any) -> Any:
        on_done(extract_source(shot))

    def place(self, shot: Any, result: Any, on_done: Any, on_error: Any, **_: Any) -> Any:
        self.answers.append((on_done, on_error))

    def undo(self, placement: Any, on_done: Any, on_error: Any) -> Any:
        self.withdrawn.append(placement)
        on_done(None)


@pytest.mark.parametrize("well", [True, False])
def test_what_a_test_of_the_wiring_placed_too_late_is_taken_back_all_the_same(
    qapp: object, well: bool
) -> None:
    host, said = Timeline(), list[str]()
    wiring = HostWiring(host)
    request = EditRequest(
        source=SourceSpec(path=__file__, frames=9), prompts=Prompts(now="a", wanted="b")
    )

    def failed(code: str, sentence: str, hint: tuple[str, ...]) -> None:
        said.append(code)

    wiring.read(lambda: said.append("read"), failed)
    wiring.place(Path("take.mov"), request, lambda: said.append("placed"), failed)
    wiring.undo(lambda: said.append("undone"), failed)  # nobody waited any longer
    assert (host.withdrawn, said) == ([], ["read"])
    done, error = host.answers[0]
    placed: Any = SimpleNamespace(placement="what was placed")
    if well:
        done(placed)
    else:
        error("place_unconfirmed", "Not confirmed.", ())
    assert host.withdrawn == (["what was placed"] if well else [])
    assert said == ["read", "undone"]


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

"""No Resolve at all: open a clip file, save a result beside it, take it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from plugin.locale import load
from plugin.services.host_view import engine_file, shot_of, shot_view
from resolve_bridge.placement import Delivery
from resolve_bridge.shot import Chosen, ItemKind
from tests.bridge.place.pictures import write
from tests.panel.host.hold import Hold
from tests.panel.host.test_conversation import taken
from tests.panel.host.world import Ask, Reply, World, film, ready


def clip_of(world: World) -> Path:
    made = world.double.build("Film", rate="24", size=(64, 36))
    return Path(made.video("A012_C004.mov", frames_count=12).path)


def test_open_save_and_take_back(make_world: Callable[..., World], ask: Ask, qtbot: Any) -> None:
    world = make_world()
    path = clip_of(world)
    service = world.service()
    qtbot.waitUntil(lambda: service.state.value.kind == "closed", timeout=60000)
    shot = ask(service.open_file, path)
    assert service.shot.value == shot
    assert (shot.kind, shot.frame_count, shot.frame_rate) == (ItemKind.FILE, 12, 24)
    view = shot_view(shot)
    assert (view.how, view.name, view.track, view.timecode_in) == ("file", path.name, "", "")
    assert (view.path, view.start, view.frames, view.rate) == (str(path), 0, 12, Fraction(24))
    extract = ask(service.make_extract, shot)
    result = taken(extract, world.tmp / "takes", "patch")
    placed = ask(service.place, shot, result).placement
    saved = path.parent / "FlowAnchor" / "A012_C004 - red leather jacket - t1.mov"
    assert placed.path == str(saved)
    assert saved.read_bytes() == Path(result.path).read_bytes()
    assert ask(service.place, shot, result).placement == placed, "saved once"
    assert len(list(saved.parent.iterdir())) == 2
    again = ask(service.open_file, saved)
    assert ask(service.recipe, again).recipe == result.recipe
    assert ask(service.source_of, placed).item_id == shot.item_id
    ask(service.undo, placed)
    assert not saved.parent.exists()
    assert path.is_file()


def test_pictures_are_opened_at_the_rate_of_their_edit_or_the_panel_says_what_it_assumes(
    make_world: Callable[..., World], ask: Ask, tmp_path: Path
) -> None:
    service = make_world().service()
    folder = write(tmp_path / "A012 - red - t1", range(6))
    view = shot_view(ask(service.open_file, folder))
    assert (view.rate, view.rate_given, view.warnings) == (24, True, ("rate_assumed",))
    assert "24 fps" in load("en").texts["say.note.rate_assumed"]
    result = {"video": folder.name, "rate": "24000/1001"}
    (tmp_path / f"{folder.name}.recipe.json").write_text(json.dumps({"result": result}))
    view = shot_view(ask(service.open_file, folder))
    assert (view.rate, view.rate_given, view.warnings) == (Fraction(24000, 1001), True, ())


def test_save_as_goes_where_it_is_told_and_survives_a_restart(
    make_world: Callable[..., World], ask: Ask, tmp_path: Path
) -> None:
    world = make_world()
    path = clip_of(world)
    service = world.service()
    shot = ask(service.open_file, path)
    result = taken(ask(service.make_extract, shot), world.tmp / "takes", "frame")
    record = shot_view(shot).record
    service.close()
    service = world.service()
    placed = ask(service.place, shot_of(record), result, folder=tmp_path / "Results").placement
    assert Path(placed.path).parent == tmp_path / "Results"
    assert placed.delivery is Delivery.FRAME
    ask(service.undo, placed)
    assert not (tmp_path / "Results").exists()


def test_a_take_that_lies_there_already_is_neither_copied_nor_deleted(
    make_world: Callable[..., World], ask: Ask
) -> None:
    world = make_world()
    path = clip_of(world)
    service = world.service()
    shot = ask(service.open_file, path)
    folder = path.parent / "FlowAnchor"
    result = taken(ask(service.make_extract, shot), folder, "patch")
    placed = ask(service.place, shot, result).placement
    assert placed.path == result.path
    assert len(list(folder.iterdir())) == 2, "the take and its recipe"
    assert ask(service.place, shot, result).placement == placed
    saved = ask(service.open_file, Path(result.path))
    assert ask(service.recipe, saved).recipe == result.recipe
    ask(service.undo, placed)
    assert [each.name for each in folder.iterdir()] == [Path(result.path).name]


def test_pictures_with_numbers_are_a_clip(make_world: Callable[..., World], ask: Ask) -> None:
    world = make_world()
    made = world.double.build("Film", rate="24", size=(64, 36))
    label = made.sequence("shot", frames_count=9).path
    folder = Path(label).parent
    files = sorted(folder.glob("shot*"))
    service = world.service()
    shot = ask(service.open_file, files[3])
    assert (shot.frame_count, shot.chosen) == (9, Chosen.NAMED)
    found = engine_file(shot)
    assert found is not None
    assert (found.path, found.start, found.rate_given) == (str(files[0]), 0, True)
    assert ask(service.open_file, folder).frame_count == 9
    assert shot_view(shot).rate_given


def test_what_is_no_clip_is_said(
    make_world: Callable[..., World], reply: Callable[[], Reply], tmp_path: Path
) -> None:
    world = make_world()
    service = world.service()
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    for path, code in ((text, "clip_kind"), (tmp_path / "none.mov", "clip_offline")):
        asked = reply()
        service.open_file(path, asked.done, asked.error)
        found = asked.fail()
        assert found[0] == code
        assert found[1].endswith(".")
    asked = reply()
    service.read_shot(asked.done, asked.error)
    assert asked.fail()[0] == "no_link"


def test_an_open_file_is_not_swept_away_by_the_playhead(
    make_world: Callable[..., World], ask: Ask, qtbot: Any
) -> None:
    world = make_world("free", "20.3")
    film(world)
    path = clip_of(world)
    world.double.current = "Film"
    world.options += ["--watch-s", "0.2"]
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    opened = ask(service.open_file, path)
    world.double.projects.pop()
    world.cut.playhead(24)
    qtbot.wait(1500)
    assert service.shot.value == opened
    assert ask(service.read_shot).kind is not ItemKind.FILE


def test_a_long_file_can_be_left_alone_while_it_is_read(
    make_world: Callable[..., World], reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world()
    path = clip_of(world)
    world.variables = Hold(world.tmp / "hold", "open_file").variables
    service = world.service()
    asked = reply()
    call = service.open_file(path, asked.done, asked.error)
    call.cancel()
    assert asked.fail()[0] == "cancelled"

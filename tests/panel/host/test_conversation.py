"""Shot, frames, mask, place, undo: the whole way through service, child, agent and Resolve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin.services.host_state import Matte
from plugin.services.host_view import (
    engine_file,
    placement_of,
    record_of,
    result_for,
    shot_of,
    shot_view,
)
from resolve_bridge.placement import Delivery
from resolve_bridge.shot import Chosen, Route
from tests.bridge.extract.test_matte import POLYGON
from tests.bridge.journey.editing import negate_box
from tests.panel.host.hold import Hold
from tests.panel.host.world import Ask, World, film, ready


def taken(extract: Any, out: Path, kind: Any, seed: int = 1) -> Any:
    """A quick edit, described for placing as the panel does it."""
    path = negate_box(extract, out, Delivery(kind), seed)
    return result_for(
        extract,
        path=str(path),
        frames=extract.count,
        kind=kind,
        key=f"{extract.path}-{extract.first}-{seed}-{kind}",
        shot_name="A012_C004.mov",
        title="red leather jacket",
        take=seed,
        recipe='{"schema":"flowanchor.EditRequest.1"}',
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["patch", "frame", "take"])
@pytest.mark.parametrize(
    ("edition", "version"), [("free", "21.1"), ("studio", "21.1"), ("free", "18.5")]
)
def test_the_whole_way_and_back(
    edition: str,
    version: str,
    kind: str,
    make_world: Callable[..., World],
    ask: Ask,
    qtbot: Any,
) -> None:
    world = make_world(edition, version)
    item = film(world)
    world.cut.mask(item, POLYGON)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    state = service.state.value
    assert state.version.startswith(version)
    assert state.studio is (edition == "studio")
    qtbot.waitUntil(lambda: service.shot.value is not None, timeout=60000)
    shot = ask(service.read_shot)
    assert service.shot.value == shot
    assert (shot.item_id, shot.route, shot.chosen) == (item.id, Route.SOURCE, Chosen.PLAYHEAD)
    before = world.double.state()

    extract = ask(service.make_extract, shot)
    file = engine_file(extract)
    assert file is not None
    assert file == engine_file(shot)
    assert (file.start, file.frames, file.rate_given) == (5, 12, False)
    matte = ask(service.read_matte, shot, world.tmp / "mattes", tool="Polygon1")
    assert isinstance(matte, Matte)
    assert (matte.frames, matte.start, matte.tool) == (12, 0, "Polygon1")
    assert len(list(Path(matte.path).parent.glob("matte_*.png"))) == 12
    assert world.changed(before) == []

    result = taken(extract, world.tmp / "takes", kind)
    placed = ask(service.place, shot, result)
    added = world.changed(before)
    assert added != []
    assert ask(service.place, shot, result) == placed, "the same result twice is one"
    assert world.changed(before) == added
    if kind != "take":
        clip = world.clip(placed.placement.item_id)
        # Names can be set from 20.2 on; before, the file's own is shown.
        named = world.double.version.has("20.2")
        assert clip.name == ("A012_C004 - red leather jacket - t1" if named else "take-1.mov")
        assert (clip.start, clip.duration) == (86410, 12)
        again = ask(service.read_shot, item_id=placed.placement.item_id)
        recipe = ask(service.recipe, again)
        assert recipe.placement == placed.placement
        assert recipe.recipe == result.recipe
        assert ask(service.source_of, recipe.placement).item_id == item.id
        ask(service.show_placed, placed.placement)
        assert world.double.page == "edit"
    ask(service.undo, placement_of(record_of(placed.placement)))
    assert world.changed(before) == []
    ask(service.undo, placed.placement)
    assert world.changed(before) == []
    assert world.double.calls.unknown() == []


def test_what_is_kept_places_after_a_restart_of_everything(
    make_world: Callable[..., World], ask: Ask, qtbot: Any
) -> None:
    world = make_world("free", "21.1")
    item = film(world)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    shot = ask(service.read_shot)
    before = world.double.state()
    extract = ask(service.make_extract, shot)
    kept_shot = shot_view(shot).record
    result = taken(extract, world.tmp / "takes", "patch")
    service.close()
    world.close_resolve()
    world.made = None

    world.reopen_resolve()
    world.click()
    service = ready(world, qtbot)
    placed = ask(service.place, shot_of(kept_shot), result)
    kept_placement = record_of(placed.placement)
    assert world.clip(placed.placement.item_id).start == item.start
    service.close()
    world.made = None
    world.click()
    service = ready(world, qtbot)
    assert ask(service.place, shot_of(kept_shot), result).placement == placed.placement
    ask(service.undo, placement_of(kept_placement))
    assert world.changed(before) == []


@pytest.mark.parametrize("version", ["20.3", "21.1"])
def test_a_moved_shot_is_followed_only_when_asked_and_only_if_it_shows_the_same(
    version: str, make_world: Callable[..., World], ask: Ask, reply: Callable[[], Any], qtbot: Any
) -> None:
    world = make_world("free", version)
    item = film(world)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    shot = ask(service.read_shot)
    result = taken(ask(service.make_extract, shot), world.tmp / "takes", "patch")
    item.start += 40
    before = world.double.state()
    failed = reply()
    service.place(shot, result, failed.done, failed.error)
    assert failed.fail()[0] == "host_changed"
    assert "place_new_position" in failed.fail()[2]
    assert world.changed(before) == []
    placed = ask(service.place, shot, result, new_position=True)
    assert placed.placement.start == placed.shot.start == shot.start + 40
    ask(service.undo, placed.placement)
    item.left += 2
    trimmed = reply()
    service.place(shot, result, trimmed.done, trimmed.error, new_position=True)
    assert trimmed.fail()[0] == "host_trimmed"
    world.double.delete_item(item)
    gone = reply()
    service.place(shot, result, gone.done, gone.error, new_position=True)
    assert gone.fail()[0] == "host_changed"
    assert "place_new_position" not in gone.fail()[2]
    world.double.switch_project("Another")
    other = reply()
    service.place(shot, result, other.done, other.error, new_position=True)
    assert other.fail()[0] == "project_changed"


def test_the_panel_follows_playhead_selection_and_pick(
    make_world: Callable[..., World], ask: Ask, qtbot: Any
) -> None:
    world = make_world("studio", "21.1")
    item = film(world)
    world.cut.mask(item, POLYGON)
    world.options += ["--watch-s", "0.2"]
    world.open_resolve()
    world.click()
    service = world.service()
    names: list[str] = []  # from the beginning: the first clip may be read along with the link
    service.shot.changed.connect(lambda shot: names.append(f"{shot.name} {shot.chosen}"))
    ready(world, qtbot)
    qtbot.waitUntil(lambda: len(names) == 1, timeout=60000)
    world.cut.playhead(24)
    qtbot.waitUntil(lambda: len(names) == 2, timeout=60000)
    world.cut.select(item)
    qtbot.waitUntil(lambda: len(names) == 3, timeout=60000)
    assert names == ["A012_C004.mov playhead", "B002.mov playhead", "A012_C004.mov selected"]
    assert ask(service.read_shot, playhead=True).name == "B002.mov"
    world.cut.playhead(14)  # the Fusion page shows what lies there
    picked: list[Any] = []
    service.picked.connect(picked.append)
    world.pick(item, "Polygon1")
    qtbot.waitUntil(lambda: len(picked) == 1, timeout=60000)
    assert (picked[0].item_id, picked[0].pick) == (item.id, "Polygon1")
    service.follow.set(False)
    count = len(names)
    world.cut.select()
    world.cut.playhead(24)
    qtbot.wait(1200)
    assert len(names) == count
    assert world.double.page != "fusion"
    ask(service.open_fusion, shot_of(shot_view(picked[0]).record))
    assert world.double.page == "fusion"
    frame = world.double.timeline.playhead
    assert item.start <= frame < item.start + item.duration


def test_a_pick_is_heard_although_another_clip_is_being_read(
    make_world: Callable[..., World], qtbot: Any
) -> None:
    world = make_world("studio", "21.1")
    item = film(world)
    world.cut.mask(item, POLYGON)
    world.options += ["--watch-s", "0.2"]
    hold = Hold(world.tmp / "hold", "read_shot")
    hold.open()
    world.variables = hold.variables
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    qtbot.waitUntil(lambda: service.shot.value is not None, timeout=60000)
    picked: list[Any] = []
    service.picked.connect(picked.append)
    hold.shut()
    world.cut.playhead(24)
    qtbot.waitUntil(lambda: service.seen.value.item_id not in ("", item.id), timeout=60000)
    world.cut.playhead(14)
    world.pick(item, "Polygon1")
    qtbot.waitUntil(lambda: bool(service.seen.value.picked), timeout=60000)
    assert picked == []
    hold.open()
    qtbot.waitUntil(lambda: len(picked) == 1, timeout=60000)
    assert (picked[0].item_id, picked[0].pick) == (item.id, "Polygon1")
    qtbot.wait(500)
    assert len(picked) == 1
    assert service.shot.value == picked[0], "no read without the pick takes its place"


def test_what_cannot_be_followed_is_said(make_world: Callable[..., World], qtbot: Any) -> None:
    world = make_world("free", "21.1")
    film(world)
    world.cut.put(world.film.offline("lost.mov"), at=40, frames_count=8)
    world.options += ["--watch-s", "0.2"]
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    qtbot.waitUntil(lambda: service.shot.value is not None, timeout=60000)
    said: list[Any] = []
    service.shot_failed.connect(said.append)
    world.cut.playhead(42)
    qtbot.waitUntil(lambda: len(said) == 1, timeout=60000)
    assert said[0][0] == "clip_offline"
    assert said[0][1].endswith(".")

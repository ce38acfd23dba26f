"""A take that is a folder of pictures, through service, child, agent and Resolve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin.services.host_view import placement_of, record_of, result_for
from resolve_bridge.placement import Delivery
from tests.bridge.journey.editing import negate_to_pictures
from tests.doubles.resolve import Faults
from tests.panel.host.world import Ask, Reply, World, film, ready


def taken(extract: Any, out: Path, kind: Any, ending: str) -> Any:
    path = negate_to_pictures(ending)(extract, out, Delivery(kind), 1)
    return result_for(
        extract,
        path=str(path),
        frames=extract.count,
        kind=kind,
        key=f"{extract.path}-{kind}-{ending}",
        shot_name="A012_C004.mov",
        title="red leather jacket",
        take=1,
        recipe='{"schema":"flowanchor.EditRequest.1"}',
    )


@pytest.mark.parametrize(
    ("edition", "version", "kind", "ending"),
    [
        ("free", "21.1", "patch", "png"),
        pytest.param("free", "21.1", "frame", "exr", marks=pytest.mark.slow),
        pytest.param("studio", "21.1", "take", "exr", marks=pytest.mark.slow),
        pytest.param("free", "18.5", "patch", "png", marks=pytest.mark.slow),
        pytest.param("free", "18.5", "take", "dpx", marks=pytest.mark.slow),
    ],
)
def test_pictures_go_to_the_timeline_and_back(
    edition: str,
    version: str,
    kind: str,
    ending: str,
    make_world: Callable[..., World],
    ask: Ask,
    qtbot: Any,
) -> None:
    world = make_world(edition, version, faults=Faults(sequence_rate="30"))
    item = film(world)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    shot = ask(service.read_shot)
    before = world.double.state()
    result = taken(ask(service.make_extract, shot), world.tmp / "takes", kind, ending)
    placed = ask(service.place, shot, result)
    added = world.changed(before)
    media = next(m for m in world.double.project.all_media() if m.id == placed.placement.media_id)
    assert (media.kind, media.frames, media.rate) == ("sequence", 12, "24")
    clip = world.clip(placed.placement.item_id)
    assert (clip.start, clip.duration) == (86410, 12)
    assert (clip.id == item.id) is (kind == "take")
    assert ("light" in placed.placement.notes) is (ending == "exr")
    assert ask(service.place, shot, result) == placed, "the same result twice is one"
    assert world.changed(before) == added
    ask(service.undo, placement_of(record_of(placed.placement)))
    assert world.changed(before) == []
    assert len(list(Path(result.path).iterdir())) == 12


def test_what_keeps_pictures_out_is_said_with_its_code(
    make_world: Callable[..., World], ask: Ask, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world("free", "20.3")
    film(world)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    shot = ask(service.read_shot)
    before = world.double.state()
    result = taken(ask(service.make_extract, shot), world.tmp / "takes", "patch", "png")

    def refused() -> tuple[str, str, tuple[str, ...]]:
        asked = reply()
        service.place(shot, result, asked.done, asked.error)
        return asked.fail()

    world.double.faults.individual_frames = True
    assert refused()[0] == "import_split"
    world.double.faults.individual_frames = False
    world.double.faults.sequence_rate, world.double.faults.fps = "30", "ignored"
    code, sentence, hint = refused()
    assert (code, hint[0]) == ("import_rate", "choose_codec")
    assert "30" in sentence
    sorted(Path(result.path).iterdir())[5].unlink()
    assert refused()[0] == "result_pictures"
    assert world.changed(before) == []

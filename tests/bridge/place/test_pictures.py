"""Results that are folders of pictures: placed once, taken back whole, told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolve_bridge import records
from resolve_bridge.errors.base import HostError
from resolve_bridge.errors.placing import ImportRateError, ImportSplitError, ResultPicturesError
from resolve_bridge.placement import Delivery, Placement
from resolve_bridge.shot import ItemKind
from tests.bridge.host.links import agent_link, roads, studio_link
from tests.bridge.place.pictures import edited, shows_the_edit
from tests.bridge.place.scenes import changed, scene

FITS = [
    ("png", Delivery.PATCH),
    ("png", Delivery.FRAME),
    ("png", Delivery.TAKE),
    ("exr", Delivery.FRAME),
    ("exr", Delivery.TAKE),
    ("dpx", Delivery.FRAME),
]


@pytest.mark.parametrize(("ending", "delivery"), FITS)
@pytest.mark.parametrize(("road", "edition", "version"), roads())
def test_pictures_are_placed_once_and_taken_back_whole(
    road: str, edition: str, version: str, ending: str, delivery: Delivery, tmp_path: Path
) -> None:
    double, _cut, item = scene(tmp_path, version, edition=edition)
    before = double.state()
    with (agent_link if road == "agent" else studio_link)(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, delivery, ending=ending)
        placed = link.host.place(shot, result)
        added = changed(before, double)
        assert link.host.place(shot, result) == placed, "the same result twice is one"
        assert changed(before, double) == added
        media = next(m for m in double.project.all_media() if m.id == placed.media_id)
        assert media.name == f"take-1.[000000-000011].{ending}"
        assert (media.kind, media.frames, media.rate) == ("sequence", 12, "24")
        assert placed.path == result.path
        again = link.host.shot(item_id=placed.item_id)
        assert again.kind is ItemKind.SEQUENCE
        assert (again.start, again.frames) == (shot.start, 12)
        assert (again.source_start, again.source_stop) == (0, 12)
        recipe = link.host.recipe(again)
        assert recipe.placement == placed
        shows_the_edit(double, placed, item)
        link.host.undo(records.load(Placement, records.dump(placed)))
        assert changed(before, double) == []
        link.host.undo(placed)
        assert changed(before, double) == []
    assert len(list(Path(result.path).iterdir())) == 12, "the take stays"
    assert double.calls.unknown() == []


def test_errors_about_pictures_are_one_sentence() -> None:
    for error in (
        ResultPicturesError(name="t3", what="it holds no pictures"),
        ImportSplitError(),
        ImportRateError(name="t3", found="24", needed="25"),
    ):
        assert isinstance(error, HostError)
        assert error.user_message.endswith(".")

"""Describe → extract → edit → place → tweak → redo → undo: every road, edition and version."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge import records
from resolve_bridge.placement import Delivery, Placement, Result
from resolve_bridge.shot import Route
from tests.bridge.host.links import SPEED, Link, agent_link, roads, studio_link
from tests.bridge.journey.editing import edit_with_the_model, result_of
from tests.doubles.resolve import Double, difference


@contextlib.contextmanager
def linked(road: str, double: Double, tmp: Path) -> Iterator[Link]:
    link = agent_link if road == "agent" else studio_link
    with link(double, tmp) as made:
        yield made


def scene(edition: str, version: str, tmp: Path) -> tuple[Double, Any, Any]:
    """A cut with neighbours, a title above, grade, transform, marks, bins, Deliver settings."""
    double = Double(edition, version, home=tmp / "home", speed=SPEED)
    film = double.build("Film", rate="24", size=(256, 144))
    shots = film.folder("Rushes")
    first = film.video("A001.mov", frames_count=48, channels=2)
    second = film.video("A002.mov", frames_count=48)
    cut = film.timeline("Cut", start="01:00:00:00", video=3)
    cut.put(second, at=0, left=2, frames_count=10)
    item = cut.put(first, at=10, left=5, frames_count=12, linked_audio=True)
    cut.put(second, at=22, left=20, frames_count=10)
    cut.title("Text", at=12, frames_count=6, track=3)
    cut.grade(item, (1.2, 1.0, 0.8))
    item.props.update({"Pan": 12.0, "ZoomX": 1.5, "ZoomY": 1.5})
    cut.marker(3, "Blue", "user")
    cut.lock_track(3)
    cut.marks(2, 30)
    cut.playhead(14)
    cut.disable_track(3)
    film.deliver("mp4", "H264", TargetDir="/user/renders", FormatWidth=256, FormatHeight=144)
    film.foreign_job()
    double.page = "color"
    assert shots is not None
    return double, cut, item


def leftovers(before: dict[str, Any], double: Double) -> list[str]:
    """What differs, less the agent's own scratch and the number of saves."""
    return [
        line
        for line in difference(before, double.state())
        if not line.startswith(("prefs", "data")) and ".saves:" not in line
    ]


@pytest.mark.parametrize("delivery", list(Delivery), ids=str)
@pytest.mark.parametrize(("road", "edition", "version"), roads())
def test_round_trip_leaves_the_placed_and_undo_leaves_nothing(
    road: str, edition: str, version: str, delivery: Delivery, tmp_path: Path
) -> None:
    double, _cut, item = scene(edition, version, tmp_path)
    before = double.state()
    with linked(road, double, tmp_path) as link:
        shot = link.host.shot()
        assert shot.item_id == item.id
        assert (shot.route, shot.source_start, shot.source_stop) == (Route.SOURCE, 5, 17)
        extract = link.host.extract(shot)
        assert leftovers(before, double) == []

        def edited(seed: int = 1) -> Result:
            takes = tmp_path / "takes"
            return result_of(extract, takes, delivery, seed=seed, edit=edit_with_the_model)

        first = link.host.place(shot, edited())
        added = leftovers(before, double)
        _only_the_placed(double, item, first, added, delivery)
        again = link.host.place(shot, edited())
        assert again == first, "the same result twice is one"
        assert leftovers(before, double) == added

        # Redo from the clip alone: what the timeline holds is enough.
        placed = link.host.shot(item_id=first.item_id)
        recipe = link.host.recipe(placed)
        assert recipe.recipe.startswith('{"schema":"flowanchor.EditRequest.1"')
        assert recipe.placement == first
        if delivery is not Delivery.TAKE:
            assert link.host.source_of(recipe.placement).fingerprint()[2:] == (
                shot.item_id,
                shot.track,
                *shot.fingerprint()[4:],
            )
        second = link.host.place(shot, edited(seed=2))
        assert second.item_id != first.item_id or delivery is Delivery.TAKE
        assert second.media_id != first.media_id

        link.host.undo(second)
        assert leftovers(before, double) == added, "undo removes exactly the second"
        remembered = records.load(Placement, records.dump(first))
        link.host.undo(remembered)
        assert leftovers(before, double) == []
        link.host.undo(remembered)  # once more changes nothing
        assert leftovers(before, double) == []
    assert double.calls.unknown() == []
    assert double.calls.of("FinalizeTake") == []


def _only_the_placed(
    double: Double, item: Any, placed: Placement, added: list[str], delivery: Delivery
) -> None:
    timeline = double.timeline
    assert timeline is not None
    video = timeline.tracks["video"]
    if delivery is Delivery.TAKE:
        assert item.take == len(item.takes) == 2
        assert (item.start, item.duration) == (86410, 12)
        assert len(video) == 3
    else:
        assert [track.name for track in video].count("FlowAnchor") == 1
        track = next(track for track in video if track.name == "FlowAnchor")
        assert [clip.id for clip in track.items] == [placed.item_id]
        clip = track.items[0]
        assert (clip.start, clip.duration, clip.left) == (86410, 12, 0)
        assert clip.props["Pan"] == 12.0
        assert clip.props["ZoomX"] == 1.5
        assert clip.nodes[0].gain == (1.2, 1.0, 0.8)
        assert clip.media is not None
        assert clip.media.alpha == (delivery is Delivery.PATCH)
    root = double.project.root
    assert [folder.name for folder in root.folders] == ["Rushes", "FlowAnchor"]
    assert len(root.folders[1].media) == 1
    assert root.folders[1].media[0].metadata["Keywords"] == "AI edit"
    named = ("timelines", "root", "tracks", "items")
    assert all(any(word in line for word in named) for line in added), added

"""What a placed result carries: marker, recipe, colour and length."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolve_bridge.errors.placing import NoRecipeError
from resolve_bridge.extract import Look
from resolve_bridge.placement import Delivery, Result
from resolve_bridge.shot import Shot
from tests.bridge.host.links import direct_link
from tests.bridge.place.scenes import changed, edited, scene


def test_occupied_marker_frames_are_stepped_over(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    double.proxy(item).AddMarker(0, "Blue", "mine", "", 1, "")
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        placed = link.host.place(shot, result)
        assert placed.marker_frame == 1
        link.host.undo(placed)
    assert list(item.markers) == [0]


def test_a_foreign_clip_carries_no_recipe(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    double.proxy(item).AddMarker(0, "Blue", "x", "", 1, '{"flowanchor": {"placement": 1}}')
    with direct_link(double, tmp_path) as link, pytest.raises(NoRecipeError):
        link.host.recipe(link.host.shot())


def test_the_playhead_sees_through_our_patch(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        link.host.place(shot, result)
        assert link.host.shot().item_id == item.id


def test_colour_interpretation_follows_the_source(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    item.media.props.update({"Data Level": "Full", "Input Color Space": "ARRI LogC3"})
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
    media = next(m for m in double.project.all_media() if m.id == placed.media_id)
    assert media.props["Data Level"] == "Full"
    assert media.props["Input Color Space"] == "ARRI LogC3"
    assert placed.notes == ()


def test_an_untitled_project_is_never_saved(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    double.project.name = double.current = "Untitled Project"
    double.projects = [double.projects[-1]]
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        link.host.place(shot, result)
    assert double.calls.of("ProjectManager.SaveProject") == []


def test_a_still_fills_its_span(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    film = double.build("Stills", rate="24", size=(64, 36))
    cut = film.timeline("Cut", start="01:00:00:00", video=1)
    item = cut.put(film.still("still.png"), at=0, frames_count=20)
    cut.playhead(2)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        assert shot.item_id == item.id
        assert (shot.source_start, shot.source_stop, shot.frame_count) == (0, 1, 1)
        extract = link.host.extract(shot)
        copy = tmp_path / "take.png"
        copy.write_bytes(Path(extract.path).read_bytes())
        result = result_like(copy, shot)
        placed = link.host.place(shot, result)
        assert placed.stop - placed.start == 20
        link.host.undo(placed)
    assert changed(before, double) == []


def result_like(path: Path, shot: Shot) -> Result:
    return Result(
        path=str(path),
        frames=1,
        rate=shot.timeline.rate,
        delivery=Delivery.FRAME,
        key="still",
        name="still",
        recipe="{}",
        grade=Look.COPY,
        transform=Look.COPY,
    )

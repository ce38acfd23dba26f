"""Placing while shot, project or person change: whatever fails leaves the timeline as it was."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.link import ModalError
from resolve_bridge.errors.placing import ImportRefusedError, ResultFileError
from resolve_bridge.errors.shot import HostChangedError, ProjectChangedError
from resolve_bridge.placement import Delivery
from tests.bridge.host.links import direct_link
from tests.bridge.journey.editing import result_of
from tests.bridge.place.scenes import changed, edited, scene
from tests.doubles.resolve import Double, Faults


def test_a_moved_shot_is_not_placed_on(tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        item.start += 3
        before = double.state()
        with pytest.raises(HostChangedError) as caught:
            link.host.place(shot, result)
        assert caught.value.hint == ("place_new_position", "keep_in_list")
        assert changed(before, double) == []
        again = link.host.shot(item_id=item.id)
        assert link.host.place(again, result).start == again.start


@pytest.mark.parametrize("when", ["before", "ImportMedia", "AppendToTimeline"])
def test_a_deleted_shot_is_said_and_nothing_stays(when: str, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        if when == "before":
            double.delete_item(item)
        else:
            double.on(f"MediaPool.{when}", lambda d: d.delete_item(item))
        with pytest.raises(HostChangedError):
            link.host.place(shot, result)
    assert [folder.name for folder in double.project.root.folders] == []
    assert len(double.timeline.tracks["video"]) == 2  # type: ignore[union-attr]


def test_another_project_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.switch_project("Other")
        double.project.timelines.append(double.new_timeline(double.project, "T"))
        double.project.current = double.project.timelines[0].id
        with pytest.raises(ProjectChangedError, match="Film"):
            link.host.place(shot, result)


def test_a_project_switched_in_the_middle_is_tidied_when_it_is_open_again(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()

    def switch(double: Double) -> None:
        double.switch_project("Other")
        double.project.timelines.append(double.new_timeline(double.project, "T"))
        double.project.current = double.project.timelines[0].id

    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.on("MediaPool.ImportMedia", switch, after=True)
        with pytest.raises(BridgeError):
            link.host.place(shot, result)
        double.switch_project("Film")
        assert link.host.connect().recovered
    assert [line for line in changed(before, double) if "Other" not in line] == []


def test_a_dead_resolve_is_tidied_at_the_next_start(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    for method in (
        "MediaPool.AddSubFolder",
        "MediaPool.ImportMedia",
        "Timeline.AddTrack",
        "Timeline.SetTrackName",
        "MediaPool.AppendToTimeline",
        "TimelineItem.AddMarker",
    ):
        with direct_link(double, tmp_path) as link:
            shot, result = edited(link, tmp_path)
            double.on(method, lambda d: d.die(), after=True)
            with pytest.raises(BridgeError):
                link.host.place(shot, result)
        double.dead = False
        with direct_link(double, tmp_path):
            assert changed(before, double) == [], method


def test_a_dialog_while_placing_is_named_and_tidied(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.on("MediaPool.AppendToTimeline", lambda d: setattr(d, "modal", "x"), after=True)
        with pytest.raises(ModalError):
            link.host.place(shot, result)
        double.dismiss()
        assert link.host.connect().recovered
    assert changed(before, double) == []


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        with pytest.raises(ResultFileError):
            link.host.place(shot, dataclasses.replace(result, path=str(tmp_path / "no.mov")))
    assert changed(before, double) == []


def test_a_refused_import_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(import_nothing=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        with pytest.raises(ImportRefusedError):
            link.host.place(shot, result)
    assert changed(before, double) == []


@pytest.mark.parametrize("name", ["ünïcode dir", "with space", "日本語"])
def test_any_folder_name_comes_through(name: str, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot = link.host.shot()
        result = result_of(link.host.extract(shot), tmp_path / name, Delivery.PATCH)
        placed = link.host.place(shot, result)
        assert link.host.place(shot, result) == placed


@pytest.mark.parametrize("known", ["empty", "same", "new"])
def test_a_file_that_is_already_in_our_bin_is_used(known: str, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path, faults=Faults(reimport=known))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        first = link.host.place(shot, result)
        second = link.host.place(shot, dataclasses.replace(result, key="again"))
        assert second.media_id == first.media_id
        assert sum("take" in media.name for media in double.project.all_media()) == 1
        link.host.undo(second)
        assert link.host.shot(item_id=first.item_id).name == result.name
        link.host.undo(first)
    assert item.start == 86410
    assert all("take" not in media.name for media in double.project.all_media())

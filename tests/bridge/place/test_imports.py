"""How Resolve takes pictures, and pictures that are in a bin of the user's already."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge.errors.base import BridgeError
from resolve_bridge.errors.placing import (
    ImportRateError,
    ImportRefusedError,
    ImportSplitError,
    PlaceUnconfirmedError,
)
from resolve_bridge.placement import Delivery
from tests.bridge.host.links import agent_link, direct_link
from tests.bridge.journey.editing import result_of
from tests.bridge.place.pictures import edited, shows_the_edit
from tests.bridge.place.scenes import changed, scene
from tests.doubles.resolve import Double, Faults


@pytest.mark.parametrize("delivery", list(Delivery), ids=str)
def test_a_resolve_that_takes_paths_alone_gets_paths(delivery: Delivery, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path, faults=Faults(import_dicts=False))
    before = double.state()
    with agent_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, delivery)
        placed = link.host.place(shot, result)
        shows_the_edit(double, placed, item)
        link.host.undo(placed)
    assert changed(before, double) == []


def test_a_sequence_that_shows_another_path_is_still_the_one_that_was_imported(
    tmp_path: Path,
) -> None:
    double, _cut, item = scene(tmp_path, faults=Faults(sequence_path="first"))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        assert placed.media_made
        assert link.host.place(shot, result) == placed
        shows_the_edit(double, placed, item)
        link.host.undo(placed)
        assert changed(before, double) == []
        double.faults.sequence_rate, double.faults.fps = "30", "ignored"
        with pytest.raises(ImportRateError):
            link.host.place(shot, result)
    assert changed(before, double) == []


def test_individual_frames_are_named_and_taken_back(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(individual_frames=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        with pytest.raises(ImportSplitError, match="Show Individual Frames"):
            link.host.place(shot, result)
        assert changed(before, double) == []
        double.faults.individual_frames = False
        link.host.undo(link.host.place(shot, result))
    assert changed(before, double) == []


def test_pictures_that_resolve_does_not_take_are_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(import_nothing=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        with pytest.raises(ImportRefusedError):
            link.host.place(shot, result)
    assert changed(before, double) == []


@pytest.mark.parametrize("name", ["100% wool", "ünïcode dir", "日本語", "a [1-2] b", "shot 12"])
def test_any_name_comes_through(name: str, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path)
    before = double.state()
    with agent_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        folder = Path(result.path).rename(tmp_path / name)
        for path in list(folder.iterdir()):
            path.rename(folder / path.name.replace("take-1", name))
        result = dataclasses.replace(result, path=str(folder))
        placed = link.host.place(shot, result)
        shows_the_edit(double, placed, item)
        assert link.host.place(shot, result) == placed
        link.host.undo(placed)
    assert changed(before, double) == []


@pytest.mark.parametrize("counts", ["offset", "absolute"])
@pytest.mark.parametrize("left", ["offset", "absolute"])
@pytest.mark.parametrize("delivery", list(Delivery), ids=str)
def test_pictures_numbered_from_1001_begin_with_their_first(
    counts: str, left: str, delivery: Delivery, tmp_path: Path
) -> None:
    """Whether an append counts from 0 or from the first number is not documented."""
    double, _cut, item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, delivery, first=1001)
        double.faults.append_start, double.faults.left_offset = counts, left
        placed = link.host.place(shot, result)
        assert (placed.start, placed.stop) == (shot.start, shot.stop)
        shows_the_edit(double, placed, item)
        link.host.undo(placed)
    assert changed(before, double) == []


def test_a_failed_append_of_pictures_leaves_nothing(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, first=1001)

        def lock(double: Double) -> None:
            assert double.timeline is not None
            for number, track in enumerate(double.timeline.tracks["video"], start=1):
                if track.name == "FlowAnchor":
                    cut.lock_track(number)

        double.on("Timeline.SetTrackName", lock, after=True)
        with pytest.raises(PlaceUnconfirmedError):
            link.host.place(shot, result)
        assert len(double.calls.of("MediaPool.AppendToTimeline")) == 2, "from 0 and from 1001"
    assert changed(before, double) == []


@pytest.mark.parametrize("method", ["MediaPool.ImportMedia", "MediaPoolItem.SetClipProperty"])
@pytest.mark.parametrize("split", [False, True])
def test_a_dead_resolve_is_tidied_of_pictures_too(method: str, split: bool, tmp_path: Path) -> None:
    faults = Faults(sequence_rate="30", individual_frames=split)
    double, _cut, _item = scene(tmp_path, faults=faults)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        double.on(method, lambda d: d.die(), after=True)
        with pytest.raises(BridgeError):
            link.host.place(shot, result)
    double.dead = False
    with direct_link(double, tmp_path):
        assert changed(before, double) == []


@pytest.mark.parametrize("known", ["empty", "same", "new"])
@pytest.mark.parametrize("ending", ["png", "mov"])
def test_a_clip_in_a_bin_of_the_users_is_used_and_never_removed(
    known: str, ending: str, tmp_path: Path
) -> None:
    double, _cut, item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        if ending == "png":
            shot, result = edited(link, tmp_path)
            paths: list[Any] = sorted(map(str, Path(result.path).iterdir()))
        else:
            shot = link.host.shot()
            result = result_of(link.host.extract(shot), tmp_path / "takes", Delivery.PATCH)
            paths = [result.path]
        pool = double.resolve.GetProjectManager().GetCurrentProject().GetMediaPool()
        mine = pool.AddSubFolder(pool.GetRootFolder(), "mine")
        pool.SetCurrentFolder(mine)
        [theirs] = pool.ImportMedia(paths)
        double.faults.reimport = known
        before = double.state()
        placed = link.host.place(shot, result)
        assert placed.media_made is (known == "new")
        assert (placed.media_id == theirs.GetUniqueId()) is (known != "new")
        shows_the_edit(double, placed, item)
        link.host.undo(placed)
        assert changed(before, double) == []
        assert [clip.GetUniqueId() for clip in mine.GetClipList()] == [theirs.GetUniqueId()]


def test_the_rate_of_a_clip_of_the_users_is_not_touched(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(sequence_rate="30"))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        pool = double.resolve.GetProjectManager().GetCurrentProject().GetMediaPool()
        pool.ImportMedia(sorted(map(str, Path(result.path).iterdir())))
        before = double.state()
        with pytest.raises(ImportRateError):
            link.host.place(shot, result)
        assert changed(before, double) == []

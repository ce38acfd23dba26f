"""Undo takes back what was placed and nothing that others use."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolve_bridge.errors.placing import TrackLockedError, UndoChangedError
from tests.bridge.host.links import direct_link
from tests.bridge.place.scenes import changed, edited, scene
from tests.doubles.resolve import Faults


@pytest.mark.parametrize("page", ["edit", "color", "media", "fusion", "deliver"])
@pytest.mark.parametrize("refusals", [0, 1])
def test_undo_works_from_every_page(page: str, refusals: int, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    double.page = page
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        assert double.page == page
        double.faults.delete_clips_refusals = refusals
        link.host.undo(placed)
    assert changed(before, double) == []


def test_undo_does_not_guess(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        clip = double.timeline.tracks["video"][1].items[0]  # type: ignore[union-attr]
        clip.start += 2
        before = double.state()
        with pytest.raises(UndoChangedError):
            link.host.undo(placed)
        assert changed(before, double) == []


def test_undo_keeps_a_track_that_others_use(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        media = double.project.all_media()[0]
        mine = cut.put(media, at=80, frames_count=4, track=placed.track)
        link.host.undo(placed)
    track = double.timeline.tracks["video"][placed.track - 1]  # type: ignore[union-attr]
    assert [item.id for item in track.items] == [mine.id]


def test_undo_of_a_locked_track_is_said(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        cut.lock_track(placed.track)
        with pytest.raises(TrackLockedError):
            link.host.undo(placed)


@pytest.mark.parametrize("usage", ["counted", "late", "empty"])
def test_undo_keeps_media_that_others_use(usage: str, tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path, faults=Faults(usage=usage))
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        placed = link.host.place(shot, result)
        media = next(m for m in double.project.all_media() if m.id == placed.media_id)
        other = cut.put(media, at=100, frames_count=4)
        link.host.undo(placed)
    assert media in double.project.all_media()
    assert other in double.timeline.all_items()  # type: ignore[union-attr]

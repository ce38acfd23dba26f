"""Results as takes of the shot itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from resolve_bridge.errors.placing import (
    PlaceUnconfirmedError,
    TakeKindError,
    TakeLengthError,
    TrackLockedError,
)
from resolve_bridge.placement import Delivery
from tests.bridge.host.links import direct_link
from tests.bridge.place.scenes import changed, edited, scene
from tests.doubles.resolve import Faults


def test_a_take_of_another_length_is_refused(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        with pytest.raises(TakeLengthError, match="11 frames"):
            link.host.place(shot, dataclasses.replace(result, frames=11))
    assert changed(before, double) == []


def test_a_take_that_was_not_applied_is_noticed(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path, faults=Faults(take_not_applied=True))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        with pytest.raises(PlaceUnconfirmedError):
            link.host.place(shot, result)
    assert changed(before, double) == []


@pytest.mark.parametrize("selection", ["new", "old"])
def test_the_new_take_is_the_one_shown(selection: str, tmp_path: Path) -> None:
    double, _cut, item = scene(tmp_path, faults=Faults(take_selection=selection))
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        first = link.host.place(shot, result)
        assert item.take == 2
        second = link.host.place(
            shot, dataclasses.replace(result, key="other", path=_copy(result.path))
        )
        assert (item.take, len(item.takes)) == (3, 3)
        link.host.undo(second)
        assert (item.take, len(item.takes)) == (2, 2)
        link.host.undo(first)
    assert changed(before, double) == []


def _copy(path: str) -> str:
    other = Path(path).with_name("other.mov")
    other.write_bytes(Path(path).read_bytes())
    return str(other)


def test_a_locked_track_takes_no_take(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path, Delivery.TAKE)
        cut.lock_track(1)
        with pytest.raises(TrackLockedError):
            link.host.place(shot, result)


def test_a_title_has_no_takes(tmp_path: Path) -> None:
    double, cut, _item = scene(tmp_path)
    title = cut.title("Text", at=60, frames_count=12)
    with direct_link(double, tmp_path) as link:
        _shot, result = edited(link, tmp_path, Delivery.TAKE)
        with pytest.raises(TakeKindError):
            link.host.place(link.host.shot(item_id=title.id), result)

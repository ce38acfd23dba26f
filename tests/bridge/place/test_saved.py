"""Pictures without Resolve: saved as a folder and taken back."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge.errors.placing import ResultPicturesError, UndoChangedError
from resolve_bridge.placement import Delivery
from resolve_bridge.standalone import StandaloneHost
from tests.bridge.journey.editing import negate_to_pictures, result_of
from tests.bridge.place.pictures import SIZE
from tests.doubles.resolve import clips


def _saved(tmp: Path) -> tuple[StandaloneHost, Any, Any]:
    clip = clips.write_counted(tmp / "clip.mov", 12, size=SIZE, rate=Fraction(25))
    host = StandaloneHost(tmp / "FlowAnchor")
    host.open(clip)
    shot = host.shot()
    edit = negate_to_pictures("png")
    return host, shot, result_of(host.extract(shot), tmp / "takes", Delivery.PATCH, edit=edit)


def test_pictures_are_saved_as_a_folder_and_taken_back(tmp_path: Path) -> None:
    host, shot, result = _saved(tmp_path)
    placed = host.place(shot, result)
    assert Path(placed.path) == tmp_path / "FlowAnchor" / result.name
    names = [each.name for each in sorted(Path(placed.path).iterdir())]
    assert names == [each.name for each in sorted(Path(result.path).iterdir())]
    assert host.place(shot, result) == placed
    assert len(list((tmp_path / "FlowAnchor").iterdir())) == 2
    assert host.recipe(host.shot(item_id=placed.path)).recipe == result.recipe
    other = dataclasses.replace(result, key="other")
    assert Path(host.place(shot, other).path).name == f"{result.name} 2"
    host.undo(host.place(shot, other))
    host.undo(placed)
    assert not (tmp_path / "FlowAnchor").exists()
    assert len(list(Path(result.path).iterdir())) == 12


def test_a_saved_picture_that_was_painted_over_is_not_deleted(tmp_path: Path) -> None:
    host, shot, result = _saved(tmp_path)
    placed = host.place(shot, result)
    touched = sorted(Path(placed.path).iterdir())[4]
    touched.write_bytes(touched.read_bytes() + b"x")
    with pytest.raises(UndoChangedError):
        host.undo(placed)
    assert touched.is_file()


def test_a_folder_that_is_not_whole_is_not_saved(tmp_path: Path) -> None:
    host, shot, result = _saved(tmp_path)
    (Path(result.path) / "take-1.000004.png").unlink()
    with pytest.raises(ResultPicturesError):
        host.place(shot, result)
    assert not (tmp_path / "FlowAnchor").exists()

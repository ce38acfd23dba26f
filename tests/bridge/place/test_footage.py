"""Folders of pictures that are not whole, and the names of those that are."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolve_bridge.errors.placing import ResultFileError, ResultPicturesError
from resolve_bridge.footage import footage_of, shows
from resolve_bridge.kinds import sequence_files
from tests.bridge.host.links import direct_link
from tests.bridge.place.pictures import edited, write
from tests.bridge.place.scenes import changed, scene


def _gap(folder: Path) -> None:
    (folder / "take-1.000004.png").unlink()


def _short(folder: Path) -> None:
    (folder / "take-1.000011.png").unlink()


def _long(folder: Path) -> None:
    shutil.copy(folder / "take-1.000011.png", folder / "take-1.000012.png")


def _uneven(folder: Path) -> None:
    (folder / "take-1.000011.png").rename(folder / "take-1.11.png")


def _two_names(folder: Path) -> None:
    (folder / "take-1.000011.png").rename(folder / "other.000011.png")


def _two_kinds(folder: Path) -> None:
    (folder / "take-1.000011.png").rename(folder / "take-1.000011.tif")


def _no_number(folder: Path) -> None:
    (folder / "take-1.000011.png").rename(folder / "last.png")


def _hollow(folder: Path) -> None:
    (folder / "take-1.000003.png").write_bytes(b"")


def _none(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "what"),
    [(_gap, "holds 11 pictures of 12"), (_short, "holds 11 pictures of 12"),
     (_long, "holds 13 pictures of 13"), (_uneven, "not numbered alike"),
     (_two_names, "not numbered alike"), (_two_kinds, "not numbered alike"),
     (_no_number, "not numbered alike"), (_hollow, "1 of its pictures are empty"),
     (_none, "holds no pictures")],
)  # fmt: skip
def test_pictures_that_are_not_whole_are_not_placed(spoil: Any, what: str, tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    before = double.state()
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        spoil(Path(result.path))
        with pytest.raises(ResultPicturesError, match=what) as caught:
            link.host.place(shot, result)
        assert caught.value.code == "result_pictures"
        assert double.calls.of("MediaPool.ImportMedia") == []
    assert changed(before, double) == []


def test_a_folder_that_went_away_is_said(tmp_path: Path) -> None:
    double, _cut, _item = scene(tmp_path)
    with direct_link(double, tmp_path) as link:
        shot, result = edited(link, tmp_path)
        shutil.rmtree(result.path)
        with pytest.raises(ResultFileError):
            link.host.place(shot, result)


def test_one_picture_is_no_sequence(tmp_path: Path) -> None:
    with pytest.raises(ResultPicturesError, match="no sequence"):
        footage_of(str(write(tmp_path / "one", [5])), 1)


def test_what_systems_leave_in_folders_is_passed_over(tmp_path: Path) -> None:
    folder = write(tmp_path / "take", range(4))
    (folder / "._take.0001.png").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "notes.txt").write_text("x")
    assert len(footage_of(str(folder), 4).pictures) == 4


@settings(max_examples=60, deadline=None)
@given(
    head=st.text("ab 1.[]-_%é日", max_size=6),
    first=st.integers(0, 1200),
    count=st.integers(2, 9),
    digits=st.integers(1, 7),
)
def test_label_and_pattern_name_the_same_files(
    head: str, first: int, count: int, digits: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("named")
    head = f"x{head}."
    numbers = range(first, first + count)
    for number in numbers:
        (folder / f"{head}{number:0{digits}d}.png").write_bytes(b"x")
    even = len({len(f"{number:0{digits}d}") for number in numbers}) == 1
    if not even:
        with pytest.raises(ResultPicturesError):
            footage_of(str(folder), count)
        return
    found = footage_of(str(folder), count)
    assert found.first == first
    assert sequence_files(found.label) == found.pictures
    for ways in found.ways:
        info = ways[0]
        if isinstance(info, dict):
            span = range(info["StartIndex"], info["EndIndex"] + 1)
            meant = [info["FilePath"] % number for number in span]
        else:
            meant = list(map(str, ways))
        assert meant == [str(each) for each in found.pictures]
    assert ("%" in head) is (len(found.ways) == 1)


@pytest.mark.parametrize(
    ("shown", "meant"),
    [("/t/a.[0000-0009].png", True), ("/t/a.0004.png", True), ("/t/a.[0002-0003].png", True),
     ("/t/a.[0000-0010].png", False), ("/t/a.0010.png", False), ("/t/b.0004.png", False),
     ("/t/a.4.png", False), ("", False)],
)  # fmt: skip
def test_a_sequence_is_known_by_its_label_and_by_its_pictures(shown: str, meant: bool) -> None:
    assert shows(shown, "/t/a.[0000-0009].png") is meant


def test_windows_paths_are_compared_as_windows_does() -> None:
    label = "C:\\t\\a.[00-09].png"
    assert shows("C:/t/a.[00-09].png", label)
    assert shows("C:\\t\\a.04.png", label)
    assert not shows("C:\\u\\a.04.png", label)

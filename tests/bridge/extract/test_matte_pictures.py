"""A mask's pictures: equal ones share a folder that is never written over, and is whole."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolve_bridge.errors.render import CancelledError, DiskError
from resolve_bridge.extract import silent
from resolve_bridge.matte_pictures import Kept, Picture, keep


def mask(shift: int = 0, frames: int = 4) -> list[Picture]:
    drawn = []
    for frame in range(frames):
        picture = np.zeros((12, 20), np.uint16)
        picture[2:8, 3 + frame + shift : 9 + frame + shift] = 40_000
        drawn.append(picture)
    return drawn


def kept(folder: Path, pictures: list[Picture], **options: Any) -> Kept:
    options.setdefault("report", silent)
    return keep(iter(pictures), len(pictures), folder, **options)


def states(folder: Path) -> dict[str, tuple[int, int, int]]:
    facts = ((each.name, each.stat()) for each in sorted(folder.iterdir()))
    return {name: (known.st_ino, known.st_size, known.st_mtime_ns) for name, known in facts}


def shown(folder: Path) -> list[Any]:
    return [
        cv2.imread(str(each), cv2.IMREAD_UNCHANGED) for each in sorted(folder.glob("matte_*.png"))
    ]


def test_an_equal_mask_is_the_same_folder_untouched(tmp_path: Path) -> None:
    first = kept(tmp_path, mask())
    assert (first.frames, first.width, first.height) == (4, 20, 12)
    assert first.label == str(first.folder / "matte_[0000-0003].png")
    before = states(first.folder)
    assert kept(tmp_path, mask()) == first
    assert states(first.folder) == before, "who knows a file by its time still knows it"
    assert list(tmp_path.iterdir()) == [first.folder]
    for drawn, read in zip(mask(), shown(first.folder), strict=True):
        np.testing.assert_array_equal(drawn, read)


@given(
    frame=st.integers(0, 3), row=st.integers(0, 11), column=st.integers(0, 19), by=st.integers(1, 9)
)
def test_one_pixel_makes_it_another_mask(
    tmp_path_factory: pytest.TempPathFactory, frame: int, row: int, column: int, by: int
) -> None:
    folder = tmp_path_factory.mktemp("mattes")
    other = mask()
    other[frame][row, column] += np.uint16(by)
    first = kept(folder, mask())
    assert kept(folder, other).folder != first.folder
    assert kept(folder, mask()) == first


def test_order_and_number_of_the_pictures_count(tmp_path: Path) -> None:
    pictures = mask()
    folders = {
        kept(tmp_path, each).folder
        for each in (pictures, pictures[::-1], pictures[:3], [*pictures, pictures[-1]])
    }
    assert len(folders) == 4


def _lose(folder: Path) -> None:
    (folder / "matte_0001.png").unlink()


def _damage(folder: Path) -> None:
    (folder / "matte_0002.png").write_bytes(b"not what it was")


def _extend(folder: Path) -> None:
    (folder / "matte_0004.png").write_bytes((folder / "matte_0003.png").read_bytes())


def _empty(folder: Path) -> None:
    for each in folder.iterdir():
        each.unlink()


@pytest.mark.parametrize("harm", [_lose, _damage, _extend, _empty])
def test_a_folder_that_is_not_whole_any_more_is_made_so(
    harm: Callable[[Path], None], tmp_path: Path
) -> None:
    first = kept(tmp_path, mask())
    before = states(first.folder)
    harm(first.folder)
    assert kept(tmp_path, mask()) == first
    after = states(first.folder)
    assert after.keys() == before.keys()
    if harm is not _empty:
        assert sum(before[name] == after[name] for name in before) >= 3, "the others stay"
    for drawn, read in zip(mask(), shown(first.folder), strict=True):
        np.testing.assert_array_equal(drawn, read)
    assert list(tmp_path.iterdir()) == [first.folder]


def test_two_readers_at_once_end_with_one_whole_folder(tmp_path: Path) -> None:
    meet = threading.Barrier(4)
    found: list[Kept] = []

    def pictures() -> Iterator[Picture]:
        yield from mask()
        meet.wait(60)  # all have written everything, and now want the name

    def read() -> None:
        found.append(keep(pictures(), 4, tmp_path, report=silent))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    assert len(found) == 4
    assert len({each.folder for each in found}) == 1
    assert list(tmp_path.iterdir()) == [found[0].folder]
    assert len(shown(found[0].folder)) == 4


def test_half_a_mask_is_none(tmp_path: Path) -> None:
    told: list[int] = []

    def check() -> None:
        if len(told) == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        kept(tmp_path, mask(), report=lambda _, done, __: told.append(done), check=check)
    assert told == [1, 2]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    def pictures() -> Iterator[Picture]:
        yield mask()[0]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskError, match="No space left on device"):
        keep(pictures(), 4, tmp_path / "mattes", report=silent)
    assert list((tmp_path / "mattes").iterdir()) == []


def test_what_lies_in_the_way_is_said(tmp_path: Path) -> None:
    first = kept(tmp_path, mask())
    for each in first.folder.iterdir():
        each.unlink()
    first.folder.rmdir()
    first.folder.write_bytes(b"a file of that name")
    with pytest.raises(DiskError):
        kept(tmp_path, mask())
    assert list(tmp_path.iterdir()) == [first.folder]

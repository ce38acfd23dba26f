"""The cache stays small, and nothing that is needed goes."""

from __future__ import annotations

import os
from pathlib import Path

from plugin.control.tidy import trim


def pictures(folder: Path, size: int, age: float) -> Path:
    folder.mkdir(parents=True)
    file = folder / "frames.raw"
    file.write_bytes(b"x" * size)
    os.utime(file, (1e9 - age, 1e9 - age))
    return folder


def test_the_oldest_go_until_the_rest_is_small_enough(tmp_path: Path) -> None:
    old, middle, new = (
        pictures(tmp_path / "proxies" / name, 100, age)
        for name, age in (("a", 30), ("b", 20), ("c", 10))
    )
    matte = pictures(tmp_path / "mattes" / "m", 100, 40)
    roots = [tmp_path / "proxies", tmp_path / "mattes", tmp_path / "absent"]
    assert trim(roots, limit=400) == ()
    assert trim(roots, [str(matte / "frames.raw")], limit=250) == (old, middle)
    assert new.is_dir()
    assert matte.is_dir()
    assert trim(roots, [str(matte / "frames.raw")], limit=0) == (new,)
    assert (matte / "frames.raw").is_file()


def test_what_was_left_half_written_goes_in_any_case(tmp_path: Path) -> None:
    left = pictures(tmp_path / "mattes" / ".matte-0123.tmp", 10, 1)
    whole = pictures(tmp_path / "mattes" / "matte-0123", 10, 2)
    assert trim([tmp_path / "mattes"]) == ()
    assert not left.exists()
    assert whole.is_dir()

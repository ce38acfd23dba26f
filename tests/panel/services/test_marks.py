"""By what files are known: everything that can change shows, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from plugin.services.marks import mark_of, names


def pictures(folder: Path, count: int = 3) -> list[Path]:
    made = [folder / f"m.{number:04d}.png" for number in range(1, count + 1)]
    for each in made:
        each.write_bytes(b"picture")
    return made


def test_a_file_is_known_until_it_is_written_or_gone(tmp_path: Path) -> None:
    clip = tmp_path / "A012_C004.mov"
    clip.write_bytes(b"clip")
    first = mark_of(str(clip))
    assert first is not None
    (tmp_path / "A012_C005.mov").write_bytes(b"the next clip of the camera")
    assert mark_of(str(clip)) == first
    clip.write_bytes(b"longer clip")
    assert mark_of(str(clip)) != first
    clip.unlink()
    assert mark_of(str(clip)) is None


def test_equal_bytes_written_later_are_another_state(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mov"
    clip.write_bytes(b"clip")
    first, known = mark_of(str(clip)), clip.stat()
    os.utime(clip, ns=(known.st_atime_ns, known.st_mtime_ns + 1_000_000_000))
    assert mark_of(str(clip)) != first
    os.utime(clip, ns=(known.st_atime_ns, known.st_mtime_ns))
    assert mark_of(str(clip)) == first


@pytest.mark.parametrize("name", ["m.0001.png", "m.[0001-0003].png", "m.####.png", "m.%04d.png"])
def test_every_picture_of_a_sequence_counts(tmp_path: Path, name: str) -> None:
    files = pictures(tmp_path)
    first = mark_of(str(tmp_path / name))
    assert first is not None
    (tmp_path / "other.0001.png").write_bytes(b"of another sequence")
    assert mark_of(str(tmp_path / name)) == first
    files[2].write_bytes(b"painted over")
    painted = mark_of(str(tmp_path / name))
    assert painted not in (first, None)
    files[1].unlink()
    assert mark_of(str(tmp_path / name)) not in (first, painted)


def test_a_folder_is_its_files_and_not_what_the_system_leaves_there(tmp_path: Path) -> None:
    files = pictures(tmp_path)
    first = mark_of(str(tmp_path))
    (tmp_path / ".DS_Store").write_bytes(b"looked at")
    assert mark_of(str(tmp_path)) == first
    files[0].unlink()
    assert mark_of(str(tmp_path)) != first


def test_nothing_is_known_of_what_is_not_there(tmp_path: Path) -> None:
    assert mark_of(str(tmp_path / "nobody" / "m.[0001-0003].png")) is None
    assert mark_of(str(tmp_path)) is None


@pytest.mark.parametrize(
    "name", ["m.0001.png", "m.[0001-0003].png", "m.####.png", "m.%04d.png", ""]
)
def test_a_sequence_means_each_of_its_pictures(tmp_path: Path, name: str) -> None:
    files = pictures(tmp_path)
    path = str(tmp_path / name) if name else str(tmp_path)
    assert all(names(path, each) for each in files)
    assert names(path, tmp_path / "nobody" / ".." / "m.0002.png") is False, "no such folder"
    assert names(path, tmp_path / "m.0004.png") is False, "no such picture"
    beside = tmp_path.with_name(f"{tmp_path.name}-beside")
    beside.mkdir()
    (beside / "m.0001.png").write_bytes(b"of the same name")
    assert names(path, beside / "m.0001.png") is False


def test_a_clip_means_itself_however_it_is_spelt(tmp_path: Path) -> None:
    clip, next_one = tmp_path / "A012_C004.mov", tmp_path / "A012_C005.mov"
    clip.write_bytes(b"clip")
    next_one.write_bytes(b"the next clip of the camera")
    (tmp_path / "link.mov").symlink_to(clip)
    (tmp_path / "folder").mkdir()
    assert names(str(clip), clip)
    assert names(str(clip), tmp_path / "folder" / ".." / clip.name)
    assert names(str(tmp_path / "link.mov"), clip), "what the link means would be gone"
    assert not names(str(clip), next_one)
    assert not names(str(tmp_path / "none.mov"), clip)

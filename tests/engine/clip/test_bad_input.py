"""Whatever is wrong with a file: one coded sentence with a way out, and nothing half written."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import namedtuple
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import OpenImageIO
import pytest

from flowanchor_engine.clip import atomic
from flowanchor_engine.clip.reader import open_clip, probe
from flowanchor_engine.clip.session import deliver, prepare
from flowanchor_engine.errors import Cancelled, DiskError, FlowAnchorError, OutputError
from flowanchor_engine.progress import Phase, Silent
from tests.engine.clip import film, films
from tests.engine.clip.film import Film
from tests.engine.clip.test_delivery import SMALL, _request, edit

if TYPE_CHECKING:
    from tests.engine.clip.conftest import Shoot


def _refused(path: Path, code: str) -> FlowAnchorError:
    with pytest.raises(FlowAnchorError) as caught:
        probe(path)
    error = caught.value
    assert error.code == code
    assert error.user_message.endswith(".")
    assert error.hint
    assert "Traceback" not in error.user_message
    assert "Errno" not in error.user_message
    return error


def test_missing_clip(tmp_path: Path) -> None:
    _refused(tmp_path / "none.mov", "clip_missing")


def test_zero_byte_clip(tmp_path: Path) -> None:
    (tmp_path / "zero.mov").touch()
    assert "empty" in _refused(tmp_path / "zero.mov", "clip_unreadable").user_message


@pytest.mark.parametrize("name", ["notes.mp4", "notes.mov", "notes.mkv", "notes.txt"])
def test_text_is_not_a_clip(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("these are only words\n" * 50)
    _refused(tmp_path / name, "clip_unreadable")


def test_header_cut_off(shoot: Shoot, tmp_path: Path) -> None:
    data = shoot(films.PRORES).read_bytes()
    (tmp_path / "cut.mov").write_bytes(data[: len(data) // 2])  # the index is at the end
    _refused(tmp_path / "cut.mov", "clip_unreadable")


def test_body_cut_off(shoot: Shoot, tmp_path: Path) -> None:
    recipe = Film("fast.mp4", "libx264")
    path = shoot(recipe)
    fast = tmp_path / "fast.mp4"
    film.ffmpeg("-i", str(path), "-c", "copy", "-movflags", "+faststart", str(fast))
    data = fast.read_bytes()
    fast.write_bytes(data[: len(data) * 2 // 3])  # the index survives, frames do not
    assert "cut off" in _refused(fast, "clip_unreadable").user_message


@pytest.mark.parametrize("suffix", [".m4a", ".wav"])
def test_audio_only(shoot: Shoot, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"voice{suffix}"
    film.ffmpeg(
        "-i",
        str(shoot(films.H264)),
        "-vn",
        *(["-c", "copy"] if suffix == ".m4a" else []),
        str(path),
    )
    assert path.stat().st_size > 100
    assert "sound" in _refused(path, "clip_unreadable").user_message


def test_cover_art_is_not_a_clip(tmp_path: Path, shoot: Shoot) -> None:
    from PIL import Image

    Image.new("RGB", (32, 32), (200, 10, 10)).save(tmp_path / "cover.jpg")
    path = tmp_path / "song.m4a"
    film.ffmpeg(
        *("-i", str(shoot(films.H264)), "-i", str(tmp_path / "cover.jpg")),
        *(
            "-map",
            "0:a",
            "-map",
            "1:v",
            "-c",
            "copy",
            "-disposition:v:0",
            "attached_pic",
            str(path),
        ),
    )
    assert path.exists()
    _refused(path, "clip_unreadable")


def test_encrypted_clip(shoot: Shoot, tmp_path: Path) -> None:
    path = tmp_path / "secret.mp4"
    film.ffmpeg(
        *("-i", str(shoot(films.UNTAGGED)), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr"),
        *("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"),
        *("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8", str(path)),
    )
    assert path.exists()
    _refused(path, "clip_unreadable")


@pytest.mark.parametrize("suffix", [".braw", ".R3D", ".ari"])
def test_camera_raw_needs_the_host(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"A001{suffix}"
    path.write_bytes(os.urandom(4096))
    error = _refused(path, "clip_unsupported")
    assert "render_in_host" in error.hint


def test_gap_in_a_sequence_names_the_frame(tmp_path: Path) -> None:
    files = film.write_images(tmp_path, ".png", 5)
    files[2].unlink()
    assert "1003" in _refused(files[0], "clip_unreadable").user_message


def test_empty_folder_and_mixed_folder(tmp_path: Path) -> None:
    _refused(tmp_path, "clip_missing")
    film.write_images(tmp_path, ".png", 2)
    film.write_images(tmp_path, ".tif", 2)
    _refused(tmp_path, "clip_unreadable")


def test_odd_one_out_in_a_sequence(tmp_path: Path) -> None:
    from PIL import Image

    files = film.write_images(tmp_path, ".png", 3)
    Image.new("RGB", (20, 20)).save(files[1])
    with (
        open_clip(tmp_path) as clip,
        pytest.raises(FlowAnchorError, match="another size") as caught,
    ):
        clip.read(1)
    assert caught.value.code == "clip_unreadable"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_non_finite_pixels_name_the_frame(tmp_path: Path, value: float) -> None:
    files = film.write_images(tmp_path, ".exr", 3)
    samples = np.full((film.HEIGHT, film.WIDTH, 3), 0.5, np.float32)
    samples[3, 4, 1] = value
    out = OpenImageIO.ImageOutput.create(str(files[1]))
    out.open(str(files[1]), OpenImageIO.ImageSpec(film.WIDTH, film.HEIGHT, 3, OpenImageIO.HALF))
    out.write_image(samples)
    out.close()
    with open_clip(tmp_path) as clip:
        clip.read(0)
        with pytest.raises(FlowAnchorError, match="Frame 1") as caught:
            clip.read(1)
    assert caught.value.code == "pixels_nonfinite"


def test_range_outside_the_clip(shoot: Shoot) -> None:
    for start, frames in ((20, 5), (24, None), (0, 25)):
        with pytest.raises(FlowAnchorError) as caught:
            prepare(_request(shoot(films.H264), start=start, frames=frames), Silent(), SMALL)
        assert caught.value.code == "clip_range"
        assert "0 to 23" in caught.value.user_message


# ---- writing ----------------------------------------------------------------------------


def _nothing_left(folder: Path, *, but: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    assert {p.name for p in folder.iterdir()} == set(but)


@pytest.mark.parametrize("codec", ["prores422hq", "h264", "png16"])
def test_a_failing_edit_leaves_nothing(shoot: Shoot, tmp_path: Path, codec: str) -> None:
    request = _request(shoot(films.H264), codec=codec)
    with prepare(request, Silent(), SMALL) as working:
        broken = working.frames[0:3]
        broken[1, 2, 3, 0] = np.nan
        with pytest.raises(FlowAnchorError) as caught:
            deliver(working, iter([broken]), request, tmp_path / "x", Silent())
    assert caught.value.code == "pixels_nonfinite"
    _nothing_left(tmp_path)


def test_too_short_an_edit_leaves_nothing(shoot: Shoot, tmp_path: Path) -> None:
    request = _request(shoot(films.H264))
    with prepare(request, Silent(), SMALL) as working, pytest.raises(OutputError, match="5 of 24"):
        deliver(working, [working.frames[0:5]], request, tmp_path / "x", Silent())
    _nothing_left(tmp_path)


class _Impatient(Silent):
    """Asks to stop at the fourth written frame."""

    def __init__(self) -> None:
        self.written = 0

    def phase(self, phase: Phase, done: int, total: int) -> None:
        self.written = done if phase is Phase.WRITE else self.written

    def check(self) -> None:
        if self.written >= 4:
            raise Cancelled


def test_cancelling_leaves_nothing_and_an_old_result_as_it_was(
    shoot: Shoot, tmp_path: Path
) -> None:
    old = tmp_path / "x.mov"
    old.write_bytes(b"an older take")
    request = _request(shoot(films.H264))
    with prepare(request, Silent(), SMALL) as working:
        frames = working.frames[:]
        with pytest.raises(Cancelled):
            deliver(working, [frames], request, old, _Impatient())
    assert old.read_bytes() == b"an older take"
    _nothing_left(tmp_path, but={"x.mov"})


def test_unwritable_folder(shoot: Shoot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError) as caught:
        edit(_request(shoot(films.H264), frames=2), tmp_path / "file" / "x.mov")
    assert caught.value.code == "output"
    assert caught.value.hint
    _nothing_left(tmp_path, but={"file"})


def test_full_disk_is_noticed_before_anything_is_written(
    shoot: Shoot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(DiskError) as caught:
        edit(_request(shoot(films.H264), frames=2), tmp_path / "x.mov")
    assert caught.value.code == "disk"
    assert "needed" in caught.value.user_message
    _nothing_left(tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_disk_that_fills_up_while_writing_is_told_as_such(shoot: Shoot) -> None:
    from flowanchor_engine.clip.encoder import Encoder
    from flowanchor_engine.clip.planes import Picture, PixelFormat
    from flowanchor_engine.clip.records import VideoPlan

    pixels = PixelFormat.of("yuv422p10le")
    plan = VideoPlan("mov", "prores_ks", pixels, 256, 256, Fraction(25), Fraction(1, 25))
    rng = np.random.default_rng(0)

    def fill() -> None:
        encoder = Encoder(Path("/dev/full"), plan)
        for i in range(50):
            noise = [rng.integers(0, 1023, (256, w), dtype=np.uint16) for w in (256, 128, 128)]
            encoder.encode(Picture(tuple(noise), pixels), i, 1)
        encoder.close()

    with pytest.raises(DiskError) as caught:
        fill()
    assert caught.value.code == "disk"


def test_existing_folder_is_not_overwritten(shoot: Shoot, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "keep.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        edit(_request(shoot(films.H264), frames=2, codec="png16"), tmp_path / "x")
    assert (tmp_path / "x" / "keep.txt").read_text() == "mine"
    _nothing_left(tmp_path, but={"x"})


def test_the_source_is_only_read(tmp_path: Path) -> None:
    path = film.write(tmp_path / "a.mov", films.PRORES)
    path.chmod(0o444)
    stamp = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns
    for kind in ("frame", "patch", "take"):
        edit(_request(path, kind=kind), tmp_path / f"out-{kind}")
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) == stamp


def test_new_file_appears_only_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "r.bin"

    def fail_half_way() -> None:
        with atomic.new_file(target) as temporary:
            temporary.write_bytes(b"half")
            assert not target.exists()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    _nothing_left(tmp_path)
    with atomic.new_file(target) as temporary:
        temporary.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    _nothing_left(tmp_path, but={"r.bin"})


def test_play_lists_are_not_followed(shoot: Shoot, tmp_path: Path) -> None:
    path = shoot(films.UNTAGGED)
    (tmp_path / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile '{path}'\n")
    _refused(tmp_path / "list.ffconcat", "clip_unreadable")
    (tmp_path / "list.m3u8").write_text(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n"
    )
    _refused(tmp_path / "list.m3u8", "clip_unreadable")

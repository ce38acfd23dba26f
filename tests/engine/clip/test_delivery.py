"""Exactly the clip that went in comes out: count, rate, times, tags, sound, samples."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowanchor_engine.clip.convert import convert
from flowanchor_engine.clip.crop import ModelFrame
from flowanchor_engine.clip.delivery import plan_delivery
from flowanchor_engine.clip.reader import open_clip, probe
from flowanchor_engine.clip.session import Delivered, deliver, prepare
from flowanchor_engine.clip.timecode import advance
from flowanchor_engine.errors import OutputError, RequestError
from flowanchor_engine.progress import Silent
from flowanchor_engine.request import (
    Delivery,
    EditRequest,
    MatteShape,
    MatteSpec,
    Prompts,
    SourceSpec,
    Working,
)
from tests.engine.clip import film, films
from tests.engine.clip.film import Film

if TYPE_CHECKING:
    from tests.engine.clip.conftest import Shoot

SMALL = ModelFrame(64, 64, 16)
BOX = MatteShape(kind="box", points=((0.3, 0.55), (0.6, 0.8)))


def _request(
    path: Path,
    *,
    start: int = 0,
    frames: int | None = None,
    matte: bool = True,
    kind: str = "frame",
    crop: str = "full",
    **delivery: object,
) -> EditRequest:
    return EditRequest(
        source=SourceSpec(path=str(path), start=start, frames=frames),
        matte=MatteSpec(shapes=(BOX,), grow_px=20, feather_px=60) if matte else None,
        prompts=Prompts(now="a", wanted="b"),
        working=Working(crop=crop),  # type: ignore[arg-type]
        delivery=Delivery(kind=kind, **delivery),  # type: ignore[arg-type]
    )


def edit(request: EditRequest, out: Path) -> Delivered:
    """Deliver the negative of what the model saw, in chunks of three."""
    with prepare(request, Silent(), SMALL) as working:
        chunks = (-working.frames[i : i + 3] for i in range(0, working.count, 3))
        return deliver(working, chunks, request, out, Silent())


def _stamp(path: Path) -> tuple[str, int]:
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns


MATRIX = [f for f in films.VIDEOS if f.name not in ("one.mov",)]


@pytest.mark.parametrize("span", [(0, None), (5, 9)], ids=["whole", "part"])
@pytest.mark.parametrize("kind", ["frame", "patch"])
@pytest.mark.parametrize("recipe", MATRIX, ids=str)
def test_everything_but_the_edit_survives(
    shoot: Shoot, tmp_path: Path, recipe: Film, kind: str, span: tuple[int, int | None]
) -> None:
    path = shoot(recipe)
    before = _stamp(path)
    source = probe(path)
    start, count = span[0], span[1] or recipe.frames
    done = edit(_request(path, start=start, frames=span[1], kind=kind), tmp_path / "result")
    result = probe(done.video)
    assert _stamp(path) == before
    assert done.frames == result.frames == count == film.judged_frames(done.video)
    assert (result.width, result.height, result.par) == (source.width, source.height, source.par)
    assert result.variable == source.variable
    if not source.variable:
        assert result.rate == done.rate == source.rate
        assert result.duration == count / source.rate
    else:
        with open_clip(path) as a, open_clip(done.video) as b:
            gaps = [
                [
                    clip.index.seconds(first + i + 1) - clip.index.seconds(first + i)
                    for i in range(count)
                ]
                for clip, first in ((a, start), (b, 0))
            ]
        assert gaps[0] == gaps[1]
    expected = source.tags
    if source.format.family == "yuv" and not source.colour.full_range:
        assert (result.tags.primaries, result.tags.transfer, result.tags.matrix) == (
            expected.primaries,
            expected.transfer,
            expected.matrix,
        )
    assert result.timecode == (source.timecode and advance(source.timecode, start, source.rate))
    assert result.reel == source.reel
    assert result.format.alpha == (kind == "patch" or source.format.alpha)
    if kind == "patch":
        assert (result.codec, result.profile, result.audio) == ("prores", "4444", ())
    elif recipe.sound and span[1] is None:
        assert film.audio_packets(done.video) == film.audio_packets(path)
    elif recipe.sound:
        part, whole = film.audio_packets(done.video), film.audio_packets(path)
        at = whole.index(part[0])
        assert whole[at : at + len(part)] == part
        moved = film.audio_times(path)[at] - film.audio_times(done.video)[0]
        assert abs(moved - start / source.rate) <= Fraction(1, 500)
        assert 0 < len(part) < len(whole)


@pytest.mark.parametrize(
    ("recipe", "codec", "profile"),
    [
        (films.PRORES, "prores", "HQ"),
        (films.PRORES_4444, "prores", "4444"),
        (films.ODD, "prores", "Standard"),
        (films.DNXHR, "dnxhd", "DNXHR HQX"),
        (films.H264, "prores", "HQ"),
        (films.HEVC_444, "prores", "4444"),
    ],
    ids=str,
)
def test_frame_matches_the_sources_codec(
    shoot: Shoot, tmp_path: Path, recipe: Film, codec: str, profile: str
) -> None:
    facts = probe(edit(_request(shoot(recipe), frames=3), tmp_path / "x").video)
    assert (facts.codec, facts.profile) == (codec, profile)


@pytest.mark.parametrize(
    "recipe", [films.PRORES, films.H264, films.DNXHR, films.HEVC, films.FULL, films.TURNED], ids=str
)
@pytest.mark.parametrize("crop", ["full", "fast", "zoom"])
def test_difference_outside_the_matte_is_zero_before_encoding(
    shoot: Shoot, tmp_path: Path, recipe: Film, crop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowanchor_engine.clip.encoder import Encoder

    caught = []
    encode = Encoder.encode

    def spy(self: Encoder, picture, pts: int, duration: int) -> None:  # type: ignore[no-untyped-def]
        caught.append(picture.writable())
        encode(self, picture, pts, duration)

    monkeypatch.setattr(Encoder, "encode", spy)
    request = _request(shoot(recipe), frames=6, crop=crop)
    with prepare(request, Silent(), SMALL) as working:
        deliver(working, (-working.frames[:],), request, tmp_path / "x", Silent())
        plan = plan_delivery(working.facts, request.delivery, tmp_path / "x")
        assert len(caught) == 6
        for i, result in enumerate(caught):
            original = convert(working.clip.read(i), working.facts.colour, plan.format, plan.colour)
            alpha = working.border.at(i)
            assert alpha is not None
            full = np.zeros((working.facts.height, working.facts.width), bool)
            tall, wide = alpha.values.shape
            full[alpha.y : alpha.y + tall, alpha.x : alpha.x + wide] = alpha.values > 0
            assert 0 < full.mean() < 0.8
            np.testing.assert_array_equal(result.planes[0][~full], original.planes[0][~full])
            assert (result.planes[0][full] != original.planes[0][full]).mean() > 0.2
            outside = ~(full[:, ::2] | np.pad(full[:, 1::2], ((0, 0), (0, full.shape[1] % 2))))
            if plan.format.sub_x == 1:
                np.testing.assert_array_equal(
                    result.planes[1][outside], original.planes[1][outside]
                )


def _sometimes(tmp_path: Path, size: tuple[int, int], frames: int, on: range) -> Path:
    from PIL import Image

    folder = tmp_path / "matte"
    folder.mkdir()
    for i in range(frames):
        picture = np.zeros((size[1], size[0]), np.uint8)
        if i in on:
            picture[size[1] // 2 : -8, size[0] // 3 : size[0] // 2] = 255
        Image.fromarray(picture).save(folder / f"m.{i:04d}.png")
    return folder


@pytest.mark.parametrize("recipe", [films.PRORES, films.DNXHR], ids=str)
def test_untouched_packets_are_copied_bit_for_bit(
    shoot: Shoot, tmp_path: Path, recipe: Film
) -> None:
    path = shoot(recipe)
    request = _request(path).model_copy(
        update={"matte": MatteSpec(path=str(_sometimes(tmp_path, recipe.size, 24, range(8, 11))))}
    )
    done = edit(request, tmp_path / "x.mov")
    before, after = film.video_packets(path), film.video_packets(done.video)
    edited = set(range(8, 15))  # the border fades for four frames after the matte
    assert done.copied == 24 - len(edited)
    assert [i for i in range(24) if before[i] != after[i]] == sorted(edited)
    with open_clip(done.video) as clip:
        assert [film.number_in(p) for p in clip.pictures(0, 24)] == list(range(24))
        assert clip.facts.tags == probe(path).tags
    assert film.judged_frames(done.video) == 24


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".dpx"])
def test_sequences_stay_sequences_and_untouched_files_are_copies(
    tmp_path: Path, suffix: str
) -> None:
    files = film.write_images(tmp_path / "plate", suffix, 8)
    matte = _sometimes(tmp_path, (film.WIDTH, film.HEIGHT), 8, range(2))
    request = _request(tmp_path / "plate").model_copy(
        update={"matte": MatteSpec(path=str(matte), grow_px=0, feather_px=0)}
    )
    done = edit(request, tmp_path / "result")
    after = sorted(done.video.iterdir())
    assert [f.name for f in after] == [f.name for f in files]
    assert [a.read_bytes() == b.read_bytes() for a, b in zip(files, after, strict=True)] == [
        False
    ] * 6 + [True] * 2
    with open_clip(files[0]) as a, open_clip(after[0]) as b:
        assert a.facts.format == b.facts.format
        one, two = a.read(0).planes[0], b.read(0).planes[0]
        inside = np.zeros(one.shape, bool)
        inside[film.HEIGHT // 2 : -8, film.WIDTH // 3 : film.WIDTH // 2] = True
        np.testing.assert_array_equal(one[~inside], two[~inside])
        assert (one[inside] != two[inside]).any()


@pytest.mark.parametrize("recipe", [films.H264, films.PRORES], ids=str)
def test_patch_file_is_transparent_outside_the_border(
    shoot: Shoot, tmp_path: Path, recipe: Film
) -> None:
    request = _request(shoot(recipe), frames=5, kind="patch")
    with prepare(request, Silent(), SMALL) as working:
        done = deliver(working, (-working.frames[:],), request, tmp_path / "x", Silent())
        with open_clip(done.video) as clip:
            for i, picture in enumerate(clip.pictures(0, 5)):
                alpha = working.border.at(i)
                assert alpha is not None
                full = np.zeros((working.facts.height, working.facts.width), np.float32)
                tall, wide = alpha.values.shape
                full[alpha.y : alpha.y + tall, alpha.x : alpha.x + wide] = alpha.values
                got = picture.planes[3] / picture.format.peak
                assert not got[full == 0].any()
                np.testing.assert_allclose(got, full, atol=0.003)


@settings(max_examples=14, deadline=None, suppress_health_check=list(HealthCheck))
@given(frames=st.integers(1, 24), start=st.integers(0, 23))
def test_as_many_frames_out_as_in(
    shoot: Shoot, tmp_path_factory: pytest.TempPathFactory, frames: int, start: int
) -> None:
    start = min(start, 24 - frames)
    out = tmp_path_factory.mktemp("out") / "x"
    done = edit(_request(shoot(films.H264), start=start, frames=frames), out)
    with open_clip(done.video) as clip:
        assert clip.facts.frames == frames
        assert [film.number_in(p) for p in clip.pictures(0, frames)] == list(
            range(start, start + frames)
        )


@pytest.mark.slow
def test_four_hundred_frames_in_and_out(shoot: Shoot, tmp_path: Path) -> None:
    recipe = Film("long.mp4", "libx264", frames=400)
    done = edit(_request(shoot(recipe)), tmp_path / "x.mp4")
    assert probe(done.video).frames == 400 == film.judged_frames(done.video)


@pytest.mark.parametrize("kind", ["frame", "take"])
@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("h264", ".mp4"), ("prores422hq", ".mov"), ("prores4444", ".mov"), ("png16", ""), ("exr", "")],
)
def test_every_codec_on_request(
    shoot: Shoot, tmp_path: Path, codec: str, suffix: str, kind: str
) -> None:
    done = edit(_request(shoot(films.H264), frames=3, kind=kind, codec=codec), tmp_path / "x")
    assert done.video == tmp_path / f"x{suffix}"
    with open_clip(done.video) as clip:
        assert [film.number_in(p) for p in clip.pictures(0, 3)] == [0, 1, 2]


def test_a_file_name_may_choose_the_codec(shoot: Shoot, tmp_path: Path) -> None:
    assert (
        probe(edit(_request(shoot(films.H264), frames=2), tmp_path / "x.mp4").video).codec == "h264"
    )
    with pytest.raises(RequestError):
        edit(_request(shoot(films.H264), frames=2, codec="h264"), tmp_path / "x.exr")


def test_exr_round_trip_of_video_shows_the_same_picture(shoot: Shoot, tmp_path: Path) -> None:
    from flowanchor_engine.clip.convert import to_rgb8

    done = edit(_request(shoot(films.HEVC_444), frames=1, codec="exr"), tmp_path / "x")
    with open_clip(shoot(films.HEVC_444)) as a, open_clip(done.video) as b:
        one = to_rgb8(a.read(0), a.facts.colour, (film.WIDTH, film.HEIGHT)).astype(int)
        two = to_rgb8(b.read(0), b.facts.colour, (film.WIDTH, film.HEIGHT)).astype(int)
    assert np.abs(one[:20] - two[:20]).max() <= 1


def test_dnxhr_is_refused_for_a_matrix_it_cannot_say(shoot: Shoot, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"BT\.709"):
        edit(_request(shoot(films.SD), frames=2, codec="dnxhr"), tmp_path / "x")


def test_patch_needs_alpha(shoot: Shoot, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="alpha"):
        edit(_request(shoot(films.H264), kind="patch", codec="h264"), tmp_path / "x")


def test_the_source_is_never_overwritten(shoot: Shoot, tmp_path: Path) -> None:
    path = film.write(tmp_path / "a.mov", films.PRORES)
    stamp = _stamp(path)
    with pytest.raises(OutputError, match="overwrite"):
        edit(_request(path), path)
    assert _stamp(path) == stamp


@pytest.mark.parametrize(
    ("timecode", "frames", "rate", "expected"),
    [
        ("01:00:00:00", 25, Fraction(25), "01:00:01:00"),
        ("00:59:59;20", 10, Fraction(30000, 1001), "01:00:00;00"),
        ("00:00:59;29", 1, Fraction(30000, 1001), "00:01:00;02"),
        ("00:00:59:29", 1, Fraction(30000, 1001), "00:01:00:00"),
        ("23:59:59:23", 1, Fraction(24000, 1001), "00:00:00:00"),
        ("10:00:00:00", 30, Fraction(26777, 1000), "10:00:01:03"),
    ],
)
def test_timecode_of_a_part(timecode: str, frames: int, rate: Fraction, expected: str) -> None:
    assert advance(timecode, frames, rate) == expected

"""Frame i is frame i, in every container and in any order."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowanchor_engine.clip import reader
from flowanchor_engine.clip.index import STANDARD_RATES, settle_rate
from flowanchor_engine.clip.plain import write_rgb
from flowanchor_engine.clip.reader import open_clip, probe
from flowanchor_engine.clip.records import PacketMark
from flowanchor_engine.errors import ClipRangeError
from tests.engine.clip import film, films
from tests.engine.clip.film import Film

if TYPE_CHECKING:
    from tests.engine.clip.conftest import Shoot


@pytest.mark.parametrize("recipe", films.VIDEOS, ids=str)
def test_random_access_gives_the_asked_frame(shoot: Shoot, recipe: Film) -> None:
    order = list(range(recipe.frames))
    random.Random(5).shuffle(order)
    with open_clip(shoot(recipe)) as clip:
        assert clip.facts.frames == recipe.frames
        assert [film.number_in(clip.read(i)) for i in order] == order
        assert [film.number_in(p) for p in clip.pictures(0, recipe.frames)] == sorted(order)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=st.lists(st.integers(0, 23), min_size=1, max_size=6))
@pytest.mark.parametrize("recipe", [films.HEVC, films.TS, films.MKV_VFR], ids=str)
def test_any_walk_through_a_clip_is_right(shoot: Shoot, recipe: Film, order: list[int]) -> None:
    with open_clip(shoot(recipe)) as clip:
        assert [film.number_in(clip.read(i)) for i in order] == order


@pytest.mark.parametrize("recipe", films.VIDEOS, ids=str)
def test_facts_agree_with_the_recipe_and_an_independent_ffmpeg(shoot: Shoot, recipe: Film) -> None:
    path = shoot(recipe)
    facts = probe(path)
    assert facts.frames == film.judged_frames(path)
    assert facts.variable == (recipe.times is not None)
    if not recipe.times:
        assert facts.rate == recipe.rate
        assert facts.duration == recipe.frames / recipe.rate
    assert (facts.width, facts.height) == recipe.size
    assert facts.timecode == recipe.timecode
    assert facts.reel == recipe.reel
    assert facts.par == recipe.par
    assert len(facts.audio) == (recipe.sound is not None)
    assert facts.intra_only == (recipe.codec in ("prores_ks", "dnxhd"))
    assert facts.format.alpha == ("yuva" in recipe.format)


def test_planes_are_the_decoders_own_samples(shoot: Shoot) -> None:
    recipe = Film("lossless.mkv", "ffv1", "yuv422p10le", frames=3)
    with open_clip(shoot(recipe)) as clip:
        for number in range(3):
            expected = film.planes_of(number, clip.facts.format, recipe.size)
            for got, wanted in zip(clip.read(number).planes, expected, strict=True):
                np.testing.assert_array_equal(got, wanted)


def test_rotated_clip_is_read_upright(shoot: Shoot) -> None:
    with open_clip(shoot(films.TURNED)) as clip:
        assert (clip.facts.width, clip.facts.height) == (film.HEIGHT, film.WIDTH)
        picture = clip.read(5)
        assert (picture.width, picture.height) == (film.HEIGHT, film.WIDTH)
        assert film.number_in(picture.rotated(-1)) == 5


def test_rotated_422_keeps_colour_in_every_pixel(shoot: Shoot) -> None:
    recipe = Film("turned422.mov", "prores_ks", "yuv422p10le", frames=2, degrees=90)
    with open_clip(shoot(recipe)) as clip:
        assert clip.facts.format.name == "yuv444p10le"
        assert {plane.shape for plane in clip.read(1).planes} == {(film.WIDTH, film.HEIGHT)}
        assert any("4:4:4" in note for note in clip.facts.notes)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".dpx"])
def test_sequences_are_read_by_any_of_their_names(tmp_path: Path, suffix: str) -> None:
    files = film.write_images(tmp_path / "shot", suffix, 6)
    names = [files[0], files[3], tmp_path / "shot", tmp_path / "shot" / f"shot.####{suffix}"]
    for name in names:
        with open_clip(name, rate=Fraction(24000, 1001)) as clip:
            assert (clip.facts.kind, clip.facts.frames) == ("sequence", 6)
            assert clip.facts.first_number == 1001
            assert clip.facts.rate == Fraction(24000, 1001)
            assert [film.number_in(clip.read(i)) for i in (4, 0, 5, 2)] == [4, 0, 5, 2]
            assert clip.facts.format.is_float == (suffix == ".exr")


def test_sequence_without_a_rate_says_what_it_assumes(tmp_path: Path) -> None:
    film.write_images(tmp_path, ".png", 2)
    facts = probe(tmp_path)
    assert facts.rate == 24
    assert any("24 fps is assumed" in note for note in facts.notes)


@pytest.mark.parametrize(
    ("durations", "rate", "variable"),
    [
        ([62, 63] * 4, Fraction(16), False),
        ([40] * 5, Fraction(25), False),
        ([40, 100, 40], None, True),
    ],
)
def test_animated_webp_has_frames_and_rate(
    tmp_path: Path, durations: list[int], rate: Fraction | None, variable: bool
) -> None:
    path = film.write_webp(tmp_path / "a.webp", durations)
    with open_clip(path) as clip:
        assert (clip.facts.kind, clip.facts.frames) == ("animation", len(durations))
        assert clip.facts.variable is variable
        assert rate is None or clip.facts.rate == rate
        order = [len(durations) - 1, 0, 1]
        assert [film.number_in(clip.read(i)) for i in order] == order


def test_leading_pictures_that_cannot_decode_are_no_frames(shoot: Shoot, tmp_path: Path) -> None:
    import av

    path = tmp_path / "from-the-middle.ts"
    with av.open(str(shoot(films.HEVC_TS))) as source, av.open(str(path), "w") as out:
        track = out.add_stream_from_template(source.streams.video[0])
        keys = 0
        for packet in source.demux(source.streams.video[0]):
            keys += packet.is_keyframe
            if packet.size and keys >= 2:  # an open group: its first pictures need the one before
                packet.stream = track
                out.mux(packet)
    with open_clip(path) as clip:
        count = clip.facts.frames
        assert count == film.judged_frames(path)
        first = film.number_in(clip.read(0))
        assert count == films.HEVC_TS.frames - first
        order = list(range(count))[::-1]
        assert [film.number_in(clip.read(i)) - first for i in order] == order


def test_times_of_coding_are_not_taken_for_times_of_showing(shoot: Shoot, tmp_path: Path) -> None:
    import av

    path = tmp_path / "scrambled.mp4"
    with av.open(str(shoot(films.H264))) as source, av.open(str(path), "w") as out:
        track = out.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux(source.streams.video[0]) if p.size):
            packet.stream = track
            packet.pts = packet.dts = 1001 * number
            out.mux(packet)
    order = list(range(24))
    random.Random(2).shuffle(order)
    with open_clip(path) as clip:
        assert [film.number_in(clip.read(i)) for i in order] == order
        assert any("coding" in note for note in clip.facts.notes)


def test_frames_outside_the_clip_are_refused(shoot: Shoot) -> None:
    with open_clip(shoot(films.ONE)) as clip:
        for number in (-1, 1):
            with pytest.raises(ClipRangeError) as caught:
                clip.read(number)
            assert caught.value.code == "clip_range"


def test_a_stated_rate_replaces_the_files(shoot: Shoot) -> None:
    facts = probe(shoot(films.H264), rate=Fraction(30))
    assert (facts.rate, facts.duration) == (30, Fraction(24, 30))


@given(
    rate=st.sampled_from(STANDARD_RATES),
    frames=st.integers(40, 200),
    base=st.sampled_from([Fraction(1, 1000), Fraction(1, 90000), Fraction(1, 12800)]),
    start=st.integers(-5000, 90000),
)
def test_rounded_times_still_tell_the_rate(
    rate: Fraction, frames: int, base: Fraction, start: int
) -> None:
    pts = [start + round(i / rate / base) for i in range(frames)]
    found, variable = settle_rate(pts, base, None)
    assert not variable
    # The times may fit a neighbour as well; then nobody can tell, and both fit to one tick.
    assert abs(1 / found - 1 / rate) * (frames - 1) <= 2 * max(base, Fraction(1, 1000))


@given(jitter=st.integers(3, 30), place=st.integers(1, 98))
def test_one_late_frame_makes_a_rate_variable(jitter: int, place: int) -> None:
    pts = [round(i * 40) for i in range(100)]
    pts[place] += jitter
    assert settle_rate(pts, Fraction(1, 1000), Fraction(25))[1]


def test_a_file_is_scanned_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scans = []
    scan = reader.scan

    def counted(path: Path) -> list[PacketMark]:
        scans.append(path)
        return scan(path)

    monkeypatch.setattr(reader, "scan", counted)
    clip = tmp_path / "a.mp4"
    for frames in (9, 6):
        pictures = np.zeros((frames, 32, 32, 3), np.uint8)
        write_rgb(pictures, tmp_path / "new.mp4", size=(32, 32), rate=Fraction(24))
        (tmp_path / "new.mp4").replace(clip)
        for _ in range(3):
            with open_clip(clip) as opened:
                assert opened.facts.frames == frames
    assert len(scans) == 2

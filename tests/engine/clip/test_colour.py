"""Code values mean what an independent FFmpeg says they mean, and go back unchanged."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.clip.colour import Colour, View, settle
from flowanchor_engine.clip.convert import convert, full_planes
from flowanchor_engine.clip.planes import Picture, PixelFormat
from flowanchor_engine.clip.reader import open_clip, probe
from flowanchor_engine.clip.records import Tags
from tests.engine.clip import film, films
from tests.engine.clip.film import Film

if TYPE_CHECKING:
    from tests.engine.clip.conftest import Shoot

MATRICES = [(1, 1, 1, 1), (5, 6, 5, 1), (6, 6, 6, 1), (9, 1, 9, 1), (1, 1, 1, 2)]


def _reference(path: Path, frame: int, size: tuple[int, int]) -> np.ndarray:
    """Return RGB 0..1 as the independent FFmpeg makes it."""
    raw = subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)),
            *("-vf", f"select=eq(n\\,{frame}),scale=flags=accurate_rnd+full_chroma_int+bitexact"),
            *("-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
        ],
        capture_output=True,
        check=True,
    ).stdout
    return np.frombuffer(raw, np.uint8).reshape(size[1], size[0], 3) / 255


@pytest.mark.parametrize("tags", MATRICES, ids=["709", "601-625", "601-525", "2020", "709-full"])
def test_rgb_agrees_with_an_independent_ffmpeg(
    shoot: Shoot, tags: tuple[int, int, int, int]
) -> None:
    recipe = Film(f"colour{tags[2]}{tags[3]}.mkv", "ffv1", "yuv444p10le", frames=2, tags=tags)
    path = shoot(recipe)
    with open_clip(path) as clip:
        picture, colour = clip.read(1), clip.facts.colour
    rgb = np.clip(colour.rgb_from_planes(full_planes(picture, colour), picture.format), 0, 1)
    np.testing.assert_allclose(rgb, _reference(path, 1, recipe.size), atol=1.3 / 255)


def _colour(matrix: int, full: bool, view: View = "as_is") -> Colour:
    return Colour(matrix, full, view, Tags())


@given(
    seed=st.integers(0, 2**32 - 1),
    matrix=st.sampled_from([1, 4, 5, 6, 7, 9]),
    full=st.booleans(),
    name=st.sampled_from(["yuv444p", "yuv444p10le", "yuv444p12le", "yuva444p10le", "yuv444p16le"]),
)
def test_every_code_value_survives_rgb(seed: int, matrix: int, full: bool, name: str) -> None:
    pixels, colour = PixelFormat.of(name), _colour(matrix, full)
    rng = np.random.default_rng(seed)
    planes = [
        rng.integers(0, pixels.peak, (6, 8), dtype=pixels.dtype, endpoint=True) for _ in range(3)
    ]
    units = [colour.unit(plane, pixels, i) for i, plane in enumerate(planes)]
    back = colour.planes_from_rgb(colour.rgb_from_planes(units, pixels), pixels)
    for place, (plane, unit) in enumerate(zip(planes, back, strict=True)):
        np.testing.assert_array_equal(np.rint(colour.codes(unit, pixels, place)), plane)


@given(seed=st.integers(0, 2**32 - 1), view=st.sampled_from(["as_is", "linear", "pq", "hlg"]))
def test_views_are_invertible(seed: int, view: View) -> None:
    colour = _colour(0, full=True, view=view)
    shown = np.random.default_rng(seed).uniform(0, 0.97, (4, 5, 3)).astype(np.float32)
    np.testing.assert_allclose(colour.to_display(colour.from_display(shown)), shown, atol=2e-3)


def test_reference_white_of_hdr_is_bright_and_black_is_black() -> None:
    white = {"pq": 0.58, "hlg": 0.75}  # BT.2408: 203 nits
    for view, code in white.items():
        colour = _colour(9, full=False, view=view)  # type: ignore[arg-type]
        shown = colour.to_display(np.full((1, 1, 3), code, np.float32))
        assert 0.9 < shown.min() <= shown.max() < 0.99
        assert colour.to_display(np.zeros((1, 1, 3), np.float32)).max() < 1e-3


def test_untagged_clip_states_its_assumption_and_obeys_the_caller(shoot: Shoot) -> None:
    path = shoot(films.UNTAGGED)
    assumed = probe(path).colour
    assert assumed.matrix == 6
    assert any("BT.601" in phrase for phrase in assumed.assumed)
    told = probe(path, matrix="bt709", signal_range="full").colour
    assert (told.matrix, told.full_range, told.assumed) == (1, True, ())
    assert told.tags == assumed.tags


def test_large_untagged_pictures_are_assumed_to_be_709() -> None:
    pixels = PixelFormat.of("yuv420p")
    for size, matrix in (((1280, 720), 1), ((720, 576), 6), ((1920, 800), 1)):
        found = settle(Tags(), pixels, format_name="yuv420p", width=size[0], height=size[1])
        assert found.matrix == matrix


@pytest.mark.parametrize(
    ("source", "target", "shift"),
    [
        ("yuv420p", "yuv420p10le", 2),
        ("yuv422p", "yuv422p10le", 2),
        ("yuv422p10le", "yuv422p12le", 2),
        ("yuv422p10le", "yuv422p10le", 0),
    ],
)
def test_more_bits_are_an_exact_shift(source: str, target: str, shift: int) -> None:
    pixels = PixelFormat.of(source)
    colour = _colour(1, full=False)
    picture = Picture(tuple(film.planes_of(3, pixels, (31, 17))), pixels)
    result = convert(picture, colour, PixelFormat.of(target), colour)
    for got, plane in zip(result.planes, picture.planes, strict=True):
        np.testing.assert_array_equal(got, plane.astype(np.uint16) << shift)


def test_luma_stays_exact_when_colour_is_upsampled() -> None:
    pixels, colour = PixelFormat.of("yuv420p"), _colour(1, full=False)
    picture = Picture(tuple(film.planes_of(3, pixels, (31, 17))), pixels)
    result = convert(picture, colour, PixelFormat.of("yuv422p10le"), colour)
    np.testing.assert_array_equal(result.planes[0], picture.planes[0].astype(np.uint16) << 2)
    assert result.planes[1].shape == (17, 16)
    flat = Picture((picture.planes[0], np.full((9, 16), 77, np.uint8), picture.planes[2]), pixels)
    again = convert(flat, colour, PixelFormat.of("yuv422p10le"), colour)
    assert set(again.planes[1].ravel()) == {77 << 2}

"""Outside the border nothing changes: not by rounding, not by colour, not in time."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.clip.colour import Colour
from flowanchor_engine.clip.composite import (
    LEAK_FRAMES,
    Alpha,
    Border,
    EdgeMatch,
    blend,
    pooled,
    split,
)
from flowanchor_engine.clip.crop import Geometry, ModelFrame, plan_crop
from flowanchor_engine.clip.matte import Mattes
from flowanchor_engine.clip.patch import make_patch
from flowanchor_engine.clip.planes import Picture, PixelFormat
from flowanchor_engine.clip.records import Tags
from tests.engine.clip import film

FORMATS = [
    "yuv420p",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p12le",
    "yuva444p10le",
    "gbrp16le",
    "gbrpf32le",
    "gray",
]


def _geometry(mode: str, size: tuple[int, int], boxes: list) -> Geometry:
    return plan_crop(
        mode=mode,  # type: ignore[arg-type]
        width=size[0],
        height=size[1],
        par=Fraction(1),
        frames=len(boxes),
        boxes=boxes,
        model=ModelFrame(64, 64, 16),
    )


def _mattes(rng: np.random.Generator, size: tuple[int, int], frames: int) -> Mattes:
    pictures = []
    for _ in range(frames):
        picture = np.zeros((size[1], size[0]), np.uint8)
        x, y = rng.integers(0, size[0] - 12), rng.integers(0, size[1] - 12)
        picture[y : y + rng.integers(2, 12), x : x + rng.integers(2, 12)] = 255
        pictures.append(picture)
    return Mattes.of(iter(pictures), *size)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    name=st.sampled_from(FORMATS),
    size=st.tuples(st.integers(33, 90), st.integers(33, 70)),
    mode=st.sampled_from(["full", "fast", "zoom"]),
    grow=st.floats(0, 60),
    feather=st.floats(0, 90),
)
def test_samples_outside_alpha_are_the_originals(
    seed: int, name: str, size: tuple[int, int], mode: str, grow: float, feather: float
) -> None:
    rng = np.random.default_rng(seed)
    pixels = PixelFormat.of(name)
    colour = Colour(0 if pixels.family == "rgb" else 1, pixels.family == "rgb", "as_is", Tags())
    mattes = _mattes(rng, size, 6)
    geometry = _geometry(mode, size, list(mattes.boxes))
    border = Border(
        mattes, geometry, width=size[0], height=size[1], grow_px=grow, feather_px=feather
    )
    original = Picture(tuple(film.planes_of(3, pixels, size)), pixels)
    edited = rng.uniform(-1, 1, (geometry.model_height, geometry.model_width, 3)).astype(np.float32)
    for frame in range(6):
        alpha = border.at(frame)
        assert alpha is not None
        canvas = original.writable()
        blend(canvas, split(edited, colour, pixels), colour, alpha, geometry, frame)
        full = np.zeros((size[1], size[0]), np.float32)
        tall, wide = alpha.values.shape
        full[alpha.y : alpha.y + tall, alpha.x : alpha.x + wide] = alpha.values
        for place, (after, before) in enumerate(zip(canvas.planes, original.planes, strict=True)):
            if pixels.alpha and place == pixels.planes - 1:
                np.testing.assert_array_equal(after, before)
                continue
            steps = (1 << pixels.sub_x, 1 << pixels.sub_y) if pixels.is_chroma(place) else (1, 1)
            outside = pooled(full, *steps) == 0
            np.testing.assert_array_equal(after[outside], before[outside])
        assert any((a != b).any() for a, b in zip(canvas.planes, original.planes, strict=True))
        # A pixel without alpha keeps every sample that it shares.
        if pixels.family == "yuv":
            touched = (canvas.planes[1] != original.planes[1]).repeat(1 << pixels.sub_y, 0)
            touched = touched.repeat(1 << pixels.sub_x, 1)[: size[1], : size[0]]
            assert not (touched & (full == 0)).any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), grow=st.floats(-20, 40), feather=st.floats(0, 60))
def test_alpha_ends_where_grow_and_feather_end(seed: int, grow: float, feather: float) -> None:
    size = (80, 60)
    mattes = _mattes(np.random.default_rng(seed), size, 1)
    geometry = _geometry("full", size, list(mattes.boxes))
    border = Border(mattes, geometry, width=80, height=60, grow_px=grow, feather_px=feather)
    alpha = border.at(0)
    box = mattes.boxes[0]
    assert box is not None
    if alpha is None:
        assert grow < 0
        return
    rows, columns = np.nonzero(alpha.values)
    reach = (max(0, grow) + feather) * 60 / 1080 + 2.5  # given for a picture of 1080 lines
    assert columns.min() + alpha.x >= box[0] - reach
    assert columns.max() + alpha.x <= box[2] + reach
    assert rows.min() + alpha.y >= box[1] - reach
    assert rows.max() + alpha.y <= box[3] + reach
    if grow >= 0:
        inside = alpha.values[
            box[1] - alpha.y : box[3] - alpha.y, box[0] - alpha.x : box[2] - alpha.x
        ]
        assert inside.min() == 1
    assert 0 <= alpha.values.min() <= alpha.values.max() <= 1


def _only_on(frames: list[int], count: int, size: tuple[int, int] = (64, 48)) -> Mattes:
    pictures = []
    for i in range(count):
        picture = np.zeros((size[1], size[0]), np.uint8)
        if i in frames:
            picture[10:30, 10:30] = 255
        pictures.append(picture)
    return Mattes.of(iter(pictures), *size)


def test_border_reaches_forward_in_time_and_never_back() -> None:
    mattes = _only_on([5], 14)
    geometry = _geometry("full", (64, 48), list(mattes.boxes))
    border = Border(mattes, geometry, width=64, height=48, grow_px=0, feather_px=0)
    strength = [0.0 if (a := border.at(i)) is None else float(a.values.max()) for i in range(14)]
    assert strength[:5] == [0] * 5
    assert strength[5] == 1
    assert all(a > b for a, b in itertools.pairwise(strength[5 : 6 + LEAK_FRAMES]))
    assert strength[5 + LEAK_FRAMES] > 0
    assert strength[6 + LEAK_FRAMES :] == [0] * (14 - 6 - LEAK_FRAMES)


def test_alpha_does_not_depend_on_the_order_of_asking() -> None:
    mattes = _mattes(np.random.default_rng(3), (64, 48), 20)
    geometry = _geometry("full", (64, 48), list(mattes.boxes))
    make = lambda: Border(mattes, geometry, width=64, height=48, grow_px=30, feather_px=20)  # noqa: E731
    ahead, random = make(), make()
    expected = {i: ahead.at(i) for i in range(20)}
    for i in (13, 2, 19, 0, 14, 13):
        got, wanted = random.at(i), expected[i]
        assert got is not None
        assert wanted is not None
        assert (got.x, got.y) == (wanted.x, wanted.y)
        np.testing.assert_array_equal(got.values, wanted.values)


@pytest.mark.parametrize("mode", ["full", "fast", "zoom"])
@pytest.mark.parametrize("name", ["yuv422p10le", "yuv444p10le", "gbrp16le"])
def test_giving_back_what_the_model_saw_changes_little(mode: str, name: str) -> None:
    size = (96, 64)
    pixels = PixelFormat.of(name)
    colour = Colour(0 if pixels.family == "rgb" else 1, pixels.family == "rgb", "as_is", Tags())
    rows, columns = np.mgrid[0:64, 0:96]
    smooth = [(0.5 + 0.2 * np.sin(columns / 11 + k) * np.cos(rows / 13)) for k in range(3)]
    planes = [
        colour.codes(np.float32(p if pixels.family == "rgb" or not k else p - 0.5), pixels, k)
        for k, p in enumerate(smooth)
    ]
    sized = [
        np.rint(p[:, :: 1 << pixels.sub_x] if pixels.is_chroma(k) else p).astype(pixels.dtype)
        for k, p in enumerate(planes)
    ]
    original = Picture(tuple(sized), pixels)
    mattes = _only_on([0], 1, size)
    geometry = _geometry(mode, size, list(mattes.boxes))
    from flowanchor_engine.clip.result import model_view

    seen = model_view(original, colour, geometry, 0)
    canvas = original.writable()
    border = Border(mattes, geometry, width=96, height=64, grow_px=0, feather_px=0)
    alpha = border.at(0)
    assert alpha is not None
    blend(canvas, split(seen, colour, pixels), colour, alpha, geometry, 0)
    for after, before in zip(canvas.planes, original.planes, strict=True):
        assert np.abs(after.astype(float) - before).max() <= 0.02 * pixels.peak


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(["yuva444p10le", "gbrap16le"]))
def test_patch_is_transparent_exactly_where_alpha_is_zero(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    pixels, size = PixelFormat.of(name), (90, 70)
    colour = Colour(1 if pixels.family == "yuv" else 0, pixels.family == "rgb", "as_is", Tags())
    mattes = _mattes(rng, size, 2)
    geometry = _geometry("full", size, list(mattes.boxes))
    border = Border(mattes, geometry, width=90, height=70, grow_px=30, feather_px=60)
    alpha = border.at(1)
    assert alpha is not None
    edited = rng.uniform(-1, 1, (geometry.model_height, geometry.model_width, 3)).astype(np.float32)
    patch = make_patch(pixels, colour, split(edited, colour, pixels), alpha, geometry, 1, size)
    full = np.zeros((70, 90), np.float32)
    tall, wide = alpha.values.shape
    full[alpha.y : alpha.y + tall, alpha.x : alpha.x + wide] = alpha.values
    assert not patch.planes[-1][full == 0].any()
    np.testing.assert_allclose(patch.planes[-1] / pixels.peak, full, atol=0.51 / pixels.peak)


def test_edge_match_takes_off_a_shift_of_colour() -> None:
    rng = np.random.default_rng(2)
    original = rng.uniform(-0.5, 0.5, (64, 64, 3)).astype(np.float32)
    shift = np.array([0.1, -0.05, 0.2], np.float32)
    edited = original + shift
    matte = np.zeros((64, 64), np.float32)
    matte[24:40, 24:40] = 1
    edited[24:40, 24:40] = 0.3
    result = EdgeMatch().apply(edited, original, matte)
    np.testing.assert_allclose(result[:10, :10], original[:10, :10], atol=1e-5)
    np.testing.assert_allclose(result[30, 30], 0.3 - shift, atol=1e-5)


def test_edge_match_without_a_ring_leaves_the_edit_alone() -> None:
    edited = np.full((32, 32, 3), 0.2, np.float32)
    result = EdgeMatch().apply(edited, edited + 0.5, np.ones((32, 32), np.float32))
    np.testing.assert_array_equal(result, edited)


def test_pooled_alpha_is_zero_where_any_pixel_is() -> None:
    values = np.array([[1, 1, 0, 1], [1, 1, 1, 1]], np.float32)
    np.testing.assert_array_equal(pooled(values, 2, 2), [[1, 0]])
    assert pooled(np.ones((3, 5), np.float32), 2, 2).shape == (2, 3)
    assert isinstance(Alpha(values, 0, 0), Alpha)

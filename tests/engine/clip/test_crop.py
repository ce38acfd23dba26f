"""The model's rectangle: sizes that fit, always around the matte, and the way back."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.clip.crop import Box, ModelFrame, cut, plan_crop, restore
from flowanchor_engine.errors import SizeError

Mode = Literal["full", "fast", "zoom"]


@st.composite
def _paths(draw: st.DrawFn) -> tuple[int, int, list[Box | None]]:
    width, height = draw(st.integers(64, 2000)), draw(st.integers(64, 1200))
    wide, tall = draw(st.integers(4, width // 2)), draw(st.integers(4, height // 2))
    count = draw(st.integers(1, 40))
    x, y = draw(st.integers(0, width - wide)), draw(st.integers(0, height - tall))
    dx, dy = draw(st.integers(-12, 12)), draw(st.integers(-12, 12))
    boxes: list[Box | None] = []
    for i in range(count):
        left = min(max(0, x + dx * i), width - wide)
        top = min(max(0, y + dy * i), height - tall)
        boxes.append(None if draw(st.integers(0, 9)) == 0 else (left, top, left + wide, top + tall))
    return width, height, boxes


@settings(max_examples=150, deadline=None)
@given(
    path=_paths(),
    mode=st.sampled_from(["full", "fast", "zoom"]),
    model=st.sampled_from([ModelFrame(), ModelFrame(128, 128, 16), ModelFrame(1280, 704, 32)]),
    par=st.sampled_from([Fraction(1), Fraction(16, 15), Fraction(2)]),
)
def test_rectangle_holds_the_matte_inside_the_frame(
    path: tuple[int, int, list[Box | None]], mode: Mode, model: ModelFrame, par: Fraction
) -> None:
    width, height, boxes = path
    found = plan_crop(
        mode=mode,
        width=width,
        height=height,
        par=par,
        frames=len(boxes),
        boxes=boxes,
        model=model,
    )
    assert found.model_width % model.multiple == 0 == found.model_height % model.multiple
    assert found.model_width * found.model_height <= 1.06 * model.budget
    assert len(found.x) == len(found.y) == len(boxes)
    for i, box in enumerate(boxes):
        assert found.x[i] >= 0
        assert found.y[i] >= 0
        assert found.x[i] + found.width <= width + 1e-6
        assert found.y[i] + found.height <= height + 1e-6
        if box is not None:
            assert found.x[i] <= box[0] + 1.01
            assert found.y[i] <= box[1] + 1.01
            assert found.x[i] + found.width >= box[2] - 1.01
            assert found.y[i] + found.height >= box[3] - 1.01


def _plan(mode: Mode, boxes: list[Box | None], **more: object) -> object:
    arguments = {"width": 1920, "height": 1080, "par": Fraction(1), "model": ModelFrame(), **more}
    return plan_crop(mode=mode, frames=len(boxes), boxes=boxes, **arguments)  # type: ignore[arg-type]


def test_full_is_the_whole_frame_at_the_trained_size() -> None:
    found = _plan("full", [(100, 100, 200, 200)])
    assert (found.width, found.height, found.model_width, found.model_height) == (
        1920,
        1080,
        832,
        480,
    )  # type: ignore[attr-defined]


def test_portrait_clips_use_the_trained_size_upright() -> None:
    found = _plan("full", [None], width=1080, height=1920)
    assert (found.model_width, found.model_height) == (480, 832)  # type: ignore[attr-defined]


def test_fast_keeps_native_pixels_and_pads() -> None:
    found = _plan("fast", [(900, 500, 1000, 600)] * 5)
    assert (found.width, found.height) == (found.model_width, found.model_height)  # type: ignore[attr-defined]
    assert found.x[0] <= 900 - 64  # type: ignore[attr-defined]
    assert found.width * found.height >= 0.57 * 832 * 480  # type: ignore[attr-defined]
    assert not found.moving  # type: ignore[attr-defined]


def test_crops_leave_room_around_the_matte() -> None:
    for mode in ("fast", "zoom"):
        found = _plan(mode, [(800, 400, 1000, 550)], border_px=70.0)  # type: ignore[arg-type]
        assert 800 - found.x[0] >= 70  # type: ignore[attr-defined]
        assert 400 - found.y[0] >= 70  # type: ignore[attr-defined]
    found = _plan("zoom", [(800, 300, 1200, 600)])
    assert 800 - found.x[0] >= 0.24 * 400  # type: ignore[attr-defined]
    assert found.x[0] + found.width - 1200 >= 0.24 * 400  # type: ignore[attr-defined]


def test_zoom_enlarges_a_small_object_to_the_budget() -> None:
    found = _plan("zoom", [(900, 500, 960, 560)] * 5)
    assert found.scale > 2  # type: ignore[attr-defined]
    assert found.model_width * found.model_height > 0.8 * 832 * 480  # type: ignore[attr-defined]


def test_crop_of_a_travelling_object_moves_smoothly() -> None:
    boxes: list[Box | None] = [(300 + 30 * i, 500, 360 + 30 * i, 560) for i in range(40)]
    found = _plan("zoom", boxes)
    assert found.moving  # type: ignore[attr-defined]
    steps = np.diff(found.x)  # type: ignore[attr-defined]
    assert np.abs(np.diff(steps)).max() <= 3
    assert found.width < 700  # type: ignore[attr-defined]


def test_no_matte_means_the_whole_picture_and_says_so() -> None:
    found = plan_crop(
        mode="zoom",
        width=640,
        height=480,
        par=Fraction(1),
        frames=3,
        boxes=None,
        model=ModelFrame(),
    )
    assert found.mode == "full"
    assert any("whole picture" in note for note in found.notes)


def test_sizes_that_do_not_fit_the_model_are_refused() -> None:
    with pytest.raises(SizeError) as caught:
        _plan("full", [None], size=(830, 480))
    assert caught.value.code == "size"


@given(
    x=st.floats(0, 9, allow_nan=False),
    y=st.floats(0, 9, allow_nan=False),
    scale=st.sampled_from([2, 3, 4]),
)
def test_restore_undoes_cut_between_samples(x: float, y: float, scale: int) -> None:
    rows, columns = np.mgrid[0:40, 0:48].astype(np.float32)
    plane = np.sin(columns / 7) + np.cos(rows / 6)
    model = cut(plane, x, y, 32, 24, (32 * scale, 24 * scale))
    back, left, top = restore(model, x, y, 32, 24)
    inner = (slice(4, 20), slice(4, 28))
    expected = plane[top : top + back.shape[0], left : left + back.shape[1]]
    np.testing.assert_allclose(back[inner], expected[inner], atol=0.02)


def test_whole_native_crops_are_the_samples_themselves() -> None:
    plane = np.random.default_rng(1).integers(0, 1023, (40, 48), dtype=np.uint16)
    model = cut(plane, 6, 4, 32, 16, (32, 16))
    np.testing.assert_array_equal(model, plane[4:20, 6:38])
    np.testing.assert_array_equal(restore(model, 6, 4, 32, 16)[0], plane[4:20, 6:38])

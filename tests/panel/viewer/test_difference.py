"""The difference hides no pixel, in the picture and in the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.protocol import Measured
from plugin import locale
from plugin.ui.viewer.difference import absolute, change, difference_picture, gained, shrunk
from plugin.ui.viewer.numbers import line
from tests.panel.viewer.conftest import HEIGHT, WIDTH, Desk, painted, take_of

dims = st.integers(1, 60)


@settings(max_examples=60)
@given(height=dims, width=dims, data=st.data())
def test_one_changed_pixel_survives_any_shrinking(height: int, width: int, data) -> None:
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    size = (data.draw(st.integers(1, width)), data.draw(st.integers(1, height)))
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y, x, 1] = 200
    small = shrunk(picture, size)
    assert small.shape == (size[1], size[0], 3)
    assert small[..., 1].max() == 200
    assert small[..., 0].max() == small[..., 2].max() == 0
    # and it lies where the pixel lies, to the pixel that its window reaches
    found_y, found_x = np.argwhere(small[..., 1])[-1]
    assert abs((found_y + 0.5) / size[1] - (y + 0.5) / height) <= 1 / size[1] + 1 / height
    assert abs((found_x + 0.5) / size[0] - (x + 0.5) / width) <= 1 / size[0] + 1 / width


@given(gain=st.floats(1, 16), value=st.integers(0, 255))
def test_gain_keeps_black_black_and_every_change_visible(gain: float, value: int) -> None:
    got = int(gained(np.array([value], np.uint8), gain)[0])
    assert got == (
        min(255, int(value * gain + 0.5)) if gain != int(gain) else min(255, value * int(gain))
    )
    assert (got == 0) == (value == 0)


def test_change_agrees_with_plain_sums() -> None:
    rng = np.random.default_rng(4)
    one, two = rng.integers(0, 256, (2, 20, 30, 3)).astype(np.uint8)
    matte = np.zeros((20, 30), np.uint8)
    matte[5:10, 5:20] = 255
    matte[4, 5:20] = 1  # the faintest feather is inside
    plain = np.abs(one.astype(int) - two)
    inside = matte > 0
    told = change(absolute(one, two), matte)
    assert told.inside == pytest.approx(plain[inside].mean())
    assert told.outside == pytest.approx(plain[~inside].mean())
    assert told.inside_max == plain[inside].max()
    assert told.outside_max == plain[~inside].max()


@given(data=st.data(), height=dims, width=dims)
def test_change_agrees_with_plain_sums_for_every_matte(data, height: int, width: int) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    changed = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    matte = rng.random((height, width)) < data.draw(st.sampled_from([0, 0.02, 0.5, 1]))
    told = change(changed, matte.astype(np.uint8))
    for mean, most, part in (
        (told.inside, told.inside_max, changed[matte]),
        (told.outside, told.outside_max, changed[~matte]),
    ):
        assert mean == (pytest.approx(part.mean()) if part.size else None)
        assert most == (part.max() if part.size else 0)


def test_a_side_without_pixels_has_no_mean() -> None:
    one = np.zeros((4, 4, 3), np.uint8)
    assert change(absolute(one, one + 3), None).outside is None
    assert change(absolute(one, one + 3), np.full((4, 4), 255, np.uint8)).outside is None
    assert change(absolute(one, one + 3), np.zeros((4, 4), np.uint8)).inside is None


def test_difference_is_black_where_untouched() -> None:
    one = np.random.default_rng(2).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    two = one.copy()
    two[3, 4] ^= 1
    picture = difference_picture(absolute(one, two), gain=16)
    assert np.argwhere(picture.max(axis=2) > 0).tolist() == [[3, 4]]


def planted(desk: Desk, folder: Path) -> None:
    after = desk.after.copy()
    after[5, 80, 150, 2] ^= 1  # far outside of the matte, one code value
    desk.core.book.takes.set({"t1": take_of(folder, "planted", after)})


def test_difference_shows_and_prints_one_planted_pixel_outside(desk: Desk) -> None:
    state = desk.state
    state.mode.set("difference")
    state.go(5)
    reading = desk.core.reading()
    assert reading is not None
    clean = painted(desk.canvas)
    assert "outside 0.00 (max 0)" in line(reading)
    planted(desk, desk.folder)
    reading = desk.core.reading()
    assert reading is not None
    assert "(max 1)" in line(reading)
    assert reading.change.outside_max == 1
    for width in (desk.canvas.width(), 90):  # larger and smaller than the proxy
        desk.viewer.resize(width, desk.viewer.height())
        desk.state.gain.set(16)
        shown = painted(desk.canvas)
        if shown.shape == clean.shape:
            state.gain.set(16)
        view = desk.canvas.view_at(desk.canvas.rect().center().toPointF())
        x, y = view.to_device(150.5 / WIDTH, 80.5 / HEIGHT)
        assert shown[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2, 2].max() == 16


def test_numbers_of_the_engine_win_and_are_not_called_proxy(desk: Desk) -> None:
    desk.state.mode.set("difference")
    frames = len(desk.before)
    told = Measured(
        job="m",
        seq=1,
        inside=(14.2,) * frames,
        outside=(0.0,) * frames,
        inside_max=(200,) * frames,
        outside_max=(0,) * frames,
    )
    reading = desk.core.reading()
    assert reading is not None
    assert line(reading).endswith("(proxy)")
    desk.core.book.measured.set({"t1": told})
    reading = desk.core.reading()
    assert reading is not None
    assert line(reading) == "inside 14.20, outside 0.00 (max 0)"
    locale.set_language("de")
    assert line(reading) == "innen 14,20, außen 0,00 (max. 0)"


def test_a_take_of_half_size_is_compared_at_the_size_of_the_shot(desk: Desk) -> None:
    flat = np.full((32, HEIGHT // 2, WIDTH // 2, 3), 100, np.uint8)
    desk.core.book.takes.set({"t1": take_of(desk.folder, "half", flat)})
    desk.core.book.shot.set(
        take_of(desk.folder, "flat", np.full((32, HEIGHT, WIDTH, 3), 90, np.uint8))
    )
    desk.core.book.ready.set(32)
    desk.state.mode.set("difference")
    reading = desk.core.reading()
    assert reading is not None
    assert reading.change.inside == pytest.approx(10)
    assert reading.change.outside == pytest.approx(10)
    middle = painted(desk.canvas)
    view = desk.canvas.view_at(desk.canvas.rect().center().toPointF())
    x, y = (int(value) for value in view.to_device(0.5, 0.5))
    assert middle[y, x].tolist() == [40, 40, 40]

"""Laws of geometry, wipe, timecode and colours: no widget needed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.ui.viewer.geometry import FIT, ZOOM_MAXIMUM, Box, View, split, zoomed
from plugin.ui.viewer.heat import heat_colours, heat_table
from plugin.ui.viewer.timecode import counter, frame_timecode
from plugin.ui.viewer.wipe import Wipe, grip

sizes = st.integers(1, 4000)
viewports = st.builds(Box, st.integers(-9, 9), st.integers(-9, 9), sizes, sizes)
pictures = st.tuples(sizes, sizes)


@given(viewport=viewports, picture=pictures)
def test_a_fitted_picture_touches_two_sides_and_is_centred(viewport: Box, picture) -> None:
    view = View(viewport, picture)
    target = view.target
    assert target.width <= max(viewport.width, 1)
    assert target.height <= max(viewport.height, 1)
    assert (
        viewport.width - target.width <= 1
        or viewport.height - target.height <= 1
        or view.fit_scale == 1 / max(picture)
    )
    left, right = target.x - viewport.x, viewport.right - target.right
    above, below = target.y - viewport.y, viewport.bottom - target.bottom
    assert abs(left - right) <= 1
    assert abs(above - below) <= 1


@given(
    viewport=viewports,
    picture=pictures,
    zoom=st.floats(0.05, 32),
    point=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_picture_points_come_back_from_the_screen(viewport, picture, zoom, point) -> None:
    view = View(viewport, picture, zoom, (0.2, -0.1))
    there = view.to_device(*point)
    assert view.to_picture(*there) == pytest.approx(point, abs=1e-6)


@given(
    x=st.floats(0.3, 0.7),
    y=st.floats(0.3, 0.7),
    factor=st.sampled_from([1.25, 2.0, 0.8, 0.5]),
    zoom=st.floats(1.1, 12),
)
def test_zoom_keeps_what_is_under_the_cursor(x, y, factor, zoom) -> None:
    view = View(Box(0, 0, 1000, 600), (1920, 1080), zoom)
    device = (x * 1000, y * 600)
    new_zoom, pan = zoomed(view, factor=factor, x=device[0], y=device[1])
    after = View(view.viewport, view.picture, new_zoom, pan)
    if new_zoom != FIT:
        u, v = view.to_picture(*device)
        back = after.to_device(u, v)
        assert back == pytest.approx(device, abs=1.01)  # the target lies on whole pixels


def test_zoom_stops_at_single_pixels_and_ends_at_fit_and_maximum() -> None:
    view = View(Box(0, 0, 1000, 600), (1920, 1080), 0.9)
    assert zoomed(view, factor=1.25, x=500, y=300)[0] == 1.0
    assert zoomed(View(view.viewport, view.picture, 1.2), factor=0.8, x=0, y=0)[0] == 1.0
    assert zoomed(View(view.viewport, view.picture, 0.6), factor=0.5, x=0, y=0)[0] == FIT
    assert zoomed(View(view.viewport, view.picture, 31.0), factor=2, x=0, y=0)[0] == ZOOM_MAXIMUM


@given(width=st.integers(40, 3000), height=st.integers(40, 3000))
def test_both_halves_of_a_split_are_equal_and_apart(width: int, height: int) -> None:
    one, two = split(Box(0, 0, width, height), (1920, 1080), gap=4)
    assert (one.width, one.height) == (two.width, two.height)
    assert one.crossed(two).empty
    assert two.right == width
    assert two.bottom == height


@given(position=st.floats(0, 1), angle=st.sampled_from([0.0, 90.0, 30.0, 135.0]))
def test_a_wipe_runs_through_the_point_that_set_it(position: float, angle: float) -> None:
    wipe = Wipe(Box(10, 20, 400, 200), position, angle)
    ends = wipe.line()
    if ends is not None:
        x, y = (ends[0][0] + ends[1][0]) / 2, (ends[0][1] + ends[1][1]) / 2
        assert wipe.distance(x, y) < 1e-6
        assert wipe.position_at(x, y) == pytest.approx(position, abs=0.006)


def test_the_second_side_of_a_wipe_shrinks_from_all_to_nothing() -> None:
    box = Box(0, 0, 400, 200)
    assert Wipe(box, 0.0).second() == ((0, 0), (400, 0), (400, 200), (0, 200))
    assert Wipe(box, 1.0).second() == ()
    right = Wipe(box, 0.25).second()
    assert min(x for x, _ in right) == 100
    low = Wipe(box, 0.25, 90).second()
    assert min(y for _, y in low) == 50


def test_every_edge_of_the_picture_gives_a_wipe() -> None:
    wipe = Wipe(Box(100, 100, 400, 200), 0.5)
    assert grip(wipe, 300, 150, reach=7) == "line"
    assert grip(wipe, 102, 150, reach=7) == "side"
    assert grip(wipe, 499, 150, reach=7) == "side"
    assert grip(wipe, 200, 101, reach=7) == "rim"
    assert grip(wipe, 200, 299, reach=7) == "rim"
    assert grip(wipe, 200, 150, reach=7) is None
    assert grip(wipe, 300, 50, reach=7) is None


def test_timecode_drops_numbers_but_no_frames() -> None:
    ntsc = Fraction(30000, 1001)
    assert frame_timecode("01:00:59;29", 1, ntsc) == "01:01:00;02"
    assert frame_timecode("01:09:59;29", 1, ntsc) == "01:10:00;00"
    assert frame_timecode("00:00:00;00", 17982, ntsc) == "00:10:00;00"
    assert frame_timecode("00:00:59;59", 1, Fraction(60000, 1001)) == "00:01:00;04"
    assert frame_timecode("01:00:59:29", 1, ntsc) == "01:01:00:00"


def test_timecode_counts_nominal_frames_and_wraps_at_midnight() -> None:
    film = Fraction(24000, 1001)
    assert frame_timecode("01:02:11:04", 19, film) == "01:02:11:23"
    assert frame_timecode("01:02:11:04", 20, film) == "01:02:12:00"
    assert frame_timecode("23:59:59:23", 1, Fraction(24)) == "00:00:00:00"
    assert frame_timecode("23:59:59;29", 1, Fraction(30000, 1001)) == "00:00:00;00"
    assert frame_timecode("", 5, film) == ""
    assert frame_timecode("garbage", 5, film) == ""
    assert counter(19, 81) == "20/81"


def test_heat_grows_lighter_evenly_for_every_eye() -> None:
    linear = (heat_colours() / 255.0) ** 2.2
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    lightness = 116 * np.cbrt(luminance) - 16
    steps = np.diff(lightness)
    assert np.all(lightness[4:] > lightness[:-4])
    assert np.std(steps) < 0.25 * np.mean(steps) + 0.25
    alpha = heat_table() >> 24
    assert alpha[0] == 0
    assert np.all(np.diff(alpha.astype(int)) >= 0)

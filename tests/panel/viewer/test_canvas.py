"""What is painted, pixel by pixel, in every mode."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from plugin.ui.viewer.geometry import Box
from plugin.ui.viewer.scene import SURROUND
from plugin.ui.viewer.views import view_of, views_of
from tests.panel.viewer.canvas import LABEL_ROWS, RATIOS, cut, viewport
from tests.panel.viewer.conftest import HEIGHT, WIDTH, Desk, painted, take_of


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("frame", [0, 17])
def test_one_to_one_paints_the_proxy_exactly(desk: Desk, ratio: float, frame: int) -> None:
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    desk.state.go(frame)
    target = view_of(desk.core, viewport(desk, ratio)).target
    assert (target.width, target.height) == (WIDTH, HEIGHT)
    shown = cut(painted(desk.canvas, ratio), target)
    below = round(LABEL_ROWS * ratio)
    assert np.array_equal(shown[below:], desk.after[frame][below:])


@pytest.mark.parametrize("ratio", [1.25, 1.5, 1.75])
def test_pixels_stay_whole_where_the_widget_begins_between_them(
    qtbot: QtBot, desk: Desk, ratio: float
) -> None:
    outer = QWidget()
    qtbot.addWidget(outer)
    outer.resize(360, 260)
    desk.canvas.setParent(outer)
    desk.canvas.setGeometry(7, 5, 300, 220)
    outer.show()
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    everything = painted(outer, ratio)
    wanted = desk.after[desk.state.frame.value][60:]
    left, top = round(7 * ratio), round(5 * ratio)
    found = [
        (y, x)
        for y in range(top, everything.shape[0] - 30)
        for x in range(left, everything.shape[1] - WIDTH)
        if np.array_equal(everything[y : y + 30, x : x + WIDTH], wanted)
    ]
    assert len(found) == 1


def test_four_to_one_paints_squares_of_one_colour(desk: Desk) -> None:
    desk.state.mode.set("before")
    desk.state.zoom.set(4.0)
    view = view_of(desk.core, viewport(desk, 1))
    shown = painted(desk.canvas)
    area = Box(0, 60, desk.canvas.width(), 90).crossed(view.visible)
    frame = desk.before[desk.state.frame.value]
    rows = (np.arange(area.y, area.bottom) - view.target.y) // 4
    columns = (np.arange(area.x, area.right) - view.target.x) // 4
    assert np.array_equal(cut(shown, area), frame[rows][:, columns])


@pytest.mark.parametrize("ratio", RATIOS)
def test_fit_letterboxes_evenly_on_a_neutral_surround(desk: Desk, ratio: float) -> None:
    desk.viewer.resize(500, 330)
    desk.state.mode.set("before")
    shown = painted(desk.canvas, ratio)
    box = viewport(desk, ratio)
    target = view_of(desk.core, box).target
    assert target.height == box.height or target.width == box.width
    neutral = [SURROUND.red()] * 3
    for stripe in (shown[:, : target.x], shown[:, target.right :], shown[: target.y]):
        assert stripe.size == 0 or np.all(stripe == neutral)
    assert abs(target.x - (box.width - target.right)) <= 1
    # the picture's own borders are painted up to the last column and row
    assert not np.all(shown[target.y : target.bottom, target.x] == neutral)
    assert not np.all(shown[target.y : target.bottom, target.right - 1] == neutral)


def test_side_shows_both_at_the_same_place_and_zoom(desk: Desk) -> None:
    desk.viewer.resize(420, 330)
    desk.state.mode.set("side")
    desk.state.zoom.set(1.0)
    desk.state.pan.set((0.1, 0.2))
    one, two = views_of(desk.core, desk.canvas.viewport)
    shown = painted(desk.canvas)
    frame = desk.state.frame.value
    for view, frames in ((one, desk.before), (two, desk.after)):
        area = view.visible
        top, left = area.y - view.target.y, area.x - view.target.x
        part = frames[frame][top : top + area.height, left : left + area.width]
        rows = slice(LABEL_ROWS, area.height - LABEL_ROWS)
        assert np.array_equal(cut(shown, area)[rows], part[rows])
    gap = shown[one.viewport.bottom : two.viewport.y]  # one above the other here
    assert gap.size
    assert np.all(gap == SURROUND.red())


def test_hold_before_shows_the_original_whatever_the_mode(desk: Desk) -> None:
    desk.state.mode.set("after")
    after = painted(desk.canvas)
    desk.state.hold_before.set(True)
    held = painted(desk.canvas)
    desk.state.hold_before.set(False)
    desk.state.mode.set("before")
    assert np.array_equal(held, painted(desk.canvas))
    assert not np.array_equal(held, after)


def test_without_a_take_every_mode_shows_the_shot(desk: Desk) -> None:
    desk.state.compare.set(("", None))
    desk.state.mode.set("before")
    before = painted(desk.canvas)
    for mode in ("after", "wipe", "side", "difference"):
        desk.state.mode.set(mode)
        assert np.array_equal(painted(desk.canvas), before)


def test_take_against_take_compares_the_two(desk: Desk) -> None:
    other = np.full_like(desk.after, 9)
    takes = {**desk.core.book.takes.value, "t2": take_of(desk.folder, "Take 2", other)}
    desk.core.book.takes.set(takes)
    desk.state.compare.set(("t1", "t2"))
    one, two = desk.core.pair
    assert (one.label, two.label) == ("Take 1", "Take 2")
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    target = view_of(desk.core, desk.canvas.viewport).target
    assert np.all(cut(painted(desk.canvas), target)[LABEL_ROWS:] == 9)
    desk.state.hold_before.set(True)  # always the original, never the other take
    shown = cut(painted(desk.canvas), target)[LABEL_ROWS:]
    assert np.array_equal(shown, desk.before[desk.state.frame.value][LABEL_ROWS:])


def test_a_test_take_shows_its_own_frames_only(desk: Desk) -> None:
    part = desk.after[10:19]
    desk.core.book.takes.set({"t1": take_of(desk.folder, "Test 1", part, first=10)})
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    target = view_of(desk.core, desk.canvas.viewport).target
    desk.state.go(12)
    assert np.array_equal(
        cut(painted(desk.canvas), target)[LABEL_ROWS:], desk.after[12][LABEL_ROWS:]
    )
    desk.state.go(25)
    shown = painted(desk.canvas)
    assert np.mean(np.all(shown == SURROUND.red(), axis=2)) > 0.8  # a sentence, no picture
    desk.state.mode.set("difference")
    assert desk.core.reading() is None


def test_a_frame_that_is_not_read_yet_is_not_made_up(desk: Desk) -> None:
    desk.core.book.ready.set(5)
    desk.state.mode.set("before")
    desk.state.go(20)
    shown = painted(desk.canvas)
    assert np.mean(np.all(shown == SURROUND.red(), axis=2)) > 0.8
    desk.core.book.ready.set(21)
    assert np.mean(np.all(painted(desk.canvas) == SURROUND.red(), axis=2)) < 0.8

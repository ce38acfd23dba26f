"""Matte and words over the picture."""

from __future__ import annotations

import numpy as np
import pytest

from plugin.ui.viewer.views import view_of
from tests.panel.viewer.canvas import LABEL_ROWS, RATIOS, cut, viewport
from tests.panel.viewer.conftest import HEIGHT, WIDTH, Desk, painted, take_of


@pytest.mark.parametrize("ratio", RATIOS)
def test_matte_overlay_tints_inside_and_outlines_for_every_eye(desk: Desk, ratio: float) -> None:
    grey = np.full((32, HEIGHT, WIDTH, 3), 100, np.uint8)
    desk.core.book.shot.set(take_of(desk.folder, "grey", grey))
    desk.core.book.ready.set(32)
    desk.state.mode.set("before")
    desk.state.overlay.set(True)
    view = view_of(desk.core, viewport(desk, ratio))
    shown = painted(desk.canvas, ratio).astype(int)

    def at(x: float, y: float) -> list[int]:
        device = view.to_device(x / WIDTH, y / HEIGHT)
        return shown[int(device[1]), int(device[0])].tolist()

    tint = np.array([226, 58, 74]) * 0.4 + 100 * 0.6
    assert at(80, 45) == pytest.approx(tint.tolist(), abs=2)
    assert at(130, 60) == [100, 100, 100]
    assert at(80, 28.5)[0] - 100 == pytest.approx((tint[0] - 100) * 100 / 255, abs=3)  # feather
    edge = view.to_device(60 / WIDTH, 0)[0]
    row = shown[int(view.to_device(0, 45 / HEIGHT)[1])]
    thick = max(1, round(ratio))
    light = row[round(edge) : round(edge) + thick]
    dark = row[round(edge) - thick : round(edge)]
    assert light.min() == 255
    assert dark.max() < 40


def test_matte_overlay_leaves_the_colours_of_the_difference(desk: Desk) -> None:
    desk.state.mode.set("difference")
    view = view_of(desk.core, desk.canvas.viewport)
    plain = painted(desk.canvas)
    desk.state.overlay.set(True)
    shown = painted(desk.canvas)
    x, y = (int(value) for value in view.to_device(80 / WIDTH, 45 / HEIGHT))
    inside = np.s_[y - 10 : y + 10, x - 10 : x + 10]
    assert np.array_equal(shown[inside], plain[inside])
    assert not np.array_equal(shown, plain)  # the outline is there


def test_matte_overlay_stays_in_place_on_a_picture_smaller_than_its_proxy(desk: Desk) -> None:
    desk.viewer.resize(desk.viewer.minimumSizeHint().width(), 190)
    desk.state.mode.set("before")
    view = view_of(desk.core, desk.canvas.viewport)
    if view.target.width >= WIDTH:
        desk.canvas.resize(131, 90)
        view = view_of(desk.core, desk.canvas.viewport)
    plain = painted(desk.canvas).astype(int)
    desk.state.overlay.set(True)
    changed = np.abs(painted(desk.canvas).astype(int) - plain).sum(axis=2) > 12
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    left, top = view.to_device(60 / WIDTH, 28 / HEIGHT)
    right, bottom = view.to_device(100 / WIDTH, 60 / HEIGHT)
    assert [columns[0], rows[0]] == pytest.approx([left, top], abs=2)
    assert [columns[-1] + 1, rows[-1] + 1] == pytest.approx([right, bottom], abs=2)


def test_matte_of_the_whole_picture_or_of_nothing_has_no_outline(desk: Desk) -> None:
    for value in (0, 255):
        flat = np.full((32, HEIGHT, WIDTH), value, np.uint8)
        desk.core.book.matte.set(take_of(desk.folder, f"flat{value}", flat))
        desk.state.overlay.set(True)
        desk.state.mode.set("before")
        desk.state.zoom.set(1.0)
        target = view_of(desk.core, desk.canvas.viewport).target
        shown = cut(painted(desk.canvas), target)[LABEL_ROWS:].astype(int)
        plain = desk.before[desk.state.frame.value][LABEL_ROWS:]
        share = 0.4 * value / 255
        expected = plain * (1 - share) + np.array([226, 58, 74]) * share
        assert np.abs(shown - expected).max() <= 2


def test_words_overlay_heats_where_the_chosen_word_acts(desk: Desk) -> None:
    desk.state.mode.set("before")
    plain = painted(desk.canvas).astype(int)
    desk.core.next_word()
    assert desk.state.words_overlay.value == 0
    red = np.abs(painted(desk.canvas).astype(int) - plain).sum(axis=2)
    view = view_of(desk.core, desk.canvas.viewport)
    hot = tuple(int(v) for v in view.to_device(0.5, 0.5))
    cold = tuple(int(v) for v in view.to_device(0.9, 0.3))
    assert red[hot[1] - 5 : hot[1] + 5, hot[0] - 5 : hot[0] + 5].mean() > 60
    assert red[cold[1] - 5 : cold[1] + 5, cold[0] - 5 : cold[0] + 5].mean() < 2
    desk.core.next_word()
    leather = np.abs(painted(desk.canvas).astype(int) - plain).sum(axis=2)
    assert leather[cold[1] - 5 : cold[1] + 5, cold[0] + 10 : cold[0] + 15].mean() > 60
    desk.core.next_word()  # the chip that the take never knew is left out
    assert desk.state.words_overlay.value is None
    assert np.array_equal(painted(desk.canvas).astype(int), plain)

"""The wipe: on whole pixels, and dragged by its line."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from plugin.ui.viewer.views import view_of, wipe_of
from tests.panel.viewer.canvas import RATIOS, drag, viewport
from tests.panel.viewer.conftest import HEIGHT, WIDTH, Desk, painted, take_of


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("angle", [0.0, 90.0])
def test_wipe_splits_on_a_whole_pixel(desk: Desk, ratio: float, angle: float) -> None:
    flat_before = np.full((32, HEIGHT, WIDTH, 3), 40, np.uint8)
    flat_after = np.full((32, HEIGHT, WIDTH, 3), 200, np.uint8)
    desk.core.book.shot.set(take_of(desk.folder, "b", flat_before))
    desk.core.book.ready.set(32)
    desk.core.book.takes.set({"t1": take_of(desk.folder, "a", flat_after)})
    desk.state.mode.set("wipe")
    desk.state.wipe_angle.set(angle)
    desk.state.wipe.set(0.37)
    box = viewport(desk, ratio)
    view = view_of(desk.core, box)
    edge = round(wipe_of(desk.core, view).offset)
    shown = painted(desk.canvas, ratio).astype(int)
    target = view.target
    if angle == 0:
        assert edge == round(target.x + 0.37 * target.width)
        row = shown[target.bottom - round(12 * ratio)][target.x : target.right, 0]
        start = target.x
    else:
        assert edge == round(target.y + 0.37 * target.height)
        row = shown[target.y : target.bottom, target.x + round(110 * ratio), 0]
        start = target.y
    line = 3 * max(1, round(ratio))
    assert set(row[: edge - start - line]) == {40}
    assert set(row[edge - start + line :]) == {200}
    assert row[edge - start - line : edge - start + line].max() == 255  # the thin line


def test_wipe_is_dragged_by_its_line_and_from_every_edge(desk: Desk) -> None:
    state, canvas = desk.state, desk.canvas
    state.mode.set("wipe")
    target = view_of(desk.core, canvas.viewport).target
    middle_y = target.y + target.height // 2 + 20
    drag(canvas, QPoint(target.x + target.width // 2, middle_y), QPoint(target.x + 80, middle_y))
    assert state.wipe.value == pytest.approx(80 / target.width, abs=0.01)
    drag(canvas, QPoint(target.right - 2, middle_y), QPoint(target.x + 240, middle_y))
    assert (state.wipe.value, state.wipe_angle.value) == (
        pytest.approx(240 / target.width, abs=0.01),
        0,
    )
    drag(canvas, QPoint(target.x + 40, target.y + 2), QPoint(target.x + 40, target.y + 60))
    assert (state.wipe.value, state.wipe_angle.value) == (
        pytest.approx(60 / target.height, abs=0.02),
        90,
    )
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(target.x + 50, middle_y))
    assert (state.wipe.value, state.wipe_angle.value) == (0.5, 0)


def test_shift_lays_the_wipe_level(desk: Desk) -> None:
    state, canvas = desk.state, desk.canvas
    state.mode.set("wipe")
    target = view_of(desk.core, canvas.viewport).target
    shift = Qt.KeyboardModifier.ShiftModifier
    start = QPoint(target.x + target.width // 2, target.y + 70)
    drag(canvas, start, QPoint(target.x + 100, target.y + 45), shift)
    assert state.wipe_angle.value == 90
    assert state.wipe.value == pytest.approx(45 / target.height, abs=0.02)


def test_a_press_away_from_every_edge_leaves_the_wipe(desk: Desk) -> None:
    desk.state.mode.set("wipe")
    target = view_of(desk.core, desk.canvas.viewport).target
    start = QPoint(target.x + 60, target.y + 60)
    drag(desk.canvas, start, start + QPoint(60, 20))
    assert desk.state.wipe.value == 0.5

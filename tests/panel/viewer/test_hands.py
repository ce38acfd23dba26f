"""What the mouse does: zoom, pan and drawn shapes, in coordinates of the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest

from flowanchor_engine.request import MatteShape
from tests.panel.viewer.canvas import drag, move
from tests.panel.viewer.conftest import HEIGHT, WIDTH, Desk, turn_wheel


def test_wheel_zooms_at_the_cursor(desk: Desk) -> None:
    canvas = desk.canvas
    desk.state.zoom.set(2.0)
    at = QPointF(200, 60)
    before = canvas.view_at(at).to_picture(at.x(), at.y())
    turn_wheel(canvas, at, 2)
    assert desk.state.zoom.value == pytest.approx(2 * 1.25**2)
    after = canvas.view_at(at).to_picture(at.x(), at.y())
    assert after == pytest.approx(before, abs=0.01)
    for _ in range(20):
        turn_wheel(canvas, at, -1)
    assert desk.state.zoom.value == 0


@pytest.mark.parametrize("with_space", [False, True])
def test_middle_button_or_space_drags_the_picture(desk: Desk, with_space: bool) -> None:
    canvas, state = desk.canvas, desk.state
    state.zoom.set(4.0)
    canvas.setFocus()
    button = Qt.MouseButton.LeftButton if with_space else Qt.MouseButton.MiddleButton
    if with_space:
        QTest.keyPress(canvas, Qt.Key.Key_Space)
    QTest.mousePress(canvas, button, pos=QPoint(100, 80))
    move(canvas, QPoint(60, 100), Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(canvas, button, pos=QPoint(60, 100))
    if with_space:
        QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert state.pan.value == pytest.approx((40 / (4 * WIDTH), -20 / (4 * HEIGHT)))
    assert state.playing.value == 0  # the drag was meant, not the play key


def test_double_click_goes_to_single_pixels_and_back(desk: Desk) -> None:
    desk.state.mode.set("before")
    at = QPoint(100, 90)
    before = desk.canvas.view_at(QPointF(at)).to_picture(100, 90)
    QTest.mouseDClick(desk.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.zoom.value == 1.0
    assert desk.canvas.view_at(QPointF(at)).to_picture(100, 90) == pytest.approx(before, abs=0.01)
    QTest.mouseDClick(desk.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.zoom.value == 0


@pytest.mark.parametrize(("zoom", "pan"), [(0.0, (0.0, 0.0)), (3.0, (0.1, -0.2))])
def test_box_is_drawn_in_picture_coordinates(desk: Desk, zoom: float, pan) -> None:
    drawn: list[MatteShape] = []
    desk.core.shape_drawn.connect(drawn.append)
    desk.state.mode.set("before")
    desk.state.zoom.set(zoom)
    desk.state.pan.set(pan)
    desk.state.go(7)
    desk.viewer.draw_box()
    start, end = QPoint(220, 130), QPoint(120, 60)
    view = desk.canvas.view_at(QPointF(start))
    drag(desk.canvas, start, end)
    (shape,) = drawn
    assert (shape.kind, shape.frame) == ("box", 7)
    assert shape.points[0] == pytest.approx(view.to_picture(120, 60))
    assert shape.points[1] == pytest.approx(view.to_picture(220, 130))
    assert desk.core.tool.value is None


@pytest.mark.parametrize(("zoom", "pan"), [(0.0, (0.0, 0.0)), (5.0, (-0.1, 0.2))])
def test_lasso_is_drawn_in_picture_coordinates(desk: Desk, zoom: float, pan) -> None:
    drawn: list[MatteShape] = []
    desk.core.shape_drawn.connect(drawn.append)
    desk.state.mode.set("before")
    desk.state.zoom.set(zoom)
    desk.state.pan.set(pan)
    desk.viewer.draw_lasso()
    corners = [QPoint(90, 60), QPoint(180, 41), QPoint(203, 120), QPoint(113, 131)]
    view = desk.canvas.view_at(QPointF(corners[0]))
    QTest.mousePress(desk.canvas, Qt.MouseButton.LeftButton, pos=corners[0])
    for one, two in zip(corners, [*corners[1:], corners[0]], strict=True):
        for step in range(1, 11):
            move(desk.canvas, one + (two - one) * step / 10, Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(desk.canvas, Qt.MouseButton.LeftButton, pos=corners[0])
    (shape,) = drawn
    assert shape.kind == "lasso"
    assert len(shape.points) <= 6  # forty moves, four corners
    for corner in corners:
        wanted = view.to_picture(corner.x(), corner.y())
        assert min(np.hypot(*(np.subtract(p, wanted))) for p in shape.points) < 0.01


def test_a_shape_ends_at_the_border_of_the_picture(desk: Desk) -> None:
    drawn: list[MatteShape] = []
    desk.core.shape_drawn.connect(drawn.append)
    desk.viewer.resize(600, 330)
    desk.viewer.draw_box()
    drag(desk.canvas, QPoint(2, 2), QPoint(desk.canvas.width() - 2, desk.canvas.height() - 2))
    (shape,) = drawn
    values = [value for point in shape.points for value in point]
    assert min(values) >= 0
    assert max(values) <= 1


def test_a_click_or_escape_draws_nothing(desk: Desk) -> None:
    drawn: list[MatteShape] = []
    desk.core.shape_drawn.connect(drawn.append)
    desk.viewer.draw_box()
    QTest.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert desk.core.tool.value == "box"  # still waiting for a real one
    QTest.keyClick(desk.canvas, Qt.Key.Key_Escape)
    assert desk.core.tool.value is None
    QTest.mousePress(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    move(desk.canvas, QPoint(150, 120), Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(150, 120))
    assert drawn == []

"""The canvas as tests look at it and as a hand touches it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from plugin.ui.viewer.geometry import Box
from tests.panel.viewer.conftest import Desk

RATIOS = [1.0, 1.5, 2.0]
LABEL_ROWS = 40  # device rows at ratio 1 that the corner label may cover


def viewport(desk: Desk, ratio: float) -> Box:
    canvas = desk.canvas
    return Box(0, 0, round(canvas.width() * ratio), round(canvas.height() * ratio))


def cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    return pixels[box.y : box.bottom, box.x : box.right]


def drag(
    canvas: QWidget,
    start: QPoint,
    end: QPoint,
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(canvas, left, modifiers, start)
    middle = (start + end) / 2
    QTest.mouseMove(canvas, middle)
    move(canvas, middle, modifiers)
    move(canvas, end, modifiers)
    QTest.mouseRelease(canvas, left, modifiers, end)


def move(canvas: QWidget, to: QPoint, modifiers: Qt.KeyboardModifier) -> None:
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(to),
        QPointF(canvas.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        modifiers,
    )
    QApplication.sendEvent(canvas, event)

"""What the tests of controls do with mouse, keys and eyes."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from plugin.ui.base import (
    Choice,
    NumberField,
)

Key = Qt.Key


def shown(qtbot: QtBot, widget: Any, width: int = 320) -> Any:
    qtbot.addWidget(widget)
    widget.resize(width, max(24, widget.sizeHint().height()))
    widget.show()
    return widget


def by_keys(widget: QWidget) -> None:
    """Give a widget the focus as Tab does; offscreen windows are never active by themselves."""
    widget.window().activateWindow()
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()


def picture(widget: QWidget) -> QImage:
    return widget.grab().toImage()


def wheel(widget: QWidget, up: bool = True) -> bool:
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120 if up else -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def switches() -> list[Choice[str]]:
    return [Choice("draft", "Draft"), Choice("standard", "Standard"), Choice("fine", "Fine")]


def typed(qtbot: QtBot, field: NumberField, text: str, key: Qt.Key = Key.Key_Return) -> None:
    by_keys(field)
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, key)

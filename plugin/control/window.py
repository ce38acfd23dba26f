"""Where the window is: kept per layout of screens, never larger than its screen, never lost."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, Qt
from PySide6.QtGui import QGuiApplication

from plugin.services.settings import WindowPlace

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from plugin.services.settings import Settings
    from plugin.ui.desk import Desk

__all__ = ["WindowKeeper", "fitted", "layout_name"]


def layout_name() -> str:
    """Return a name for the sizes and positions of all screens."""
    screens = sorted(
        (s.geometry().x(), s.geometry().y(), s.geometry().width(), s.geometry().height())
        for s in QGuiApplication.screens()
    )
    return hashlib.sha256(repr(screens).encode()).hexdigest()[:12]


def fitted(wished: QRect, area: QRect) -> QRect:
    """Return a rectangle of the wished size inside an area, smaller if the area is."""
    width, height = min(wished.width(), area.width()), min(wished.height(), area.height())
    x = min(max(wished.x(), area.x()), area.x() + area.width() - width)
    y = min(max(wished.y(), area.y()), area.y() + area.height() - height)
    return QRect(x, y, width, height)


class WindowKeeper(QObject):
    """Restores, keeps and, on request, raises a window above all others."""

    def __init__(self, window: QWidget, desk: Desk, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._window = window
        self._desk = desk
        self._heard = desk.settings.changed.connect(self._on_settings)
        self._stay_on_top(desk.settings.value.on_top)

    def restore(self) -> None:
        """Put the window where it was on these screens; else at the right edge."""
        known = self._desk.settings.value.places.get(layout_name())
        screen = QGuiApplication.primaryScreen()
        if known is not None:
            wished = QRect(known.x, known.y, known.width, known.height)
            screen = QGuiApplication.screenAt(wished.center()) or screen
        else:
            hint = self._window.sizeHint()
            area = screen.availableGeometry()
            wished = QRect(area.right() - hint.width(), area.y(), hint.width(), hint.height())
        self._window.setGeometry(fitted(wished, screen.availableGeometry()))

    def save(self) -> None:
        """Remember where the window is."""
        now = self._window.geometry()
        place = WindowPlace(x=now.x(), y=now.y(), width=now.width(), height=now.height())
        self._desk.change(places={**self._desk.settings.value.places, layout_name(): place})

    def close(self) -> None:
        """Follow the settings no longer."""
        self._heard.disconnect()

    def _on_settings(self, settings: Settings) -> None:
        self._stay_on_top(settings.on_top)

    def _stay_on_top(self, on: bool) -> None:
        flag = Qt.WindowType.WindowStaysOnTopHint
        if bool(self._window.windowFlags() & flag) == on:
            return
        visible = self._window.isVisible()
        self._window.setWindowFlag(flag, on)
        if visible:  # changing the flag hides a window
            self._window.show()

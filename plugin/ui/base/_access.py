"""What every control owes to those who cannot see it, or use no mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from plugin.locale import tr
from plugin.theme import metrics, theme

__all__ = ["FocusRing", "describe", "named", "restyle"]

_BY_KEYS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
    Qt.FocusReason.OtherFocusReason,
)


def describe(widget: QWidget, name: str, tip: str = "") -> None:
    """Name a control for screen readers, and explain it there and in its tooltip."""
    widget.setAccessibleName(name)
    widget.setAccessibleDescription(tip)
    widget.setToolTip(tip)


def named(widget: QWidget, key: str) -> None:
    """Describe a control by the texts ``key`` and ``tip.key``."""
    describe(widget, tr(key), tr(f"tip.{key}"))


def restyle(widget: QWidget, **properties: str) -> None:
    """Set properties that the style sheet reads, and let it look again."""
    changed = False
    for name, value in properties.items():
        if widget.property(name) != value:
            widget.setProperty(name, value)
            changed = True
    if changed:
        widget.style().unpolish(widget)
        widget.style().polish(widget)
        widget.update()


if TYPE_CHECKING:
    _Widget = QWidget
else:
    _Widget = object  # a mixin: the widget comes beside it


class FocusRing(_Widget):
    """Mix in first: a ring around what the keyboard acts on; a click alone draws none."""

    _by_keys = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Remember how the focus came."""
        self._by_keys = event.reason() in _BY_KEYS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring away."""
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Show the ring to who goes on with keys after a click."""
        if not self._by_keys:
            self._by_keys = True
            self.update()
        super().keyPressEvent(event)

    def ring_shown(self) -> bool:
        """Return whether the ring is drawn now."""
        return self.hasFocus() and self._by_keys

    def paint_ring(self, painter: QPainter, area: QRectF, radius: float) -> None:
        """Draw the ring just inside `area` if it is shown."""
        if not self.ring_shown():
            return
        width = metrics().focus_width
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(theme().focus), width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = width / 2
        painter.drawRoundedRect(area.adjusted(half, half, -half, -half), radius, radius)
        painter.restore()

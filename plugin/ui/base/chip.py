"""A small pressable word with a shape that says its state."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from plugin.theme import draw_icon, metrics, theme
from plugin.ui.base._access import FocusRing, describe

__all__ = ["ChipButton"]


class ChipButton(FocusRing, QAbstractButton):
    """A chip: filled and accented when it is strong, outlined otherwise; always with a shape.

    Space and click press it. Under it runs a bar when it has a share.
    """

    def __init__(self, text: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(text)
        describe(self, text)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._shape, self._strong, self._dashed = "neutral", False, False
        self._share: float | None = None
        self._by_chance: float | None = None

    def set_look(self, shape: str, *, strong: bool = False, dashed: bool = False) -> None:
        """Choose the icon, whether it is filled, and whether its outline is dashed."""
        self._shape, self._strong, self._dashed = shape, strong, dashed
        self.update()

    def set_share(self, share: float | None, by_chance: float | None = None) -> None:
        """Draw a bar of `share` (0..1) below, with a tick at what chance would give."""
        self._share, self._by_chance = share, by_chance
        self.updateGeometry()
        self.update()

    def _body(self) -> int:
        return metrics().px(22)

    def sizeHint(self) -> QSize:
        """Make room for shape, word and bar."""
        size = metrics()
        width = self.fontMetrics().horizontalAdvance(self.text()) + size.px(12) + size.space(4.5)
        return QSize(width, max(size.hit, self._body() + size.px(6)))

    def minimumSizeHint(self) -> QSize:
        """Let a long word be elided."""
        return QSize(min(self.sizeHint().width(), metrics().px(64)), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it."""
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        body = QRectF(0.5, 0.5, self.width() - 1, self._body() - 1)
        hover = self.underMouse() and self.isEnabled()
        edge = colours.accent if self._strong else colours.outline
        pen = QPen(QColor(colours.outline_hover if hover and not self._strong else edge), 1)
        if self._dashed:
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        ground = colours.accent_ground if self._strong else colours.well
        if hover and not self._strong:
            ground = colours.hover
        painter.setBrush(QColor(ground))
        radius = size.px(4)
        painter.drawRoundedRect(body, radius, radius)
        ink = colours.accent_text if self._strong else colours.text
        side = size.px(12)
        place = QRectF(size.space(1.5), (self._body() - side) / 2, side, side)
        draw_icon(painter, self._shape, place, colours.accent if self._strong else ink)
        painter.setPen(QColor(ink))
        start = place.right() + size.space(1)
        room = self.width() - start - size.space(1.5)
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, int(room) + 1
        )
        painter.drawText(
            QRectF(start, 0, room + 2, self._body()), Qt.AlignmentFlag.AlignVCenter, text
        )
        if self._share is not None:
            self._paint_share(painter, body)
        ring = QRectF(0, 0, self.width(), self._body())
        self.paint_ring(painter, ring, radius)
        painter.end()

    def _paint_share(self, painter: QPainter, body: QRectF) -> None:
        colours, size = theme(), metrics()
        assert self._share is not None
        thick = size.px(3)
        bar = QRectF(body.left(), self._body() + size.px(2), body.width(), thick)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.line))
        painter.drawRect(bar)
        full = min(1.0, max(0.0, self._share))
        painter.setBrush(QColor(colours.accent if self._strong else colours.outline_hover))
        painter.drawRect(QRectF(bar.left(), bar.top(), bar.width() * full, thick))
        if self._by_chance is not None:
            x = bar.left() + bar.width() * min(1.0, max(0.0, self._by_chance))
            painter.setPen(QPen(QColor(colours.bright), size.px(1)))
            painter.drawLine(QPointF(x, bar.top() - 1), QPointF(x, bar.bottom() + 1))

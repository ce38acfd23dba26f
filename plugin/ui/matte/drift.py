"""How sure a tracked matte is, frame by frame."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.theme import metrics, theme
from plugin.ui.base._access import FocusRing, describe

__all__ = ["DriftStrip"]

LOST: Final = 0.5  # from here on the matte is more lost than sure


class DriftStrip(FocusRing, QWidget):
    """A column per frame: low and plain is sure, high and hatched is lost; a click goes there.

    Key frames, on which something was drawn, are diamonds below.
    """

    frame_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._drift: tuple[float, ...] = ()
        self._keys: tuple[int, ...] = ()
        self._frame = 0
        describe(self, tr("matte.drift"), tr("tip.matte.drift"))

    @property
    def lost(self) -> tuple[int, ...]:
        """The frames on which the matte is more lost than sure."""
        return tuple(i for i, value in enumerate(self._drift) if value > LOST)

    def show_drift(self, drift: tuple[float, ...], keys: tuple[int, ...]) -> None:
        """Show the drift of all frames, 0 sure to 1 lost, and the key frames."""
        self._drift, self._keys = drift, keys
        worst = max(drift, default=0.0)
        words = tr("say.matte.sure") if worst <= LOST else tr("say.matte.lost", n=len(self.lost))
        self.setAccessibleDescription(words)
        self.update()

    def show_frame(self, frame: int) -> None:
        """Mark the frame that the viewer shows."""
        if frame != self._frame:
            self._frame = frame
            self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(metrics().px(120), metrics().px(26))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(metrics().px(60), metrics().px(26))

    def frame_at(self, x: float) -> int:
        """Return the frame at a place across the strip."""
        count = max(1, len(self._drift))
        return min(count - 1, max(0, int(x / max(1, self.width()) * count)))

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._drift:
            self.frame_chosen.emit(self.frame_at(event.position().x()))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton and self._drift:
            self.frame_chosen.emit(self.frame_at(event.position().x()))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        by = steps.get(Qt.Key(event.key()))
        if by is None or not self._drift:
            super().keyPressEvent(event)
            return
        self.frame_chosen.emit(min(len(self._drift) - 1, max(0, self._frame + by)))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours, size = theme(), metrics()
        painter = QPainter(self)
        area = QRectF(self.rect())
        painter.fillRect(area, QColor(colours.well))
        foot = float(size.px(7))
        count = max(1, len(self._drift))
        wide = area.width() / count
        high = area.height() - foot - 2
        for i, value in enumerate(self._drift):
            column = QRectF(i * wide, 0, max(1.0, wide - (1 if wide > 3 else 0)), 0)
            column.setTop(1 + high * (1 - max(0.04, min(1.0, value))))
            column.setBottom(1 + high)
            lost = value > LOST
            painter.fillRect(column, QColor(colours.warn if lost else colours.outline))
            if lost:  # hatched: the colour is not the only sign
                painter.fillRect(column, QBrush(QColor(colours.well), Qt.BrushStyle.BDiagPattern))
        limit = 1 + high * (1 - LOST)
        painter.setPen(QPen(QColor(colours.muted), 1, Qt.PenStyle.DotLine))
        painter.drawLine(QPointF(0, limit), QPointF(area.width(), limit))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.bright))
        for key in self._keys:
            x, y, r = (key + 0.5) * wide, area.height() - foot / 2, foot / 2
            painter.drawPolygon(
                QPolygonF(
                    [QPointF(x, y - r), QPointF(x + r, y), QPointF(x, y + r), QPointF(x - r, y)]
                )
            )
        x = (min(self._frame, count - 1) + 0.5) * wide
        painter.setPen(QPen(QColor(colours.bright), 1))
        painter.drawLine(QPointF(x, 0), QPointF(x, area.height() - foot))
        self.paint_ring(painter, area, size.radius)
        painter.end()

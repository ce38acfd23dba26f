"""The scrub bar: where in the shot, what has been read, what is marked."""

from __future__ import annotations

from typing import Final, Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSlider, QSizePolicy, QToolTip, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.theme import metrics, theme
from plugin.ui.base import FocusRing, bind, describe, follow
from plugin.ui.viewer.core import Core
from plugin.ui.viewer.timecode import counter, frame_timecode

__all__ = ["ScrubBar"]

_STEPS: Final = (1, 2, 5, 10, 20, 25, 50, 100, 250, 500, 1000, 5000)
Held = Literal["frame", "in", "out", "range"]


class ScrubBar(FocusRing, QAbstractSlider):
    """A lane for the test range above, a lane to scrub in below.

    A slider to screen readers; its keys are the viewer's.
    """

    value_changed = QAbstractSlider.valueChanged

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.core = core
        self._held: Held | None = None
        self._grab = 0  # frames between the press and the start of the range
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        describe(self, tr("viewer.scrub"), tr("tip.viewer.scrub"))
        self.setToolTip("")  # told frame by frame, in `event`
        state, book = core.state, core.book
        follow(self, state.frames, self._on_frames)
        bind(state.frame, self)
        for watched in (state.range, book.ready, book.empty_frames, book.shapes):
            follow(self, watched, lambda _value: self.update())

    # ---- the control -----------------------------------------------------------------------

    def set_value(self, value: int) -> None:
        """Show a frame."""
        self.setValue(value)

    def _on_frames(self, frames: int) -> None:
        blocked = self.blockSignals(True)  # a shorter shot moves the frame through the state
        self.setRange(0, max(0, frames - 1))
        self.setValue(self.core.state.frame.value)
        self.blockSignals(blocked)
        self.setEnabled(frames > 0)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(metrics().px(200), metrics().px(30))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(metrics().px(80), metrics().px(30))

    # ---- geometry --------------------------------------------------------------------------

    @property
    def _lane(self) -> int:
        """Height of the upper lane, that of the range."""
        return metrics().px(11)

    @property
    def _edge(self) -> float:
        return float(metrics().px(6))

    def x_of(self, frame: float) -> float:
        """Return where a frame begins; ``frame + 0.5`` is its middle."""
        frames = max(1, self.core.frames)
        return self._edge + frame * (self.width() - 2 * self._edge) / frames

    def frame_at(self, x: float) -> int:
        """Return the frame under a widget position, the nearest beyond the ends."""
        frames = max(1, self.core.frames)
        frame = int((x - self._edge) * frames / max(1.0, self.width() - 2 * self._edge))
        return min(max(0, frame), frames - 1)

    # ---- painting --------------------------------------------------------------------------

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        core = self.core
        frames = core.frames
        top = self._lane
        groove = QRectF(
            self.x_of(0), top + size.px(3), self.x_of(frames) - self.x_of(0), size.px(4)
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.well))
        painter.drawRoundedRect(groove, size.px(2), size.px(2))
        if frames:
            self._paint_ready(painter, groove)
            self._paint_ticks(painter, groove)
            self._paint_range(painter)
            self._paint_marks(painter, groove)
            self._paint_head(painter, groove)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        self.paint_ring(painter, QRectF(self.rect()), size.radius)
        painter.end()

    def _paint_ready(self, painter: QPainter, groove: QRectF) -> None:
        ready = min(self.core.frames, self.core.book.ready.value)
        if ready > 0:
            read = QRectF(groove)
            read.setRight(self.x_of(ready))
            painter.setBrush(QColor(theme().outline))
            painter.drawRoundedRect(read, metrics().px(2), metrics().px(2))

    def _paint_ticks(self, painter: QPainter, groove: QRectF) -> None:
        frames, size = self.core.frames, metrics()
        wide = (self.width() - 2 * self._edge) / frames
        step = next((step for step in _STEPS if step * wide >= size.px(5)), _STEPS[-1])
        rate = self.core.book.facts.value.rate
        second = max(1, -(-rate.numerator // rate.denominator))
        ratio = self.devicePixelRatioF()
        top = groove.bottom() + size.px(2)
        for frame in range(0, frames, step):
            self._tick(painter, frame, top, size.px(3), theme().line, ratio)
        if second * wide >= size.px(5):
            for frame in range(0, frames, second):
                self._tick(painter, frame, top, size.px(6), theme().outline, ratio)

    def _tick(
        self, painter: QPainter, frame: int, top: float, long: float, colour: str, ratio: float
    ) -> None:
        x = round(self.x_of(frame + 0.5) * ratio) / ratio
        painter.fillRect(QRectF(x, top, max(1.0, round(ratio)) / ratio, long), QColor(colour))

    def _paint_range(self, painter: QPainter) -> None:
        start, stop = self.core.state.range.value
        if stop <= start:
            return
        colours, size = theme(), metrics()
        left, right = self.x_of(start), self.x_of(stop)
        band = QRectF(left, size.px(3), right - left, self._lane - size.px(4))
        fill = QColor(colours.text)
        fill.setAlphaF(0.18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRect(band)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(colours.bright), size.px(1.5)))
        foot = size.px(4)
        for x, way in ((left, 1), (right, -1)):
            painter.drawPolyline(
                QPolygonF(
                    [
                        QPointF(x + way * foot, band.top()),
                        QPointF(x, band.top()),
                        QPointF(x, band.bottom()),
                        QPointF(x + way * foot, band.bottom()),
                    ]
                )
            )
        painter.setPen(Qt.PenStyle.NoPen)

    def _paint_marks(self, painter: QPainter, groove: QRectF) -> None:
        """Crosses where the matte is empty, diamonds where a shape was drawn."""
        size, book = metrics(), self.core.book
        y = groove.bottom() + size.px(6)
        half = size.px(2.5)
        painter.setPen(QPen(QColor(theme().warn), size.px(1.5)))
        last_x = -1e9
        for frame in book.empty_frames.value:
            x = self.x_of(frame + 0.5)
            if x - last_x < 2 * half + 1:  # a run of empty frames is one row of crosses
                continue
            last_x = x
            painter.drawLine(QPointF(x - half, y - half), QPointF(x + half, y + half))
            painter.drawLine(QPointF(x - half, y + half), QPointF(x + half, y - half))
        painter.setPen(QPen(QColor(theme().pressed), 1))
        painter.setBrush(QColor(theme().bright))
        half = size.px(3.5)
        for frame in sorted({shape.frame for shape in book.shapes.value}):
            x = self.x_of(frame + 0.5)
            painter.drawPolygon(
                QPolygonF(
                    [
                        QPointF(x, y - half),
                        QPointF(x + half, y),
                        QPointF(x, y + half),
                        QPointF(x - half, y),
                    ]
                )
            )
        painter.setPen(Qt.PenStyle.NoPen)

    def _paint_head(self, painter: QPainter, groove: QRectF) -> None:
        size = metrics()
        x = self.x_of(self.core.state.frame.value + 0.5)
        ratio = self.devicePixelRatioF()
        line = max(1.0, round(size.px(1.5) * ratio)) / ratio
        left = round((x - line / 2) * ratio) / ratio
        painter.fillRect(QRectF(left, 1, line, self.height() - 2), QColor(theme().bright))
        painter.setPen(QPen(QColor(theme().ground), size.px(1.5)))
        painter.setBrush(QColor(theme().bright))
        painter.drawEllipse(QPointF(left + line / 2, groove.center().y()), size.px(5), size.px(5))
        painter.setPen(Qt.PenStyle.NoPen)

    # ---- mouse -----------------------------------------------------------------------------

    def _under(self, position: QPointF) -> Held:
        """Return what a press would take hold of."""
        if position.y() >= self._lane:
            return "frame"
        start, stop = self.core.state.range.value
        reach = metrics().px(6)
        near_in = abs(position.x() - self.x_of(start))
        near_out = abs(position.x() - self.x_of(stop))
        if min(near_in, near_out) <= reach:
            return "in" if near_in <= near_out else "out"
        return "range" if self.x_of(start) < position.x() < self.x_of(stop) else "frame"

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self.core.frames:
            event.ignore()
            return
        self._held = self._under(event.position())
        frame = self.frame_at(event.position().x())
        self._grab = frame - self.core.state.range.value[0]
        if self._held == "frame":
            self.core.state.stop()
            self.core.state.go(frame)
        event.accept()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        state = self.core.state
        x = event.position().x()
        if self._held is None:
            sizing = self.core.frames and self._under(event.position()) in ("in", "out")
            self.setCursor(Qt.CursorShape.SizeHorCursor if sizing else Qt.CursorShape.ArrowCursor)
            return
        start, stop = state.range.value
        match self._held:
            case "frame":
                state.go(self.frame_at(x))
            case "in":
                state.mark_in(min(self.frame_at(x + self._half()), stop - 1))
            case "out":
                state.mark_out(max(self.frame_at(x - self._half()), start))
            case "range":
                long = stop - start
                first = min(max(0, self.frame_at(x) - self._grab), self.core.frames - long)
                if first != start:
                    state.mark_in(first)
                    state.mark_out(first + long - 1)

    def _half(self) -> float:
        return (self.width() - 2 * self._edge) / max(1, self.core.frames) / 2

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._held = None

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.position().y() < self._lane:
            self.core.state.reset_range()
        else:
            self.mousePressEvent(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.hasFocus():
            event.ignore()
            return
        self.core.state.step(-1 if event.angleDelta().y() > 0 else 1)
        event.accept()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._by_keys:
            self._by_keys = True
            self.update()
        event.ignore()

    # ---- tooltips --------------------------------------------------------------------------

    def told_at(self, x: float) -> str:
        """Return what the tooltip says of the frame under a position."""
        core = self.core
        frame = self.frame_at(x)
        facts = core.book.facts.value
        lines = [counter(frame, core.frames)]
        timecode = frame_timecode(facts.timecode, frame, facts.rate)
        if timecode:
            lines[0] += f"   {timecode}"
        if frame in core.book.empty_frames.value:
            lines.append(tr("tip.viewer.empty_frame"))
        if any(shape.frame == frame for shape in core.book.shapes.value):
            lines.append(tr("tip.viewer.key_frame"))
        if not core.book.shown(frame):
            lines.append(tr("tip.viewer.not_read"))
        return "\n".join(lines)

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            position = event.pos()
            if position.y() < self._lane:
                text = tr("tip.viewer.range")
            else:
                text = self.told_at(position.x()) if self.core.frames else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

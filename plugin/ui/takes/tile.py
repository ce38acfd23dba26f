"""One take as a picture that can be chosen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QImage,
    QImageReader,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.theme import draw_icon, metrics, theme
from plugin.ui.base import FocusRing

if TYPE_CHECKING:
    from plugin.state.takes import Step, Take

__all__ = ["TakeTile"]

WIDTH: Final = 88
HEIGHT: Final = 50
_STEPS: Final = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Down: 1,
}


class TakeTile(FocusRing, QWidget):
    """Thumbnail, number, star, what was placed, what is done with it, if it is an indication.

    `chosen` carries whether the person holds Ctrl or Shift, which asks for a second take.
    """

    chosen = Signal(str, bool)
    activated = Signal(str)
    star_pressed = Signal(str)
    menu_wanted = Signal(str, object)
    stepped = Signal(int)

    def __init__(self, take: Take, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.take = take
        self._place = 0  # 1 first of the comparison, 2 second, 0 not chosen
        self._step: Step | None = None
        self._image = QImage()
        self._image_of = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.show_take(take)

    def show_take(self, take: Take) -> None:
        """Show new facts of the same take."""
        self.take = take
        thumbnail = str(take.thumbnail or "")
        if thumbnail != self._image_of:
            self._image_of = thumbnail
            self._image = _read(thumbnail, self.devicePixelRatioF())
        self.setAccessibleName(self._name())
        self.setToolTip(tr("tip.take"))
        self.update()

    def set_place(self, place: int) -> None:
        """Mark the tile as first (1) or second (2) chosen take, or not chosen (0)."""
        if place != self._place:
            self._place = place
            self.setAccessibleName(self._name())
            self.update()

    def set_step(self, step: Step | None) -> None:
        """Say that the take is being placed, taken off the timeline or saved, or nothing of it."""
        if step != self._step:
            self._step = step
            self.setAccessibleName(self._name())
            self.update()

    def _name(self) -> str:
        words = [tr("take.number", n=self.take.number)]
        if self._step is not None:
            words.append(tr(f"take.step.{self._step}"))
        if self.take.kind == "test":
            words.append(tr("take.indication"))
        if self.take.starred:
            words.append(tr("take.starred"))
        if self.take.placed:
            words.append(tr("take.placed"))
        if self._place:
            words.append(tr("take.chosen"))
        return ", ".join(words)

    def _star_area(self) -> QRectF:
        side = metrics().px(22)
        return QRectF(self.width() - side, 0, side, side)

    @override
    def sizeHint(self) -> QSize:
        return QSize(metrics().px(WIDTH), metrics().px(HEIGHT))

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._star_area().contains(event.position()):
            self.star_pressed.emit(self.take.id)
            return
        held = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        self.chosen.emit(self.take.id, bool(event.modifiers() & held))

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            if self._star_area().contains(event.position()):
                self.star_pressed.emit(self.take.id)
            else:
                self.activated.emit(self.take.id)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), event.modifiers()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not modifiers:
            self.activated.emit(self.take.id)
        elif key == Qt.Key.Key_Space:
            self.chosen.emit(self.take.id, bool(modifiers & Qt.KeyboardModifier.ControlModifier))
        elif key in _STEPS and not modifiers & ~Qt.KeyboardModifier.KeypadModifier:
            self.stepped.emit(_STEPS[Qt.Key(key)])
        else:
            super().keyPressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        spot = event.globalPos()
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            spot = self.mapToGlobal(self.rect().bottomLeft())
        self.menu_wanted.emit(self.take.id, spot)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        shape = QPainterPath()
        shape.addRoundedRect(area, size.radius, size.radius)
        painter.save()
        painter.setClipPath(shape)
        painter.fillRect(area, QColor(colours.shade))
        if self._image.isNull():
            draw_icon(painter, "after", area.adjusted(0, 10, 0, -10), colours.disabled)
        else:
            painter.drawImage(_covering(area, self._image.size()), self._image)
        if self._step is not None:
            self._paint_step(painter, area)
        self._paint_badges(painter, area)
        painter.restore()
        self._paint_frame(painter, area)
        painter.end()

    def _paint_step(self, painter: QPainter, area: QRectF) -> None:
        colours, size = theme(), metrics()
        veil = QColor(colours.shade)
        veil.setAlphaF(0.72)
        painter.fillRect(area, veil)
        font = painter.font()
        font.setPixelSize(size.small_px)
        painter.setFont(font)
        painter.setPen(QColor(colours.bright))
        centred = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(area, centred, tr(f"take.step.{self._step}"))

    def _paint_badges(self, painter: QPainter, area: QRectF) -> None:
        colours, size = theme(), metrics()
        veil = QColor(colours.shade)
        veil.setAlphaF(0.72)
        font = painter.font()
        font.setPixelSize(size.small_px)
        painter.setFont(font)
        text = str(self.take.number)
        if self.take.kind == "test":
            text = tr("take.indication")
        bar = QRectF(area.left(), area.bottom() - size.px(16), area.width(), size.px(16))
        wide = painter.fontMetrics().horizontalAdvance(text) + size.px(8)
        plate = QRectF(bar.left(), bar.top(), min(wide, bar.width()), bar.height())
        painter.fillRect(plate, veil)
        painter.setPen(QColor(colours.bright))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, text)
        if self.take.placed:
            spot = QRectF(bar.right() - bar.height(), bar.top(), bar.height(), bar.height())
            painter.fillRect(spot, veil)
            draw_icon(painter, "place", spot.adjusted(2, 2, -2, -2), colours.done)
        if self.take.starred or self.underMouse() or self.hasFocus():
            star = self._star_area().adjusted(3, 3, -3, -3)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(veil)
            painter.drawEllipse(self._star_area().adjusted(1, 1, -1, -1))
            name = "star_full" if self.take.starred else "star"
            draw_icon(painter, name, star, colours.bright)

    def _paint_frame(self, painter: QPainter, area: QRectF) -> None:
        colours, size = theme(), metrics()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        pen = QPen(QColor(colours.line), 1)
        if self.take.kind == "test":
            pen = QPen(QColor(colours.outline), 1, Qt.PenStyle.DashLine)
        if self._place:
            pen = QPen(QColor(colours.bright), size.px(2))
        painter.setPen(pen)
        painter.drawRoundedRect(area, size.radius, size.radius)
        if self._place:
            letter = "A" if self._place == 1 else "B"
            plate = QRectF(area.topLeft(), area.topLeft() + QPointF(size.px(15), size.px(15)))
            painter.fillRect(plate, QColor(colours.bright))
            painter.setPen(QColor(colours.ground))
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, letter)
        self.paint_ring(painter, QRectF(self.rect()), size.radius + 1)


def _read(path: str, scale: float) -> QImage:
    """Read a thumbnail no larger than it is shown; a missing one is an empty image."""
    if not path or not Path(path).is_file():
        return QImage()
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    whole = reader.size()
    wanted = QSize(metrics().px(WIDTH), metrics().px(HEIGHT)) * max(1.0, scale)
    if whole.isValid():
        reader.setScaledSize(whole.scaled(wanted, Qt.AspectRatioMode.KeepAspectRatioByExpanding))
    return reader.read()


def _covering(area: QRectF, size: QSize) -> QRectF:
    factor = max(area.width() / size.width(), area.height() / size.height())
    drawn = QRectF(0, 0, size.width() * factor, size.height() * factor)
    drawn.moveCenter(area.center())
    return drawn

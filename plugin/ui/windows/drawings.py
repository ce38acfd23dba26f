"""Drawings for the help page, made with the painter so that they fit every theme and scale."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from plugin.locale import tr
from plugin.theme import metrics, theme

__all__ = ["two_mattes"]


def two_mattes(width: int, scale: float) -> QPixmap:
    """Return a picture of the drawn mask, the model's whole tokens, and the composite's border.

    Parameters
    ----------
    width : int
        Device-independent pixels.
    scale : float
        Device pixels per point.
    """
    colours = theme()
    height = round(width * 0.5)
    picture = QPixmap(round(width * scale), round(height * scale))
    picture.setDevicePixelRatio(scale)
    picture.fill(QColor(colours.well))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    half = width / 2
    mask = QPainterPath()
    mask.addEllipse(QRectF(half * 0.24, height * 0.2, half * 0.5, height * 0.5))
    _tokens(painter, mask, QRectF(0, 0, half, height * 0.84))
    painter.save()
    painter.translate(half, 0)
    _composite(painter, mask)
    painter.restore()
    painter.setPen(QColor(colours.text))
    font = painter.font()
    font.setPixelSize(metrics().small_px)
    painter.setFont(font)
    for left, key in ((0.0, "help.mattes.model"), (half, "help.mattes.composite")):
        area = QRectF(left, height * 0.84, half, height * 0.16)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, tr(key))
    painter.setPen(QPen(QColor(colours.line), 1))
    painter.drawLine(QPointF(half, 0), QPointF(half, height))
    painter.end()
    return picture


def _tokens(painter: QPainter, mask: QPainterPath, area: QRectF) -> None:
    colours = theme()
    side = area.width() / 12
    for row in range(round(area.height() / side)):
        for column in range(12):
            cell = QRectF(column * side, row * side, side, side)
            inside = mask.intersects(cell)
            if inside:
                fill = QColor(colours.accent)
                fill.setAlphaF(0.35)
                painter.fillRect(cell, fill)
            painter.setPen(QPen(QColor(colours.line), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(cell)
    painter.setPen(QPen(QColor(colours.bright), metrics().px(1.6)))
    painter.drawPath(mask)


def _composite(painter: QPainter, mask: QPainterPath) -> None:
    colours = theme()
    for step in range(12, 0, -1):  # the feather, outside the grown mask
        pen = QPen(QColor(colours.accent), step * 2.2)
        colour = QColor(colours.accent)
        colour.setAlphaF(0.06)
        pen.setColor(colour)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(mask)
    fill = QColor(colours.accent)
    fill.setAlphaF(0.5)
    painter.setPen(QPen(QColor(colours.bright), metrics().px(1.6)))
    painter.setBrush(fill)
    painter.drawPath(mask)

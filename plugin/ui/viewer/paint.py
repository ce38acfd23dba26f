"""Small things that are painted over the picture: tags, dashed frames, legends, hints.

All lengths are device pixels; `unit` is how many of them one layout pixel has (1, 1.5, 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF, QTransform

from plugin.theme import metrics, theme
from plugin.ui.viewer.geometry import Box
from plugin.ui.viewer.overlays import ramp
from plugin.ui.viewer.wipe import Wipe

__all__ = ["TAG_GROUND", "Brush", "Corner", "device_pixels"]

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right", "top", "bottom"]
TAG_GROUND: Final = 0.80  # dark enough for every tone of text, even over white


def device_pixels(painter: QPainter) -> tuple[float, float, float]:
    """Make one unit of the painter one device pixel, exactly on the grid.

    Under fractional scaling a widget may begin between two device pixels; the picture must
    not, or every pixel of it would be a mixture of two.

    Returns
    -------
    (float, float, float)
        Device pixels per layout pixel, and how far the widget's origin lies right of and
        below the grid point that is now (0, 0).
    """
    base = painter.deviceTransform()
    ratio = base.m11()
    x, y = round(base.dx()), round(base.dy())
    inverse, regular = base.inverted()
    if regular:
        painter.setWorldTransform(QTransform.fromTranslate(x, y) * inverse)
    return ratio, base.dx() - x, base.dy() - y


@dataclass(frozen=True)
class Brush:
    """Paints over a picture at one device pixel ratio."""

    painter: QPainter
    unit: float

    def px(self, length: float) -> float:
        """Return a length given for 12 px text at ratio 1."""
        return max(1.0, round(metrics().px(length) * self.unit))

    @property
    def line(self) -> int:
        """The thinnest line that is seen: one layout pixel."""
        return max(1, round(self.unit))

    def font(self, *, bold: bool = False) -> QFont:
        """Return the font of tags."""
        font = QFont(self.painter.font())
        font.setPixelSize(max(8, round(metrics().small_px * self.unit)))
        font.setWeight(QFont.Weight.Medium if bold else QFont.Weight.Normal)
        return font

    # ---- tags ------------------------------------------------------------------------------

    def tag_size(self, text: str) -> tuple[float, float]:
        """Return width and height of a tag."""
        measure = QFontMetricsF(self.font(bold=True))
        return measure.horizontalAdvance(text) + 2 * self.px(6), measure.height() + 2 * self.px(2)

    def tag(
        self,
        text: str,
        area: Box,
        corner: Corner,
        *,
        colour: str | None = None,
        row: int = 0,
    ) -> bool:
        """Write a tag into a corner; False and nothing painted where there is no room for it."""
        width, height = self.tag_size(text)
        margin = self.px(8)
        if width + 2 * margin > area.width or height + 2 * margin > area.height:
            return False
        x = area.x + margin
        if corner.endswith("right"):
            x = area.right - margin - width
        elif corner in ("top", "bottom"):
            x = area.x + (area.width - width) / 2
        step = row * (height + self.px(4))
        y = area.y + margin + step
        if corner.startswith("bottom"):
            y = area.bottom - margin - height - step
        self.text(text, QRectF(round(x), round(y), round(width), round(height)), colour=colour)
        return True

    def text(self, text: str, area: QRectF, *, colour: str | None = None) -> None:
        """Write bright text on a dark plate that is readable on any picture."""
        painter = self.painter
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(theme().shade)
        ground.setAlphaF(TAG_GROUND)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        radius = self.px(3)
        painter.drawRoundedRect(area, radius, radius)
        painter.setPen(QColor(colour or theme().bright))
        painter.setFont(self.font(bold=True))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, text)
        painter.restore()

    def message(self, text: str, area: Box) -> None:
        """Write a quiet sentence in the middle, where there is no picture."""
        painter = self.painter
        painter.save()
        painter.setPen(QColor(theme().muted))
        painter.setFont(self.font())
        margin = self.px(12)
        room = QRectF(area.x, area.y, area.width, area.height)
        painter.drawText(
            room.adjusted(margin, margin, -margin, -margin),
            Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
            text,
        )
        painter.restore()

    # ---- lines -----------------------------------------------------------------------------

    def double(self, points: Sequence[tuple[float, float]], *, closed: bool = False) -> None:
        """Draw a white line with a dark one around it, seen on every picture."""
        painter = self.painter
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        polygon = QPolygonF([QPointF(x, y) for x, y in points])
        dark = QColor(theme().shade)
        dark.setAlphaF(0.7)
        for colour, width in ((dark, 3 * self.line), (QColor("#ffffff"), self.line)):
            painter.setPen(_pen(colour, width, Qt.PenJoinStyle.RoundJoin))
            if closed:
                painter.drawPolygon(polygon)
            else:
                painter.drawPolyline(polygon)
        painter.restore()

    def dashed(self, box: Box, colour: str) -> None:
        """Frame a rough picture, dashes in `colour` on a dark line."""
        painter = self.painter
        painter.save()
        width = max(2, round(2 * self.unit))
        half = width / 2
        area = QRectF(box.x, box.y, box.width, box.height).adjusted(half, half, -half, -half)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(_pen(QColor(theme().shade), width, Qt.PenJoinStyle.MiterJoin))
        painter.drawRect(area)
        pen = _pen(QColor(colour), width, Qt.PenJoinStyle.MiterJoin)
        pen.setDashPattern([4, 3])
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        painter.drawRect(area)
        painter.restore()

    def wipe(self, wipe: Wipe, visible: Box) -> None:
        """Draw the line of a wipe, thin, with a grip where it can be seen."""
        ends = wipe.line()
        if ends is None:
            ends = _rim(wipe)
        (ax, ay), (bx, by) = ends
        painter = self.painter
        painter.save()
        painter.setClipRect(visible.x, visible.y, visible.width, visible.height)
        line = self.line
        if wipe.angle % 90 == 0:  # on whole pixels, no soft border
            upright = ax == bx
            x, y = round(min(ax, bx)), round(min(ay, by))
            long = round(max(abs(bx - ax), abs(by - ay)))
            dark = QColor(theme().shade)
            dark.setAlphaF(0.6)
            before = (line + 1) // 2
            for colour, out in ((dark, line), (QColor("#ffffff"), 0)):
                thick = line + 2 * out
                if upright:
                    painter.fillRect(x - before - out, y, thick, long, colour)
                else:
                    painter.fillRect(x, y - before - out, long, thick, colour)
        else:
            self.double((ends[0], ends[1]))
        self._grip(wipe, visible)
        painter.restore()

    def _grip(self, wipe: Wipe, visible: Box) -> None:
        """Two small arrows that point away from the line, in the middle of what is seen."""
        nx, ny = wipe.normal
        centre_x = visible.x + visible.width / 2
        centre_y = visible.y + visible.height / 2
        away = wipe.offset - (centre_x * nx + centre_y * ny)
        x, y = centre_x + away * nx, centre_y + away * ny
        painter = self.painter
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        gap, size = self.px(5), self.px(5)
        for sign in (-1, 1):
            base_x, base_y = x + sign * gap * nx, y + sign * gap * ny
            tip = QPointF(base_x + sign * size * nx, base_y + sign * size * ny)
            wing_x, wing_y = -ny * size, nx * size
            arrow = QPolygonF(
                [
                    tip,
                    QPointF(base_x + wing_x, base_y + wing_y),
                    QPointF(base_x - wing_x, base_y - wing_y),
                ]
            )
            dark = QColor(theme().shade)
            dark.setAlphaF(0.6)
            painter.setPen(_pen(dark, 2 * self.line, Qt.PenJoinStyle.RoundJoin))
            painter.setBrush(QColor("#ffffff"))
            painter.drawPolygon(arrow)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawPolygon(arrow)

    # ---- the legend of the heat ------------------------------------------------------------

    def legend(self, area: Box, *, word: str, low: str, high: str, note: str) -> None:
        """Draw what the colours of the words overlay mean, at the bottom left."""
        painter = self.painter
        measure = QFontMetricsF(self.font(bold=True))
        pad, gap = self.px(6), self.px(5)
        bar = Box(0, 0, int(self.px(56)), int(self.px(7)))
        scale = measure.horizontalAdvance(low) + measure.horizontalAdvance(high)
        second = scale + bar.width + 2 * gap
        width = max(measure.horizontalAdvance(f"{word}  {note}"), second) + 2 * pad
        height = 2 * measure.height() + gap + 2 * pad
        margin = self.px(8)
        if width + 2 * margin > area.width or height + 2 * margin > area.height:
            return
        x, y = round(area.x + margin), round(area.bottom - margin - height)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = QColor(theme().shade)
        ground.setAlphaF(TAG_GROUND)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(QRectF(x, y, round(width), round(height)), self.px(3), self.px(3))
        painter.setFont(self.font(bold=True))
        first = y + pad + measure.ascent()
        painter.setPen(QColor(theme().bright))
        painter.drawText(QPointF(x + pad, first), word)
        painter.setPen(QColor(theme().muted))
        painter.drawText(QPointF(x + pad + measure.horizontalAdvance(f"{word}  "), first), note)
        base = first + measure.height() + gap / 2
        painter.drawText(QPointF(x + pad, base), low)
        left = round(x + pad + measure.horizontalAdvance(low) + gap)
        top = round(base - measure.ascent() / 2 - bar.height / 2 + self.line)
        painter.drawImage(left, top, ramp(bar))
        painter.drawText(QPointF(left + bar.width + gap, base), high)
        painter.restore()


def _rim(wipe: Wipe) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the side of the picture on which a line lies that only touches it."""
    nx, ny = wipe.normal
    ranked = sorted(wipe.corners, key=lambda p: abs(p[0] * nx + p[1] * ny - wipe.offset))
    return ranked[0], ranked[1]


def _pen(colour: QColor, width: float, join: Qt.PenJoinStyle) -> QPen:
    pen = QPen(colour, width)
    pen.setJoinStyle(join)
    return pen

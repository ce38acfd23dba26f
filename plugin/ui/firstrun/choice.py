"""A model as a card that can be chosen, and which one fits the computer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent, QTextOption
from PySide6.QtWidgets import QAbstractButton, QSizePolicy
from typing_extensions import override

from plugin.locale import number, tr
from plugin.theme import metrics, theme
from plugin.ui.base import FocusRing
from plugin.ui.phrases import good_for, size

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ModelInfo
    from plugin.state.links import EngineState

__all__ = ["ModelChoice", "fitting"]

NOMINAL: Final = 1.03  # a card sold as 24 GB tells a little less


def fitting(models: Sequence[ModelInfo], engine: EngineState) -> ModelInfo | None:
    """Return the largest model that the graphics card can hold, else the smallest there is."""
    ranked = sorted(models, key=lambda info: (info.vram_mb, info.size_bytes))
    room = engine.memory_total_mb * NOMINAL
    held = [info for info in ranked if 0 < info.vram_mb <= room]
    if held:
        return held[-1]
    return ranked[0] if ranked else None


class ModelChoice(FocusRing, QAbstractButton):
    """Name, what it is good for, and what it needs; one of a group is chosen."""

    def __init__(self, info: ModelInfo, *, recommended: bool) -> None:
        super().__init__()
        self.info = info
        self.recommended = recommended
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setText(info.name)
        self.setAccessibleName(", ".join(part for part in (info.name, *self.lines()) if part))

    def lines(self) -> tuple[str, str]:
        """Return what it is good for, and what it needs."""
        info = self.info
        needs = []
        if info.vram_mb:
            needs.append(tr("say.model.memory", gb=number(info.vram_mb / 1024)))
        if info.installed:
            needs.append(tr("model.here"))
        elif info.size_bytes:
            needs.append(tr("say.model.size", size=size(info.size_bytes)))
        return good_for(info), "   ".join(needs)

    def _start(self) -> int:
        return metrics().space(9)

    def _text_height(self, text: str, width: int) -> int:
        area = self.fontMetrics().boundingRect(
            0, 0, max(1, width), 10_000, int(Qt.TextFlag.TextWordWrap), text
        )
        return area.height()

    @override
    def hasHeightForWidth(self) -> bool:
        return True

    @override
    def heightForWidth(self, width: int) -> int:
        room = width - self._start() - metrics().space(3)
        lines = [self.text(), *(line for line in self.lines() if line)]
        gaps = metrics().space(1) * (len(lines) - 1)
        high = sum(self._text_height(line, room) for line in lines)
        return high + gaps + metrics().space(5)

    @override
    def sizeHint(self) -> QSize:
        width = metrics().px(300)
        return QSize(width, self.heightForWidth(width))

    @override
    def minimumSizeHint(self) -> QSize:
        least = metrics().px(160)
        return QSize(least, self.heightForWidth(max(self.width(), least)))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours, space = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        on, hover = self.isChecked(), self.underMouse()
        painter.setPen(QPen(QColor(colours.bright if on else colours.outline), 1.5 if on else 1))
        painter.setBrush(
            QColor(colours.selection if on else colours.hover if hover else colours.well)
        )
        painter.drawRoundedRect(area, space.radius, space.radius)
        ring = QRectF(space.space(3), space.space(3), space.px(14), space.px(14))
        painter.setBrush(QColor(colours.well))
        painter.setPen(QPen(QColor(colours.bright if on else colours.outline), 1.4))
        painter.drawEllipse(ring)
        if on:
            painter.setBrush(QColor(colours.bright))
            painter.drawEllipse(ring.adjusted(4, 4, -4, -4))
        self._paint_lines(painter)
        self.paint_ring(painter, QRectF(self.rect()), space.radius)
        painter.end()

    def _paint_lines(self, painter: QPainter) -> None:
        colours, space = theme(), metrics()
        room = self.width() - self._start() - space.space(3)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WordWrap)
        y = float(space.space(2.5))
        for number_, line in enumerate((self.text(), *self.lines())):
            if not line:
                continue
            painter.setPen(QColor(colours.bright if number_ == 0 else colours.text))
            high = self._text_height(line, room)
            painter.drawText(QRectF(self._start(), y, room, high), line, option)
            if number_ == 0 and self.recommended:
                mark = tr("model.fits")
                wide = painter.fontMetrics().horizontalAdvance(mark)
                at = self.width() - wide - space.space(3)
                if at > self._start() + painter.fontMetrics().horizontalAdvance(line) + 8:
                    painter.setPen(QColor(colours.done))
                    painter.drawText(QRectF(at, y, wide + 2, high), mark)
            y += high + space.space(1)

"""One exact number: grey while it follows, in the accent once it stands on its own."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from plugin.locale import tr
from plugin.state.curves import ExpertNumber
from plugin.theme import metrics, theme
from plugin.ui.base import IconButton, NumberField, follow

__all__ = ["LinkedNumber"]

_SMALL_STEP = {"beta1": 0.01, "beta2": 0.01, "tau": 0.01, "gamma": 0.05, "steps": 1.0}


class _Caption(QWidget):
    """A small name and the paper's symbol; what follows its underscore stands lower."""

    def __init__(self, name: str, symbol: str) -> None:
        super().__init__()
        self._name = name
        base, _, rest = symbol.partition("_")
        self._base = base
        self._low, _, self._tail = rest.partition(" ")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolTip(f"{name} {symbol}")

    def _fonts(self) -> tuple[QFont, QFont]:
        small, low = QFont(self.font()), QFont(self.font())
        small.setPixelSize(metrics().small_px)
        low.setPixelSize(max(8, round(metrics().small_px * 0.78)))
        return small, low

    def _widths(self) -> tuple[int, int, int]:
        small, low = self._fonts()
        measure = QFontMetrics(small)
        tail = f" {self._tail}" if self._tail else ""
        return (
            measure.horizontalAdvance(self._base),
            QFontMetrics(low).horizontalAdvance(self._low),
            measure.horizontalAdvance(tail),
        )

    def sizeHint(self) -> QSize:
        measure = QFontMetrics(self._fonts()[0])
        name = measure.horizontalAdvance(self._name + " ")
        return QSize(name + sum(self._widths()), measure.height() + metrics().px(2))

    def minimumSizeHint(self) -> QSize:
        return QSize(sum(self._widths()) + metrics().space(4), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        small, low = self._fonts()
        base, sub, _ = self._widths()
        measure = QFontMetrics(small)
        painter = QPainter(self)
        painter.setPen(QColor(theme().muted))
        painter.setFont(small)
        line = measure.ascent() + metrics().px(1)
        room = self.width() - sum(self._widths()) - measure.horizontalAdvance(" ")
        name = measure.elidedText(self._name, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QPointF(0, line), name)
        x = measure.horizontalAdvance(name + " ")
        painter.drawText(QPointF(x, line), self._base)
        if self._tail:
            painter.drawText(QPointF(x + base + sub, line), f" {self._tail}")
        painter.setFont(low)
        painter.drawText(QPointF(x + base, line + metrics().px(2)), self._low)
        painter.end()


class LinkedNumber(QWidget):
    """A caption with the paper's symbol, the number, and the button that links it again.

    Parameters
    ----------
    factor : float
        What is shown is the number times this (a share is shown in percent).
    """

    def __init__(
        self,
        number: ExpertNumber,
        *,
        unit: str = "",
        factor: float = 1.0,
        decimals: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._number, self._factor = number, factor
        name, tip = tr(f"expert.{number.name}"), tr(f"tip.expert.{number.name}")
        self.caption = _Caption(name, number.symbol)
        shown = number.decimals if decimals is None else decimals
        self.field = NumberField(
            f"{name} {number.symbol}",
            tip,
            minimum=number.minimum * factor,
            maximum=number.maximum * factor,
            decimals=shown,
            step=_SMALL_STEP.get(number.name, 0.5 if shown else 1.0),
            unit=unit,
            trim=decimals is not None,
        )
        self.relink_button = IconButton(
            "link", tr("expert.relink"), tr("tip.expert.relink"), tone="accent"
        )
        policy = self.relink_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # the columns stay where they are
        self.relink_button.setSizePolicy(policy)
        self.relink_button.clicked.connect(self._relink)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(metrics().space(0.5))
        grid.setVerticalSpacing(0)
        grid.addWidget(self.caption, 0, 0, 1, 3)
        grid.addWidget(self.field, 1, 0)
        grid.addWidget(self.relink_button, 1, 1)
        grid.setColumnStretch(2, 1)
        self.field.value_changed.connect(self._typed)
        follow(self, number.value, self._show)
        follow(self, number.linked, self._show_link)

    def _show(self, value: float) -> None:
        self.field.set_value(value * self._factor)

    def _show_link(self, linked: bool) -> None:
        self.field.set_state("linked" if linked else "away")
        had_focus = self.relink_button.hasFocus()
        self.relink_button.setVisible(not linked)
        if linked and had_focus:
            self.field.setFocus()

    def _typed(self, value: float) -> None:
        self._number.value.set(value / self._factor)
        self._show(self._number.value.value)

    def _relink(self) -> None:
        self._number.relink()

"""One of several: side by side, or in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from plugin.theme import draw_icon, metrics, theme
from plugin.ui.base._access import FocusRing, describe

__all__ = ["Choice", "Combo", "Segmented"]

T = TypeVar("T")


@dataclass(frozen=True)
class Choice(Generic[T]):
    """One option: its value, its word, what it means, and an icon instead of the word."""

    value: T
    name: str
    tip: str = ""
    picture: str = ""


class _Segment(FocusRing, QAbstractButton):
    """One part of a segmented choice."""

    def __init__(self, choice: Choice[object], *, first: bool, last: bool) -> None:
        super().__init__()
        self.setCheckable(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setText(choice.name)
        describe(self, choice.name, choice.tip or (choice.name if choice.picture else ""))
        self._picture, self._first, self._last = choice.picture, first, last
        policy = QSizePolicy.Policy.Preferred
        self.setSizePolicy(policy, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        size = metrics()
        if self._picture:
            return QSize(size.icon + size.space(3), size.hit)
        return QSize(self.fontMetrics().horizontalAdvance(self.text()) + size.space(3.5), size.hit)

    def minimumSizeHint(self) -> QSize:
        if self._picture:
            return self.sizeHint()
        least = self.fontMetrics().horizontalAdvance("mm…") + metrics().space(2)
        return QSize(min(least, self.sizeHint().width()), metrics().hit)

    def _shape(self) -> QPainterPath:
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        if not self._last:
            area.setRight(area.right() + 1)  # neighbours share one line
        radius = metrics().radius
        path = QPainterPath()
        path.setFillRule(Qt.FillRule.WindingFill)
        path.addRoundedRect(area, radius, radius)
        if not self._first:
            path.addRect(QRectF(area.left(), area.top(), radius * 2, area.height()))
        if not self._last:
            path.addRect(QRectF(area.right() - radius * 2, area.top(), radius * 2, area.height()))
        return path.simplified()

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        on, enabled = self.isChecked(), self.isEnabled()
        hover = enabled and self.underMouse()
        ground = colours.selection if on else colours.hover if hover else colours.well
        painter.setBrush(QColor(ground if enabled else colours.ground))
        painter.setPen(QPen(QColor(colours.outline if enabled else colours.line), 1))
        painter.drawPath(self._shape())
        ink = colours.bright if on or hover else colours.text
        if not enabled:
            ink = colours.disabled
        area = QRectF(self.rect())
        if self._picture:
            place = QRectF(0, 0, size.icon, size.icon)
            place.moveCenter(area.center())
            draw_icon(painter, self._picture, place, ink)
        else:
            painter.setPen(QColor(ink))
            room = self.width() - size.space(2)
            words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, words)
            if on:  # not by colour alone
                width = min(room, self.fontMetrics().horizontalAdvance(words))
                painter.setPen(QPen(QColor(ink), size.px(1.5)))
                foot = area.bottom() - size.px(3.5)
                middle = area.center().x()
                painter.drawLine(
                    QRectF(middle - width / 2, foot, width, 0).topLeft(),
                    QRectF(middle - width / 2, foot, width, 0).topRight(),
                )
        self.paint_ring(painter, area.adjusted(1, 1, -1, -1), size.radius)
        painter.end()


class Segmented(QWidget, Generic[T]):
    """All options side by side; arrows move among them, Tab goes on."""

    value_changed = Signal(object)

    def __init__(
        self,
        name: str,
        choices: Sequence[Choice[T]],
        tip: str = "",
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        describe(self, name, tip)
        self._choices = tuple(choices)
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        last = len(self._choices) - 1
        for index, choice in enumerate(self._choices):
            part = _Segment(choice, first=index == 0, last=index == last)  # type: ignore[arg-type]
            if not choice.tip:
                part.setToolTip(tip)
                part.setAccessibleDescription(tip)
            part.setAccessibleName(f"{name}: {choice.name}")
            self._group.addButton(part, index)
            row.addWidget(part)
        self._group.buttons()[0].setChecked(True)
        self._stop_at(0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._group.idToggled.connect(self._toggled)

    def value(self) -> T:
        """Return the chosen value."""
        return self._choices[self._group.checkedId()].value

    def set_value(self, value: T) -> None:
        """Choose a value.

        Raises
        ------
        ValueError
            It is not among the choices.
        """
        index = [choice.value for choice in self._choices].index(value)
        self._group.button(index).setChecked(True)

    def button(self, value: T) -> QAbstractButton:
        """Return the part of a value, to disable it or hang a tooltip on it."""
        return self._group.button([choice.value for choice in self._choices].index(value))

    def _toggled(self, index: int, on: bool) -> None:
        if on:
            self._stop_at(index)
            self.value_changed.emit(self._choices[index].value)

    def _stop_at(self, index: int) -> None:
        """Let Tab stop at the chosen part alone."""
        for part in self._group.buttons():
            part.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._group.button(index).setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setFocusProxy(self._group.button(index))


class Combo(QComboBox, Generic[T]):
    """One of a list; the wheel changes nothing unless the keyboard is here."""

    value_changed = Signal(object)

    def __init__(
        self,
        name: str,
        choices: Sequence[Choice[T]] = (),
        tip: str = "",
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        describe(self, name, tip)
        self._choices: tuple[Choice[T], ...] = ()
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.set_choices(choices)
        self.currentIndexChanged.connect(self._moved)

    def set_choices(self, choices: Sequence[Choice[T]]) -> None:
        """Offer other options; the chosen value stays if it is among them."""
        before = self.value() if self._choices else None
        quiet = self.blockSignals(True)
        self._choices = tuple(choices)
        self.clear()
        for index, choice in enumerate(self._choices):
            self.addItem(choice.name)
            self.setItemData(index, choice.tip, Qt.ItemDataRole.ToolTipRole)
        values = [choice.value for choice in self._choices]
        self.setCurrentIndex(values.index(before) if before in values else 0 if values else -1)
        self.blockSignals(quiet)
        if values and before not in values and before is not None:
            self.value_changed.emit(self.value())

    def value(self) -> T:
        """Return the chosen value."""
        return self._choices[self.currentIndex()].value

    def set_value(self, value: T) -> None:
        """Choose a value.

        Raises
        ------
        ValueError
            It is not among the choices.
        """
        self.setCurrentIndex([choice.value for choice in self._choices].index(value))

    def sizeHint(self) -> QSize:
        """Make room for the longest word and the arrow."""
        size = metrics()
        longest = max(
            (self.fontMetrics().horizontalAdvance(choice.name) for choice in self._choices),
            default=0,
        )
        return QSize(longest + size.icon + size.space(6), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Let a long word be elided."""
        hint = self.sizeHint()
        return QSize(min(hint.width(), metrics().px(64)), hint.height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step only where the keyboard is."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the box, the word with … where it is too long, and our own arrow."""
        size = metrics()
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        room = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        )
        option.currentText = self.fontMetrics().elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, room.width() - size.space(0.5)
        )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        place = QRectF(0, 0, size.icon, size.icon)
        place.moveCenter(QRectF(self.rect()).center())
        place.moveRight(self.width() - size.space(1))
        ink = theme().text if self.isEnabled() else theme().disabled
        draw_icon(painter, "chevron_down", place, ink)
        painter.end()

    def _moved(self, index: int) -> None:
        if index >= 0:
            self.value_changed.emit(self._choices[index].value)

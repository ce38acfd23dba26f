"""A typed number: the exact side of every slider."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from plugin.locale import number, parse_number
from plugin.theme import metrics
from plugin.ui.base._access import describe, restyle

__all__ = ["NumberField"]


class NumberField(QLineEdit):
    """A number in a field: Enter or leaving takes it, Escape gives it back.

    Up and Down step by `step`, PageUp and PageDown by `page`. What is out of range is brought
    to its nearest end; what is no number is given back.

    Parameters
    ----------
    minimum, maximum : float
        Both allowed.
    decimals : int
        How many are shown and kept.
    unit : str
        Behind the number, with its space, e.g. ``" px"``.
    trim : bool
        Leave zeros behind the decimal point away: "8 %" and "8.3 %".
    """

    value_changed = Signal(object)

    def __init__(
        self,
        name: str,
        tip: str = "",
        *,
        minimum: float = 0.0,
        maximum: float = 100.0,
        decimals: int = 0,
        step: float | None = None,
        page: float | None = None,
        unit: str = "",
        trim: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "number")
        describe(self, name, tip)
        self._minimum, self._maximum, self._decimals = minimum, maximum, decimals
        self._step = step if step is not None else 10.0**-decimals
        self._page = page if page is not None else 10 * self._step
        self._unit, self._mark, self._trim = unit, "", trim
        self._value = min(max(0.0, minimum), maximum)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.editingFinished.connect(self._take)
        self._show()

    def value(self) -> float:
        """Return the number."""
        return self._value

    def set_value(self, value: float) -> None:
        """Show a number; whoever is typing is not disturbed."""
        value = self._fitted(float(value))
        if value == self._value:
            return
        self._value = value
        if not (self.hasFocus() and self.isModified()):
            self._show()

    def set_state(self, state: str, mark: str = "") -> None:
        """Say by colour ('', 'linked', 'away', 'error') and by a mark behind the number."""
        if self._mark != mark:
            self._mark = mark
            if not self.isModified():
                self._show()
        restyle(self, state=state)

    def sizeHint(self) -> QSize:
        """Make room for the widest number, its unit and a mark."""
        mark = "" if self._unit else "*"
        widest = max(
            self.fontMetrics().horizontalAdvance(number(value, self._decimals) + self._unit + mark)
            for value in (self._minimum, self._maximum)
        )
        return QSize(widest + metrics().space(3.5), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        """Never cut a number."""
        return self.sizeHint()

    def step_by(self, amount: float) -> None:
        """Move the number as the arrow keys do."""
        self._change(self._value + amount)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with the arrow and page keys, give back with Escape."""
        steps = {
            Qt.Key.Key_Up: self._step,
            Qt.Key.Key_Down: -self._step,
            Qt.Key.Key_PageUp: self._page,
            Qt.Key.Key_PageDown: -self._page,
        }
        amount = steps.get(Qt.Key(event.key()))
        if amount is not None and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        ):
            self._take()
            self.step_by(amount)
            self.selectAll()
        elif event.key() == Qt.Key.Key_Escape and self.isModified():
            self._show()
            self.selectAll()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()
            self.selectAll()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Choose the whole number, ready to be replaced."""
        super().focusInEvent(event)
        QTimer.singleShot(0, self, self.selectAll)  # after the click has put the cursor

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take what was typed."""
        super().focusOutEvent(event)
        self._take()
        self.deselect()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step under the wheel, but only where the keyboard is: scrolling changes nothing."""
        if not self.hasFocus():
            event.ignore()
            return
        self.step_by(self._step if event.angleDelta().y() > 0 else -self._step)

    def _fitted(self, value: float) -> float:
        return round(min(max(value, self._minimum), self._maximum), self._decimals)

    def _text(self, value: float) -> str:
        decimals = self._decimals
        while self._trim and decimals and round(value, decimals - 1) == round(value, decimals):
            decimals -= 1
        return number(value, decimals) + self._unit

    def _show(self) -> None:
        self.setText(self._text(self._value) + self._mark)
        self.setModified(False)

    def _change(self, value: float) -> None:
        value = self._fitted(value)
        changed = value != self._value
        self._value = value
        self._show()
        if changed:
            self.value_changed.emit(value)

    def _take(self) -> None:
        if not self.isModified():
            return
        typed = parse_number(self.text())
        if typed is None:
            self._show()
        else:
            self._change(typed)

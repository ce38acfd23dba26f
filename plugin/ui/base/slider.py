"""A slider with its name, the words at its ends and its typed number."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QSlider, QWidget

from plugin.theme import metrics, theme
from plugin.ui.base._access import FocusRing, describe
from plugin.ui.base.layout import Eliding
from plugin.ui.base.number import NumberField

__all__ = ["LabelledSlider", "SliderTrack", "align_columns"]


class SliderTrack(FocusRing, QSlider):
    """The line and its handle: arrows step, PageUp and PageDown jump, double-click resets.

    The way from the reference to the handle is drawn; at the reference there is none.
    """

    reset_asked = Signal()

    def __init__(self, *, reference: int | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOrientation(Qt.Orientation.Horizontal)
        self.reference = reference
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """As long as fits, as high as a finger needs."""
        return QSize(metrics().px(120), metrics().hit)

    def minimumSizeHint(self) -> QSize:
        """Leave room to move."""
        return QSize(metrics().px(48), metrics().hit)

    def _handle(self) -> int:
        return metrics().px(10)

    def x_of(self, value: float) -> float:
        """Return where the middle of the handle is at a value."""
        span = self.maximum() - self.minimum()
        room = self.width() - self._handle()
        return self._handle() / 2 + room * (value - self.minimum()) / max(1, span)

    def _value_at(self, x: float) -> int:
        room = max(1, self.width() - self._handle())
        share = min(1.0, max(0.0, (x - self._handle() / 2) / room))
        return round(self.minimum() + share * (self.maximum() - self.minimum()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go where the click is."""
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
            return
        event.accept()
        self.setSliderDown(True)
        if abs(event.position().x() - self.x_of(self.value())) > self._handle():
            self.setValue(self._value_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse."""
        if self.isSliderDown():
            self.setValue(self._value_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the reference."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)
            self.reset_asked.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Move under the wheel, but only where the keyboard is: scrolling changes nothing."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw line, reference tick, way and handle."""
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, thick = self.height() / 2, size.px(2)
        middle = round(middle) if thick % 2 == 0 else int(middle) + 0.5
        half = self._handle() / 2
        enabled = self.isEnabled()
        line = QPen(QColor(colours.outline if enabled else colours.line), thick)
        line.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(line)
        painter.drawLine(QPointF(half, middle), QPointF(self.width() - half, middle))
        here = self.x_of(self.value())
        if self.reference is not None:
            there = round(self.x_of(self.reference)) + 0.5
            painter.setPen(QPen(QColor(colours.outline if enabled else colours.line), 1))
            reach = size.px(5)
            painter.drawLine(QPointF(there, middle - reach), QPointF(there, middle + reach))
            if self.value() != self.reference and enabled:
                line.setColor(QColor(colours.accent))
                painter.setPen(line)
                painter.drawLine(QPointF(there, middle), QPointF(here, middle))
        knob = QColor(colours.bright if self.underMouse() or self.isSliderDown() else colours.text)
        painter.setPen(QPen(QColor(colours.ground), size.px(1.5)))
        painter.setBrush(knob if enabled else QColor(colours.disabled))
        side = self._handle()
        painter.drawRoundedRect(
            QRectF(here - side / 2, middle - side * 0.7, side, side * 1.4), side / 3, side / 3
        )
        self.paint_ring(painter, QRectF(self.rect()), size.radius)
        painter.end()


class LabelledSlider(QWidget):
    """One decision in one row: name, low word, line, high word, number.

    Parameters
    ----------
    name, tip : str
        What is decided, and how.
    low, high : str
        The words at the ends; both may be empty.
    reference : float or None
        Where double-click goes; None: there is no reference.
    """

    value_changed = Signal(object)

    def __init__(
        self,
        name: str,
        tip: str = "",
        *,
        low: str = "",
        high: str = "",
        minimum: float = 0.0,
        maximum: float = 100.0,
        reference: float | None = 50.0,
        decimals: int = 0,
        step: float = 1.0,
        page: float = 10.0,
        unit: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._scale = 10**decimals
        self._reference = reference
        self._value = minimum if reference is None else reference
        self._about: float | None = None
        self.label = Eliding(name, expand=False)
        self.low, self.high = QLabel(low), QLabel(high)
        for word in (self.low, self.high):
            word.setProperty("role", "small")
            word.setVisible(bool(low or high))
        self.low.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.track = SliderTrack(reference=self._whole(reference))
        self.track.setRange(round(minimum * self._scale), round(maximum * self._scale))
        self.track.setSingleStep(max(1, round(step * self._scale)))
        self.track.setPageStep(max(1, round(page * self._scale)))
        self.number = NumberField(
            name, tip, minimum=minimum, maximum=maximum, decimals=decimals, step=step, page=page,
            unit=unit,
        )  # fmt: skip
        ends = f"{low} – {high}. " if low and high else ""
        describe(self.track, name, tip)
        self.track.setAccessibleDescription(ends + tip)
        self.label.setToolTip(tip)
        self.label.setBuddy(self.track)
        self.setFocusProxy(self.track)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(metrics().space(1.5))
        for part, stretch in (
            (self.label, 0), (self.low, 0), (self.track, 1), (self.high, 0), (self.number, 0),
        ):  # fmt: skip
            row.addWidget(part, stretch)
        self.track.setValue(round(self._value * self._scale))
        self.number.set_value(self._value)
        self.track.valueChanged.connect(self._slid)
        self.number.value_changed.connect(self._typed)
        self.track.reset_asked.connect(self.reset)

    def value(self) -> float:
        """Return the number."""
        return self._value

    def set_value(self, value: float) -> None:
        """Show a number."""
        self._change(float(value))

    def set_about(self, about: float | None, tip: str = "") -> None:
        """Read "62*": the handle stays where it is, but what it stands for is only about there.

        Parameters
        ----------
        about : float or None
            None: the number is the handle's again.
        tip : str
            Why, for the tooltip of the number.
        """
        self._about = about
        self.number.set_state("away" if about is not None else "", "*" if about is not None else "")
        self.number.setToolTip(tip if about is not None else self.track.toolTip())
        self.number.setAccessibleDescription(self.number.toolTip())
        self._show_number()

    def reset(self) -> None:
        """Go back to the reference."""
        if self._reference is not None:
            self._change(self._reference)

    def parts(self) -> tuple[QWidget, ...]:
        """Return what stands in columns, for `align_columns`."""
        return self.label, self.low, self.high, self.number

    def _whole(self, value: float | None) -> int | None:
        return None if value is None else round(value * self._scale)

    def _slid(self, whole: int) -> None:
        if round(self._value * self._scale) != whole:
            self._change(whole / self._scale)

    def _typed(self, value: object) -> None:
        assert isinstance(value, float)
        self._change(value)

    def _change(self, value: float) -> None:
        value = min(max(value, self.track.minimum() / self._scale),
                    self.track.maximum() / self._scale)  # fmt: skip
        changed = value != self._value
        self._value = value
        self.track.setValue(round(value * self._scale))
        self._show_number()
        if changed:
            self.value_changed.emit(value)

    def _show_number(self) -> None:
        self.number.set_value(self._value if self._about is None else self._about)


def align_columns(rows: Sequence[Sequence[QWidget]]) -> None:
    """Give the first parts of all rows one width, the second parts one, and so on.

    No column is wider than a quarter of the narrowest panel: longer names end in ….
    """
    most = metrics().px(88)
    for column in zip(*rows, strict=True):
        width = min(most, max(part.sizeHint().width() for part in column))
        for part in column:
            part.setMinimumWidth(width)
            part.setMaximumWidth(width)

"""What holds controls: rows, sections, lines, and a layout that flows like text."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLayoutItem,
    QSizePolicy,
    QStyle,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from plugin.theme import draw_icon, heading_font, metrics, theme
from plugin.ui.base._access import FocusRing, describe

__all__ = ["Eliding", "FlowLayout", "Line", "Row", "Section", "words"]


def words(text: str, role: str = "") -> QLabel:
    """Return a plain label in a role of the style sheet: muted, small, value, title."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", role)
    return label


class Eliding(QLabel):
    """A line that ends in … where room ends; the whole is in the tooltip then.

    Parameters
    ----------
    expand : bool
        Take all the room there is, or only what the text needs.
    """

    def __init__(
        self,
        text: str = "",
        role: str = "",
        *,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        expand: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        wide = QSizePolicy.Policy.Expanding if expand else QSizePolicy.Policy.Preferred
        self.setSizePolicy(wide, QSizePolicy.Policy.Preferred)

    def elided(self) -> bool:
        """Return whether the text is cut now."""
        return self.fontMetrics().horizontalAdvance(self.text()) > self.contentsRect().width()

    def minimumSizeHint(self) -> QSize:
        """Leave room for a letter or two and the …."""
        least = self.fontMetrics().horizontalAdvance("mm…")
        hint = super().sizeHint()
        return QSize(min(least, hint.width()), hint.height())

    def event(self, event: QEvent) -> bool:
        """Show the whole text above the tooltip where it is cut."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self.elided():
            QToolTip.showText(event.globalPos(), f"{self.text()}\n{self.toolTip()}".strip(), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what fits."""
        painter = QPainter(self)
        area = self.contentsRect()
        text = self.fontMetrics().elidedText(self.text(), self._mode, area.width())
        self.style().drawItemText(
            painter,
            area,
            QStyle.visualAlignment(self.layoutDirection(), self.alignment()).value,
            self.palette(),
            self.isEnabled(),
            text,
            self.foregroundRole(),
        )
        painter.end()


class Line(QFrame):
    """A hair between sections."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "line")


class Row(QWidget):
    """Controls side by side on one middle line; None is the room between left and right."""

    def __init__(self, *parts: QWidget | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(metrics().gap)
        for part in parts:
            self.add(part)

    def add(self, part: QWidget | None, stretch: int = 0) -> None:
        """Append a part."""
        if part is None:
            self._row.addStretch(1)
        else:
            self._row.addWidget(part, stretch)


class _Header(FocusRing, QAbstractButton):
    """The title of a section; pressed, it opens or closes."""

    def __init__(self, title: str, *, collapsible: bool) -> None:
        super().__init__()
        self.setText(title)
        self.setCheckable(collapsible)
        self.setChecked(True)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover, collapsible)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if collapsible else Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.setFont(heading_font())

    def _start(self) -> int:
        return metrics().icon if self.isCheckable() else 0

    def sizeHint(self) -> QSize:
        return QSize(
            self._start() + self.fontMetrics().horizontalAdvance(self.text()) + metrics().space(1),
            metrics().hit,
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open and close with Return as well, and with Right and Left."""
        key = event.key()
        if self.isCheckable() and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif self.isCheckable() and key in (Qt.Key.Key_Right, Qt.Key.Key_Left):
            self.setChecked(key == Qt.Key.Key_Right)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, size = theme(), metrics()
        painter = QPainter(self)
        ink = colours.bright if self.underMouse() and self.isCheckable() else colours.text
        if self.isCheckable():
            picture = "chevron_down" if self.isChecked() else "chevron_right"
            place = QRectF(0, (self.height() - size.icon) / 2, size.icon, size.icon)
            place.translate(-size.px(3), 0)  # the arrow itself, not its square, is in line
            draw_icon(painter, picture, place, ink)
        painter.setPen(QColor(ink))
        area = QRectF(self.rect()).adjusted(self._start(), 0, 0, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self.text())
        self.paint_ring(painter, QRectF(self.rect()), size.radius)
        painter.end()


class Section(QWidget):
    """A titled part of the panel: hair, title with what belongs beside it, body.

    Parameters
    ----------
    collapsible : bool
        It can be closed; it is a value then (`value`, `set_value`, `value_changed`).
    """

    value_changed = Signal(object)

    def __init__(
        self,
        title: str,
        tip: str = "",
        *,
        collapsible: bool = False,
        hair: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        size = metrics()
        self.header = _Header(title, collapsible=collapsible)
        describe(self.header, title, tip)
        self.body = QWidget()
        self.rows = QVBoxLayout(self.body)
        self.rows.setContentsMargins(0, 0, 0, size.space(2))
        self.rows.setSpacing(size.space(1))
        self._top = QHBoxLayout()
        self._top.setSpacing(size.gap)
        self._top.addWidget(self.header)
        self._top.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(size.space(1))
        if hair:
            outer.addWidget(Line())
        outer.addLayout(self._top)
        outer.addWidget(self.body)
        self.header.toggled.connect(self._toggled)

    def add(self, part: QWidget, stretch: int = 0) -> None:
        """Append a row to the body."""
        self.rows.addWidget(part, stretch)

    def add_beside(self, part: QWidget) -> None:
        """Put a control to the right of the title."""
        self._top.addWidget(part)

    def set_title(self, title: str) -> None:
        """Change the title."""
        self.header.setText(title)
        self.header.setAccessibleName(title)
        self.header.updateGeometry()
        self.header.update()

    def value(self) -> bool:
        """Return whether it is open."""
        return self.header.isChecked()

    def set_value(self, value: bool) -> None:
        """Open or close it."""
        self.header.setChecked(value)

    def _toggled(self, on: bool) -> None:
        self.body.setVisible(on)
        self.value_changed.emit(on)


class FlowLayout(QLayout):
    """Side by side as long as there is room, then on the next line."""

    def __init__(self, parent: QWidget | None = None, *, spacing: int | None = None) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(metrics().space(1) if spacing is None else spacing)
        self._items: list[QLayoutItem] = []

    def addItem(self, item: QLayoutItem) -> None:
        """Append an item (Qt calls this)."""
        self._items.append(item)

    def count(self) -> int:
        """Return how many items there are."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return an item, None beyond the last."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Remove an item and return it."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Ask for no more room than needed."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Be higher where narrower."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at a width."""
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        """Place everything."""
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        """Return the size of one line."""
        hints = [item.sizeHint() for item in self._shown()]
        gaps = self.spacing() * max(0, len(hints) - 1)
        return QSize(
            sum(hint.width() for hint in hints) + gaps,
            max((hint.height() for hint in hints), default=0),
        )

    def minimumSize(self) -> QSize:
        """Return the size of the largest item."""
        size = QSize()
        for item in self._shown():
            size = size.expandedTo(item.minimumSize())
        return size

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _place(self, rect: QRect, *, move: bool) -> int:
        x, y, high = rect.x(), rect.y(), 0
        for item in self._shown():
            hint = item.sizeHint()
            width = min(hint.width(), max(rect.width(), item.minimumSize().width()))
            if high and x + width > rect.right() + 1:
                x, y, high = rect.x(), y + high + self.spacing(), 0
            if move:
                item.setGeometry(QRect(QPoint(x, y), QSize(width, hint.height())))
            x += width + self.spacing()
            high = max(high, hint.height())
        return y + high - rect.y()

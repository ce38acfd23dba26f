"""Buttons: with words, with an icon, and the switch."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QPushButton, QSizePolicy, QWidget

from plugin.theme import Tone, draw_icon, metrics, theme
from plugin.ui.base._access import FocusRing, describe

__all__ = ["Button", "IconButton", "Switch"]


class Button(QPushButton):
    """A button with words.

    Parameters
    ----------
    role : {'', 'primary', 'flat', 'small'}
        At most one primary button is in a window.
    """

    def __init__(
        self, name: str, tip: str = "", *, role: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(name, parent)
        describe(self, name, tip)
        self.setProperty("role", role)
        self.setAutoDefault(False)

    def set_name(self, name: str) -> None:
        """Change the words."""
        self.setText(name)
        self.setAccessibleName(name)


class IconButton(FocusRing, QAbstractButton):
    """A picture to press; its name is read aloud and its tooltip says what it does.

    Parameters
    ----------
    picture : str
        Name of an icon.
    checkable : bool
        It stays down, and then shows `checked_picture`, if any.
    """

    value_changed = Signal(object)

    def __init__(
        self,
        picture: str,
        name: str,
        tip: str = "",
        *,
        checkable: bool = False,
        checked_picture: str = "",
        tone: Tone = "text",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._picture, self._checked_picture, self._tone = picture, checked_picture, tone
        describe(self, name, tip or name)
        self.setCheckable(checkable)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.toggled.connect(self.value_changed.emit)

    def set_picture(self, picture: str, tone: Tone = "text") -> None:
        """Show another icon."""
        if (picture, tone) != (self._picture, self._tone):
            self._picture, self._tone = picture, tone
            self.update()

    def value(self) -> bool:
        """Return whether it is down."""
        return self.isChecked()

    def set_value(self, value: bool) -> None:
        """Put it down or up."""
        self.setChecked(value)

    def sizeHint(self) -> QSize:
        """Return the least square that can be hit."""
        side = max(metrics().hit, metrics().icon + metrics().space(2))
        return QSize(side, side)

    def minimumSizeHint(self) -> QSize:
        """Never less."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the ground under mouse or finger, the icon and the ring."""
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        down = self.isDown() or self.isChecked()
        if self.isEnabled() and (down or self.underMouse()):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.pressed if down else colours.hover))
            painter.drawRoundedRect(area, size.radius, size.radius)
            if down:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(colours.outline), 1))
                painter.drawRoundedRect(
                    area.adjusted(0.5, 0.5, -0.5, -0.5), size.radius, size.radius
                )
        colour = getattr(colours, self._tone)
        if not self.isEnabled():
            colour = colours.disabled
        elif (down or self.underMouse()) and self._tone in ("text", "muted"):
            colour = colours.bright
        picture = self._picture
        if self.isChecked() and self._checked_picture:
            picture = self._checked_picture
        side = size.icon
        place = QRectF(0, 0, side, side)
        place.moveCenter(area.center())
        draw_icon(painter, picture, place, colour)
        self.paint_ring(painter, area, size.radius)
        painter.end()


class Switch(FocusRing, QCheckBox):
    """On or off, with its name to the right."""

    value_changed = Signal(object)

    def __init__(self, name: str, tip: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(name, parent)
        describe(self, name, tip)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self.value_changed.emit)

    def value(self) -> bool:
        """Return whether it is on."""
        return self.isChecked()

    def set_value(self, value: bool) -> None:
        """Turn it on or off."""
        self.setChecked(value)

    def _slot(self) -> QSize:
        return QSize(metrics().px(24), metrics().px(13))

    def sizeHint(self) -> QSize:
        """Make room for slot and name."""
        words = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(
            self._slot().width() + metrics().space(2) + words + metrics().space(1),
            max(metrics().hit, self.fontMetrics().height()),
        )

    def minimumSizeHint(self) -> QSize:
        """Let a long name be elided."""
        return QSize(self._slot().width() + metrics().space(8), self.sizeHint().height())

    def hitButton(self, pos: QPoint) -> bool:
        """Take clicks on the name too."""
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw slot, knob, name and ring."""
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        slot = QRectF(1.5, 0, self._slot().width() - 1, self._slot().height() - 1)
        slot.moveTop((self.height() - slot.height()) // 2 + 0.5)
        on, enabled = self.isChecked(), self.isEnabled()
        hover = self.underMouse() and enabled
        edge = colours.outline_hover if hover else colours.outline if enabled else colours.line
        painter.setPen(QPen(QColor(edge), 1))
        painter.setBrush(QColor(colours.text if on and enabled else colours.well))
        painter.drawRoundedRect(slot, slot.height() / 2, slot.height() / 2)
        knob = slot.height() - size.px(4)
        gap = (slot.height() - knob) / 2
        left = slot.right() - gap - knob if on else slot.left() + gap
        painter.setPen(Qt.PenStyle.NoPen)
        shade = colours.well if on else colours.text
        painter.setBrush(QColor(shade if enabled else colours.disabled))
        painter.drawEllipse(QRectF(left, slot.top() + gap, knob, knob))
        ink = colours.disabled if not enabled else colours.bright if on else colours.text
        painter.setPen(QColor(ink))
        start = round(slot.right()) + size.space(2)
        room = self.width() - start
        words = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(
            QRectF(start, 0, room, self.height()),
            Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft,
            words,
        )
        self.paint_ring(painter, QRectF(self.rect()), size.radius)
        painter.end()

"""What the panel says back: the message strip and the progress bar."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from plugin.locale import tr
from plugin.theme import draw_icon, metrics, theme
from plugin.ui.base._access import describe, restyle
from plugin.ui.base.buttons import Button, IconButton
from plugin.ui.base.layout import FlowLayout

__all__ = ["MessageStrip", "ProgressBar", "Sign"]

TONES = {"info": "text", "warn": "warn", "error": "error", "done": "done"}


class Sign(QWidget):
    """An icon that says a tone by its shape, too: info, warn, error, done."""

    def __init__(self, tone: str = "info", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_tone(self, tone: str) -> None:
        """Show another tone."""
        self._tone = tone
        self.update()

    def sizeHint(self) -> QSize:
        """Return an icon's size."""
        return QSize(metrics().icon, metrics().icon)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        draw_icon(painter, self._tone, QRectF(self.rect()), getattr(theme(), TONES[self._tone]))
        painter.end()


class MessageStrip(QFrame):
    """One sentence, at most two buttons, never in the way. Hidden while there is nothing.

    Signals
    -------
    pressed(str)
        Name of the button's action.
    dismissed()
        The person closed it.
    """

    pressed = Signal(str)
    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        size = metrics()
        self.setProperty("role", "well")
        self.sign = Sign()
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.close_button = IconButton("close", tr("strip.close"), tr("tip.strip.close"))
        self.close_button.clicked.connect(self.dismissed)
        self._named: dict[str, Button] = {}
        self._buttons = QWidget()
        self._flow = FlowLayout(self._buttons, spacing=size.space(1))
        words = QVBoxLayout()
        words.setContentsMargins(0, size.space(1), 0, size.space(1))
        words.setSpacing(size.space(1))
        words.addWidget(self.text)
        words.addWidget(self._buttons)
        row = QHBoxLayout(self)
        row.setContentsMargins(size.space(2), size.space(0.5), size.space(0.5), size.space(0.5))
        row.setSpacing(size.space(2))
        # The sign stands on the first line of the text, however many lines follow.
        top = QVBoxLayout()
        top.setContentsMargins(0, size.space(1), 0, 0)
        top.addWidget(self.sign)
        top.addStretch(1)
        row.addLayout(top)
        row.addLayout(words, 1)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def show_message(
        self,
        sentence: str,
        tone: str = "info",
        buttons: Sequence[tuple[str, str]] = (),
        *,
        closable: bool = True,
    ) -> None:
        """Say something.

        Parameters
        ----------
        tone : {'info', 'warn', 'error', 'done'}
        buttons : sequence of (action, words)
            At most two, the likelier first.
        """
        if len(buttons) > 2:
            raise ValueError("a message has at most two buttons")
        self.text.setText(sentence)
        self.sign.set_tone(tone)
        restyle(self, tone=tone)
        while (item := self._flow.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.setParent(None)
                old.deleteLater()
        self._named = {}
        for action, name in buttons:
            button = self._named[action] = Button(name, role="small")
            button.clicked.connect(lambda _=False, action=action: self.pressed.emit(action))
            self._flow.addWidget(button)
        self._buttons.setVisible(bool(buttons))
        self.close_button.setVisible(closable)
        describe(self, sentence)
        self.setToolTip("")
        self.show()
        QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.Alert))

    def enable(self, action: str, enabled: bool) -> None:
        """Let the button of an action be pressed, or not."""
        if action in self._named:
            self._named[action].setEnabled(enabled)

    def clear_message(self) -> None:
        """Say nothing any more."""
        self.hide()


class ProgressBar(QWidget):
    """How far, in real units: nothing moves that was not reported.

    It tells screen readers at 0, 25, 50, 75 and 100 percent only.
    """

    def __init__(self, name: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        describe(self, name)
        self._name = name
        self._done, self._total, self._words = 0, 0, ""
        self._told = -1
        self._active = True
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_progress(self, done: int, total: int, words: str = "") -> None:
        """Show `done` of `total` units; with a total of 0 the amount is not known.

        Parameters
        ----------
        words : str
            Beside the bar, e.g. "Editing 12/23"; '' shows the bar alone.
        """
        done = max(0, min(done, total))
        if (done, total, words) == (self._done, self._total, self._words):
            return
        relaid = words != self._words
        self._done, self._total, self._words = done, total, words
        quarter = 4 * done // total if total > 0 else -1
        if quarter != self._told:
            self._told = quarter
            if quarter >= 0:
                self.setAccessibleDescription(tr("a11y.progress", percent=25 * quarter))
                QAccessible.updateAccessibility(
                    QAccessibleEvent(self, QAccessible.Event.DescriptionChanged)
                )
        if relaid:
            self.updateGeometry()
        self.update()

    def set_active(self, active: bool) -> None:
        """Show that the job is running (accent) or not (grey)."""
        self._active = active
        self.update()

    def fraction(self) -> float:
        """Return what is drawn, 0..1."""
        return self._done / self._total if self._total > 0 else 0.0

    def told_percent(self) -> int:
        """Return what was last announced, -1 before the first."""
        return 25 * self._told if self._told >= 0 else -1

    def sizeHint(self) -> QSize:
        """Make room for bar and words."""
        size = metrics()
        words = self.fontMetrics().horizontalAdvance(self._words)
        return QSize(words + size.gap + size.px(64), max(size.px(18), self.fontMetrics().height()))

    def minimumSizeHint(self) -> QSize:
        """Let the words be elided before the bar goes."""
        return QSize(metrics().px(48), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw words and bar."""
        colours, size = theme(), metrics()
        painter = QPainter(self)
        start = 0
        if self._words:
            room = max(0, self.width() - size.px(48))
            text = self.fontMetrics().elidedText(self._words, Qt.TextElideMode.ElideRight, room)
            start = min(room, self.fontMetrics().horizontalAdvance(text)) + size.gap
            painter.setPen(QColor(colours.text))
            painter.drawText(QRectF(0, 0, room, self.height()), Qt.AlignmentFlag.AlignVCenter, text)
        thick = size.px(4)
        bar = QRectF(start, (self.height() - thick) // 2, self.width() - start, thick)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.line))
        painter.drawRoundedRect(bar, thick / 2, thick / 2)
        if self._done and self._total > 0:
            bar.setWidth(max(thick, bar.width() * self.fraction()))
            painter.setBrush(QColor(colours.accent if self._active else colours.outline))
            painter.drawRoundedRect(bar, thick / 2, thick / 2)
        painter.end()

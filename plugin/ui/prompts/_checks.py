"""What is worth knowing before a run, in one line that never blocks."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from plugin.locale import tr
from plugin.state.checks import Check
from plugin.state.observable import ObservableList
from plugin.theme import metrics
from plugin.ui.base import Button, Sign, follow, words

__all__ = ["ChecksLine"]


class ChecksLine(QWidget):
    """The weightiest check, how many more there are, and a button that settles it.

    Signals
    -------
    pressed(str)
        Name of the action.
    """

    pressed = Signal(str)

    def __init__(self, checks: ObservableList[Check], *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action = ""
        self.sign = Sign("warn")
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.text.setWordWrap(True)
        self.text.setProperty("role", "small")
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.more = words("", "small")
        self.button = Button("", role="small")
        self.button.clicked.connect(lambda: self.pressed.emit(self._action))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(metrics().space(1.5))
        for part, stretch in ((self.sign, 0), (self.text, 1), (self.more, 0), (self.button, 0)):
            row.addWidget(part, stretch)
        follow(self, checks, self._show)

    def _show(self, checks: tuple[Check, ...]) -> None:
        self.setVisible(bool(checks))
        if not checks:
            return
        sentences = [tr(check.key, **check.values) for check in checks]
        self.text.setText(sentences[0])
        self.more.setText(f"+{len(checks) - 1}")
        self.more.setVisible(len(checks) > 1)
        whole = "\n".join(sentences)
        self.setToolTip(whole if len(checks) > 1 else "")
        self.setAccessibleName(whole)
        self._action = checks[0].actions[0] if checks[0].actions else ""
        self.button.setVisible(bool(self._action))
        if self._action:
            self.button.set_name(tr(f"button.{self._action}"))

"""Windows that show text: the details of a message, and the engine's state with the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

from plugin.locale import number, tr
from plugin.theme import metrics
from plugin.ui.actions import Actions
from plugin.ui.base import Button, FlowLayout, Row, describe, follow, words
from plugin.ui.parts import action_button, error_words, wrapped
from plugin.ui.shot.header import host_words
from plugin.ui.windows.frame import Window

if TYPE_CHECKING:
    from plugin.state.session import PanelModel
    from plugin.ui.desk import Desk

__all__ = ["DetailsWindow", "LogWindow", "plain_text"]


def plain_text(name: str) -> QPlainTextEdit:
    """Return a field of fixed-width text that can be read and copied, not changed."""
    field = QPlainTextEdit()
    field.setReadOnly(True)
    field.setTabChangesFocus(True)
    font = QFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
    font.setPixelSize(metrics().small_px)
    field.setFont(font)
    describe(field, name)
    return field


class DetailsWindow(Window):
    """The full text of one message, to be read, copied, reported."""

    def __init__(self, actions: Actions, owner: QWidget) -> None:
        super().__init__(tr("details.title"), owner, size=(460, 320))
        self.text = plain_text(tr("details.title"))
        self.copy = Button(tr("button.copy"), tr("tip.copy"))
        self.copied = words("", "small")
        self.report = action_button(actions, "copy_report", tip=tr("tip.report"))
        self.column.addWidget(self.text, 1)
        self.column.addWidget(Row(self.copy, self.report, None, self.copied))
        self.copy.clicked.connect(self._copy)

    def show_text(self, text: str) -> None:
        """Show a text."""
        self.text.setPlainText(text or tr("say.details.none"))
        self.copied.setText("")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.copied.setText(tr("say.copied"))


class LogWindow(Window):
    """How engine and Resolve are doing, and the last lines of the log."""

    def __init__(self, model: PanelModel, actions: Actions, desk: Desk, owner: QWidget) -> None:
        super().__init__(tr("log.title"), owner, size=(520, 480))
        self._model = model
        self._desk = desk
        self.state = wrapped(role="value")
        self.text = plain_text(tr("log.title"))
        self.reload = Button(tr("button.reload"), tr("tip.log.reload"))
        self.copy = Button(tr("button.copy"), tr("tip.copy"))
        self.copied = words("", "small")
        holder = QWidget()
        line = FlowLayout(holder, spacing=metrics().gap)
        for button in (self.reload, self.copy):
            line.addWidget(button)
        for name in ("restart_engine", "release_memory", "copy_report"):
            if actions.can(name):
                line.addWidget(action_button(actions, name))
        self.column.addWidget(self.state)
        self.column.addWidget(self.text, 1)
        self.column.addWidget(holder)
        self.column.addWidget(self.copied)
        self.copied.hide()
        self.reload.clicked.connect(self.read)
        self.copy.clicked.connect(self._copy)
        follow(self, model.engine, lambda _: self._show_state())
        follow(self, model.host, lambda _: self._show_state())

    def present(self) -> None:
        """Show the window with the log as it is now."""
        self.read()
        super().present()

    def read(self) -> None:
        """Read the log again and go to its end."""
        self.text.setPlainText(self._desk.log() or tr("say.log.empty"))
        self.text.moveCursor(QTextCursor.MoveOperation.End)
        self.copied.setText("")

    def _show_state(self) -> None:
        engine, host = self._model.engine.value, self._model.host.value
        lines = [f"{tr('engine.title')}: {tr(f'engine.{engine.phase}')}"]
        if engine.device:
            lines.append(tr("say.log.device", name=engine.device))
        if engine.memory_total_mb:
            used, total = engine.memory_used_mb, engine.memory_total_mb
            lines.append(
                tr("say.log.memory", used=number(used / 1024, 1), total=number(total / 1024, 1))
            )
        if engine.sentence:
            lines.append(error_words(engine.code, engine.sentence))
        lines.append(host_words(host) or tr("host.state.none"))
        self.state.setText("\n".join(lines))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.state.text()}\n\n{self.text.toPlainText()}")
        self.copied.setText(tr("say.copied"))
        self.copied.show()

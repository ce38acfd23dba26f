"""The report: read before it is copied, and nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from plugin.locale import tr
from plugin.ui.base import Button, Row, Switch, words
from plugin.ui.desk import REPORT_PARTS
from plugin.ui.parts import wrapped
from plugin.ui.windows.frame import Window
from plugin.ui.windows.text import plain_text

if TYPE_CHECKING:
    from plugin.ui.desk import Desk

__all__ = ["MOST", "ReportWindow"]

MOST: Final = 60_000  # characters, what an issue tracker takes


class ReportWindow(Window):
    """Shows exactly what would be copied; names and texts are out unless asked in."""

    def __init__(self, desk: Desk, owner: QWidget) -> None:
        super().__init__(tr("report.title"), owner, size=(520, 560))
        self._desk = desk
        self.intro = wrapped(tr("say.report.intro"))
        self.options: dict[str, Switch] = {}
        for part in REPORT_PARTS:
            switch = Switch(tr(f"report.{part}"), tr(f"tip.report.{part}"))
            switch.value_changed.connect(lambda _: self.read())
            self.options[part] = switch
        self.text = plain_text(tr("report.title"))
        self.length = words("", "small")
        self.copy = Button(tr("report.copy"), tr("tip.report.copy"), role="primary")
        self.copied = words("", "small")
        self.column.addWidget(self.intro)
        for switch in self.options.values():
            self.column.addWidget(switch)
        self.column.addWidget(self.text, 1)
        self.column.addWidget(self.length)
        self.column.addWidget(Row(self.copy, self.copied, None))
        self.copy.clicked.connect(self._copy)

    def present(self) -> None:
        """Show the window with the report as it is now."""
        self.read()
        super().present()

    @property
    def parts(self) -> frozenset[str]:
        """What the person wants in."""
        return frozenset(name for name, switch in self.options.items() if switch.value())

    def read(self) -> None:
        """Make the report again."""
        text = self._desk.report(self.parts)[:MOST]
        self.text.setPlainText(text)
        self.length.setText(tr("say.report.length", n=len(text), most=MOST))
        self.copied.setText("")
        self.copy.setEnabled(bool(text))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self.copied.setText(tr("say.copied"))

"""Opens each window once and closes them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from plugin.ui.actions import Actions
from plugin.ui.windows.about import AboutWindow
from plugin.ui.windows.frame import Window
from plugin.ui.windows.help import HelpWindow
from plugin.ui.windows.report import ReportWindow
from plugin.ui.windows.settings import SettingsWindow
from plugin.ui.windows.text import DetailsWindow, LogWindow

if TYPE_CHECKING:
    from plugin.state.session import PanelModel
    from plugin.ui.desk import Desk

__all__ = ["Windows"]


class Windows:
    """Every window by its name; made when it is first asked for."""

    def __init__(self, model: PanelModel, actions: Actions, desk: Desk, *, owner: QWidget) -> None:
        self._open: dict[str, Window] = {}
        self._make: dict[str, Callable[[], Window]] = {
            "settings": lambda: SettingsWindow(model, actions, desk, owner),
            "report": lambda: ReportWindow(desk, owner),
            "about": lambda: AboutWindow(owner),
            "help": lambda: HelpWindow(owner),
            "log": lambda: LogWindow(model, actions, desk, owner),
            "details": lambda: DetailsWindow(actions, owner),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """All windows that can be opened."""
        return tuple(self._make)

    def get(self, name: str) -> Window:
        """Return a window, made if it is not there yet, not yet shown."""
        if name not in self._open:
            self._open[name] = self._make[name]()
        return self._open[name]

    def open(self, name: str) -> Window:
        """Show a window."""
        window = self.get(name)
        window.present()
        return window

    def settings(self, page: str) -> None:
        """Show the settings at a page."""
        window = self.open("settings")
        assert isinstance(window, SettingsWindow)
        window.show_page(page)

    def help(self, topic: str) -> None:
        """Show the help at a passage, '' for its beginning."""
        window = self.open("help")
        assert isinstance(window, HelpWindow)
        window.show_topic(topic)

    def details(self, text: str) -> None:
        """Show a full text."""
        window = self.get("details")
        assert isinstance(window, DetailsWindow)
        window.show_text(text)
        window.present()

    def close_all(self) -> None:
        """Close all windows and let them go."""
        for window in self._open.values():
            window.close()
            window.deleteLater()
        self._open = {}

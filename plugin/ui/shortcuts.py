"""Keys of the window and of its lists, from the person's keymap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from plugin.state.keys import Keymap
from plugin.ui.base import follow

__all__ = ["Shortcuts"]


class Shortcuts(QObject):
    """Joins keys to functions, and joins them anew when the person changes a key.

    Parameters
    ----------
    places : sequence of (widget, table)
        A table's functions act, by the name of their key, while the focus is in its widget.
    """

    def __init__(
        self,
        keymap: Keymap,
        places: Sequence[tuple[QWidget, Mapping[str, Callable[[], object]]]],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._keymap = keymap
        self._places = places
        self._made: list[QShortcut] = []
        follow(self, keymap.overrides, lambda _: self._join())

    def _join(self) -> None:
        for shortcut in self._made:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._made = []
        for widget, table in self._places:
            for name, function in table.items():
                for key in self._keymap.keys(name):
                    shortcut = QShortcut(QKeySequence(key), widget)
                    shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                    shortcut.setAutoRepeat(name in ("move_up", "move_down"))
                    shortcut.activated.connect(function)
                    self._made.append(shortcut)

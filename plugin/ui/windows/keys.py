"""The shortcuts: what each does, its keys, and a warning where two want the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QGridLayout, QLabel, QLineEdit, QVBoxLayout, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.state.keys import ACTIONS, Keymap, ShortcutError
from plugin.theme import heading_font, metrics
from plugin.ui.base import Button, IconButton, Row, describe, follow, restyle, words
from plugin.ui.parts import wrapped
from plugin.ui.viewer.viewer import spelled
from plugin.ui.windows.frame import scrolled

if TYPE_CHECKING:
    from plugin.ui.desk import Desk

__all__ = ["KeyField", "KeysPage", "shown"]

SCOPES: Final = ("window", "viewer", "list", "prompt")


def shown(keys: tuple[str, ...]) -> str:
    """Return keys as this system writes them."""
    native = QKeySequence.SequenceFormat.NativeText
    # The Enter key of the number block is the same key to a person.
    told = [key for key in keys if key.replace("Enter", "Return") == key or
            key.replace("Enter", "Return") not in keys]  # fmt: skip
    return ", ".join(QKeySequence(key).toString(native) or key for key in told)


class KeyField(QLineEdit):
    """Takes the next key that is pressed; Tab goes on, Escape leaves, Backspace empties."""

    key_pressed = Signal(str)
    emptied = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setPlaceholderText(tr("keys.none"))
        describe(self, name, tr("tip.keys.field"))

    @override
    def event(self, event: QEvent) -> bool:
        # Keys that are shortcuts elsewhere are only typed here.
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        plain = not event.modifiers()
        if event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape and plain:
            self.clearFocus()
        elif event.key() == Qt.Key.Key_Backspace and plain:
            self.emptied.emit()
        else:
            key = spelled(event)
            if key:
                self.key_pressed.emit(key)


class _Line:
    """The widgets of one action."""

    def __init__(self, name: str) -> None:
        label = tr(ACTIONS[name].label_key)
        self.name = words(label)
        self.field = KeyField(label)
        self.reset = IconButton("undo", f"{label}: {tr('keys.reset')}", tr("tip.keys.reset"))
        self.note = wrapped(role="small")
        self.note.hide()


class KeysPage(QWidget):
    """Every action by where it acts; conflicts and refusals are said under the row."""

    def __init__(self, keymap: Keymap, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keymap = keymap
        self._desk = desk
        self._lines: dict[str, _Line] = {}
        self._refused: dict[str, str] = {}
        size = metrics()
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(size.space(1), 0, size.space(2), 0)
        grid.setHorizontalSpacing(size.gap)
        grid.setVerticalSpacing(size.space(1))
        grid.setColumnStretch(1, 1)  # several keys may stand in one field
        for scope in SCOPES:
            heading: QLabel = words(tr(f"keys.scope.{scope}"), "title")
            heading.setFont(heading_font())
            grid.addWidget(heading, grid.rowCount(), 0, 1, 3)
            for name, action in ACTIONS.items():
                if action.scope == scope:
                    self._add(name, grid)
        grid.setRowStretch(grid.rowCount(), 1)
        self.all = Button(tr("keys.reset_all"), tr("tip.keys.reset_all"), role="small")
        self.all.clicked.connect(self._reset_all)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scrolled(page), 1)
        foot = Row(self.all, None)
        foot.setContentsMargins(size.space(1), 0, 0, 0)
        column.addWidget(foot)
        follow(self, keymap.overrides, lambda _: self._show())

    def _add(self, name: str, grid: QGridLayout) -> None:
        line = _Line(name)
        self._lines[name] = line
        at = grid.rowCount()
        grid.addWidget(line.name, at, 0)
        grid.addWidget(line.field, at, 1)
        grid.addWidget(line.reset, at, 2)
        grid.addWidget(line.note, at + 1, 0, 1, 3)
        line.field.key_pressed.connect(lambda key, name=name: self.set_key(name, key))
        line.field.emptied.connect(lambda name=name: self.set_key(name, ""))
        line.reset.clicked.connect(lambda _=False, name=name: self._reset(name))

    def line(self, name: str) -> _Line:
        """Return the widgets of an action."""
        return self._lines[name]

    def set_key(self, name: str, key: str) -> None:
        """Give an action one key, or none; what cannot be used is refused with its reason."""
        self._refused.pop(name, None)
        try:
            self._keymap.set(name, (key,) if key else ())
        except ShortcutError as error:
            self._refused[name] = tr(f"check.key.{error.reason}", keys=shown((key,)))
        self._keep()

    def _reset(self, name: str) -> None:
        self._refused.pop(name, None)
        self._keymap.reset(name)
        self._keep()

    def _reset_all(self) -> None:
        self._refused = {}
        self._keymap.reset()
        self._keep()

    def _keep(self) -> None:
        self._desk.change(keys=self._keymap.to_dict())
        self._show()

    def _show(self) -> None:
        rivals: dict[str, list[str]] = {}
        for conflict in self._keymap.conflicts():
            for one, other in (
                (conflict.first, conflict.second),
                (conflict.second, conflict.first),
            ):
                said = tr(
                    "check.key.conflict",
                    keys=shown((conflict.key,)),
                    other=tr(ACTIONS[other].label_key),
                )
                rivals.setdefault(one, []).append(said)
        for name, line in self._lines.items():
            line.field.setText(shown(self._keymap.keys(name)))
            line.field.setCursorPosition(0)
            line.reset.setEnabled(name in self._keymap.overrides.value)
            said = self._refused.get(name) or " ".join(rivals.get(name, ()))
            line.note.setText(said)
            line.note.setVisible(bool(said))
            restyle(line.note, tone="error" if name in self._refused else "warn")
            restyle(line.field, state="error" if said else "")

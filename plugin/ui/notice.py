"""An empty state in its place: one sentence and the ways on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from plugin.locale import tr
from plugin.theme import metrics
from plugin.ui.actions import Actions, Target
from plugin.ui.base import FlowLayout, restyle
from plugin.ui.parts import action_button, clear, wrapped

if TYPE_CHECKING:
    from plugin.state.empty import EmptyState

__all__ = ["Notice"]


class Notice(QWidget):
    """Hidden while there is nothing to say; buttons whose action nobody provides stay away."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self._shown: tuple[EmptyState | None, Target] | None = None
        self.sentence = wrapped(role="value")
        self._holder = QWidget()
        self._buttons = FlowLayout(self._holder, spacing=metrics().space(1.5))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, metrics().space(0.5), 0, metrics().space(0.5))
        column.setSpacing(metrics().space(1.5))
        line = QHBoxLayout()
        line.addWidget(self.sentence)
        column.addLayout(line)
        column.addWidget(self._holder)
        self.hide()

    @property
    def state(self) -> EmptyState | None:
        """What is said now."""
        return self._shown[0] if self._shown is not None else None

    def buttons(self) -> list[QPushButton]:
        """Return the buttons from first to last."""
        return self._holder.findChildren(QPushButton)

    def forget(self) -> None:
        """Let the next state be shown even if it is the same: other actions are provided."""
        self._shown = None

    def show_state(self, state: EmptyState | None, target: Target | None = None) -> None:
        """Say a state, or nothing."""
        about = target or Target()
        if self._shown == (state, about):
            return
        self._shown = (state, about)
        self.setVisible(state is not None)
        if state is None:
            return
        self.sentence.setText(tr(state.key, **state.values))
        restyle(self.sentence, role="value" if state.blocking else "small")
        clear(self._buttons)
        for name in state.actions:
            if self._actions.can(name):
                self._buttons.addWidget(action_button(self._actions, name, target=about))
        self._holder.setVisible(self._buttons.count() > 0)
        self.setAccessibleName(self.sentence.text())

"""An empty state in its place: one sentence and the ways on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QBoxLayout, QPushButton, QWidget

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
        self._box = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._box.setContentsMargins(0, metrics().space(0.5), 0, metrics().space(0.5))
        self._box.setSpacing(metrics().space(1.5))
        self._box.addWidget(self.sentence, 1)
        self._box.addWidget(self._holder)
        self.hide()

    @property
    def state(self) -> EmptyState | None:
        """What is said now."""
        return self._shown[0] if self._shown is not None else None

    def buttons(self) -> list[QPushButton]:
        """Return the buttons from first to last."""
        return self._holder.findChildren(QPushButton)

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
        # What blocks nothing takes one line: its button stands beside the sentence.
        way = QBoxLayout.Direction
        self._box.setDirection(way.TopToBottom if state.blocking else way.LeftToRight)
        role = "" if state.blocking else "small"
        clear(self._buttons)
        for name in state.actions:
            if self._actions.can(name):
                self._buttons.addWidget(action_button(self._actions, name, target=about, role=role))
        self._holder.setVisible(self._buttons.count() > 0)
        self.setAccessibleName(self.sentence.text())

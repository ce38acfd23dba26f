"""The row below the picture: how shot and take are compared, and what lies over them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from plugin.locale import tr
from plugin.state.viewer import MODES, Mode
from plugin.theme import metrics
from plugin.ui.base import Choice, IconButton, Segmented, bind, follow
from plugin.ui.viewer.core import Core

__all__ = ["ModeBar"]

_NEEDS_PAIR: Final[tuple[Mode, ...]] = ("wipe", "side", "difference")


class ModeBar(QWidget):
    """Modes, matte and words overlay, own window."""

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.core = core
        state = core.state
        self.modes: Segmented[Mode] = Segmented(
            tr("viewer.mode"),
            [Choice(mode, tr(f"viewer.mode.{mode}")) for mode in MODES],
            tr("tip.viewer.mode"),
        )
        self.fit = IconButton("fit", tr("viewer.fit"), tr("tip.viewer.fit"))
        self.matte = IconButton("matte", tr("viewer.matte"), tr("tip.viewer.matte"), checkable=True)
        self.words = IconButton("words", tr("viewer.words"), tr("tip.viewer.words"), checkable=True)
        self.pop_out = IconButton(
            "pop_out", tr("viewer.pop_out"), tr("tip.viewer.pop_out"), checkable=True
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(metrics().space(0.5))
        row.addWidget(self.modes, 1, Qt.AlignmentFlag.AlignLeft)
        for button in (self.fit, self.matte, self.words, self.pop_out):
            row.addWidget(button)
        bind(state.mode, self.modes)
        bind(state.overlay, self.matte)
        bind(state.popped_out, self.pop_out)
        self.words.clicked.connect(lambda: core.next_word())
        for watched in (state.mode, state.words_overlay, state.zoom, state.compare):
            follow(self, watched, self._on_state)
        book = core.book
        for seen in (book.shot, book.takes, book.matte, book.words, book.chips):
            follow(self, seen, self._on_state)

    def _on_state(self, _value: object) -> None:
        core, book = self.core, self.core.book
        paired = core.pair[1].picture is not None
        for mode in _NEEDS_PAIR:
            self.modes.button(mode).setEnabled(paired)
        self.fit.setEnabled(core.state.zoom.value > 0)
        self.matte.setEnabled(book.matte.value is not None)
        self.words.setEnabled(book.words.value is not None and bool(book.chips.value))
        self.words.setChecked(core.word is not None)

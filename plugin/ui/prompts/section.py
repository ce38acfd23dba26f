"""The section "What to change"."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from plugin.locale import tr
from plugin.state.checks import Check
from plugin.state.keys import Keymap
from plugin.state.observable import ObservableList
from plugin.state.prompts import Prompts
from plugin.theme import metrics
from plugin.ui.base import IconButton, Section, bind, follow, listen, words
from plugin.ui.prompts._checks import ChecksLine
from plugin.ui.prompts._chips import ChipRow
from plugin.ui.prompts._edit import PromptEdit
from plugin.ui.prompts._marks import Mark, now_marks, wanted_marks

__all__ = ["PromptsSection"]


class PromptsSection(Section):
    """Now, Wanted, the words that drive, and what is worth knowing about them.

    Signals
    -------
    action_asked(str)
        A check's button, by the name of its action.
    describe_asked()
        Only where `set_describe(True)` has shown the button.
    """

    action_asked = Signal(str)
    describe_asked = Signal()

    def __init__(
        self,
        prompts: Prompts,
        checks: ObservableList[Check] | None = None,
        keymap: Keymap | None = None,
        *,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("prompts.title"), parent=parent)
        self._prompts = prompts
        self.now = PromptEdit(tr("prompts.now"), tr("tip.prompts.now"))
        self.now.setPlaceholderText(tr("say.prompts.now"))
        self.wanted = PromptEdit(tr("prompts.wanted"), tr("tip.prompts.wanted"))
        self.wanted.setPlaceholderText(tr("say.prompts.wanted"))
        self.describe_button = IconButton(
            "edit", tr("prompts.describe"), tr("tip.prompts.describe")
        )
        self.describe_button.hide()
        self.describe_button.clicked.connect(self.describe_asked)
        self.chips = ChipRow(prompts)
        self.checks = ChecksLine(checks if checks is not None else ObservableList())
        self.checks.pressed.connect(self.action_asked)
        self._lay_out()

        bind(prompts.now, self.now)
        bind(prompts.wanted, self.wanted)
        self.wanted.focused.connect(prompts.focus_wanted)
        self.now.older_asked.connect(lambda: prompts.older("now"))
        self.now.newer_asked.connect(lambda: prompts.newer("now"))
        self.wanted.older_asked.connect(lambda: prompts.older("wanted"))
        self.wanted.newer_asked.connect(lambda: prompts.newer("wanted"))
        self.wanted.mark_asked.connect(prompts.mark_at)
        self.now.set_marks(self._now_marks)
        self.wanted.set_marks(self._wanted_marks)
        listen(self, prompts.changed, self._marks_changed)
        listen(self, prompts.chips.changed, self._marks_changed)
        if keymap is not None:
            follow(self, keymap.overrides, lambda _: self._take_keys(keymap))

    def _lay_out(self) -> None:
        size = metrics()
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(size.gap)
        grid.setVerticalSpacing(size.space(1))
        grid.setColumnStretch(1, 1)
        top = Qt.AlignmentFlag.AlignTop
        for row, (key, part) in enumerate(
            (
                ("prompts.now", self.now),
                ("prompts.wanted", self.wanted),
                ("words.drives", self.chips),
            )
        ):
            label = words(tr(key))
            label.setMinimumHeight(
                part.sizeHint().height() if isinstance(part, PromptEdit) else size.px(22)
            )
            label.setAlignment(Qt.AlignmentFlag.AlignVCenter)
            if isinstance(part, PromptEdit):
                label.setBuddy(part)
                label.setToolTip(part.toolTip())
            grid.addWidget(label, row, 0, top)
            if part is self.now:
                line = QHBoxLayout()
                line.setSpacing(size.space(1))
                line.addWidget(part, 1)
                line.addWidget(self.describe_button, 0, top)
                grid.addLayout(line, row, 1)
            else:
                grid.addWidget(part, row, 1)
        self.rows.addLayout(grid)
        self.add(self.checks)

    def set_describe(self, available: bool) -> None:
        """Offer to describe the shot: there is a model that can."""
        self.describe_button.setVisible(available)

    def edit_wanted(self, word: str = "") -> None:
        """Put the caret into the wanted text, on a word if one is named."""
        self.wanted.select_word(word)

    def mark_words(self) -> None:
        """Put the keyboard on the first word chip, or into the text if there is none."""
        if self.chips.chips():
            self.chips.focus_first()
        else:
            self.edit_wanted()

    def _now_marks(self) -> Sequence[Mark]:
        prompts = self._prompts
        return now_marks(prompts.now.value, prompts.wanted.value, prompts.removed.value)

    def _wanted_marks(self) -> Sequence[Mark]:
        prompts = self._prompts
        return wanted_marks(
            prompts.now.value,
            prompts.wanted.value,
            prompts.chips.value,
            answered=prompts.verdict.value is not None,
        )

    def _marks_changed(self, _: object) -> None:
        self.now.highlight_soon()
        self.wanted.highlight_soon()

    def _take_keys(self, keymap: Keymap) -> None:
        for edit in (self.now, self.wanted):
            for action in ("prompt_older", "prompt_newer", "toggle_word"):
                edit.set_keys(action, keymap.keys(action))

"""The row of words that drive: pressing one changes its part."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QWidget

from plugin.locale import number, tr
from plugin.state.prompts import Chip, Prompts
from plugin.theme import metrics
from plugin.ui.base import ChipButton, FlowLayout, follow, words

__all__ = ["ChipRow"]

_SHAPES = {"drive": "drive", "neutral": "neutral", "keep": "keep"}


class _WordChip(ChipButton):
    """One word; Space, Return and click give it the next part."""

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip.text)
        self.chip = chip
        self.show_chip(chip)

    def show_chip(self, chip: Chip) -> None:
        """Show a word with its state, its tokens and what the last run says of it."""
        self.chip = chip
        self.setText(chip.text)
        self.set_look(
            _SHAPES[chip.state], strong=chip.state == "drive", dashed=chip.state == "keep"
        )
        self.set_share(chip.share, chip.matte_share)
        state = tr(f"words.{chip.state}")
        self.setAccessibleName(f"{chip.text}: {state}")
        lines = [f"{chip.text}: {state}", tr("tip.words.chip")]
        if chip.tokens:
            lines.append(tr("say.words.tokens", tokens=" · ".join(chip.tokens)))
        if chip.share is not None:
            lines.append(tr("say.words.share", percent=number(100 * chip.share)))
        if chip.effect:
            lines.append(tr(f"say.words.{chip.effect}"))
        self.setToolTip("\n".join(lines))
        self.setAccessibleDescription(" ".join(lines[1:]))
        self.updateGeometry()


class ChipRow(QWidget):
    """All chips of the wanted text.

    Signals
    -------
    pointed(object)
        The chip under mouse or keyboard, None when there is none: for the words overlay.
    """

    pointed = Signal(object)

    def __init__(self, prompts: Prompts, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._prompts = prompts
        self._chips: list[_WordChip] = []
        self.setAccessibleName(tr("words.drives"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._flow = FlowLayout(self, spacing=metrics().space(1))
        self._none = words(tr("say.words.none"), "small")
        self._none.setMinimumHeight(metrics().hit)
        self._none.setAlignment(Qt.AlignmentFlag.AlignVCenter)
        self._flow.addWidget(self._none)
        follow(self, prompts.chips, self._show)

    def chips(self) -> tuple[ChipButton, ...]:
        """Return the chips in the order of the text."""
        return tuple(self._chips)

    def focus_first(self) -> None:
        """Put the keyboard on the first word."""
        if self._chips:
            self._chips[0].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Tell which word is pointed at."""
        if isinstance(watched, _WordChip):
            if event.type() in (QEvent.Type.Enter, QEvent.Type.FocusIn):
                self.pointed.emit(watched.chip)
            elif event.type() in (QEvent.Type.Leave, QEvent.Type.FocusOut):
                self.pointed.emit(None)
        return super().eventFilter(watched, event)

    def _show(self, chips: tuple[Chip, ...]) -> None:
        focused = next((i for i, chip in enumerate(self._chips) if chip.hasFocus()), None)
        for button, chip in zip(self._chips, chips, strict=False):
            button.show_chip(chip)  # the same button keeps the focus while its word changes
        for chip in chips[len(self._chips) :]:
            self._add(chip)
        for button in self._chips[len(chips) :]:
            self._flow.removeWidget(button)
            button.removeEventFilter(self)
            button.hide()
            button.deleteLater()
        del self._chips[len(chips) :]
        if focused is not None and focused >= len(self._chips) and self._chips:
            self._chips[-1].setFocus(Qt.FocusReason.OtherFocusReason)
        self._none.setVisible(not chips)
        self._flow.invalidate()
        self.updateGeometry()

    def _add(self, chip: Chip) -> None:
        button = _WordChip(chip)
        button.clicked.connect(lambda: self._prompts.toggle(button.chip))
        button.installEventFilter(self)
        before = self._chips[-1] if self._chips else None
        self._chips.append(button)
        self._flow.addWidget(button)
        button.show()
        if before is not None:
            QWidget.setTabOrder(before, button)

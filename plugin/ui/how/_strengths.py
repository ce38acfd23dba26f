"""Where, How strongly, Preserve."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from plugin.locale import number, tr
from plugin.state.curves import SliderName, Strengths
from plugin.theme import metrics
from plugin.ui.base import LabelledSlider, bind, follow, words

__all__ = ["NAMES", "StrengthRows"]

NAMES: tuple[SliderName, ...] = ("where", "strength", "preserve")


class StrengthRows(QWidget):
    """The three sliders; 50 is the reference, and a typed expert number reads "about"."""

    def __init__(self, strengths: Strengths, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sliders: dict[SliderName, LabelledSlider] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(metrics().space(1))
        for name in NAMES:
            slider = LabelledSlider(
                tr(f"how.{name}"),
                tr(f"tip.how.{name}"),
                low=tr(f"how.{name}.low"),
                high=tr(f"how.{name}.high"),
            )
            self.sliders[name] = slider
            column.addWidget(slider)
            bind(strengths.slider(name), slider)
            follow(self, strengths.about(name), partial(self._about, slider))
        # Preserve rests at whole steps only, and says which.
        self.skipped: QLabel = words("", "small")
        self.skipped.setAlignment(Qt.AlignmentFlag.AlignRight)
        column.addWidget(self.skipped)
        follow(self, strengths.skipped, self._skipped)

    def labels(self) -> list[QWidget]:
        """Return the names, to be aligned with those of other rows."""
        return [slider.label for slider in self.sliders.values()]

    def _about(self, slider: LabelledSlider, about: float | None) -> None:
        tip = "" if about is None else tr("tip.how.about", position=number(about))
        slider.set_about(about, tip)

    def _skipped(self, skipped: tuple[int, int]) -> None:
        self.skipped.setText(tr("say.how.skipped", skipped=skipped[0], steps=skipped[1]))

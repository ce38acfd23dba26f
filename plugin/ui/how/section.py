"""The section "How"."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from plugin.locale import tr
from plugin.state.session import SEEDS, PanelModel
from plugin.theme import metrics
from plugin.ui.base import (
    Button,
    Choice,
    Combo,
    Eliding,
    IconButton,
    NumberField,
    Row,
    Section,
    Segmented,
    align_columns,
    bind,
    follow,
    listen,
)
from plugin.ui.how._expert import ExpertDrawer
from plugin.ui.how._strengths import StrengthRows

__all__ = ["HowSection"]

_QUALITIES = ("draft", "standard", "fine")
_PLACES = ("patch", "frame", "take")
_TAKES = (1, 2, 4)


class HowSection(Section):
    """Sliders, quality, takes, seed, place, and the drawer with the numbers.

    Signals
    -------
    expert_toggled(bool)
    """

    expert_toggled = Signal(bool)

    def __init__(self, model: PanelModel, *, parent: QWidget | None = None) -> None:
        super().__init__(tr("how.title"), parent=parent)
        self._model = model
        self.reset_button = Button(tr("how.reset"), tr("tip.how.reset"), role="small")
        self.reset_button.clicked.connect(model.strengths.reset)
        self.add_beside(self.reset_button)
        self.strengths = StrengthRows(model.strengths)
        self.add(self.strengths)
        self._labels: list[QWidget] = self.strengths.labels()
        self._add_quality()
        self._add_seed()
        self._add_place()
        self.expert = ExpertDrawer(model)
        self.expert.value_changed.connect(self.expert_toggled.emit)
        self.add(self.expert)
        align_columns([[label] for label in self._labels])
        sliders = self.strengths.sliders.values()
        align_columns([slider.parts()[1:] for slider in sliders])
        listen(self, model.strengths.changed, self._at_home)
        self._at_home(None)

    def toggle_expert(self) -> None:
        """Open or close the drawer."""
        self.expert.set_value(not self.expert.value())

    def _label(self, key: str, control: QWidget) -> QLabel:
        label = Eliding(tr(key), expand=False)
        label.setToolTip(control.toolTip())
        label.setBuddy(control)
        return label

    def _add_quality(self) -> None:
        model = self._model
        self.quality = Segmented(
            tr("how.quality"),
            [Choice(value, tr(f"how.quality.{value}")) for value in _QUALITIES],
            tr("tip.how.quality"),
        )
        bind(model.strengths.quality, self.quality)  # type: ignore[misc]
        self.takes = Combo(
            tr("how.takes"), [Choice(count, str(count)) for count in _TAKES], tr("tip.how.takes")
        )
        bind(model.takes_wanted, self.takes)
        label = self._label("how.quality", self.quality)
        self._labels.append(label)
        self.add(Row(label, self.quality, None))

    def _add_place(self) -> None:
        self.place = Segmented(
            tr("how.place"),
            [
                Choice(kind, tr(f"how.place.{kind}"), tr(f"tip.how.place.{kind}"))
                for kind in _PLACES
            ],
            tr("tip.how.place"),
        )
        bind(self._model.delivery_kind, self.place)  # type: ignore[misc]
        label = self._label("how.place", self.place)
        self._labels.append(label)
        self.add(Row(label, self.place, None))

    def _add_seed(self) -> None:
        model = self._model
        self.seed = NumberField(tr("how.seed"), tr("tip.how.seed"), maximum=SEEDS - 1)
        self.seed.value_changed.connect(lambda value: model.seed.set(int(value)))
        follow(self.seed, model.seed, self.seed.set_value)
        self.lock = IconButton(
            "unlock",
            tr("how.lock"),
            tr("tip.how.lock"),
            checkable=True,
            checked_picture="lock",
        )
        bind(model.seed_locked, self.lock)
        self.dice = IconButton("dice", tr("how.dice"), tr("tip.how.dice"))
        self.dice.clicked.connect(model.dice)
        label = self._label("how.seed", self.seed)
        self._labels.append(label)
        takes = self._label("how.takes", self.takes)
        row = Row(label, self.seed, self.lock, self.dice, None, takes, self.takes)
        line = row.layout()
        if isinstance(line, QHBoxLayout):  # the fullest row, whole at 370 px
            usual = line.spacing()
            line.setSpacing(metrics().space(1.5))
            line.insertSpacing(1, usual - line.spacing())  # its field stands in the column
        self.add(row)

    def _at_home(self, _: object) -> None:
        """Offer the way home only to who is away."""
        strengths = self._model.strengths
        self.reset_button.setEnabled(strengths.settings() != strengths.reference.value)

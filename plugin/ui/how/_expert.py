"""The drawer with the exact numbers behind the sliders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar, get_args

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from flowanchor_engine.protocol import Estimated, ModelInfo
from plugin.locale import number, tr, trn
from plugin.state.session import Codec, Crop, PanelModel, Precision
from plugin.theme import metrics
from plugin.ui.base import Button, Choice, Combo, Section, Switch, bind, follow, listen, words
from plugin.ui.how._number import LinkedNumber
from plugin.ui.phrases import good_for

__all__ = ["ExpertDrawer"]

T = TypeVar("T")
Word = TypeVar("Word", bound=str)
Size = tuple[int, int] | None
_PASSES = 4  # source and target, each with and without its text
_GRID_PX = 32  # every model's sides are multiples of it
Field = Literal["size", "crop", "model", "precision", "codec"]


class ExpertDrawer(Section):
    """Derived numbers in grey, typed ones in the accent, and what they cost.

    Attributes
    ----------
    numbers : dict of str to LinkedNumber
        By the field of `MethodSettings`.
    """

    def __init__(self, model: PanelModel, *, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("expert.title"), tr("tip.expert.title"), collapsible=True, hair=False, parent=parent
        )
        self._model = model
        strengths = model.strengths
        self.numbers: dict[str, LinkedNumber] = {}
        self.summary = words("", "small")
        self.relink_all = Button(tr("expert.relink_all"), tr("tip.expert.relink_all"), role="small")
        self.relink_all.clicked.connect(strengths.relink_all)
        self.add_beside(self.summary)
        self.add_beside(self.relink_all)
        self.rows.setSpacing(metrics().space(2))
        self._add_numbers()
        self._add_choices()
        self._add_switches()
        self.switched = words("", "small")
        self.switched.setWordWrap(True)
        self.add(self.switched)
        self.cost = words("", "small")
        self.cost.setWordWrap(True)
        self.add(self.cost)
        follow(self, strengths.all_linked, self._summed_up)
        follow(self, strengths.switches, self._switched)
        for observable in (strengths.skipped, model.estimate, model.models, model.model_id):
            follow(self, observable, self._costs)
        for each in strengths.numbers:
            follow(self, each.linked, lambda _: self._summed_up(strengths.all_linked.value))
        self.set_value(False)

    def open_at(self, field: Field) -> None:
        """Open the drawer with the keyboard on one of its lists."""
        self.set_value(True)
        self.combos[field].setFocus(Qt.FocusReason.ShortcutFocusReason)

    # ---- building ---------------------------------------------------------------------------

    def _add_numbers(self) -> None:
        strengths, size = self._model.strengths, metrics()
        grid = QGridLayout()
        grid.setHorizontalSpacing(size.gap)
        grid.setVerticalSpacing(size.space(1.5))
        groups = {
            "expert.where": (strengths.beta1, strengths.beta2, strengths.tau),
            "expert.strength": (
                strengths.gamma,
                strengths.guidance_target,
                strengths.guidance_source,
            ),
            "expert.schedule": (strengths.steps, strengths.skip_share, strengths.shift),
        }
        for row, (key, numbers) in enumerate(groups.items()):
            label = words(tr(key))
            label.setMinimumHeight(size.hit)
            grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignBottom)
            for column, each in enumerate(numbers, start=1):
                share = each is strengths.skip_share
                part = LinkedNumber(
                    each,
                    unit=" %" if share else "",
                    factor=100.0 if share else 1.0,
                    decimals=1 if share else None,
                )
                self.numbers[each.name] = part
                grid.addWidget(part, row, column)
                grid.setColumnStretch(column, 1)
        self.rows.addLayout(grid)

    def _add_choices(self) -> None:
        model, size = self._model, metrics()
        self.size_combo = self._combo("size", self._sizes())
        self.crop_combo = self._combo("crop", self._named("crop", get_args(Crop)))
        self.model_combo = self._combo("model", self._models(model.models.value))
        self.precision_combo = self._combo(
            "precision", self._named("precision", get_args(Precision))
        )
        self.codec_combo = self._combo("codec", self._named("codec", get_args(Codec)))
        self.combos: dict[Field, QComboBox] = {
            "size": self.size_combo,
            "crop": self.crop_combo,
            "model": self.model_combo,
            "precision": self.precision_combo,
            "codec": self.codec_combo,
        }
        follow(self, model.models, self._offer)
        listen(self, model.model_id.changed, lambda _: self._offer(model.models.value))
        bind(model.size, self.size_combo)
        bind(model.crop, self.crop_combo)
        bind(model.model_id, self.model_combo)
        bind(model.precision, self.precision_combo)
        bind(model.codec, self.codec_combo)
        grid = QGridLayout()
        grid.setHorizontalSpacing(size.gap)
        grid.setVerticalSpacing(size.space(1))
        for place, field in enumerate(get_args(Field)):
            row, column = divmod(place, 2)
            combo = self.combos[field]
            label = words(tr(f"expert.{field}"))
            label.setBuddy(combo)
            label.setToolTip(combo.toolTip())
            grid.addWidget(label, row, 2 * column)
            grid.addWidget(combo, row, 2 * column + 1)
            grid.setColumnStretch(2 * column + 1, 1)
        self.rows.addLayout(grid)

    def _add_switches(self) -> None:
        model = self._model
        self.keep_original = Switch(tr("expert.keep_original"), tr("tip.expert.keep_original"))
        self.match_edge = Switch(tr("expert.match_edge"), tr("tip.expert.match_edge"))
        self.save_memory = Switch(tr("expert.save_memory"), tr("tip.expert.save_memory"))
        column = QVBoxLayout()
        column.setSpacing(0)
        for switch, observable in (
            (self.keep_original, model.keep_original),
            (self.match_edge, model.match_edge),
            (self.save_memory, model.save_memory),
        ):
            bind(observable, switch)
            column.addWidget(switch)
        self.rows.addLayout(column)

    def _combo(self, field: Field, choices: Sequence[Choice[T]]) -> Combo[T]:
        return Combo(tr(f"expert.{field}"), choices, tr(f"tip.expert.{field}"))

    def _named(self, field: Field, values: Sequence[Word]) -> list[Choice[Word]]:
        return [Choice(value, tr(f"expert.{field}.{value}")) for value in values]

    def _models(self, models: Sequence[ModelInfo]) -> list[Choice[str]]:
        choices = [Choice(each.id, each.name, good_for(each)) for each in models if each.installed]
        chosen = self._model.model_id.value
        if chosen not in [choice.value for choice in choices]:
            known = {each.id: each.name for each in models}
            choices.insert(0, Choice(chosen, known.get(chosen, chosen)))
        return choices

    def _sizes(self) -> list[Choice[Size]]:
        info = self._model.model
        own = (info.width, info.height) if info is not None and info.width else None
        name = "expert.size.own" if own is None else "expert.size.own_px"
        shown = own or (0, 0)
        choices: list[Choice[Size]] = [Choice(None, tr(name, width=shown[0], height=shown[1]))]
        for share in (0.75, 0.5) if own is not None else ():
            width, height = (max(_GRID_PX, round(x * share / _GRID_PX) * _GRID_PX) for x in shown)
            choices.append(Choice((width, height), f"{width} × {height}"))
        chosen = self._model.size.value
        if chosen not in [choice.value for choice in choices] and chosen is not None:
            choices.append(Choice(chosen, f"{chosen[0]} × {chosen[1]}"))
        return choices

    # ---- following --------------------------------------------------------------------------

    def _offer(self, models: tuple[ModelInfo, ...]) -> None:
        self.model_combo.set_choices(self._models(models))
        self.size_combo.set_choices(self._sizes())

    def _summed_up(self, linked: bool) -> None:
        count = sum(not each.linked.value for each in self._model.strengths.numbers)
        self.summary.setText(tr("expert.at_reference") if not count else trn("expert.typed", count))
        self.summary.setProperty("tone", "accent" if count else "")
        self.summary.style().polish(self.summary)
        self.relink_all.setVisible(not linked)

    def _switched(self, switches: tuple[tuple[str, object], ...]) -> None:
        self.switched.setVisible(bool(switches))
        listed = ", ".join(f"{name} = {value}" for name, value in switches)
        self.switched.setText(tr("say.expert.switched", switches=listed))

    def _costs(self, _: object) -> None:
        model = self._model
        skipped, steps = model.strengths.skipped.value
        told: Estimated | None = model.estimate.value
        run = max(0, steps - skipped)
        parts = [tr("say.expert.passes", steps=run, each=_PASSES, passes=run * _PASSES)]
        if told is not None and told.windows > 1:
            parts.append(trn("say.expert.windows", told.windows))
        if told is not None and told.forwards_cached:
            parts.append(tr("say.expert.cached", cached=told.forwards_cached))
        info = model.model
        if info is not None and info.vram_mb:
            parts.append(tr("say.expert.memory", gb=number(info.vram_mb / 1024)))
        self.cost.setText(", ".join(parts))

"""The steps of the first run; each says whether the next one can follow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from plugin.locale import number, tr
from plugin.theme import metrics
from plugin.ui.actions import NOTHING, Actions
from plugin.ui.base import FlowLayout, ProgressBar, Row, follow, listen, words
from plugin.ui.firstrun.choice import ModelChoice, fitting
from plugin.ui.parts import action_button, clear, error_words, wrapped
from plugin.ui.phrases import minutes
from plugin.ui.windows.models import download_words
from plugin.ui.windows.wiring import CheckRow, WiringView

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ModelInfo
    from plugin.state.session import PanelModel
    from plugin.ui.desk import CheckLine, Desk, Download

__all__ = ["CheckStep", "ChooseStep", "DoneStep", "GetStep", "HelloStep", "Step", "TryStep"]

HELLO: Final = ("what", "needs", "local", "original")


class Step(QWidget):
    """One page of the way; `ready` lets the next one follow."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, metrics().space(1), 0)
        self.column.setSpacing(metrics().space(2.5))

    @property
    def ready(self) -> bool:
        """Whether the next step makes sense."""
        return True

    def enter(self) -> None:
        """Begin what the step does by itself, each time the person comes."""


class HelloStep(Step):
    """What it does, what it needs, and that nothing leaves this computer."""

    def __init__(self) -> None:
        super().__init__()
        for name in HELLO:
            self.column.addWidget(wrapped(tr(f"say.first.hello.{name}")))
        self.column.addStretch(1)


class CheckStep(Step):
    """Lines turning to a sign each, with one action where something helps."""

    def __init__(self, model: PanelModel, actions: Actions, desk: Desk) -> None:
        super().__init__()
        self._actions = actions
        self._desk = desk
        self.intro = wrapped(tr("say.first.check"), "muted")
        self._lines = QVBoxLayout()
        self._lines.setSpacing(metrics().space(2))
        self.column.addWidget(self.intro)
        self.column.addLayout(self._lines)
        self.again = action_button(actions, "check_system", tip=tr("tip.check_system"))
        self.again.setVisible(actions.can("check_system"))
        self.column.addWidget(Row(self.again, None))
        self.column.addStretch(1)
        follow(self, desk.checked, self._show)

    @property
    def ready(self) -> bool:
        """A warning stops nobody, and neither does Resolve: clip files always work."""
        return not any(line.verdict == "running" for line in self._desk.checked)

    def enter(self) -> None:
        """Look once by itself."""
        if not len(self._desk.checked) and self._actions.can("check_system"):
            self._actions.run("check_system")

    def rows(self) -> list[CheckRow]:
        """Return the lines."""
        return self.findChildren(CheckRow)

    def _show(self, lines: tuple[CheckLine, ...]) -> None:
        clear(self._lines)
        for line in lines:
            button = None
            if line.action and self._actions.can(line.action):
                button = action_button(self._actions, line.action, role="small")
            self._lines.addWidget(CheckRow(line.verdict, tr(line.key, **line.values), button))
        self.changed.emit()


class ChooseStep(Step):
    """The models as cards; the fitting one is chosen beforehand."""

    def __init__(self, model: PanelModel, actions: Actions, desk: Desk) -> None:
        super().__init__()
        self._model = model
        self._desk = desk
        self.column.addWidget(wrapped(tr("say.first.choose"), "muted"))
        self._group = QButtonGroup(self)
        self._list = QVBoxLayout()
        self._list.setSpacing(metrics().space(2))
        self.column.addLayout(self._list)
        self.room = wrapped(role="muted")
        self.column.addWidget(self.room)
        if actions.can("use_existing_files"):
            files = action_button(
                actions,
                "use_existing_files",
                target=lambda: replace(NOTHING, model=model.model_id.value),
            )
            self.column.addWidget(Row(files, None))
        self.column.addStretch(1)
        follow(self, model.models, lambda _: self._show())
        listen(self, model.engine.changed, lambda _: self._show())
        follow(self, desk.free_bytes, lambda _: self._show_room())
        listen(self, model.model_id.changed, lambda _: self._show_room())

    @property
    def ready(self) -> bool:
        """A model is chosen, and there is room for it or it is here."""
        info = self._model.model
        return info is not None and (info.installed or self._missing(info) <= 0)

    def choices(self) -> list[ModelChoice]:
        """Return the cards."""
        return [b for b in self._group.buttons() if isinstance(b, ModelChoice)]

    def enter(self) -> None:
        """Choose the fitting model unless the person has chosen."""
        best = fitting(self._model.models.value, self._model.engine.value)
        known = any(info.id == self._model.model_id.value for info in self._model.models)
        if best is not None and (not known or self._model.model_id.value == "demo"):
            self._model.model_id.set(best.id)
        self._show()

    def _missing(self, info: ModelInfo) -> int:
        # A fifth of headroom: a drive that is full to the brim breaks more than a download.
        return round(1.2 * info.size_bytes) - self._desk.free_bytes.value

    def _show(self) -> None:
        for button in self._group.buttons():
            self._group.removeButton(button)
        clear(self._list)
        best = fitting(self._model.models.value, self._model.engine.value)
        for info in self._model.models:
            card = ModelChoice(info, recommended=best is not None and info.id == best.id)
            card.setChecked(info.id == self._model.model_id.value)
            card.toggled.connect(
                lambda on, name=info.id: self._model.model_id.set(name) if on else None
            )
            self._group.addButton(card)
            self._list.addWidget(card)
        self._show_room()

    def _show_room(self) -> None:
        info = self._model.model
        free = self._desk.free_bytes.value
        for card in self.choices():
            card.setChecked(card.info.id == self._model.model_id.value)
        self.room.setVisible(info is not None and free > 0 and not info.installed)
        if info is not None:
            short = not info.installed and self._missing(info) > 0
            key = "say.first.room_short" if short else "say.first.room"
            self.room.setText(
                tr(key, free=number(free / 1e9, 1), need=number(1.2 * info.size_bytes / 1e9, 1))
            )
            self.room.setProperty("tone", "warn" if short else "")
            self.room.style().polish(self.room)
        self.changed.emit()


class GetStep(Step):
    """Bytes, speed, time left; pause, go on, or take files that are here."""

    def __init__(self, model: PanelModel, actions: Actions, desk: Desk) -> None:
        super().__init__()
        self._model = model
        self._actions = actions
        self._desk = desk
        self.name = words("", "title")
        self.said = wrapped()
        self.progress = ProgressBar(tr("model.progress"))
        self._holder = QWidget()
        self._buttons = FlowLayout(self._holder, spacing=metrics().space(1.5))
        self._shown: tuple[str, ...] = ()
        for part in (self.name, self.progress, self.said, self._holder):
            self.column.addWidget(part)
        self.column.addWidget(wrapped(tr("say.first.get"), "muted"))
        self.column.addStretch(1)
        follow(self, desk.downloads, lambda _: self._show())
        follow(self, model.models, lambda _: self._show())
        listen(self, model.model_id.changed, lambda _: self._show())

    @property
    def ready(self) -> bool:
        """The model is here."""
        return self._model.model is not None and self._model.model.installed

    def enter(self) -> None:
        """Begin, or go on with what was begun."""
        info = self._model.model
        if info is None or info.installed or info.id in self._desk.downloads.value:
            return
        if self._actions.can("download_model"):
            self._actions.run("download_model", replace(NOTHING, model=info.id))

    def _show(self) -> None:
        info = self._model.model
        download = self._desk.downloads.value.get(self._model.model_id.value)
        self.name.setText(info.name if info is not None else tr("say.model.none"))
        self.progress.setVisible(download is not None and not self.ready)
        if self.ready:
            self.said.setText(tr("say.first.got"))
        elif download is not None:
            self.progress.set_progress(download.done, download.total)
            self.progress.set_active(download.state == "running")
            self.said.setText(download_words(download))
        else:
            self.said.setText(tr("say.first.not_begun"))
        self._offer(download)
        self.changed.emit()

    def _offer(self, download: Download | None) -> None:
        names: tuple[str, ...] = ()
        if not self.ready:
            moving = download is not None and download.state == "running"
            names = ("pause_model",) if moving else ("download_model", "use_existing_files")
            if download is not None and download.state == "failed":
                names = (*names, "copy_report")
        names = tuple(name for name in names if self._actions.can(name))
        if names == self._shown:
            return
        self._shown = names
        clear(self._buttons)
        for name in names:
            resumes = name == "download_model" and download is not None
            key = "model.resume" if resumes else f"model.do.{name}"
            self._buttons.addWidget(
                action_button(
                    self._actions,
                    name,
                    key="button.copy_report" if name == "copy_report" else key,
                    target=lambda: replace(NOTHING, model=self._model.model_id.value),
                )
            )


class TryStep(Step):
    """The wiring test, then one real edit that also measures the time of a pass."""

    def __init__(self, model: PanelModel, actions: Actions, desk: Desk) -> None:
        super().__init__()
        self._actions = actions
        self._desk = desk
        self.column.addWidget(wrapped(tr("say.first.try"), "muted"))
        self.wiring = WiringView(desk)
        self.column.addWidget(self.wiring)
        self.progress = ProgressBar(tr("first.try_progress"))
        self.said = wrapped()
        self.column.addWidget(self.progress)
        self.column.addWidget(self.said)
        holder = QWidget()
        line = FlowLayout(holder, spacing=metrics().space(1.5))
        for name in ("test_wiring", "try_shot", "copy_report"):
            if actions.can(name):
                line.addWidget(action_button(actions, name))
        self.column.addWidget(holder)
        self.column.addStretch(1)
        listen(self, desk.wiring.changed, lambda _: self.changed.emit())
        follow(self, desk.tried, self._show)

    def enter(self) -> None:
        """Test the wiring once by itself."""
        if not len(self._desk.wiring) and self._actions.can("test_wiring"):
            self._actions.run("test_wiring")

    def _show(self, tried: Download | None) -> None:
        self.progress.setVisible(tried is not None and tried.state == "running")
        self.said.setVisible(tried is not None)
        if tried is None:
            return
        self.progress.set_progress(tried.done, tried.total)
        if tried.state == "failed":
            self.said.setText(error_words(tried.code, tried.sentence))
        elif tried.done < tried.total:
            self.said.setText(tr("say.first.trying", done=tried.done, total=tried.total))
        elif tried.left_s is not None:
            self.said.setText(tr("say.first.tried", time=minutes(tried.left_s)))
        self.changed.emit()


class DoneStep(Step):
    """Where things are from now on."""

    def __init__(self, model: PanelModel, desk: Desk) -> None:
        super().__init__()
        for name in ("open", "words", "find"):
            self.column.addWidget(wrapped(tr(f"say.first.done.{name}")))
        self.column.addStretch(1)

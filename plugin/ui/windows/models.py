"""Models: what each is good for, what it needs, and getting, checking, taking, removing it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from plugin.locale import number, tr
from plugin.theme import metrics
from plugin.ui.actions import NOTHING, Actions
from plugin.ui.base import Button, FlowLayout, Line, ProgressBar, Row, follow, restyle, words
from plugin.ui.parts import action_button, clear, error_words, wrapped
from plugin.ui.phrases import clock, good_for, megabytes, size

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ModelInfo
    from plugin.state.session import PanelModel
    from plugin.ui.desk import Desk, Download

__all__ = ["ModelCard", "ModelsPage", "download_words"]


def download_words(download: Download) -> str:
    """Return bytes, speed and time left, or what stands still and why."""
    amount = tr("say.model.amount", done=size(download.done), total=size(download.total))
    if download.state == "failed":
        return error_words(download.code, download.sentence)
    if download.state != "running":
        return f"{tr(f'model.{download.state}')}  {amount}"
    parts = [amount]
    if download.speed:
        parts.append(megabytes(download.speed))
    if download.left_s is not None:
        parts.append(tr("say.queue.left", time=clock(download.left_s)))
    return "  ".join(parts)


class ModelCard(QWidget):
    """One model with everything that can be done to it now."""

    def __init__(self, info: ModelInfo, model: PanelModel, actions: Actions) -> None:
        super().__init__()
        self.info = info
        self._model = model
        self._actions = actions
        self._download: Download | None = None
        space = metrics()
        self.name = words(info.name, "title")
        self.state = words("", "small")
        self.facts = wrapped(_facts(info), "small")
        self.good_for = wrapped(good_for(info))
        self.progress = ProgressBar(tr("model.progress"))
        self.said = wrapped(role="small")
        self._holder = QWidget()
        self._buttons = FlowLayout(self._holder, spacing=space.space(1.5))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(space.space(1))
        column.addWidget(Row(self.name, None, self.state))
        if info.good_for:
            column.addWidget(self.good_for)
        for part in (self.facts, self.progress, self.said, self._holder, Line()):
            column.addWidget(part)
        self.setAccessibleName(info.name)
        self.show_download(None)

    def buttons(self) -> list[Button]:
        """Return the buttons that are offered now."""
        return self._holder.findChildren(Button)

    def show_download(self, download: Download | None) -> None:
        """Show how far a download is, None while there is none."""
        before = self._download
        self._download = download
        self.progress.setVisible(download is not None and download.total > 0)
        self.said.setVisible(download is not None)
        if download is not None:
            self.progress.set_progress(download.done, download.total)
            self.progress.set_active(download.state == "running")
            self.said.setText(download_words(download))
            restyle(self.said, tone="error" if download.state == "failed" else "")
        chosen = self._model.model_id.value == self.info.id
        key = "model.chosen" if chosen else "model.here" if self.info.installed else "model.away"
        self.state.setText(tr(key))
        states = (getattr(before, "state", None), getattr(download, "state", None))
        if self._buttons.count() == 0 or states[0] != states[1]:
            self.show_buttons()

    def show_buttons(self) -> None:
        """Offer what fits the state."""
        info, download = self.info, self._download
        clear(self._buttons)
        moving = download is not None and download.state in ("running", "verifying", "importing")
        if info.installed:
            if self._model.model_id.value != info.id:
                use = Button(tr("model.use"), tr("tip.model.use"), role="small")
                use.clicked.connect(lambda: self._model.model_id.set(info.id))
                self._buttons.addWidget(use)
            names = ["verify_model", "remove_model"] if info.id != "demo" else ["verify_model"]
        elif moving:
            names = ["pause_model"]
        else:
            names = ["download_model", "use_existing_files"]
        for name in names if not (info.installed and moving) else ["pause_model"]:
            if self._actions.can(name):
                resumes = name == "download_model" and (info.partial or download is not None)
                made = action_button(
                    self._actions,
                    name,
                    key="model.resume" if resumes else f"model.do.{name}",
                    target=replace(NOTHING, model=info.id),
                    role="small",
                    tip=tr(f"tip.model.{name}"),
                )
                self._buttons.addWidget(made)


def _facts(info: ModelInfo) -> str:
    parts = []
    if info.width and info.height:
        parts.append(f"{info.width} × {info.height}")
    if info.size_bytes:
        key = "say.model.kept" if info.installed else "say.model.size"
        parts.append(tr(key, size=size(info.size_bytes)))
    if info.vram_mb:
        parts.append(tr("say.model.memory", gb=number(info.vram_mb / 1024)))
    if info.licence:
        parts.append(info.licence)
    return "   ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)


class ModelsPage(QWidget):
    """All models that can be used, with the room that is left."""

    def __init__(self, model: PanelModel, actions: Actions, desk: Desk) -> None:
        super().__init__()
        self._model = model
        self._actions = actions
        self._desk = desk
        self._cards: dict[str, ModelCard] = {}
        self.room = wrapped(role="muted")
        self.none = wrapped(tr("say.model.none"), "muted")
        self._list = QVBoxLayout()
        self._list.setSpacing(metrics().space(2))
        column = QVBoxLayout(self)
        column.setContentsMargins(metrics().space(1), 0, metrics().space(2), 0)
        column.addWidget(self.room)
        column.addWidget(self.none)
        column.addLayout(self._list)
        column.addStretch(1)
        follow(self, model.models, lambda _: self._show())
        follow(self, model.model_id, lambda _: self._show())
        follow(self, desk.downloads, self._show_downloads)
        follow(self, desk.free_bytes, self._show_room)

    def card(self, name: str) -> ModelCard:
        """Return the card of a model."""
        return self._cards[name]

    def _show(self) -> None:
        clear(self._list)
        self._cards = {}
        for info in self._model.models:
            card = ModelCard(info, self._model, self._actions)
            self._cards[info.id] = card
            self._list.addWidget(card)
        self.none.setVisible(not self._cards)
        self._show_downloads(self._desk.downloads.value)

    def _show_downloads(self, downloads: dict[str, Download]) -> None:
        for name, card in self._cards.items():
            card.show_download(downloads.get(name))

    def _show_room(self, free: int) -> None:
        self.room.setText(tr("say.model.room", size=size(free)) if free else "")
        self.room.setVisible(bool(free))

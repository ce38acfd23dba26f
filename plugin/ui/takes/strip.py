"""Takes of the shot, grouped by recipe without its seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QVBoxLayout, QWidget

from plugin.locale import tr
from plugin.state.empty import takes_empty
from plugin.theme import icon, metrics
from plugin.ui.actions import Actions, Target
from plugin.ui.base import Eliding, FlowLayout, IconButton, Section, bind, describe, listen, words
from plugin.ui.parts import clear, wrapped
from plugin.ui.takes.tile import TakeTile
from plugin.ui.takes.wording import recipe_line

if TYPE_CHECKING:
    from plugin.state.session import PanelModel
    from plugin.state.takes import Step, Take

__all__ = ["TakesStrip"]

_PLACING: Final = ("place", "save")


class TakesStrip(Section):
    """Groups of tiles; one tile is the stop of the Tab key, arrows go on from there.

    One chosen take is compared with the shot, two with each other. A test is an indication and
    cannot be placed.
    """

    def __init__(self, model: PanelModel, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(tr("takes.title"), parent=parent)
        self._model = model
        self._takes = model.takes
        self._actions = actions
        self._tiles: dict[str, TakeTile] = {}
        self._shown: tuple[tuple[str, ...], ...] = ()
        self._current: str | None = None
        self._build()
        for signal in (
            self._takes.all.changed,
            self._takes.shown.changed,
        ):
            listen(self, signal, lambda _: self._show())
        listen(self, self._takes.selected.changed, lambda _: self._show())
        listen(self, model.shot.shot.changed, lambda _: self._show())
        listen(self, self._takes.under_way.changed, lambda _: self._show())
        self._show()

    def _build(self) -> None:
        size = metrics()
        self.setAccessibleName(tr("takes.title"))
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("takes.find"))
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        describe(self.search, tr("takes.find"), tr("tip.takes.find"))
        self.search.textChanged.connect(self._takes.find.set)
        self.only = IconButton(
            "star",
            tr("takes.starred_only"),
            tr("tip.takes.starred_only"),
            checkable=True,
            checked_picture="star_full",
        )
        bind(self._takes.starred_only, self.only)
        self.add_beside(self.search)
        self.add_beside(self.only)
        self.empty = wrapped(role="muted")
        self.list = QWidget()  # keys of the list act in here, not in the search field
        self._groups = QVBoxLayout(self.list)
        self._groups.setContentsMargins(0, size.space(1), 0, 0)
        self._groups.setSpacing(size.space(2))
        self.add(self.empty)
        self.add(self.list)

    # ---- showing ---------------------------------------------------------------------------

    def visible_takes(self) -> list[Take]:
        """Return the takes as they stand on the screen."""
        return [take for _, group in self._takes.groups() for take in group]

    def _show(self) -> None:
        groups = tuple(takes for _, takes in self._takes.groups())
        shape = tuple(tuple(take.id for take in group) for group in groups)
        if shape != self._shown:
            self._rebuild(groups)
            self._shown = shape
        selected = self._takes.selected.value
        for group in groups:
            for take in group:
                tile = self._tiles[take.id]
                tile.show_take(take)
                place = selected.index(take.id) + 1 if take.id in selected else 0
                tile.set_place(place)
                tile.set_step(self._step_of(take.id))
        any_here = len(self._takes.all) > 0
        self.empty.setVisible(not groups)
        empty = takes_empty(sum(map(len, groups)), searching=any_here)
        self.empty.setText(tr(empty.key) if empty is not None else "")
        for widget in (self.search, self.only):
            widget.setVisible(any_here)
        self._choose_current()

    def _rebuild(self, groups: tuple[tuple[Take, ...], ...]) -> None:
        focused = next((name for name, tile in self._tiles.items() if tile.hasFocus()), None)
        clear(self._groups)
        self._tiles = {}
        for group in groups:
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(metrics().space(0.5))
            title, numbers = recipe_line(group[0], self._model.strengths.reference.value)
            line = QHBoxLayout()
            line.addWidget(Eliding(title, "value"), 1)
            line.addWidget(words(numbers, "small"))
            column.addLayout(line)
            holder = QWidget()
            flow = FlowLayout(holder, spacing=metrics().space(1))
            for take in group:
                tile = self._add_tile(take, holder)
                flow.addWidget(tile)
            column.addWidget(holder)
            self._groups.addWidget(box)
        if focused in self._tiles:
            self._tiles[focused].setFocus()

    def _add_tile(self, take: Take, parent: QWidget) -> TakeTile:
        tile = TakeTile(take, parent)
        tile.chosen.connect(self.choose)
        tile.activated.connect(self.place)
        tile.star_pressed.connect(self.star)
        tile.menu_wanted.connect(self.open_menu)
        tile.stepped.connect(self.step)
        self._tiles[take.id] = tile
        return tile

    def _step_of(self, name: str) -> Step | None:
        now = self._takes.under_way.value
        return now.step if now is not None and now.take == name else None

    def tile(self, name: str) -> TakeTile:
        """Return the tile of a take that is shown."""
        return self._tiles[name]

    # ---- keyboard --------------------------------------------------------------------------

    @property
    def current(self) -> str | None:
        """The take that keys speak of."""
        return self._current

    def _choose_current(self) -> None:
        selected = self._takes.selected.value
        if selected and selected[0] in self._tiles:
            self._current = selected[0]
        if self._current not in self._tiles:
            self._current = next(iter(self._tiles), None)
        for name, tile in self._tiles.items():
            here = name == self._current
            tile.setFocusPolicy(Qt.FocusPolicy.StrongFocus if here else Qt.FocusPolicy.ClickFocus)

    def step(self, by: int) -> None:
        """Choose the take before (-1) or after (1) this one and give it the keyboard."""
        names = [take.id for take in self.visible_takes()]
        if not names:
            return
        index = names.index(self._current) if self._current in names else 0
        self._current = names[min(len(names) - 1, max(0, index + by))]
        self._takes.select(self._current)
        self._choose_current()
        self._tiles[self._current].setFocus(Qt.FocusReason.TabFocusReason)

    # ---- doing -----------------------------------------------------------------------------

    def choose(self, name: str, second: bool = False) -> None:
        """Look at a take; with `second` it is compared with the one already chosen."""
        self._current = name
        self._takes.select(name, also=second)

    def place(self, name: str) -> None:
        """Place a take; a test cannot be placed and says so."""
        take = self._take(name)
        if take is None:
            return
        if take.kind == "test":
            self._model.messages.say("say.take.test_not_placed", tone="warn", about=name)
            return
        self._actions.run("place", Target(take=name))

    def place_current(self) -> None:
        """Place the take that keys speak of."""
        if self._current is not None:
            self.place(self._current)

    def star(self, name: str) -> None:
        """Keep a take when clearing, or no longer."""
        self._takes.star(name)

    def focus_find(self) -> None:
        """Put the keyboard into the search field."""
        if not self.search.isHidden():
            self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.search.selectAll()

    def star_current(self) -> None:
        """Star the take that keys speak of."""
        if self._current is not None:
            self.star(self._current)

    def delete_current(self) -> None:
        """Delete the take that keys speak of."""
        if self._current is not None:
            self._actions.run("delete_take", Target(take=self._current))

    def _take(self, name: str) -> Take | None:
        return self._takes.get(name)

    # ---- menu ------------------------------------------------------------------------------

    def menu_for(self, name: str) -> QMenu:
        """Return the menu of a take; only what can be done is enabled."""
        take = self._take(name)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if take is None:
            return menu
        real = take.kind != "test"
        host = self._model.host.value.kind == "ready"
        place = "take.place" if host else "take.save_as"
        free = self._takes.under_way.value is None  # one comes or goes at a time
        step = self._step_of(name)
        target, run = Target(take=name), self._actions.run
        entries = (
            ("take.use_settings", True, lambda: self._apply("use_settings", name)),
            ("take.same_new_seed", True, lambda: self._apply("same_new_seed", name)),
            ("take.only_prompt", True, lambda: self._apply("only_prompt", name)),
            (None, True, None),
            (place, real and free, lambda: self.place(name)),
            ("take.undo", free and bool(take.placed), lambda: run("undo_place", target)),
            ("take.reveal", True, lambda: run("reveal_file", target)),
            ("take.copy_recipe", True, lambda: self._copy(take)),
            (None, True, None),
            ("take.unstar" if take.starred else "take.star", True, lambda: self.star(name)),
            ("take.delete", step is None, lambda: run("delete_take", target)),
        )
        for key, enabled, do in entries:
            if key is None or do is None:
                menu.addSeparator()
                continue
            doing = (step == "undo" and key == "take.undo") or (step in _PLACING and key == place)
            entry = menu.addAction(tr(f"take.step.{step}") if doing else tr(key))
            entry.setObjectName(key)
            entry.setEnabled(enabled)
            entry.triggered.connect(lambda _=False, do=do: do())
        return menu

    def open_menu(self, name: str, spot: QPoint | None = None) -> None:
        """Open the menu of a take."""
        tile = self._tiles[name]
        self.menu_for(name).popup(spot or tile.mapToGlobal(tile.rect().bottomLeft()))

    def _apply(self, action: str, name: str) -> None:
        self._actions.run(action, Target(take=name))

    def menu_current(self) -> None:
        """Open the menu of the take that keys speak of."""
        if self._current is not None:
            self.open_menu(self._current)

    def _copy(self, take: Take) -> None:
        text = json.dumps(dict(take.request), ensure_ascii=False, indent=2)
        QGuiApplication.clipboard().setText(text)

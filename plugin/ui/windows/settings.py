"""The settings: pages beside a list of their names; every change counts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from plugin.locale import languages, tr
from plugin.theme import THEMES, metrics
from plugin.ui.actions import Actions
from plugin.ui.base import (
    Button,
    Choice,
    Combo,
    Eliding,
    FlowLayout,
    NumberField,
    Row,
    Switch,
    describe,
    follow,
    words,
)
from plugin.ui.dialogs import FileDialogs
from plugin.ui.parts import action_button, wrapped
from plugin.ui.windows.frame import Window, scrolled
from plugin.ui.windows.keys import KeysPage
from plugin.ui.windows.models import ModelsPage
from plugin.ui.windows.wiring import WiringView

if TYPE_CHECKING:
    from plugin.services.settings import Settings
    from plugin.state.session import PanelModel
    from plugin.ui.desk import Desk

__all__ = ["PAGES", "SettingsWindow"]

PAGES: Final = ("look", "folders", "models", "engine", "keys", "check")
TEXT_PX: Final = (11, 12, 13, 14, 16)


class _Page(QWidget):
    """Rows of a name and a control; `fields` are joined to the settings by their names."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        size = metrics()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(size.space(1), 0, size.space(2), 0)
        self.column.setSpacing(size.space(2))
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(size.gap)
        self.grid.setVerticalSpacing(size.space(2))
        self.grid.setColumnStretch(1, 1)
        self.column.addLayout(self.grid)
        self._showing = False

    def row(self, key: str, control: QWidget) -> None:
        """Append a named control."""
        at = self.grid.rowCount()
        name = words(tr(key))
        name.setBuddy(control)
        self.grid.addWidget(name, at, 0, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        name.setMinimumHeight(metrics().hit)
        self.grid.addWidget(control, at, 1)

    def wide(self, control: QWidget) -> None:
        """Append a control over the whole width."""
        self.grid.addWidget(control, self.grid.rowCount(), 0, 1, 2)

    def join(self, name: str, control: Any) -> None:
        """Keep a field of the settings and a control equal."""

        def show(settings: Settings) -> None:
            value = getattr(settings, name)
            if control.value() != value:
                control.set_value(value)

        def take(value: object) -> None:
            if getattr(self._desk.settings.value, name) != value:
                self._desk.change(**{name: value})

        follow(self, self._desk.settings, show)
        control.value_changed.connect(take)


class SettingsWindow(Window):
    """Look and language, folders, models, engine, keys, and the checks."""

    def __init__(self, model: PanelModel, actions: Actions, desk: Desk, owner: QWidget) -> None:
        super().__init__(tr("settings.title"), owner, size=(680, 560))
        self._model = model
        self._actions = actions
        self._desk = desk
        self._ask = FileDialogs(self)
        self.list = QListWidget()
        self.list.setProperty("role", "well")
        describe(self.list, tr("settings.pages"))
        self.pages = QStackedWidget()
        self.models = ModelsPage(model, actions, desk)
        self.keys = KeysPage(desk.keymap, desk)
        made = {
            "look": self._look(),
            "folders": self._folders(),
            "models": self.models,
            "engine": self._engine(),
            "keys": self.keys,
            "check": self._check(),
        }
        for name in PAGES:
            item = QListWidgetItem(tr(f"settings.{name}"))
            item.setSizeHint(QSize(0, metrics().row))
            self.list.addItem(item)
            page = made[name]
            self.pages.addWidget(page if name == "keys" else scrolled(page))
        widest = max(
            self.list.fontMetrics().horizontalAdvance(tr(f"settings.{name}")) for name in PAGES
        )
        self.list.setFixedWidth(widest + metrics().space(6))
        self.list.currentRowChanged.connect(self.pages.setCurrentIndex)
        line = QHBoxLayout()
        line.setSpacing(metrics().gap)
        line.addWidget(self.list)
        line.addWidget(self.pages, 1)
        self.column.addLayout(line, 1)
        self.list.setCurrentRow(0)

    def show_page(self, name: str) -> None:
        """Show a page and give it the keyboard."""
        self.list.setCurrentRow(PAGES.index(name))
        self.list.setFocus(Qt.FocusReason.OtherFocusReason)

    # ---- pages -----------------------------------------------------------------------------

    def _look(self) -> QWidget:
        page = _Page(self._desk)
        names = languages()
        self.language: Combo[str] = Combo(
            tr("settings.language"),
            [Choice("", tr("settings.system")), *(Choice(n, names[n]) for n in names)],
            tr("tip.settings.language"),
        )
        self.theme: Combo[str] = Combo(
            tr("settings.theme"),
            [Choice(name, tr(f"theme.{name}")) for name in THEMES],
            tr("tip.settings.theme"),
        )
        self.text_px: Combo[int] = Combo(
            tr("settings.text"),
            [Choice(px, tr("settings.px", n=px)) for px in TEXT_PX],
            tr("tip.settings.text"),
        )
        self.on_top = Switch(tr("settings.on_top"), tr("tip.settings.on_top"))
        self.previews = Switch(tr("settings.previews"), tr("tip.settings.previews"))
        for name, control in (("language", self.language), ("theme", self.theme)):
            page.row(f"settings.{name}", control)
            page.join(name, control)
        page.row("settings.text", self.text_px)
        page.join("text_px", self.text_px)
        for name, switch in (("on_top", self.on_top), ("previews", self.previews)):
            page.wide(switch)
            page.join(name, switch)
        page.column.addStretch(1)
        return page

    def _folders(self) -> QWidget:
        page = _Page(self._desk)
        self.folders: dict[str, tuple[Eliding, Button, Button]] = {}
        for name in ("takes_folder", "models_folder", "cache_folder"):
            shown = Eliding(role="value", mode=Qt.TextElideMode.ElideMiddle)
            choose = Button(tr("button.choose"), tr(f"tip.settings.{name}"), role="small")
            choose.setAccessibleName(f"{tr(f'settings.{name}')}: {choose.text()}")
            back = Button(tr("button.default"), tr("tip.settings.default"), role="small")
            back.setAccessibleName(f"{tr(f'settings.{name}')}: {back.text()}")
            choose.clicked.connect(lambda _=False, name=name: self._choose_folder(name))
            back.clicked.connect(lambda _=False, name=name: self._desk.change(**{name: ""}))
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(metrics().space(1))
            column.addWidget(words(tr(f"settings.{name}")))
            column.addWidget(shown)
            column.addWidget(Row(choose, back, None))
            page.wide(box)
            self.folders[name] = (shown, choose, back)
        page.column.addWidget(wrapped(tr("say.settings.folders"), "muted"))
        page.column.addStretch(1)
        follow(page, self._desk.settings, self._show_folders)
        return page

    def _show_folders(self, settings: Settings) -> None:
        for name, (shown, _, back) in self.folders.items():
            folder = getattr(settings, name)
            shown.setText(folder or tr(f"settings.{name}_default"))
            back.setEnabled(bool(folder))

    def _choose_folder(self, name: str) -> None:
        folder = self._ask.folder(getattr(self._desk.settings.value, name))
        if folder:
            self._desk.change(**{name: folder})

    def _engine(self) -> QWidget:
        page = _Page(self._desk)
        self.save_memory = Switch(tr("settings.save_memory"), tr("tip.settings.save_memory"))
        page.wide(self.save_memory)
        page.join("save_memory", self.save_memory)
        follow(page, self._desk.settings, lambda s: self._model.save_memory.set(s.save_memory))
        self.idle = NumberField(
            tr("settings.idle"), tr("tip.settings.idle"), maximum=1440, unit=f" {tr('unit.min')}"
        )
        page.row("settings.idle", self.idle)
        follow(page, self._desk.settings, lambda s: self.idle.set_value(s.idle_unload_minutes))
        self.idle.value_changed.connect(
            lambda value: self._desk.change(idle_unload_minutes=int(value))
        )
        self.remote = QLineEdit()
        self.remote.setPlaceholderText(tr("settings.remote_none"))
        describe(self.remote, tr("settings.remote"), tr("tip.settings.remote"))
        page.row("settings.remote", self.remote)
        follow(page, self._desk.settings, lambda s: self.remote.setText(s.remote_engine))
        self.remote.editingFinished.connect(
            lambda: self._desk.change(remote_engine=self.remote.text().strip())
        )
        page.column.addWidget(wrapped(tr("say.settings.remote"), "muted"))
        page.column.addWidget(self._buttons("release_memory", "restart_engine"))
        page.column.addStretch(1)
        return page

    def _check(self) -> QWidget:
        page = _Page(self._desk)
        page.column.addWidget(wrapped(tr("say.settings.wiring"), "muted"))
        self.wiring = WiringView(self._desk)
        page.column.addWidget(self._buttons("test_wiring", "copy_report"))
        page.column.addWidget(self.wiring)
        page.column.addWidget(self._buttons("show_log", "about", "set_up"))
        page.column.addStretch(1)
        return page

    def _buttons(self, *names: str) -> QWidget:
        """Return a row of what can be done, on as many lines as the words of a language need."""
        holder = QWidget()
        flow = FlowLayout(holder, spacing=metrics().space(1.5))
        for name in names:
            if self._actions.can(name):
                flow.addWidget(action_button(self._actions, name))
        return holder

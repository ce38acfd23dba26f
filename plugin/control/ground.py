"""What the window needs to be painted: lists, settings and models, and no child yet.

Kept apart from `suite` so that nothing else has to be loaded before the first paint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from plugin.control.habits import Habits
from plugin.services.marks import mark_of
from plugin.services.settings import load_settings
from plugin.services.store import Store
from plugin.state.session import PanelModel
from plugin.ui.actions import SERVICE, Actions, Target
from plugin.ui.desk import Desk
from plugin.ui.viewer.pictures import Book

if TYPE_CHECKING:
    from plugin.control.folders import Folders

__all__ = ["OFFERED", "Ground"]

# There is no caption model, so nobody describes a shot; and a newer panel comes as a new copy
# of the product, which the person fetches.
OFFERED: Final = frozenset(SERVICE) - {"describe", "update_panel"}


class Ground:
    """Everything that window and suite share.

    Parameters
    ----------
    folders : Folders
        Their data folder is locked by the caller.

    Raises
    ------
    StoreError, StoreNewerError
        The lists cannot be opened.
    """

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.settings = load_settings(folders.settings)
        self.store = Store(folders.store)
        self.model = PanelModel(self.store, look=mark_of)
        self.desk = Desk(self.settings)
        self.book = Book()
        self.actions = Actions()
        self.habits = Habits(self.model, self.desk, folders.settings)
        self._functions: Mapping[str, Callable[[Target], object]] | None = None
        self._waiting: list[tuple[str, Target]] = []
        for name in OFFERED:
            self.actions.provide(name, self._offer(name))

    def serve(self, functions: Mapping[str, Callable[[Target], object]]) -> None:
        """Take the functions behind the offered actions; what was asked meanwhile is done now.

        Raises
        ------
        ValueError
            They are not exactly those that were offered.
        """
        if functions.keys() != OFFERED:
            raise ValueError(f"offered and served differ: {functions.keys() ^ OFFERED}")
        self._functions = functions
        waiting, self._waiting = self._waiting, []
        for name, target in waiting:
            functions[name](target)

    def close(self) -> None:
        """Keep everything."""
        self.habits.save()
        self.store.close()

    def _offer(self, name: str) -> Callable[[Target], object]:
        def run(target: Target) -> None:
            if self._functions is None:
                self._waiting.append((name, target))
            else:
                self._functions[name](target)

        return run

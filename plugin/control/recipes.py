"""Placed clips: each carries the recipe of its edit, which opens its shot again as it was then."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flowanchor_engine.errors import FlowAnchorError
from flowanchor_engine.request import EditRequest
from plugin.state.errors import message_of
from plugin.state.messages import Button
from resolve_bridge.shot import ItemKind

if TYPE_CHECKING:
    from plugin.control.folders import Folders
    from plugin.control.mattes import MatteControl
    from plugin.control.shots import ShotControl
    from plugin.services.host import HostService
    from plugin.state.session import PanelModel
    from plugin.state.shot import ShotView
    from resolve_bridge.placement import Recipe
    from resolve_bridge.shot import Shot

__all__ = ["RecipeControl"]

_log = logging.getLogger(__name__)
_ABOUT = "recipe"


class RecipeControl:
    """Looks whether the shown clip is one of ours, and takes its recipe over when asked to.

    Nothing of the panel's own lists is needed: the clip alone is enough, also on another
    computer and after everything was deleted here.
    """

    def __init__(
        self,
        model: PanelModel,
        shots: ShotControl,
        mattes: MatteControl,
        host: HostService,
        folders: Folders,
        *,
        handled: Callable[[str], bool],
    ) -> None:
        self._model = model
        self._shots = shots
        self._mattes = mattes
        self._host = host
        self._folders = folders
        self._handled = handled
        self._found: Recipe | None = None
        self._wanted: tuple[str, EditRequest] | None = None
        shots.current.changed.connect(self._look)
        shots.opened.connect(self._on_opened)

    def use(self) -> None:
        """Open the shot of the shown clip's edit, with everything that the edit was made of."""
        found = self._found
        if found is None:
            return
        try:
            data = json.loads(found.recipe)
            request = EditRequest.load(data if isinstance(data, dict) else {})
        except ValueError as error:
            self._failed("request", "", (), str(error))
            return
        except FlowAnchorError as error:
            self._failed(error.code, error.user_message, tuple(error.hint), error.detail)
            return
        self._host.source_of(found.placement, lambda shot: self._open(shot, request), self._failed)

    # ---- within

    def _look(self, shot: Shot | None) -> None:
        self._found = None
        if self._wanted is not None and (shot is None or shot.item_id != self._wanted[0]):
            self._wanted = None
        if shot is None or shot.kind is ItemKind.FILE or self._wanted is not None:
            return

        def found(recipe: Recipe) -> None:
            if self._shots.current.value is shot:
                self._found = recipe
                self._model.messages.say(
                    "say.recipe.found",
                    buttons=(Button("use_recipe", "button.use_recipe"),),
                    about=_ABOUT,
                )

        self._host.recipe(
            shot, found, lambda code, *_: _log.debug("no recipe on %s: %s", shot.name, code)
        )

    def _open(self, shot: Shot, request: EditRequest) -> None:
        current = self._shots.current.value
        self._wanted = (shot.item_id, request)
        if current is not None and current.item_id == shot.item_id:
            self._apply()  # a take lies in the very clip that it was made of
        else:
            self._host.shot.set(shot)

    def _on_opened(self, view: ShotView) -> None:
        if self._wanted is not None and view.id == self._wanted[0]:
            self._apply()

    def _apply(self) -> None:
        assert self._wanted is not None
        (_, request), self._wanted = self._wanted, None
        self._model.messages.dismiss(_ABOUT)
        matte = request.matte
        self._model.apply_request(request)
        if matte is not None and matte.path is not None and not Path(matte.path).exists():
            self._model.matte.clear()  # its border stays; Fusion's mask comes, as for any shot
            return
        self._mattes.keep()
        if matte is None or matte.path is None:
            return
        if self._folders.mattes in Path(matte.path).parents:
            self._model.matte.origin.set("fusion")
            self._model.matte.label.set(str(request.comment.get("matte", "")))

    def _failed(self, code: str, sentence: str, hint: tuple[str, ...], detail: str = "") -> None:
        self._model.messages.show(
            message_of(code, sentence, hint, detail, handled=self._handled, about=_ABOUT)
        )

"""Models: which there are, and getting, checking, importing and removing them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from plugin.state.errors import message_of
from plugin.ui.desk import Desk, Download

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ModelDone, ModelInfo, ModelsReply
    from plugin.services.media import Ask, MediaService, Trouble
    from plugin.state.session import PanelModel

__all__ = ["LibraryControl"]

State = Literal["running", "paused", "failed", "verifying", "importing"]
_log = logging.getLogger(__name__)
_EMBEDDED: Final = "demo"


class LibraryControl:
    """Keeps the list of models and their downloads."""

    def __init__(
        self,
        model: PanelModel,
        desk: Desk,
        media: MediaService,
        *,
        handled: Callable[[str], bool],
        on_change: Callable[[], object] = lambda: None,
    ) -> None:
        self._model = model
        self._desk = desk
        self._media = media
        self._handled = handled
        self._on_change = on_change
        self._began: dict[str, tuple[float, int]] = {}
        self._folders: dict[str, str] = {}
        self._asks: dict[str, Ask[ModelDone]] = {}

    def refresh(self) -> None:
        """Ask anew which models there are."""
        self._media.models(self._listed, lambda trouble: _log.warning("models: %s", trouble.detail))

    def get(self, name: str = "") -> None:
        """Download a model, by default the chosen one, or go on with a broken download."""
        name = name or self._model.model_id.value
        self._start(name, "running")
        done, failed = self._ends(name)
        self._asks[name] = self._media.get_model(
            name, done, failed, on_progress=self._counter(name)
        )

    def pause(self, name: str) -> None:
        """Stop a download; what is there stays, and `get` goes on."""
        ask = self._asks.pop(name, None)
        if ask is None:
            return
        ask.cancel()
        known = self._desk.downloads.value.get(name) or Download(name)
        self._put(replace(known, state="paused", speed=None, left_s=None))

    def verify(self, name: str = "") -> None:
        """Check every file of a model."""
        name = name or self._model.model_id.value
        self._start(name, "verifying")
        done, failed = self._ends(name, verified=True)
        self._asks[name] = self._media.verify_model(
            name, done, failed, on_progress=self._counter(name)
        )

    def take_from(self, name: str, folder: Path, *, copy_files: bool = False) -> None:
        """Take a model from a folder that is there already."""
        self._folders[name] = str(folder)
        self._start(name, "importing")
        done, failed = self._ends(name)
        self._asks[name] = self._media.import_model(
            name, folder, done, failed, copy_files=copy_files, on_progress=self._counter(name)
        )

    def copy(self, name: str) -> None:
        """Copy the files of the folder that was chosen last instead of linking them."""
        folder = self._folders.get(name)
        if folder:
            self.take_from(name, Path(folder), copy_files=True)

    def remove(self, name: str) -> None:
        """Delete a model that FlowAnchor put there."""
        done, failed = self._ends(name)
        self._asks[name] = self._media.remove_model(name, done, failed)

    # ---- within

    def _listed(self, reply: ModelsReply) -> None:
        self._desk.free_bytes.set(reply.free_bytes)
        self._model.models.set(reply.models)
        wished = self._desk.settings.value.model
        known = {each.id: each for each in reply.models}
        if wished not in known:
            wished = _best(reply.models)
        self._model.model_id.set(wished)
        self._on_change()

    def _ends(
        self, name: str, *, verified: bool = False
    ) -> tuple[Callable[[ModelDone], None], Callable[[Trouble], None]]:
        return (
            lambda done: self._done(name, done, verified=verified),
            lambda error: self._failed(name, error),
        )

    def _counter(self, name: str) -> Callable[[str, int, int, float | None], None]:
        return lambda phase, done, total, left: self._progress(name, done, total)

    def _start(self, name: str, state: State) -> None:
        self._began.pop(name, None)
        self._put(Download(name, state))

    def _put(self, download: Download) -> None:
        self._desk.downloads.set({**self._desk.downloads.value, download.model: download})

    def _drop(self, name: str) -> None:
        rest = {key: each for key, each in self._desk.downloads.value.items() if key != name}
        self._desk.downloads.set(rest)

    def _progress(self, name: str, done: int, total: int) -> None:
        now = time.monotonic()
        began, first = self._began.setdefault(name, (now, done))
        speed = (done - first) / (now - began) if now - began > 1 else None
        left = (total - done) / speed if speed else None
        known = self._desk.downloads.value.get(name) or Download(name)
        self._put(replace(known, done=done, total=total, speed=speed, left_s=left))

    def _done(self, name: str, done: ModelDone, *, verified: bool) -> None:
        del done
        self._asks.pop(name, None)
        self._drop(name)
        if verified:
            self._model.messages.say("say.model.whole", tone="done", model=self._title(name))
        self.refresh()

    def _failed(self, name: str, error: Trouble) -> None:
        self._asks.pop(name, None)
        known = self._desk.downloads.value.get(name) or Download(name)
        self._put(
            replace(known, state="failed", code=error.code, sentence=error.sentence, speed=None)
        )
        self._model.messages.show(
            message_of(
                error.code, error.sentence, error.hint, error.detail,
                handled=self._handled, about=name,
            )
        )  # fmt: skip

    def _title(self, name: str) -> str:
        return next((each.name for each in self._model.models if each.id == name), name)


def _best(models: tuple[ModelInfo, ...]) -> str:
    """Return the largest model that is there; the embedded one is always there."""
    there = [each for each in models if each.installed]
    return max(there, key=lambda each: each.size_bytes).id if there else _EMBEDDED

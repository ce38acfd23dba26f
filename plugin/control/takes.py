"""Takes in the viewer: their pictures, what they changed, and where each word acted."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from flowanchor_engine.request import EditRequest, SourceSpec
from plugin.services.media import Trouble
from plugin.services.proxies import AttentionReader, ProxyError, ProxyReader
from plugin.ui.viewer.pictures import Book, Picture, Words

if TYPE_CHECKING:
    from flowanchor_engine.protocol import Measured
    from plugin.control.folders import Folders
    from plugin.services.media import MediaService
    from plugin.state.session import PanelModel
    from plugin.state.takes import Take

__all__ = ["TakesControl"]

_log = logging.getLogger(__name__)


class TakesControl:
    """Gives the viewer what the selected takes look like."""

    def __init__(
        self,
        model: PanelModel,
        book: Book,
        media: MediaService,
        folders: Folders,
    ) -> None:
        self._model = model
        self._book = book
        self._media = media
        self._folders = folders
        self._wanted: set[str] = set()
        model.takes.selected.changed.connect(self._show)
        model.shot.shot.changed.connect(lambda _: self._forget())

    def took(self, take: Take) -> None:
        """Show a take that a job has just given; compare it by wipe, as editors do."""
        first = not len(self._model.takes.all)
        self._model.takes.added(take)
        if first and self._model.viewer.mode.value == "after":
            self._model.viewer.mode.set("wipe")

    def delete(self, ids: Iterable[str]) -> None:
        """Delete takes with their files."""
        self._remove(self._model.takes.delete(ids))

    def clear_unstarred(self) -> None:
        """Delete the takes of this shot that carry no star."""
        self._remove(self._model.takes.clear_unstarred())

    # ---- pictures

    def _show(self, selected: tuple[str, ...]) -> None:
        first = selected[0] if selected else ""
        second = selected[1] if len(selected) > 1 else None
        self._model.viewer.compare.set((first, second))
        for take_id in selected:
            take = self._model.takes.get(take_id)
            if take is not None:
                self._picture(take)
                self._measure(take)
        take = self._model.takes.get(first)
        self._words(take)

    def _picture(self, take: Take) -> None:
        if take.id in self._book.takes.value or take.id in self._wanted:
            return
        self._wanted.add(take.id)
        source = SourceSpec.model_validate(take.request["source"])
        # Its frames are black until it is whole, so a take is shown when it is.
        self._media.proxy(
            SourceSpec(path=take.file, frames=take.frames or None, rate=source.rate),
            self._folders.proxies / f"take-{take.id}",
            lambda told: self._whole(take, told.path),
            lambda error: self._lost(take, error),
            over=source if take.delivery == "patch" else None,
            slot=f"take-{take.id}",
        )

    def _whole(self, take: Take, path: str) -> None:
        self._wanted.discard(take.id)
        if self._model.takes.get(take.id) is None:
            return
        try:
            reader = ProxyReader(path)
        except ProxyError as error:
            self._lost(take, Trouble(error.code, error.user_message, detail=error.detail))
            return
        picture = Picture(
            key=f"take-{take.id}",
            frames=reader,
            name=f"t{take.number}",
            first=self._first(take),
        )
        self._book.takes.set({**self._book.takes.value, take.id: picture})
        self._model.takes.note_files(take.id, proxy=path)

    def _lost(self, take: Take, error: Trouble) -> None:
        self._wanted.discard(take.id)
        _log.warning("take %s cannot be shown: %s %s", take.id, error.code, error.detail)
        if take.id in self._model.takes.selected.value and error.code != "cancelled":
            self._model.messages.say("say.take.lost", tone="warn", about=take.id, take=take.number)

    def _measure(self, take: Take) -> None:
        if take.id in self._book.measured.value:
            return

        def measured(told: Measured) -> None:
            self._book.measured.set({**self._book.measured.value, take.id: told})

        self._media.measure(
            EditRequest.load(take.request),
            Path(take.file),
            measured,
            lambda error: _log.info("take %s not measured: %s", take.id, error.detail),
            slot=f"measure-{take.id}",
        )

    def _words(self, take: Take | None) -> None:
        if take is None or not take.attention:
            self._book.words.set(None)
            return
        try:
            maps = AttentionReader(take.attention)
        except ProxyError as error:
            _log.info("take %s has no maps: %s", take.id, error)
            self._book.words.set(None)
            return
        self._book.words.set(Words(f"words-{take.id}", maps, self._first(take)))
        if take.request["prompts"]["wanted"] == self._model.prompts.wanted.value:
            self._model.prompts.show_attention(maps.header.words)

    def _first(self, take: Take) -> int:
        """Return the shot's frame at which a take begins."""
        part = take.origin.get("range")
        return int(part[0]) if part else 0

    def _forget(self) -> None:
        shot = self._model.shot.shot.value
        known = {take.id for take in self._model.takes.all}
        if shot is None or not known >= set(self._book.takes.value):
            self._book.takes.set({})
            self._book.measured.set({})
            self._book.words.set(None)
            self._wanted.clear()

    # ---- files

    def _remove(self, files: tuple[str, ...]) -> None:
        for name in files:
            path = Path(name)
            try:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                _log.warning("%s stays: %s", path, error)
                self._model.messages.say("say.take.file_stays", tone="warn", name=path.name)

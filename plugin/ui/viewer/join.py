"""Keeps the viewer's book in step with the panel's models: opens what they name."""

from __future__ import annotations

import logging
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.locale import tr
from plugin.state.observable import Connection
from plugin.ui.viewer.pictures import NO_SHOT, Book, Picture, ShotFacts, Words
from plugin.ui.viewer.reader import AttentionReader, ProxyError, ProxyReader

if TYPE_CHECKING:
    from plugin.state.session import PanelModel
    from plugin.state.takes import Take

__all__ = ["Joined"]

log = logging.getLogger(__name__)


class Joined:
    """Connections from a panel's models to a book, until `close`.

    Only what is compared is open: a hundred takes cost nothing.
    """

    def __init__(self, model: PanelModel, book: Book) -> None:
        self._model, self._book = model, book
        self._numbers = count()
        self._takes: dict[str, tuple[str, Picture]] = {}  # by id, with the folder it came from
        self._words: tuple[str, Words] | None = None
        viewer, shot, matte = model.viewer, model.shot, model.matte
        self._connections: list[Connection] = [
            shot.shot.watch(self._on_shot),
            shot.proxy.watch(self._on_proxy),
            shot.ready.watch(book.ready.set),
            matte.proxy.watch(self._on_matte),
            matte.empty_frames.watch(book.empty_frames.set),
            matte.shapes.watch(book.shapes.set),
            model.prompts.chips.watch(book.chips.set),
            model.takes.all.watch(self._on_takes),
            viewer.compare.watch(self._on_takes),
        ]

    def close(self) -> None:
        """Let go of models and files."""
        for connection in self._connections:
            connection.disconnect()
        self._takes.clear()
        self._words = None

    def _open(self, folder: str, name: str = "", first: int = 0) -> Picture | None:
        try:
            frames = ProxyReader(Path(folder))
        except ProxyError as error:  # a folder that was cleared: the viewer shows what is left
            log.warning("no proxy: %s", error)
            return None
        return Picture(f"{folder}#{next(self._numbers)}", frames, name, first)

    def _on_shot(self, _shot: object) -> None:
        shot = self._model.shot.shot.value
        if shot is None:
            self._book.facts.set(NO_SHOT)
        else:
            self._book.facts.set(ShotFacts(shot.rate, shot.timecode_in, shot.width, shot.height))

    def _on_proxy(self, folder: str | None) -> None:
        self._book.shot.set(self._open(folder) if folder else None)

    def _on_matte(self, folder: str | None) -> None:
        self._book.matte.set(self._open(folder) if folder else None)

    def _on_takes(self, _changed: object) -> None:
        model, book = self._model, self._book
        wanted = [name for name in model.viewer.compare.value if name]
        opened: dict[str, tuple[str, Picture]] = {}
        for name in wanted:
            take = model.takes.get(name)
            if take is None or not take.proxy:
                continue
            known = self._takes.get(name)
            if known is None or known[0] != take.proxy:
                picture = self._open(take.proxy, self._name(take), self._first(take))
                known = None if picture is None else (take.proxy, picture)
            if known is not None:
                opened[name] = known
        if opened != self._takes:
            self._takes = opened
            book.takes.set({name: picture for name, (_, picture) in opened.items()})
        self._show_words(model.takes.get(wanted[0]) if wanted else None)

    def _name(self, take: Take) -> str:
        key = "viewer.test" if take.kind == "test" else "viewer.take"
        return tr(key, number=take.number)

    def _first(self, take: Take) -> int:
        """Return the shot's frame at which a take begins: a test is a part of the shot."""
        shot = self._model.shot.shot.value
        start = take.request.get("source", {}).get("start", 0)
        return max(0, int(start) - shot.start) if shot is not None else 0

    def _show_words(self, take: Take | None) -> None:
        folder = take.attention if take is not None else ""
        if take is None or not folder:
            self._words = None
        elif self._words is None or self._words[0] != folder:
            try:
                maps = AttentionReader(Path(folder))
            except ProxyError as error:
                log.warning("no maps: %s", error)
                self._words = None
            else:
                key = f"{folder}#{next(self._numbers)}"
                self._words = (folder, Words(key, maps, self._first(take)))
        self._book.words.set(None if self._words is None else self._words[1])

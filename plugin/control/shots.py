"""The shot on the bench: read from Resolve or from a file, rendered where it must be, and shown."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowanchor_engine.request import SourceSpec
from plugin.services.host_view import needs_extract, shot_view
from plugin.services.proxies import ProxyError, ProxyReader
from plugin.state.errors import message_of
from plugin.state.observable import Observable, Signal
from plugin.ui.viewer.pictures import NO_SHOT, Book, Picture, ShotFacts

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ClipFacts, ProxyDone
    from plugin.control.folders import Folders
    from plugin.services.host import HostService
    from plugin.services.host_state import Call
    from plugin.services.media import Ask, MediaService, Trouble
    from plugin.state.links import HostState
    from plugin.state.session import PanelModel
    from plugin.state.shot import ShotView
    from resolve_bridge.extract import Extract
    from resolve_bridge.shot import Shot

__all__ = ["ShotControl", "source_key", "source_of"]


def source_of(view: ShotView) -> SourceSpec:
    """Return the frames of a shot as the engine reads them."""
    return SourceSpec(
        path=view.path,
        start=view.start,
        frames=view.frames,
        rate=view.rate if view.rate_given else None,
    )


def source_key(source: SourceSpec) -> str:
    """Return a name for these frames of this state of the file."""
    try:
        known = os.stat(source.path)
        state = f"{known.st_size}:{known.st_mtime_ns}"
    except OSError:
        state = "?"
    text = f"{source.path}|{source.start}|{source.frames}|{state}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class ShotControl:
    """Follows the host's shot, or opens a file, and makes its proxies.

    Attributes
    ----------
    current : Observable of Shot or None
        The bridge's own facts of what is shown.
    extract : Observable of Extract or None
        What is edited of it; None until Resolve has rendered it where that is needed.
    opened : Signal of ShotView
        The engine can read it.
    """

    def __init__(
        self,
        model: PanelModel,
        book: Book,
        host: HostService,
        media: MediaService,
        folders: Folders,
        *,
        handled: Callable[[str], bool],
    ) -> None:
        self.current: Observable[Shot | None] = Observable(None)
        self.extract: Observable[Extract | None] = Observable(None)
        self.opened: Signal[ShotView] = Signal()
        self._model = model
        self._book = book
        self._host = host
        self._media = media
        self._folders = folders
        self._handled = handled
        self._extracting: Call[Extract] | None = None
        self._shown = 0  # what was asked about an earlier one is answered in vain
        self._proxy = ""
        self._reader: ProxyReader | None = None
        self._asked: Ask[ProxyDone] | None = None
        host.shot.changed.connect(self._take)
        host.state.watch(self._on_host)
        host.shot_failed.connect(lambda told: self._failed(*told))

    # ---- what a person asks for

    def open_file(self, path: Path) -> None:
        """Work on a clip file, with or without Resolve."""
        self._host.open_file(path, self._opened_file, self._failed)

    def reread(self) -> None:
        """Read the shot again; a file from disk, a clip from Resolve."""
        view = self._model.shot.shot.value
        if view is not None and view.how == "file":
            self.open_file(Path(view.path))
        else:
            self._host.read_shot(self._take_again, self._failed)

    def use_playhead(self) -> None:
        """Take the clip under the playhead, whatever is selected."""
        self._host.read_shot(self._take_again, self._failed, playhead=True)

    def look_again(self) -> None:
        """Look for Resolve now."""
        self._host.look_again(lambda _: None, self._failed)

    def render(self) -> None:
        """Let Resolve render the shot, because its file is not what the timeline shows."""
        shot = self.current.value
        if shot is None or (self._extracting is not None and not self._extracting.over):
            return
        self._model.messages.say("say.render.going")
        number = self._shown
        self._extracting = self._host.make_extract(
            shot,
            lambda extract: self._rendered(number, shot, extract),
            self._failed,
            lambda phase, done, total: self._model.messages.say(
                "say.render.progress", done=done, total=total
            ),
        )

    # ---- what the host tells

    def _on_host(self, state: HostState) -> None:
        self._model.host.set(state)

    def _opened_file(self, shot: Shot) -> None:
        self._take_again(shot)

    def _take_again(self, shot: Shot) -> None:
        """Take a shot even if it is the one that is shown: its file may have changed."""
        if self.current.value == shot:
            self._show(shot)
        else:
            self._take(shot)

    def _take(self, shot: Shot | None) -> None:
        if shot is not None and shot == self.current.value:
            return
        self.current.set(shot)
        if shot is None:
            self._model.open_shot(None)
            self._clear()
            return
        self._show(shot)

    def _show(self, shot: Shot) -> None:
        self.extract.set(None)
        if self._extracting is not None:
            self._extracting.cancel()
            self._extracting = None
        view = shot_view(shot)
        self._clear()
        self._model.open_shot(view)
        self._model.messages.dismiss()
        if view.kind != "clip":
            return
        if needs_extract(shot):
            return  # rendering is for the person to start; `check.needs_render` says so
        number = self._shown
        self._extracting = self._host.make_extract(
            shot, lambda extract: self._ready(number, shot, extract), self._failed
        )

    def _rendered(self, number: int, shot: Shot, extract: Extract) -> None:
        if number == self._shown:
            self._model.messages.dismiss()
        self._ready(number, shot, extract)

    def _ready(self, number: int, shot: Shot, extract: Extract) -> None:
        if number != self._shown:  # it was quicker than its cancel
            return
        self.extract.set(extract)
        view = shot_view(shot, extract)
        self._model.shot.shot.set(view)
        self._make_proxy(view)
        self.opened.emit(view)

    # ---- pictures

    def _clear(self) -> None:
        self._shown += 1
        if self._asked is not None:
            self._asked.cancel()
        self._book.shot.set(None)
        self._book.ready.set(0)
        self._book.facts.set(NO_SHOT)
        self._proxy = ""
        self._reader = None

    def _make_proxy(self, view: ShotView) -> None:
        source = source_of(view)
        key = source_key(source)
        self._proxy = key
        self._asked = self._media.proxy(
            source,
            self._folders.proxies / key,
            lambda told: self._proxy_grew(key, told.facts.frames),
            lambda error: self._proxy_failed(key, error),
            slot="shot",
            on_opened=lambda path, facts: self._proxy_opened(key, view, path, facts),
            on_progress=lambda phase, done, total, left: self._proxy_grew(key, done),
        )

    def _proxy_opened(self, key: str, view: ShotView, path: str, facts: ClipFacts) -> None:
        if key != self._proxy:
            return
        try:
            self._reader = ProxyReader(path)
        except ProxyError as error:
            self._failed(error.code, error.user_message, error.hint, error.detail)
            return
        self._model.shot.facts.set(facts)
        self._model.shot.proxy.set(path)
        if not view.tags and facts.tags:
            self._model.shot.shot.set(replace(view, tags=facts.tags))
        self._book.facts.set(
            ShotFacts(
                rate=view.rate,
                timecode=view.timecode_in or facts.timecode,
                width=facts.width,
                height=facts.height,
            )
        )
        self._book.shot.set(Picture(key, self._reader))
        self._proxy_grew(key, self._reader.ready)

    def _proxy_grew(self, key: str, ready: int) -> None:
        if key == self._proxy and self._reader is not None:
            self._reader.grow(ready)
            self._model.shot.ready.set(self._reader.ready)
            self._book.ready.set(self._reader.ready)

    def _proxy_failed(self, key: str, error: Trouble) -> None:
        if key == self._proxy:
            self._failed(error.code, error.sentence, error.hint, error.detail)

    def _failed(self, code: str, sentence: str, hint: tuple[str, ...], detail: str = "") -> None:
        if code != "cancelled":
            self._model.messages.show(
                message_of(code, sentence, hint, detail, handled=self._handled)
            )

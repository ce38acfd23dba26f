"""The matte: Fusion's mask where there is one, a file or a drawing; measured as an edit uses it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QObject, QTimer

from flowanchor_engine.request import EditRequest, Prompts, SourceSpec
from plugin.control.shots import source_key, source_of
from plugin.services.host_state import Matte, MatteChoice, MatteRefusal
from plugin.services.proxies import ProxyError, ProxyReader
from plugin.state.errors import message_of
from plugin.state.messages import Button
from plugin.ui.desk import Desk, MatteOffer
from plugin.ui.viewer.pictures import Book, Picture
from resolve_bridge.shot import ItemKind

if TYPE_CHECKING:
    from flowanchor_engine.protocol import MatteDone
    from plugin.control.folders import Folders
    from plugin.control.shots import ShotControl
    from plugin.services.host import HostService
    from plugin.services.host_events import MaskName
    from plugin.services.media import Ask, MediaService, Trouble
    from plugin.state.session import PanelModel
    from plugin.state.shot import ShotView
    from resolve_bridge.shot import Shot

__all__ = ["MatteControl"]

Answer = Matte | MatteChoice | MatteRefusal
_SETTLE_MS = 200
_NOT_OWN: Final = ("none", "fusion")  # what Fusion's mask may take the place of by itself


class MatteControl(QObject):
    """Finds, exports and measures the matte of the shot that is shown."""

    def __init__(
        self,
        model: PanelModel,
        desk: Desk,
        book: Book,
        shots: ShotControl,
        host: HostService,
        media: MediaService,
        folders: Folders,
        *,
        handled: Callable[[str], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._desk = desk
        self._book = book
        self._shots = shots
        self._host = host
        self._media = media
        self._folders = folders
        self._handled = handled
        self._masks: dict[str, MaskName] = {}
        self._refusal: MatteRefusal | None = None
        self._asked = 0
        self._closed = False
        self._making: Ask[MatteDone] | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._measure)
        model.matte.changed.connect(lambda _: self._changed())
        model.matte.shapes.changed.connect(book.shapes.set)
        model.matte.empty_frames.changed.connect(book.empty_frames.set)
        shots.opened.connect(self._on_shot)
        host.picked.connect(lambda _: self.read())

    def close(self) -> None:
        """Want nothing any more: neither answers that are still on their way, nor a new measure."""
        self._closed = True
        self.keep()
        self._settle.stop()

    # ---- Fusion

    def read(self, name: str = "") -> None:
        """Take the Fusion mask of that name, or the one that is meant."""
        shot, extract = self._shots.current.value, self._shots.extract.value
        if shot is None or shot.kind is ItemKind.FILE:
            return
        mask = self._masks.get(name)
        self._host.read_matte(
            shot,
            self._folders.mattes,
            self._reader(shot),
            self._failed,
            self._on_progress,
            tool=mask.tool if mask else "",
            comp=mask.comp if mask else 0,
            extract=extract,
        )

    def keep(self) -> None:
        """Let the matte be that is chosen now, whatever Fusion answers to what was asked before."""
        self._asked += 1

    def render(self) -> None:
        """Let Fusion draw the mask whose text does not determine it."""
        shot, refusal = self._shots.current.value, self._refusal
        if shot is None or refusal is None or refusal.render is None:
            return
        self._host.render_matte(
            shot,
            refusal,
            self._folders.mattes,
            self._reader(shot),
            self._failed,
            self._on_progress,
            extract=self._shots.extract.value,
        )

    def open_fusion(self) -> None:
        """Show the Fusion page in Resolve, on this shot."""
        shot = self._shots.current.value
        if shot is not None:
            self._host.open_fusion(shot, lambda _: None, self._failed)

    def _on_shot(self, view: ShotView) -> None:
        self._masks = {}
        self._refusal = None
        self._desk.matte_offers.set(())
        shot = self._shots.current.value
        if shot is None or view.how == "file":
            self._touch_again()
            return

        def listed(masks: tuple[MaskName, ...]) -> None:
            if self._is_shown(shot):
                self._listed(masks)

        self._host.list_masks(shot, listed, lambda *_: None)
        if self._model.matte.origin.value in _NOT_OWN and shot.comps:
            self.read()
        else:
            self._touch_again()

    def _touch_again(self) -> None:
        """Measure a matte that stayed while the shot was read anew."""
        if self._model.matte.spec() is not None:
            self._changed()

    def _listed(self, masks: tuple[MaskName, ...]) -> None:
        self._masks = {mask.tool: mask for mask in masks}
        self._desk.matte_offers.set(
            MatteOffer(mask.tool, kind=getattr(mask, "kind", "")) for mask in masks
        )

    def _on_progress(self, _phase: str, done: int, total: int) -> None:
        self._desk.matte_progress.set((done, total))

    def _reader(self, shot: Shot) -> Callable[[Answer], None]:
        """Return what takes the answer to a question about a shot, if it is still wanted then."""
        self._asked += 1
        number, chosen = self._asked, self._chosen()

        def read(answer: Answer) -> None:
            self._desk.matte_progress.set((0, 0))
            own = self._chosen() != chosen and self._chosen()[0] not in _NOT_OWN
            if number == self._asked and self._is_shown(shot) and not own:
                self._read(answer)

        return read

    def _chosen(self) -> tuple[str, str, int]:
        matte = self._model.matte
        return matte.origin.value, matte.path.value, len(matte.shapes)

    def _is_shown(self, shot: Shot) -> bool:
        current = self._shots.current.value
        return current is not None and current.item_id == shot.item_id

    def _read(self, answer: Answer) -> None:
        match answer:
            case Matte():
                self._refusal = None
                self._model.messages.dismiss("matte")
                self._model.matte.use_file(
                    answer.path,
                    answer.tool,
                    origin="fusion",
                    channel="luma",
                    start=answer.start,
                )
            case MatteChoice():
                self._listed(answer.masks)
                self._model.messages.say("say.matte.choose", about="matte")
            case MatteRefusal():
                self._refusal = answer
                self._refused(answer)

    def _refused(self, refusal: MatteRefusal) -> None:
        buttons = [name for name in refusal.ways_out if self._handled(name)]
        if refusal.render is not None:
            buttons.insert(0, "render_in_host")
        self._model.messages.show(
            message_of(
                "saver",
                refusal.sentence,
                tuple(buttons),
                refusal.reason,
                handled=self._handled,
                about="matte",
            )
        )

    # ---- as the composite will use it

    def _changed(self) -> None:
        if self._making is not None:
            self._making.cancel()
            self._making = None
        self._book.matte.set(None)
        if self._closed or self._model.matte.spec() is None:
            self._settle.stop()
            self._desk.matte_progress.set((0, 0))
        else:
            self._settle.start()

    def _measure(self) -> None:
        view, spec = self._model.shot.shot.value, self._model.matte.spec()
        if view is None or spec is None or not view.path:
            return
        source = source_of(view)
        request = EditRequest(
            source=source, matte=spec, prompts=Prompts(now="now", wanted="wanted")
        )
        key = self._key(source, request.dump()["matte"])
        self._making = self._media.matte(
            request,
            self._folders.mattes / key,
            lambda done: self._measured(key, done),
            self._matte_failed,
            on_progress=lambda phase, done, total, left: self._on_progress(phase, done, total),
        )

    def _key(self, source: SourceSpec, matte: dict[str, Any]) -> str:
        path = matte.get("path")
        state = source_key(SourceSpec(path=path)) if path else ""
        text = f"{source_key(source)}|{json.dumps(matte, sort_keys=True)}|{state}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def _measured(self, key: str, done: MatteDone) -> None:
        self._desk.matte_progress.set((0, 0))
        self._model.matte.take(done)
        try:
            self._book.matte.set(Picture(key, ProxyReader(done.path)))
        except ProxyError as error:
            self._failed(error.code, error.user_message, error.hint, error.detail)
        if self._model.matte.drifted:
            frame = self._model.matte.drifted[0]
            self._model.messages.say(
                "say.matte.drift",
                tone="warn",
                buttons=(Button("show_frame", "button.show_frame", str(frame)),),
                about="matte",
                frame=frame + 1,
            )

    def _matte_failed(self, error: Trouble) -> None:
        self._failed(error.code, error.sentence, error.hint, error.detail)

    def _failed(self, code: str, sentence: str, hint: tuple[str, ...], detail: str = "") -> None:
        self._desk.matte_progress.set((0, 0))
        if code in ("cancelled", "no_mask"):  # `empty.no_matte_host` asks for one already
            return
        self._model.messages.show(
            message_of(code, sentence, hint, detail, handled=self._handled, about="matte")
        )

"""Resolve as the panel sees it: its state, the meant shot, its mattes, and where results go.

Everything that talks to Resolve happens in a child process (`plugin.services.host_child`), so that
nothing here ever blocks. Answers come by callbacks in the UI thread. Without Resolve the same calls
work on files (`open_file`).
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from PySide6.QtCore import QObject

from flowanchor_engine.protocol import LineError
from plugin.locale import tr
from plugin.services import host_messages as msg
from plugin.services.host_process import HostProcess
from plugin.services.host_state import (
    Call,
    HostState,
    Matte,
    MatteChoice,
    MatteRefusal,
    OnError,
    PlacedShot,
)
from plugin.services.launch import Launch
from plugin.state.observable import Observable, Signal
from resolve_bridge import records
from resolve_bridge.extract import Extract
from resolve_bridge.placement import Placement, Recipe, Result
from resolve_bridge.shot import ItemKind, Shot

if TYPE_CHECKING:
    from plugin.services.child import LogFile

__all__ = ["HostService", "host_child"]

_log = logging.getLogger(__name__)
T = TypeVar("T")
_HEALTHY_S: Final = 60.0
_ON_PROGRESS = Callable[[str, int, int], object]


def host_child(work: Path, *arguments: str) -> Launch:
    """Return the command for the child; `work` is its private folder."""
    own = ("-m", "plugin.services.host_child", "--work", str(work), *arguments)
    return Launch(sys.executable, own)


class HostService(QObject):
    """The panel's end of the host child.

    Parameters
    ----------
    launch : Launch
        See `host_child`.
    log : LogFile, optional
        Where the child's stderr goes.

    Attributes
    ----------
    state : Observable of HostState
    seen : Observable of Seen
        What is open in Resolve now.
    shot : Observable of Shot or None
        The shot that was read last, from Resolve or from a file.
    follow : Observable of bool
        Whether another clip in Resolve is read by itself; not while a file is open.
    shot_failed : Signal of (code, sentence, hint)
        A clip that was followed cannot be read.
    picked : Signal of Shot
        A mask was picked in Fusion; the shot with it is read already.
    """

    def __init__(
        self, launch: Launch, *, log: LogFile | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.state: Observable[HostState] = Observable(HostState())
        self.seen: Observable[msg.Seen] = Observable(msg.Seen())
        self.shot: Observable[Shot | None] = Observable(None)
        self.follow: Observable[bool] = Observable(True)
        self.shot_failed: Signal[tuple[str, str, tuple[str, ...]]] = Signal()
        self.picked: Signal[Shot] = Signal()
        self.recovered: Signal[None] = Signal()
        self._process = HostProcess(launch, log=log, parent=self)
        self._process.heard.connect(self._on_event)
        self._process.ended.connect(self._on_ended)
        self._calls: dict[int, Call[Any]] = {}
        self._numbers = 0
        self._started_at = 0.0
        self._restarted = False
        self._following: Call[Shot] | None = None
        self._again = False
        self._watching = True

    # ---- life

    def start(self) -> None:
        """Start the child; `state` tells the rest."""
        if not self._process.alive:
            self._started_at = time.monotonic()
            self._process.start()

    def close(self) -> None:
        """Stop the link in Resolve and end the child before returning."""
        self._process.close(self._number())
        self.state.set(HostState())

    @property
    def pid(self) -> int:
        """The child's process number, 0 when there is none."""
        return self._process.pid

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of what the child wrote to its log."""
        return self._process.last_lines

    def watch(self, on: bool) -> None:
        """Look at Resolve once a second, or not while nobody looks at the panel."""
        self._watching = on
        self._process.send(msg.Watch(id=self._number(), on=on))

    # ---- questions

    def look_again(self, on_done: Callable[[None], object], on_error: OnError) -> Call[None]:
        """Look for Resolve now, by every road; a child that is gone for good is started again."""
        self._restarted = False
        self.start()
        return self._ask(msg.Look(id=self._number()), _nothing, on_done, on_error)

    def read_shot(
        self,
        on_done: Callable[[Shot], object],
        on_error: OnError,
        *,
        item_id: str = "",
        colour: str = "",
        playhead: bool = False,
    ) -> Call[Shot]:
        """Read the meant clip, the one of that id, or the one under the playhead alone."""
        command = msg.ReadShot(id=self._number(), item_id=item_id, colour=colour, playhead=playhead)
        return self._ask(command, self._take_shot, on_done, on_error)

    def open_file(
        self,
        path: Path,
        on_done: Callable[[Shot], object],
        on_error: OnError,
        on_progress: _ON_PROGRESS | None = None,
    ) -> Call[Shot]:
        """Work on a clip file; `read_shot` goes back to Resolve."""
        command = msg.OpenFile(id=self._number(), path=str(path))
        return self._ask(command, self._take_shot, on_done, on_error, on_progress)

    def list_masks(
        self,
        shot: Shot,
        on_done: Callable[[tuple[msg.MaskName, ...]], object],
        on_error: OnError,
    ) -> Call[tuple[msg.MaskName, ...]]:
        """Name the masks of the clip's Fusion compositions."""
        command = msg.ListMasks(id=self._number(), shot=records.dump(shot))
        return self._ask(command, lambda answer: answer.masks, on_done, on_error)

    def read_matte(
        self,
        shot: Shot,
        folder: Path,
        on_done: Callable[[Matte | MatteChoice | MatteRefusal], object],
        on_error: OnError,
        on_progress: _ON_PROGRESS | None = None,
        *,
        tool: str = "",
        comp: int = 0,
        extract: Extract | None = None,
    ) -> Call[Matte | MatteChoice | MatteRefusal]:
        """Turn the clip's Fusion mask into pictures in a fresh folder below `folder`.

        Parameters
        ----------
        tool, comp : str, int
            The answer to a `MatteChoice`; '' and 0 take the pick in Fusion, else choose.
        extract : Extract, optional
            Of a shot that was rendered: the mask is fitted to its picture.
        """
        command = msg.ReadMatte(
            id=self._number(),
            shot=records.dump(shot),
            folder=str(folder),
            tool=tool,
            comp=comp,
            extract=None if extract is None else records.dump(extract),
        )
        return self._ask(command, _matte, on_done, on_error, on_progress)

    def render_matte(
        self,
        shot: Shot,
        refusal: MatteRefusal,
        folder: Path,
        on_done: Callable[[Matte | MatteChoice | MatteRefusal], object],
        on_error: OnError,
        on_progress: _ON_PROGRESS | None = None,
        *,
        extract: Extract | None = None,
    ) -> Call[Matte | MatteChoice | MatteRefusal]:
        """Let Fusion draw the mask that a refusal names.

        Raises
        ------
        ValueError
            That is no way out of this refusal.
        """
        if refusal.render is None:
            raise ValueError("Fusion cannot render this mask")
        command = msg.RenderMatte(
            id=self._number(),
            shot=records.dump(shot),
            folder=str(folder),
            tool=refusal.tool,
            comp=refusal.comp,
            start=refusal.render[0],
            stop=refusal.render[1],
            extract=None if extract is None else records.dump(extract),
        )
        return self._ask(command, _matte, on_done, on_error, on_progress)

    def make_extract(
        self,
        shot: Shot,
        on_done: Callable[[Extract], object],
        on_error: OnError,
        on_progress: _ON_PROGRESS | None = None,
    ) -> Call[Extract]:
        """Return frames to edit: the clip's own file, or a render where only that is right."""
        command = msg.MakeExtract(id=self._number(), shot=records.dump(shot))
        return self._ask(
            command,
            lambda answer: records.load(Extract, answer.extract),
            on_done,
            on_error,
            on_progress,
        )

    def discard(
        self, folder: str, on_done: Callable[[None], object], on_error: OnError
    ) -> Call[None]:
        """Delete an extract's or a matte's folder once no job needs it."""
        return self._ask(msg.Discard(id=self._number(), folder=folder), _nothing, on_done, on_error)

    def place(
        self,
        shot: Shot,
        result: Result,
        on_done: Callable[[PlacedShot], object],
        on_error: OnError,
        *,
        new_position: bool = False,
        folder: Path | None = None,
    ) -> Call[PlacedShot]:
        """Bring a result back beside its shot; the same result twice is one.

        Parameters
        ----------
        new_position : bool
            Follow a shot that was moved meanwhile.
        folder : Path, optional
            Where the result of a clip file is saved; `FlowAnchor` beside the clip by default.
        """
        command = msg.Place(
            id=self._number(),
            shot=records.dump(shot),
            result=records.dump(result),
            new_position=new_position,
            folder="" if folder is None else str(folder),
        )
        return self._ask(
            command,
            lambda answer: PlacedShot(
                records.load(Placement, answer.placement), records.load(Shot, answer.shot)
            ),
            on_done,
            on_error,
        )

    def undo(
        self, placement: Placement, on_done: Callable[[None], object], on_error: OnError
    ) -> Call[None]:
        """Remove exactly what `place` added; also after a restart of anything."""
        command = msg.Undo(id=self._number(), placement=records.dump(placement))
        return self._ask(command, _nothing, on_done, on_error)

    def recipe(
        self, shot: Shot, on_done: Callable[[Recipe], object], on_error: OnError
    ) -> Call[Recipe]:
        """Return the recipe that a placed clip carries."""
        command = msg.ReadRecipe(id=self._number(), shot=records.dump(shot))
        return self._ask(
            command,
            lambda answer: Recipe(records.load(Placement, answer.placement), answer.recipe),
            on_done,
            on_error,
        )

    def source_of(
        self, placement: Placement, on_done: Callable[[Shot], object], on_error: OnError
    ) -> Call[Shot]:
        """Return the shot that a placed clip was made from, as it is now."""
        command = msg.ReadSource(id=self._number(), placement=records.dump(placement))
        return self._ask(command, lambda answer: records.load(Shot, answer.shot), on_done, on_error)

    def open_fusion(
        self, shot: Shot, on_done: Callable[[None], object], on_error: OnError
    ) -> Call[None]:
        """Open the Fusion page on a shot, to draw its mask there."""
        command = msg.Show(id=self._number(), page="fusion", shot=records.dump(shot))
        return self._ask(command, _nothing, on_done, on_error)

    def show_placed(
        self, placement: Placement, on_done: Callable[[None], object], on_error: OnError
    ) -> Call[None]:
        """Show in Resolve what was placed."""
        command = msg.Show(id=self._number(), page="edit", placement=records.dump(placement))
        return self._ask(command, _nothing, on_done, on_error)

    # ---- inside

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _ask(
        self,
        command: msg.Command,
        read: Callable[[Any], T],
        on_done: Callable[[T], object],
        on_error: OnError,
        on_progress: _ON_PROGRESS | None = None,
    ) -> Call[T]:
        call = Call(command.id, read, on_done, on_error, on_progress, self._stop)
        self._calls[command.id] = call
        try:
            sent = self._process.send(command)
        except LineError as error:
            self._calls.pop(command.id).fail("protocol", error.user_message, (), error.detail)
            return call
        if not sent:
            self._calls.pop(command.id).fail("host_child", tr("error.host_child"), ("look_again",))
        return call

    def _stop(self, number: int) -> None:
        self._process.send(msg.Cancel(id=self._number(), target=number))

    def _on_event(self, event: msg.Event) -> None:
        match event:
            case msg.LinkChanged():
                self._on_link(event)
            case msg.Seen():
                self._on_seen(event)
            case msg.Progress():
                call = self._calls.get(event.id)
                if call is not None:
                    call.progress(event.phase, event.done, event.total)
            case msg.Started():
                if not self._watching:
                    self.watch(False)
            case _:
                self._on_answer(event)

    def _on_answer(self, answer: msg.Answer) -> None:
        call = self._calls.pop(answer.id, None)
        if call is None:
            if isinstance(answer, msg.Failed):
                _log.warning("host child: %s %s", answer.user_message, answer.detail)
            return
        if isinstance(answer, msg.Failed):
            call.fail(answer.code, answer.user_message, answer.hint, answer.detail)
            return
        call.answer(answer)

    def _on_link(self, link: msg.LinkChanged) -> None:
        self.state.set(
            HostState(
                link.kind, link.product, link.version, link.studio, link.code, tuple(link.hint)
            )
        )
        if link.kind != "ready":
            self.seen.set(msg.Seen())
        if link.recovered:
            self.recovered.emit(None)

    def _on_ended(self, why: str) -> None:
        calls, self._calls = self._calls, {}
        self._following = None
        if why:
            _log.error("the host child ended: %s\n%s", why, "\n".join(self.last_lines))
        healthy = time.monotonic() - self._started_at > _HEALTHY_S
        if why and (healthy or not self._restarted):
            self._restarted = True
            self.start()
        elif why:
            self.state.set(HostState("none", code="host_child", hint=("look_again", "open_clip")))
        for call in calls.values():
            call.fail("host_child", tr("error.host_child"), ("try_again",), why)

    # ---- following

    def _take_shot(self, answer: msg.ShotRead) -> Shot:
        shot = records.load(Shot, answer.shot)
        self.shot.set(shot)
        return shot

    def _on_seen(self, seen: msg.Seen) -> None:
        before = self.seen.value
        self.seen.set(seen)
        now = self.shot.value
        if now is not None and now.kind is ItemKind.FILE and not seen.picked:
            return
        moved = (seen.timeline_id, seen.item_id) != (before.timeline_id, before.item_id)
        if (seen.picked and not before.picked) or (self.follow.value and moved and seen.item_id):
            self._read_again(picked=seen.picked)

    def _read_again(self, *, picked: bool) -> None:
        if self._following is not None and not self._following.over:
            self._again = True  # the clip changed while it was read
            return

        def done(shot: Shot) -> None:
            if picked:
                self.picked.emit(shot)
            self._once_more()

        def failed(code: str, sentence: str, hint: tuple[str, ...]) -> None:
            self.shot_failed.emit((code, sentence, hint))
            self._once_more()

        self._following = self.read_shot(done, failed)

    def _once_more(self) -> None:
        if self._again:
            self._again = False
            self._read_again(picked=False)


def _nothing(_answer: msg.Done) -> None:
    return None


def _matte(answer: Any) -> Matte | MatteChoice | MatteRefusal:
    match answer:
        case msg.MatteRead():
            return Matte(
                path=answer.path,
                start=0,
                folder=answer.folder,
                frames=answer.frames,
                width=answer.width,
                height=answer.height,
                tool=answer.tool,
                comp=answer.comp,
                via=answer.via,
                assumed=answer.assumed,
            )
        case msg.MatteAsked():
            return MatteChoice(answer.sentence, answer.masks)
        case msg.MatteRefused():
            render = (
                None if answer.start is None or answer.stop is None else (answer.start, answer.stop)
            )
            return MatteRefusal(
                answer.sentence, answer.reason, answer.ways_out, answer.tool, answer.comp, render
            )
        case _:
            raise TypeError(type(answer).__name__)

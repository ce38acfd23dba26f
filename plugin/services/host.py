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
from typing import TYPE_CHECKING, Final

from plugin.locale import tr
from plugin.services import host_commands as cmd
from plugin.services import host_events as evt
from plugin.services.host_calls import HostCalls, OnProgress
from plugin.services.launch import Launch
from plugin.state.links import HostState
from plugin.state.observable import Observable, Signal
from resolve_bridge.shot import ItemKind, Shot

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtCore import QObject

    from plugin.services.host_state import Call, OnError
    from plugin.services.logfile import LogFile

__all__ = ["HostService", "host_child"]

_log = logging.getLogger(__name__)
_HEALTHY_S: Final = 60.0


def host_child(work: Path, *arguments: str) -> Launch:
    """Return the command for the child; `work` is its private folder."""
    own = ("-m", "plugin.services.host_child", "--work", str(work), *arguments)
    return Launch(sys.executable, own)


class HostService(HostCalls):
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
    recovered : Signal of str
        A placing that a crash had left open was taken back; what could not be put back, or ''.
    """

    def __init__(
        self, launch: Launch, *, log: LogFile | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(launch, log=log, parent=parent)
        self.state: Observable[HostState] = Observable(HostState())
        self.seen: Observable[evt.Seen] = Observable(evt.Seen())
        self.shot: Observable[Shot | None] = Observable(None)
        self.follow: Observable[bool] = Observable(True)
        self.shot_failed: Signal[tuple[str, str, tuple[str, ...]]] = Signal()
        self.picked: Signal[Shot] = Signal()
        self.recovered: Signal[str] = Signal()
        self._process.heard.connect(self._on_event)
        self._process.ended.connect(self._on_ended)
        self._started_at = 0.0
        self._restarted = False
        self._following: Call[Shot] | None = None
        self._again = False
        self._again_picked = False
        self._watching = True
        self._on_file = False
        self._asked_at = 0

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
        self._process.send(cmd.Watch(id=self._number(), on=on))

    def look_again(self, on_done: Callable[[None], object], on_error: OnError) -> Call[None]:
        """Look for Resolve now, by every road; a child that is gone for good is started again."""
        self._restarted = False
        self.start()
        return self._ask(cmd.Look(id=self._number()), lambda _answer: None, on_done, on_error)

    def open_file(
        self,
        path: Path,
        on_done: Callable[[Shot], object],
        on_error: OnError,
        on_progress: OnProgress | None = None,
    ) -> Call[Shot]:
        """Work on a clip file; `read_shot` goes back to Resolve."""
        before, self._on_file = self._on_file, True  # from now on nothing is followed

        def failed(code: str, sentence: str, hint: tuple[str, ...]) -> None:
            self._on_file = before
            on_error(code, sentence, hint)

        call = super().open_file(path, on_done, failed, on_progress)
        self._asked_at = call.number
        return call

    # ---- inside

    def _on_event(self, event: evt.Event) -> None:
        match event:
            case evt.LinkChanged():
                self._on_link(event)
            case evt.Seen():
                self._on_seen(event)
            case evt.Progress():
                call = self._calls.get(event.id)
                if call is not None:
                    call.progress(event.phase, event.done, event.total)
            case evt.Started():
                if not self._watching:
                    self.watch(False)
            case _:
                self._on_answer(event)

    def _on_answer(self, answer: evt.Answer) -> None:
        call = self._calls.pop(answer.id, None)
        if call is None:
            if isinstance(answer, evt.Failed):
                _log.warning("host child: %s %s", answer.user_message, answer.detail)
            return
        if isinstance(answer, evt.Failed):
            call.fail(answer.code, answer.user_message, answer.hint, answer.detail)
            return
        call.answer(answer)

    def _on_link(self, link: evt.LinkChanged) -> None:
        self.state.set(
            HostState(
                link.kind, link.product, link.version, link.studio, link.code, tuple(link.hint)
            )
        )
        if link.kind != "ready":
            self.seen.set(evt.Seen())
        if link.recovered:
            self.recovered.emit(link.user_message)

    def _on_ended(self, why: str) -> None:
        calls, self._calls = self._calls, {}
        self._following = None
        if why:
            _log.error("the host child ended: %s\n%s", why, "\n".join(self.last_lines))
        healthy = time.monotonic() - self._started_at > _HEALTHY_S
        if why and (healthy or not self._restarted):
            self._restarted = True
            self._forget()  # what the dead one knew: the new one tells anew
            self.start()
        elif why:
            self.state.set(HostState("none", code="host_child", hint=("look_again", "open_clip")))
        for call in calls.values():
            call.fail("host_child", tr("error.host_child"), ("try_again",), why)

    def _forget(self) -> None:
        self.state.set(HostState())
        self.seen.set(evt.Seen())

    # ---- following

    def _take_shot(self, answer: evt.ShotRead) -> Shot:
        shot = super()._take_shot(answer)
        self._on_file = shot.kind is ItemKind.FILE
        self._asked_at = max(self._asked_at, answer.id)
        self.shot.set(shot)
        return shot

    def _take_followed(self, answer: evt.ShotRead) -> Shot:
        """Take a clip that was read by itself, unless the person has chosen another since."""
        if self._asked_at > answer.id:
            return super()._take_shot(answer)
        return self._take_shot(answer)

    def _on_seen(self, seen: evt.Seen) -> None:
        before = self.seen.value
        self.seen.set(seen)
        if self._on_file and not seen.picked:
            return
        moved = (seen.timeline_id, seen.item_id) != (before.timeline_id, before.item_id)
        if (seen.picked and not before.picked) or (self.follow.value and moved and seen.item_id):
            self._read_again(picked=seen.picked)

    def _read_again(self, *, picked: bool) -> None:
        if self._following is not None and not self._following.over:
            self._again = True  # the clip changed while it was read
            self._again_picked |= picked
            return

        def done(shot: Shot) -> None:
            if picked or shot.pick:  # a read that was under way may be the one that meets it
                self._again_picked = False
                if shot.item_id == self.seen.value.item_id:
                    self._again = False  # it was for this pick, which another read would not meet
                self.picked.emit(shot)
            self._once_more()

        def failed(code: str, sentence: str, hint: tuple[str, ...]) -> None:
            self.shot_failed.emit((code, sentence, hint))
            self._once_more()

        command = cmd.ReadShot(id=self._number())
        self._following = self._ask(command, self._take_followed, done, failed)

    def _once_more(self) -> None:
        if self._again:
            picked = self._again_picked
            self._again = self._again_picked = False
            self._read_again(picked=picked)

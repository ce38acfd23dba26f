"""Requests to a media end: each with exactly one outcome, repeated once if the end dies."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from PySide6.QtCore import QObject

from flowanchor_engine import protocol
from flowanchor_engine.protocol import LineError

if TYPE_CHECKING:
    from flowanchor_engine.protocol import ClipFacts
    from plugin.services.child import Child
    from plugin.services.death import Death

__all__ = ["Ask", "Hears", "Lane", "OnProgress", "Trouble"]

_log = logging.getLogger(__name__)

T = TypeVar("T")
OnProgress = Callable[[str, int, int, float | None], object]
_TRIES: Final = 2


@dataclass(frozen=True)
class Trouble:
    """Why a request was not fulfilled: a code with its sentence and ways out."""

    code: str
    sentence: str = ""
    hint: tuple[str, ...] = ()
    detail: str = ""
    last_lines: tuple[str, ...] = ()


@dataclass
class Hears(Generic[T]):
    """Who is told what."""

    done: Callable[[T], object]
    error: Callable[[Trouble], object]
    progress: OnProgress | None = None
    opened: Callable[[str, ClipFacts], object] | None = None
    note: Callable[[str, str], object] | None = None


class Ask(Generic[T]):
    """One request. Exactly one of its outcomes comes, and none after `cancel`.

    Parameters
    ----------
    make : callable
        Number and job name to the command.
    again : bool
        Whether it may be sent once more after the end of a media end.
    """

    def __init__(
        self,
        lane: Lane,
        make: Callable[[int, str], protocol.Command],
        hears: Hears[T],
        *,
        slot: str,
        again: bool,
    ) -> None:
        self._lane = lane
        self.make = make
        self._hears = hears
        self.slot = slot
        self.again = again
        self.tries = 0
        self.number = 0
        self.name = ""
        self.seq = -1
        self._over = False

    @property
    def over(self) -> bool:
        """Whether it has ended or was given up."""
        return self._over

    def cancel(self) -> None:
        """Give it up; nothing is called afterwards. What was kept on disk stays useful."""
        if not self._over:
            self._over = True
            self._lane.drop(self)

    def hear(self, event: Any) -> None:
        """Take an event of this request."""
        if self._over:
            return
        hears = self._hears
        match event:
            case protocol.Phase() if hears.progress is not None:
                hears.progress(event.phase, event.done, event.total, event.eta_s)
            case protocol.ProxyOpened() if hears.opened is not None:
                hears.opened(event.path, event.facts)
            case protocol.Note() if hears.note is not None:
                hears.note(event.code, event.user_message)
            case protocol.Refused() | protocol.Failed():
                self.fail(Trouble(event.code, event.user_message, event.hint, event.detail))
            case protocol.Cancelled():  # not by us: the end is being ended
                self.fail(Trouble("cancelled", detail=event.at))
            case protocol.WordsReply() | protocol.ModelsReply():
                self._finish(event)
            case _ if protocol.is_terminal(event):
                self._finish(event)

    def fail(self, trouble: Trouble) -> None:
        """End it badly."""
        if not self._over:
            self._over = True
            self._lane.forget(self)
            self._hears.error(trouble)

    def _finish(self, event: Any) -> None:
        self._over = True
        self._lane.forget(self)
        self._hears.done(event)


class Lane(QObject):
    """One media end and what it is asked.

    Parameters
    ----------
    name : str
        Begins the names of its jobs.
    child : Child
    stays : bool
        Whether it goes on when nothing is left to do.
    """

    def __init__(self, name: str, child: Child, *, stays: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.name = name
        self.child = child
        self._stays = stays
        self._asks: list[Ask[Any]] = []
        self._count = 0
        self._closed = False
        child.greeted.connect(lambda hello: self._send_all())
        child.received.connect(self._on_event)
        child.ended.connect(self._on_ended)

    def add(self, ask: Ask[Any]) -> None:
        """Send a request as soon as the end hears; it takes the place of its slot's older one."""
        for older in [each for each in self._asks if ask.slot and each.slot == ask.slot]:
            older.cancel()
        self._asks.append(ask)
        if self.child.stage == "ready":
            self._send(ask)
        elif not self.child.alive:
            self.child.start()

    def drop(self, ask: Ask[Any]) -> None:
        """Let the end stop working on a request that was given up."""
        if ask.number and ask.name:
            self.child.send(protocol.Cancel(id=self.child.number(), job=ask.name))
        self.forget(ask)

    def forget(self, ask: Ask[Any]) -> None:
        """Take a request off the list."""
        if ask in self._asks:
            self._asks.remove(ask)
        if not self._asks and not self._stays:
            self.child.stop()

    def close(self) -> None:
        """End the process before returning."""
        self._closed = True
        self._asks.clear()
        self.child.close()

    def _send_all(self) -> None:
        for ask in tuple(self._asks):
            self._send(ask)

    def _send(self, ask: Ask[Any]) -> None:
        self._count += 1
        ask.tries += 1
        ask.number = self.child.number()
        ask.seq = -1
        name = f"{self.name}-{self._count}"
        command = ask.make(ask.number, name)
        ask.name = name if hasattr(command, "job") else ""
        try:
            self.child.send(command)
        except LineError as error:
            ask.fail(Trouble(error.code, error.user_message, detail=error.detail))

    def _on_event(self, event: Any) -> None:
        job, number = getattr(event, "job", None), getattr(event, "id", None)
        for ask in tuple(self._asks):
            if not ask.number:
                continue
            if job is not None and job == ask.name:
                if event.seq > ask.seq:
                    ask.seq = event.seq
                    ask.hear(event)
                return
            if job is None and number == ask.number:
                ask.hear(event)
                return
        _log.debug("late or nobody's: %s", event)

    def _on_ended(self, death: Death) -> None:
        if self._closed:
            return
        began = any(ask.number for ask in self._asks)
        hopeless = not death.wanted and (
            death.cause in ("missing", "mismatch", "mute") or not began
        )
        for ask in tuple(self._asks):
            sent, ask.number = ask.number != 0, 0
            if hopeless or (sent and (not ask.again or ask.tries >= _TRIES)):
                code = death.code or "engine_died"
                ask.fail(Trouble(code, detail=death.detail, last_lines=death.last_lines))
        if self._asks:
            self.child.start()

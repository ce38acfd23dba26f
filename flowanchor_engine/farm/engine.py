"""The engine as a child of a farm's task: started, heard, stopped.

An engine in its own process leaves the task able to say what happened, also when the engine
is killed for want of memory or a library ends it.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from flowanchor_engine import folders
from flowanchor_engine.errors import Cancelled, FlowAnchorError, RamError
from flowanchor_engine.worker import estimate
from flowanchor_engine.worker.client import TERMINAL, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowanchor_engine.farm.shot import Shot
    from flowanchor_engine.farm.voice import Voice

__all__ = ["EngineDiedError", "Stop", "ToldError", "edit"]

_HEARD: Final = ("phase", "note", "preview", "heartbeat", "accepted", "refused", *TERMINAL)
_LOOK_S: Final = 0.5
_PIECE_S: Final = 0.1
_GRACE_S: Final = 40.0
_JOB: Final = "shot"


class EngineDiedError(FlowAnchorError, RuntimeError):
    """The engine ended without a word."""

    code = "engine_died"


class ToldError(FlowAnchorError):
    """An error that the engine reported; `told` is the engine's own code."""

    code = "engine_told"

    def __init__(self, event: dict[str, Any]) -> None:
        super().__init__(
            event.get("user_message") or "The engine refused the shot.",
            hint=event.get("hint") or (),
            detail=event.get("detail") or "",
        )
        self.told: str = event["code"]


class Stop:
    """Whether somebody asked to stop; signals set it, loops look at it."""

    def __init__(self) -> None:
        # No event: a signal that comes while its own lock is held would wait for ever.
        self._asked = False

    @property
    def asked(self) -> bool:
        """Whether to stop."""
        return self._asked

    def ask(self, *_: object) -> None:
        """Ask to stop; fits as a signal handler."""
        self._asked = True

    def wait(self, seconds: float) -> None:
        """Wait, but not longer than until the stop.

        In short pieces: Windows hears no signal while it waits.
        """
        until = time.monotonic() + seconds
        while not self.asked and time.monotonic() < until:
            time.sleep(min(_PIECE_S, max(0.0, until - time.monotonic())))

    def check(self) -> None:
        """Raise `Cancelled` if somebody asked to stop."""
        if self.asked:
            raise Cancelled

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT, on Windows Ctrl+Break too, ask to stop."""
        kinds = [signal.SIGTERM, signal.SIGINT]
        if sys.platform == "win32":
            kinds.append(signal.SIGBREAK)
        before = {kind: signal.signal(kind, self.ask) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)


def edit(
    shot: Shot, target: Path, *, voice: Voice, stop: Stop, memory: str, mock: str | None = None
) -> dict[str, Any]:
    """Edit a shot in an engine of its own; return the engine's result event.

    A run that was killed goes on from its last finished step, where this machine, or whoever
    shares FLOWANCHOR_CACHE, remembers it.

    Parameters
    ----------
    target : Path
        What the engine writes.
    memory : {'auto', 'low'}
    mock : str, optional
        A script to play instead of a model; ``-`` for the built-in one.

    Raises
    ------
    ToldError
        The engine said no.
    EngineDiedError, RamError
        It ended without a word; `RamError` where the system killed it.
    Cancelled
    """
    with tempfile.TemporaryDirectory(prefix="flowanchor-farm-", ignore_cleanup_errors=True) as own:
        environ = {
            # The machine's own places, which the client would else keep apart.
            "FLOWANCHOR_CACHE": str(folders.tensors()),
            "FLOWANCHOR_TIMINGS": str(estimate.default_file()),
            "XDG_STATE_HOME": str(Path(platformdirs.user_state_dir("flowanchor")).parent),
        }
        arguments = ("--mock", mock) if mock else ()
        with Client(Path(own), *arguments, environ=environ) as client:
            try:
                event = _converse(client, shot, target, voice=voice, stop=stop, memory=memory)
            except (RuntimeError, OSError) as error:
                if isinstance(error, FlowAnchorError):
                    raise
                stop.check()  # an engine that heard the same signal is no dead engine
                raise _died(client, error) from error
        return event


def _converse(
    client: Client, shot: Shot, target: Path, *, voice: Voice, stop: Stop, memory: str
) -> dict[str, Any]:
    with contextlib.suppress(OSError):  # gone already: it has said why, or died
        client.send("hello", panel="farm")
    _hear(client, "hello", voice, stop)
    client.send(
        "run",
        job=_JOB,
        request=shot.request.dump(),
        out=str(target),
        resume=True,
        memory=memory,
    )
    event = _hear(client, "", voice, stop)
    if event["type"] == "cancelled":
        raise Cancelled
    client.close()
    return event


def _hear(client: Client, awaited: str, voice: Voice, stop: Stop) -> dict[str, Any]:
    """Return the next event of a type, or a job's end; tell the rest."""
    give_up = None
    while True:
        if stop.asked and give_up is None:
            if awaited:  # nothing runs yet
                raise Cancelled
            client.send("cancel", job=_JOB)
            give_up = time.monotonic() + _GRACE_S
        if give_up is not None and time.monotonic() > give_up:
            raise Cancelled  # leaving kills the engine
        try:
            event = client.wait("hello", *_HEARD, timeout_s=_LOOK_S)
        except queue.Empty:
            continue
        match event["type"]:
            case "phase":
                voice.phase(event)
            case "note":
                voice.say(event["user_message"])
            case "refused" if give_up is None:
                raise ToldError(event)
            case "error":
                raise ToldError(event)
            case kind if kind == awaited or kind in TERMINAL:
                return event


def _died(client: Client, error: Exception) -> FlowAnchorError:
    try:
        status: int | None = client.process.wait(timeout=10)
    except subprocess.TimeoutExpired:  # deaf, not dead; leaving kills it
        status = None
    if status == -9:
        return RamError(
            "The system killed the engine, most often because the computer ran out of memory.",
            hint=["save_memory"],
            detail=str(error),
        )
    return EngineDiedError(
        "The engine does not hear."
        if status is None
        else f"The engine ended without a word (status {status}).",
        hint=["report"],
        detail=str(error),
    )

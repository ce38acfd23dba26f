"""One child process that speaks the protocol's lines; owned from its start to its end.

The child is watched, never guessed at: silence is reported so that a person can be asked,
and only `stop`, `force_stop` and `close` end it. It dies with the panel in any case, since
the end of its stdin is its end.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from flowanchor_engine import protocol
from flowanchor_engine.protocol import LineError
from plugin.services.death import Cause, Death, diagnose
from plugin.services.lines import LineCutter
from plugin.services.scratch import Scratch
from plugin.services.spawn import Tail, process_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from plugin.services.launch import Launch
    from plugin.services.logfile import LogFile

__all__ = ["Child", "Patience"]

_log = logging.getLogger(__name__)

Stage = Literal["off", "starting", "ready", "stopping"]


@dataclass(frozen=True)
class Patience:
    """How long a child may take, in milliseconds."""

    handshake_ms: int = 30_000
    silence_ms: int = 30_000
    goodbye_ms: int = 4_000  # from shutdown to terminate
    terminate_ms: int = 2_000  # from terminate to kill


class Child(QObject):
    """A process, its lines and its end.

    Parameters
    ----------
    launch : Launch
        What to start.
    log : LogFile, optional
        Where its stderr goes besides the last 40 lines kept in memory.
    patience : Patience
    """

    greeted = Signal(object)  # HelloReply
    received = Signal(object)  # every later event but heartbeats
    beat = Signal(object)  # Heartbeat
    misunderstood = Signal(object)  # LineError; the conversation goes on
    fell_silent = Signal()  # ask the person; it is not killed for this
    spoke_again = Signal()
    ended = Signal(object)  # Death; exactly once per start

    def __init__(
        self,
        launch: Launch,
        *,
        log: LogFile | None = None,
        patience: Patience | None = None,
        version: str = "",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._launch = launch
        self._tail = Tail(log)
        self._patience = patience or Patience()
        self._version = version
        self._stage: Stage = "off"
        self._cause: Cause = "died"
        self._said = ""
        self._numbers = 0
        self._silent = False
        self._out = LineCutter()
        self._process: QProcess | None = None
        self._scratch = Scratch()
        self._handshake = self._timer(self._patience.handshake_ms, self._on_no_greeting)
        self._silence = self._timer(self._patience.silence_ms, self._on_silence)
        self._goodbye = self._timer(self._patience.goodbye_ms, self._on_no_goodbye)
        self._terminate = self._timer(self._patience.terminate_ms, self._on_no_end)

    def _timer(self, milliseconds: int, slot: object) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    def follow(self, launch: Launch) -> None:
        """Start this one from the next time on."""
        self._launch = launch

    # ---- what it is now

    @property
    def stage(self) -> Stage:
        """'off', 'starting' until the handshake, 'ready', or 'stopping'."""
        return self._stage

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    @property
    def silent(self) -> bool:
        """Whether it has not been heard for too long."""
        return self._silent

    @property
    def pid(self) -> int:
        """The process's number, 0 when there is none."""
        return 0 if self._process is None else int(self._process.processId())

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last 40 lines of its stderr, kept after its end too."""
        return self._tail.lines

    # ---- beginning

    def start(self) -> None:
        """Start the process and shake hands; `greeted` or `ended` follows.

        Raises
        ------
        RuntimeError
            It runs already.
        """
        if self._process is not None:
            raise RuntimeError("the child runs already")
        self._cause, self._said, self._silent = "died", "", False
        self._tail.begin()
        self._out = LineCutter()
        self._stage = "starting"
        process = process_of(self._launch, self, self._scratch.variables())
        process.readyReadStandardOutput.connect(self._on_output)
        process.readyReadStandardError.connect(self._on_log)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        self._handshake.start()
        self._silence.start()
        process.start()
        if self._process is process:  # it may have failed to start by now
            hello = protocol.Hello(id=self.number(), panel=self._version)
            process.write(protocol.write_line(hello))

    def number(self) -> int:
        """Return a new number for a command."""
        self._numbers += 1
        return self._numbers

    def send(self, command: BaseModel) -> bool:
        """Write a command; return whether there was someone ready to hear it.

        Raises
        ------
        LineError
            The command is too long for one line.
        """
        line = protocol.write_line(command)
        if self._process is None or self._stage != "ready":
            return False
        return self._process.write(line) == len(line)

    # ---- ending

    def stop(self) -> None:
        """Ask the process to go; it is terminated and at last killed if it stays."""
        if self._process is None or self._stage == "stopping":
            return
        ready = self._stage == "ready"
        self._leave("asked")
        if ready:
            self._process.write(protocol.write_line(protocol.Shutdown(id=self.number())))
        self._process.closeWriteChannel()
        self._goodbye.start()

    def force_stop(self) -> None:
        """Kill the process at once."""
        if self._process is None:
            return
        self._leave("forced")
        self._process.kill()
        self._terminate.start()

    def close(self, wait_ms: int = 5_000) -> None:
        """End the process before returning, kindly for `wait_ms`; for the panel's own end."""
        if self._process is None:
            return
        process = self._process
        self.stop()
        if not process.waitForFinished(wait_ms):
            process.kill()
            process.waitForFinished(-1)
        # `finished` is delivered inside the wait; after it there is no process to own.

    def _leave(self, cause: Cause) -> None:
        if self._stage != "stopping" or (cause == "forced" and self._cause == "asked"):
            self._cause = cause
        self._stage = "stopping"
        self._handshake.stop()
        self._silence.stop()

    def _abandon(self, cause: Cause, said: str) -> None:
        """End a process that cannot be talked to."""
        if self._process is None or self._stage == "stopping":
            return
        self._said = said
        self._leave(cause)
        self._process.closeWriteChannel()
        self._goodbye.start()

    # ---- what the timers say

    def _on_no_greeting(self) -> None:
        waited_s = self._patience.handshake_ms / 1000
        self._abandon("mute", f"no greeting within {waited_s:g} s")

    def _on_silence(self) -> None:
        if self._stage == "ready":
            self._silent = True
            self.fell_silent.emit()

    def _on_no_goodbye(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._terminate.start()

    def _on_no_end(self) -> None:
        """Kill, and ask for an end that was not reported."""
        if self._process is not None:
            self._terminate.start()
            self._process.kill()
            self._process.waitForFinished(1)

    # ---- what the process says

    def _on_output(self) -> None:
        if self._process is None:
            return
        for line in self._out.feed(bytes(self._process.readAllStandardOutput().data())):
            self._hear(line)

    def _hear(self, line: bytes | LineError) -> None:
        self._was_heard()
        if isinstance(line, LineError):
            self._puzzled(line)
            return
        try:
            event = protocol.read_event(line)
        except LineError as error:
            if self._stage == "starting" and _is_greeting(line):
                self._abandon("mismatch", error.user_message)
            self._puzzled(error)
            return
        if self._stage == "starting":
            self._on_first(event)
        elif isinstance(event, protocol.Heartbeat):
            self.beat.emit(event)
        elif not isinstance(event, protocol.HelloReply):
            self.received.emit(event)

    def _on_first(self, event: protocol.Event) -> None:
        if isinstance(event, protocol.HelloReply):
            if event.protocol != protocol.PROTOCOL:
                self._abandon("mismatch", f"the engine speaks protocol {event.protocol}")
                return
            self._handshake.stop()
            self._stage = "ready"
            self.greeted.emit(event)
        elif isinstance(event, protocol.Refused):
            self._said = " ".join(part for part in (event.user_message, event.detail) if part)
            if event.code == "version":
                self._abandon("mismatch", self._said)

    def _was_heard(self) -> None:
        if self._stage == "stopping":
            return
        self._silence.start()
        if self._silent:
            self._silent = False
            self.spoke_again.emit()

    def _puzzled(self, error: LineError) -> None:
        self._tail.note(f"[panel] {error.user_message} {error.detail}")
        self.misunderstood.emit(error)

    def _on_log(self) -> None:
        if self._process is not None:
            self._tail.feed(bytes(self._process.readAllStandardError().data()))

    # ---- its end

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._said = self._process.errorString()
            self._cause = "missing"
            self._bury(None)

    def _on_finished(self, code: int, how: QProcess.ExitStatus) -> None:
        if self._process is None:
            return
        crashed = how == QProcess.ExitStatus.CrashExit
        try:
            self._on_output()
            self._on_log()
            self._tail.flush()
            for rest in self._out.end():
                self._hear(rest)
        finally:  # its last words may upset whoever hears them: it is dead all the same
            # Qt gives the signal's number for a crash on POSIX, the signed status on Windows.
            self._bury(-code if crashed and 0 < code < 128 else code)

    def _bury(self, status: int | None) -> None:
        process, self._process = self._process, None
        for timer in (self._handshake, self._silence, self._goodbye, self._terminate):
            timer.stop()
        self._stage, self._silent = "off", False
        if process is not None:
            process.deleteLater()
        try:
            self._scratch.clear()
            self._tail.close()
        finally:
            self.ended.emit(self._death(status))

    def _death(self, status: int | None) -> Death:
        code = {"asked": "", "forced": "", "mute": "engine_start", "mismatch": "version"}.get(
            self._cause, "engine_missing"
        )
        if self._cause == "died" and status is not None:
            code = diagnose(status, self.last_lines, remote=self._launch.remote)
        return Death(self._cause, code, status, self.last_lines, self._said)


def _is_greeting(line: bytes) -> bool:
    """Whether a line that is not understood is the greeting of another protocol version."""
    try:
        data = json.loads(line)
    except ValueError:
        return False
    return isinstance(data, dict) and data.get("type") == "hello"

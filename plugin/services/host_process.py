"""The host child as a process: started, heard line by line, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QProcess, Signal

from flowanchor_engine.protocol import LineError, write_line
from plugin.services.host_commands import Close
from plugin.services.host_events import read_event
from plugin.services.lines import LineCutter
from plugin.services.spawn import Tail, process_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from plugin.services.launch import Launch
    from plugin.services.logfile import LogFile

__all__ = ["HostProcess"]


class HostProcess(QObject):
    """One host child.

    Parameters
    ----------
    launch : Launch
    log : LogFile, optional
        Where its stderr goes besides the last 40 lines kept in memory.
    """

    heard = Signal(object)  # every event
    ended = Signal(str)  # why, '' if asked for; exactly once per start

    def __init__(
        self, launch: Launch, *, log: LogFile | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._launch = launch
        self._tail = Tail(log)
        self._process: QProcess | None = None
        self._out = LineCutter()
        self._leaving = False

    @property
    def alive(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process's number, 0 when there is none."""
        return 0 if self._process is None else int(self._process.processId())

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last 40 lines of its stderr, kept after its end too."""
        return self._tail.lines

    def start(self) -> None:
        """Start the process; `ended` follows if that fails."""
        if self._process is not None:
            raise RuntimeError("the host child runs already")
        self._out, self._leaving = LineCutter(), False
        self._tail.begin()
        process = process_of(self._launch, self, {})
        process.readyReadStandardOutput.connect(self._on_output)
        process.readyReadStandardError.connect(self._on_log)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.start()

    def send(self, command: BaseModel) -> bool:
        """Write a command; return whether somebody is there.

        Raises
        ------
        LineError
            The command is too long for one line.
        """
        line = write_line(command)
        if self._process is None or self._leaving:
            return False
        return self._process.write(line) == len(line)

    def close(self, number: int, wait_ms: int = 6000) -> None:
        """End the process before returning: the link in Resolve is stopped first."""
        if self._process is None:
            return
        process = self._process
        self.send(Close(id=number))
        self._leaving = True
        process.closeWriteChannel()
        if not process.waitForFinished(wait_ms):
            process.kill()
            process.waitForFinished(-1)

    def kill(self) -> None:
        """End a process that is beyond talking to."""
        if self._process is not None:
            self._process.kill()

    def _on_output(self) -> None:
        if self._process is None:
            return
        for line in self._out.feed(bytes(self._process.readAllStandardOutput().data())):
            self._hear(line)

    def _hear(self, line: bytes | LineError) -> None:
        try:
            if isinstance(line, LineError):
                raise line
            event = read_event(line)
        except LineError as error:
            self._tail.note(f"[panel] {error.user_message} {error.detail}")
            return
        self.heard.emit(event)

    def _on_log(self) -> None:
        if self._process is not None:
            self._tail.feed(bytes(self._process.readAllStandardError().data()))

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._bury(self._process.errorString() or "not started")

    def _on_finished(self, code: int, how: QProcess.ExitStatus) -> None:
        if self._process is None:
            return
        crashed = how == QProcess.ExitStatus.CrashExit
        try:
            self._on_output()
            self._on_log()
            self._tail.flush()
        finally:  # its last words may upset whoever hears them: it is dead all the same
            why = "" if self._leaving else f"signal {code}" if crashed else f"exit code {code}"
            self._bury(why)

    def _bury(self, why: str) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        try:
            self._tail.close()
        finally:
            self.ended.emit(why)

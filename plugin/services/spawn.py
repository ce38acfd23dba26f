"""How a child of the panel is started, and what is kept of what it says on stderr."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment

if TYPE_CHECKING:
    from plugin.services.launch import Launch
    from plugin.services.logfile import LogFile

__all__ = ["Tail", "process_of"]

_KEPT_LINES: Final = 40
_LINE_CHARACTERS: Final = 2000


def process_of(launch: Launch, parent: QObject, variables: Mapping[str, str]) -> QProcess:
    """Return the process of a launch, not started yet.

    Parameters
    ----------
    variables : mapping of str to str
        Besides those of the launch.
    """
    process = QProcess(parent)
    process.setProgram(launch.program)
    process.setArguments(list(launch.arguments))
    process.setWorkingDirectory(str(launch.folder))
    environment = QProcessEnvironment()
    for name, value in {**launch.environment(), **variables}.items():
        environment.insert(name, value)
    process.setProcessEnvironment(environment)
    _own_session(process)
    return process


def _own_session(process: QProcess) -> None:
    """Shield a POSIX child from the terminal's Ctrl+C and from the panel's open files.

    Its end comes by its stdin. On Windows Qt itself adds CREATE_NO_WINDOW for a panel
    without a console.
    """
    if not hasattr(process, "setUnixProcessParameters"):
        return
    flags = QProcess.UnixProcessFlag
    parameters = QProcess.UnixProcessParameters()
    parameters.flags = (
        flags.ResetSignalHandlers | flags.CreateNewSession | flags.CloseFileDescriptors
    )
    process.setUnixProcessParameters(parameters)


class Tail:
    """The last 40 lines of a child's stderr, all of which go to its log.

    Parameters
    ----------
    file : LogFile, optional
    """

    def __init__(self, file: LogFile | None = None) -> None:
        self._file = file
        self._last: deque[str] = deque(maxlen=_KEPT_LINES)
        self._held = b""

    @property
    def lines(self) -> tuple[str, ...]:
        """The last lines, also after the child's end."""
        return tuple(self._last)

    def begin(self) -> None:
        """Forget what an earlier process said."""
        self._last.clear()
        self._held = b""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes, whatever the pieces they come in; a bar that is redrawn is lines."""
        self._held += piece
        *whole, self._held = self._held.replace(b"\r", b"\n").split(b"\n")
        if len(self._held) > _LINE_CHARACTERS:
            whole, self._held = [*whole, self._held], b""
        for line in whole:
            self._take(line)

    def flush(self) -> None:
        """Take half a line for a whole one: nothing more will come."""
        held, self._held = self._held, b""
        self._take(held)

    def note(self, line: str) -> None:
        """Add a line of the panel's own."""
        line = line[:_LINE_CHARACTERS]
        self._last.append(line)
        if self._file is not None:
            self._file.write(line)

    def close(self) -> None:
        """Close the log; it opens again for the next line."""
        if self._file is not None:
            self._file.close()

    def _take(self, line: bytes) -> None:
        if text := line.decode("utf-8", "replace").rstrip():
            self.note(text)

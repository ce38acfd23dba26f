"""What a child says on stderr, kept on disk within a bound."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

__all__ = ["LogFile"]

_log = logging.getLogger(__name__)


class LogFile:
    """What a child writes to stderr, in a file of bounded size with two older ones.

    Parameters
    ----------
    path : Path
    limit_bytes : int
        Of each file. A disk that takes no more is no reason to stop an edit.
    """

    def __init__(self, path: Path, limit_bytes: int = 1 << 20) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handler = _Quiet(
            path, maxBytes=limit_bytes, backupCount=2, encoding="utf-8", delay=True
        )

    def write(self, line: str) -> None:
        """Add one line."""
        self._handler.emit(logging.makeLogRecord({"msg": line}))

    def close(self) -> None:
        """Close the file; a later `write` opens it again."""
        try:
            self._handler.close()
        except OSError as error:  # a full disk keeps what was not written
            _log.warning("%s is not whole: %s", self.path, error)


class _Quiet(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        _log.debug("a line was not logged: %s", record.getMessage())

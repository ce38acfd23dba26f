"""A file that is read slowly, as from a drive far away."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Self

__all__ = ["Trickle"]

_PIECE = os.urandom(1 << 12)
_PAUSE_S = 0.01
_MOST_S = 120.0  # a test that fails leaves nobody reading for ever


class Trickle:
    """A named pipe that gives a piece every hundredth of a second; a context manager.

    It ends when told (`end`), so that whoever looks meanwhile may take any time for it.

    Attributes
    ----------
    written : int
        Pieces that were taken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0
        self._over = threading.Event()
        os.mkfifo(path)
        self._thread = threading.Thread(target=self._write, daemon=True)

    @property
    def sent(self) -> bytes:
        """Everything that was taken, once it has ended."""
        self._thread.join(20)
        return _PIECE * self.written

    def end(self) -> None:
        """Let the file be over."""
        self._over.set()

    def _write(self) -> None:
        stop = time.monotonic() + _MOST_S
        with self.path.open("wb", buffering=0) as out:
            while not self._over.is_set() and time.monotonic() < stop:
                try:
                    out.write(_PIECE)
                except BrokenPipeError:
                    return
                self.written += 1
                time.sleep(_PAUSE_S)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        stop = time.monotonic() + 60
        while self._thread.is_alive() and time.monotonic() < stop:
            # If nobody opened it, take the part of the reader.
            os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))
            self._thread.join(0.05)
        assert not self._thread.is_alive(), "somebody still reads"

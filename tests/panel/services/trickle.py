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


class Trickle:
    """A named pipe that gives a piece every hundredth of a second; a context manager.

    Parameters
    ----------
    pieces : int
        Then it ends; by itself after a quarter of a minute.

    Attributes
    ----------
    written : int
        Pieces that were taken.
    """

    def __init__(self, path: Path, *, pieces: int = 1500) -> None:
        self.path = path
        self.written = 0
        self._pieces = pieces
        os.mkfifo(path)
        self._thread = threading.Thread(target=self._write, daemon=True)

    @property
    def sent(self) -> bytes:
        """Everything that was taken."""
        return _PIECE * self.written

    def _write(self) -> None:
        with self.path.open("wb", buffering=0) as out:
            for _ in range(self._pieces):
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
        if self._thread.is_alive():  # nobody opened it: take the part of the reader
            os.close(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))
        self._thread.join(20)
        assert not self._thread.is_alive(), "somebody still reads"

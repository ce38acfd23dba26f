"""The protocol's ends: a stdout of its own, and lines of bounded length from stdin.

At start the real stdout is kept for the protocol and fd 1 is pointed at stderr, so that a
stray print or a C library cannot corrupt a line.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import IO, TYPE_CHECKING

from flowanchor_engine.protocol import MAX_LINE_BYTES, LineError, write_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

__all__ = ["Channel", "claim_stdout", "lines"]

_PIECE_BYTES = 1 << 16


def claim_stdout() -> IO[bytes]:
    """Return the process's real stdout as a binary file and point fd 1 at stderr."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "wb", buffering=0)


class Channel:
    """Writes messages, whole, from any thread.

    Parameters
    ----------
    out : binary file
        The protocol's stdout.
    """

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._lock = threading.Lock()
        self.closed = threading.Event()

    def send(self, message: BaseModel) -> None:
        """Write one message; once the reader is gone, messages are dropped.

        A reader that is gone also closes stdin, which is what ends the process.
        """
        self.write(write_line(message))

    def write(self, line: bytes) -> None:
        """Write a finished line, newline included (see `send`)."""
        data = memoryview(line)
        with self._lock:
            try:
                while data:
                    data = data[self._out.write(data) or 0 :]
            except (BrokenPipeError, ValueError, OSError):
                self.closed.set()


def lines(source: IO[bytes]) -> Iterator[bytes | LineError]:
    """Yield lines until the end of the stream; a line too long is one error, then goes on.

    Parameters
    ----------
    source : unbuffered binary file
        Usually fd 0.
    """
    held = bytearray()
    dropping = 0
    descriptor = source.fileno()
    while piece := os.read(descriptor, _PIECE_BYTES):
        *whole, rest = piece.split(b"\n")
        for part in whole:
            if dropping:
                yield LineError(f"A line of {dropping + len(part)} bytes is too long.")
                dropping = 0
            else:
                line = bytes(held) + part
                if len(line) > MAX_LINE_BYTES:
                    yield LineError(f"A line of {len(line)} bytes is too long.")
                elif line.strip():
                    yield line
            held.clear()
        if dropping:
            dropping += len(rest)
        else:
            held += rest
            if len(held) > MAX_LINE_BYTES:
                dropping = len(held)
                held.clear()

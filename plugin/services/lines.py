"""Bytes from a pipe cut into lines of bounded length, whatever the pieces they come in."""

from __future__ import annotations

from flowanchor_engine.protocol import MAX_LINE_BYTES, LineError

__all__ = ["LineCutter"]


class LineCutter:
    """Cuts a stream into lines; a line that is too long is one error, and the next is heard.

    Parameters
    ----------
    limit_bytes : int
        Longest line, its newline not counted. No more than that is ever held.
    """

    def __init__(self, limit_bytes: int = MAX_LINE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._held = bytearray()
        self._dropped_bytes = 0

    def feed(self, piece: bytes) -> list[bytes | LineError]:
        """Take the next bytes; return the lines that they complete, without newlines."""
        *whole, rest = piece.split(b"\n")
        found: list[bytes | LineError] = []
        for part in whole:
            found.extend(self._complete(part))
        self._hold(rest)
        return found

    def end(self) -> list[bytes | LineError]:
        """Take the end of the stream; half a line is an error, because its writer died in it."""
        held = self._dropped_bytes + len(self._held)
        self._held.clear()
        self._dropped_bytes = 0
        return [LineError(f"The last line broke off after {held} bytes.")] if held else []

    def _complete(self, part: bytes) -> list[bytes | LineError]:
        self._hold(part)
        line, dropped = bytes(self._held), self._dropped_bytes
        self._held.clear()
        self._dropped_bytes = 0
        if dropped:
            return [LineError(f"A line of {dropped} bytes is too long.")]
        return [line] if line.strip() else []

    def _hold(self, part: bytes) -> None:
        if self._dropped_bytes:
            self._dropped_bytes += len(part)
            return
        self._held += part
        if len(self._held) > self._limit_bytes:
            self._dropped_bytes = len(self._held)
            self._held.clear()

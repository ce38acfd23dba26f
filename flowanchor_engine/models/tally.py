"""Bytes that were handled, and the checksums of what passed."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowanchor_engine.progress import Phase, Reporter

__all__ = ["BLOCK_BYTES", "Checksum", "Tally", "read_through"]

BLOCK_BYTES = 1 << 20
_SAY_EVERY_S = 0.1


class Tally:
    """Reports bytes of a phase at most ten times a second, and hears a stop with every block."""

    def __init__(self, report: Reporter, phase: Phase, total: int) -> None:
        self._report, self._phase, self.total = report, phase, total
        self.done = 0
        self._said = float("-inf")
        self._say()

    def add(self, count: int) -> None:
        """Count bytes; negative where they have to be fetched again.

        Raises
        ------
        Cancelled
        """
        self.done += count
        if time.monotonic() - self._said >= _SAY_EVERY_S or self.done >= self.total:
            self._say()
        self._report.check()

    def _say(self) -> None:
        self._said = time.monotonic()
        self._report.phase(self._phase, max(0, min(self.done, self.total)), self.total)


class Checksum:
    """SHA-256 of bytes that pass, and Git's name of them where only that is known.

    Parameters
    ----------
    size : int
        Bytes of the whole file; a part of Git's name.
    """

    def __init__(self, size: int) -> None:
        self._sha256 = hashlib.sha256()
        self._git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)

    def add(self, block: bytes) -> None:
        """Take in bytes."""
        self._sha256.update(block)
        self._git.update(block)

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits."""
        return self._sha256.hexdigest()

    @property
    def git_sha1(self) -> str:
        """40 hexadecimal digits."""
        return self._git.hexdigest()


def read_through(path: Path, checksum: Checksum, tally: Tally) -> None:
    """Feed a file into a checksum.

    Raises
    ------
    Cancelled
    """
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            checksum.add(block)
            tally.add(len(block))

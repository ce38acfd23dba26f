"""One panel per data folder: a lock, its holder's pid, and a way to ask it to the front.

The lock belongs to the process and falls with it, however it ends. A second panel reads the
first one's pid, leaves a file in the mailbox and ends; the first watches for that file.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["LOCK_FILE", "RAISE_FILE", "InstanceLock", "RaiseBox"]

LOCK_FILE: Final = "panel.lock"
PID_FILE: Final = "panel.pid"
RAISE_FILE: Final = "panel.raise"

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


class InstanceLock:
    """The right to be the one panel of a data folder.

    Parameters
    ----------
    folder : Path
        Where jobs and takes are kept; made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process is the one."""
        return self._handle is not None

    def acquire(self) -> bool:
        """Try to become the one; False if another process is.

        Raises
        ------
        OSError
            The folder cannot be made or written.
        """
        if self._handle is not None:
            return True
        self.folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(self.folder / LOCK_FILE, flags, 0o600)
        if not _try_lock(handle):
            os.close(handle)
            return False
        self._handle = handle
        # In a file of its own: Windows lets nobody read a locked one.
        temporary = self.folder / f"{PID_FILE}.{os.getpid()}.tmp"
        temporary.write_text(f"{os.getpid()}\n", encoding="ascii")
        temporary.replace(self.folder / PID_FILE)
        return True

    def holder(self) -> int | None:
        """Return the pid of the panel that holds the lock, None if it is not known."""
        try:
            pid = int((self.folder / PID_FILE).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return pid if pid > 0 else None

    def release(self) -> None:
        """Give the lock back; may be called twice."""
        if self._handle is None:
            return
        (self.folder / PID_FILE).unlink(missing_ok=True)
        os.close(self._handle)  # closing unlocks
        self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class RaiseBox:
    """The wish of a second panel that the first one comes to the front.

    The first one watches `folder` and calls `take` when something changes there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / RAISE_FILE

    def ask(self, *arguments: str) -> None:
        """Leave the wish, with what the second panel was started with (a clip's path)."""
        temporary = self.folder / f"{RAISE_FILE}.{os.getpid()}.tmp"
        lines = [f"{time.time():.3f}", *arguments]
        temporary.write_text("\n".join(line.replace("\n", " ") for line in lines), encoding="utf-8")
        temporary.replace(self._file)

    def take(self) -> tuple[str, ...] | None:
        """Return the arguments of a wish and remove it; None if there is none."""
        mine = self.folder / f"{RAISE_FILE}.{os.getpid()}.taken.tmp"
        try:
            self._file.replace(mine)  # only one reader gets it
            text = mine.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        mine.unlink(missing_ok=True)
        return tuple(text.split("\n")[1:])

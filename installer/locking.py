"""One installer at a time: a lock of the operating system, freed even by a kill.

On POSIX the children that fill an environment inherit the lock: if the installer is killed
while one of them still writes, the next installer waits for it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import IO, TYPE_CHECKING

from installer.console import StepFailed

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["Lock", "at_work"]

_NAME = ".installer-lock"
_ORPHAN_S = 120  # how long to wait for what a killed installer has left running


class Lock:
    """Holds a folder against other installers; a context manager.

    Raises
    ------
    StepFailed
        Another installer works in this folder, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._owner = folder / f"{_NAME}.owner"
        self._file: IO[bytes] | None = None

    @property
    def files(self) -> tuple[Path, Path]:
        """What the lock leaves in the folder."""
        return self._path, self._owner

    @property
    def handles(self) -> tuple[int, ...]:
        """What a child has to inherit to hold the lock too."""
        return (self._file.fileno(),) if self._file is not None and os.name == "posix" else ()

    def __enter__(self) -> Self:
        """Take the lock or fail."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + _ORPHAN_S
        while True:
            file = self._path.open("a+b")
            if not _try(file):
                file.close()
                if self._owner_is_dead() and time.monotonic() < deadline:
                    time.sleep(0.05)
                    continue
                raise StepFailed(
                    "Begin",
                    f"another installer is at work in {self._path.parent}{self._who()}",
                    "Wait until it has finished, then run this again.",
                )
            with contextlib.suppress(OSError):
                facts = os.fstat(file.fileno())
                # Whoever held it before may have deleted the file while this one waited.
                if os.name != "posix" or self._path.stat().st_ino == facts.st_ino:
                    break
            file.close()
        self._file = file
        with contextlib.suppress(OSError):  # on a full disk the lock holds without its name
            self._owner.write_text(str(os.getpid()), encoding="ascii")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the lock; its files go, so that an emptied folder can go too."""
        with contextlib.suppress(OSError):
            self._owner.unlink()
        if os.name == "posix":
            with contextlib.suppress(OSError):
                self._path.unlink()
        if self._file is not None:
            self._file.close()
        if os.name != "posix":
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _owner_number(self) -> int | None:
        try:
            return int(self._owner.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _owner_is_dead(self) -> bool:
        number = self._owner_number()
        if number is None or os.name != "posix":
            return False
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def _who(self) -> str:
        number = self._owner_number()
        return f" (process {number})" if number is not None else ""


def at_work(folder: Path) -> int | None:
    """Return the process of the installer that works in a folder now, None where none does."""
    lock = Lock(folder)
    number = lock._owner_number()
    return None if number is None or lock._owner_is_dead() else number


def _try(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

"""One installer at a time: a lock of the operating system, freed even by a kill."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO, TYPE_CHECKING

from installer.console import StepFailed

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

__all__ = ["Lock"]

_NAME = ".installer-lock"


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

    def __enter__(self) -> Self:
        """Take the lock at once or fail."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = self._path.open("a+b")
            if not _try(file):
                file.close()
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

    def _who(self) -> str:
        try:
            return f" (process {int(self._owner.read_text(encoding='ascii'))})"
        except (OSError, ValueError):
            return ""


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

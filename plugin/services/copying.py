"""Copies of results, made beside the window: whole under their name, or not there at all."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QThread, Slot
from typing_extensions import override

from plugin.services import marks
from plugin.state.errors import OriginalError

__all__ = ["CopyService", "is_full"]

_log = logging.getLogger(__name__)
_PIECE: Final = 1 << 20
# Synced as it goes: one sync of everything at the end cannot be stopped and takes minutes.
_SYNC_EVERY: Final = 64 << 20
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_ON_WINDOWS: Final = frozenset({39, 112})  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL


class CopyService(QObject):
    """Copies one file or one folder at a time in a thread of its own, which it joins."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work: _Work | None = None
        self._done: Callable[[], object] = _nothing
        self._failed: Callable[[OSError], object] = _nothing
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a copy is being made."""
        return self._work is not None

    def copy(
        self,
        source: Path,
        target: Path,
        done: Callable[[], object],
        failed: Callable[[OSError], object],
        *,
        over: bool = True,
        originals: Iterable[str] = (),
    ) -> None:
        """Begin a copy; one of the functions is called when it ends, neither after `close`.

        Parameters
        ----------
        source : Path
            A file, or a folder with everything in it.
        target : Path
            Its folder exists. A file there is replaced at the end, in one step; a folder there
            has to be empty. Until then, and where the copy fails, it stays what it was.
        done : callable
        failed : callable
            Gets the OSError: `shutil.SameFileError` where the target is the source or lies
            in it, `OriginalError`, one of which `is_full` is true where the drive has no room.
        over : bool
            Replace a file; else it is a FileExistsError.
        originals : iterable of str
            Files, folders or sequences (see `marks.mark_of`) of which none is ever replaced.

        Raises
        ------
        RuntimeError
            Another copy is being made.
        """
        if self._work is not None:
            msg = "a copy is being made"
            raise RuntimeError(msg)
        if self._closed:
            return
        self._done, self._failed = done, failed
        kept = tuple(dict.fromkeys(originals))
        self._work = _Work(source, target, over=over, originals=kept, parent=self)
        self._work.finished.connect(self._ended)
        self._work.start()

    def close(self) -> None:
        """Stop the copy that is being made, remove what there is of it, begin no other."""
        self._closed = True
        work = self._leave()
        if work is not None:
            work.requestInterruption()
            work.wait()
            work.deleteLater()

    @Slot()
    def _ended(self) -> None:
        done, failed = self._done, self._failed
        work = self._leave()
        if work is None:  # closed meanwhile
            return
        work.wait()
        work.deleteLater()
        if work.error is None:
            done()
        else:
            _log.info("%s is not copied to %s: %s", work.source, work.target, work.error)
            failed(work.error)

    def _leave(self) -> _Work | None:
        work, self._work = self._work, None
        self._done = self._failed = _nothing
        return work


def is_full(error: OSError) -> bool:
    """Whether an error says that a drive, or a person's share of it, has no room left."""
    return error.errno in _FULL or getattr(error, "winerror", None) in _FULL_ON_WINDOWS


class _StoppedError(OSError):
    """The copy was stopped."""


class _Work(QThread):
    """One copy.

    Attributes
    ----------
    error : OSError or None
        Why there is no copy; to be read once the thread has ended.
    """

    def __init__(
        self,
        source: Path,
        target: Path,
        *,
        over: bool,
        originals: tuple[str, ...],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.source = source
        self.target = target
        self.error: OSError | None = OSError("The copy ended early.")
        self._over = over
        self._originals = originals
        # Hidden, found by `remove_leftovers`, and no name that a person would give.
        self._partial = target.with_name(f".{target.name}.partial-copy")
        self._unsynced = 0

    @override
    def run(self) -> None:
        try:
            self._check()
            try:
                _remove(self._partial)  # of a panel that was killed
                self._write()
                self._take_the_name()
            finally:
                _remove(self._partial)
        except OSError as error:
            self.error = error
        else:
            self.error = None

    def _check(self) -> None:
        """Refuse what cannot end well before gigabytes are read."""
        source, target = self.source, self.target
        folder = source.is_dir()
        if target.exists():
            if target.samefile(source):
                raise shutil.SameFileError(errno.EEXIST, "the copy is the original", str(target))
            if any(marks.names(path, target) for path in self._originals):
                raise OriginalError(
                    f"{target.name} belongs to a shot, a matte or another take. "
                    "Choose another name.",
                    hint=["other_name"],
                    detail=str(target),
                )
            taken = not folder or any(target.iterdir()) if target.is_dir() else folder
            if taken or not (self._over or target.is_dir()):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        if folder and source.resolve() in target.resolve().parents:
            raise shutil.SameFileError(errno.EEXIST, "the copy lies in the original", str(target))
        room = shutil.disk_usage(target.parent)
        needed = sum(path.stat().st_size for path in self._files())
        if room.total and needed > room.free:  # some network drives do not say
            reason = f"{needed} bytes are needed, {room.free} are free"
            raise OSError(errno.ENOSPC, reason, str(target.parent))

    def _files(self) -> list[Path]:
        if not self.source.is_dir():
            return [self.source]
        places = os.walk(self.source, onerror=_raise)
        return sorted(Path(place, name) for place, _, names in places for name in names)

    def _write(self) -> None:
        if not self.source.is_dir():
            self._copy(self.source, self._partial)
            return
        self._partial.mkdir()
        folders = {self._partial}
        for path in self._files():
            copy = self._partial / path.relative_to(self.source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            folders.add(copy.parent)
            self._copy(path, copy)
        for folder in folders:
            _sync_folder(folder)

    def _copy(self, source: Path, target: Path) -> None:
        piece = memoryview(bytearray(_PIECE))
        with source.open("rb", buffering=0) as given, target.open("xb", buffering=0) as out:
            while count := given.readinto(piece):
                self._stop_if_asked()
                rest = piece[:count]
                while rest:
                    rest = rest[out.write(rest) :]
                self._unsynced += count
                if self._unsynced >= _SYNC_EVERY:
                    os.fsync(out.fileno())
                    self._unsynced = 0
            self._stop_if_asked()
            os.fsync(out.fileno())

    def _take_the_name(self) -> None:
        self._stop_if_asked()
        if self._partial.is_dir() and self.target.exists():
            self.target.rmdir()  # empty, or this is refused
        self._partial.replace(self.target)
        _sync_folder(self.target.parent)

    def _stop_if_asked(self) -> None:
        if self.isInterruptionRequested():
            raise _StoppedError(errno.ECANCELED, "stopped", str(self.target))


def _sync_folder(path: Path) -> None:
    """Let a name survive a power cut, where the drive can promise that."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _raise(error: OSError) -> None:
    raise error


def _nothing(_error: OSError | None = None) -> None:
    """Nobody waits."""

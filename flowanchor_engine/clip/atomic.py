"""Results appear whole or not at all: room on the disk first, a temporary name, a rename."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil

from flowanchor_engine.errors import DiskError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_empty", "check_room", "foresee", "new_file", "new_folder", "write_text"]


def foresee(target: Path, need_bytes: int) -> None:
    """Tell before the work what would keep its result from being written; makes nothing.

    What killed processes left of this very result goes first: it may be gigabytes.

    Raises
    ------
    OutputError
        The name cannot be a file's, or its folder cannot be made or written.
    DiskError
        Code ``disk``: too little space.
    """
    if not target.name or "\0" in str(target):
        raise OutputError(
            f"“{target}” cannot be the name of a result.",
            hint=["choose_folder"],
            detail=repr(target),
        )
    try:
        os.lstat(_beside(target))  # the longest name that is made; there is no such file yet
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    _sweep(target)
    try:
        there = next(path for path in target.absolute().parents if path.exists())
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise OutputError(f"{there} may not be written.", hint=["choose_folder"])
    _check_free(free, need_bytes, target.parent)


def check_room(target: Path, need_bytes: int) -> None:
    """Make sure that a result fits, without what killed processes left of it.

    Raises
    ------
    OutputError
        The folder cannot be made or written.
    DiskError
        Code ``disk``: too little space.
    """
    folder = target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder} may not be written.", hint=["choose_folder"])
    _check_free(free, need_bytes, folder)


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{folder} cannot take the result.", hint=["choose_folder"], detail=str(error)
    )


def _check_free(free: int, need_bytes: int, folder: Path) -> None:
    if free < need_bytes:
        raise DiskError(
            f"{free / 1e9:.1f} GB free, {need_bytes / 1e9:.1f} GB needed in {folder}.",
            hint=["open_folder", "clear_takes"],
        )


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Give a temporary file name beside `target` and rename it when the block ends well.

    Raises
    ------
    OutputError
        The file cannot be made or renamed.
    """
    temporary = _beside(target)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"{target} cannot be written.", hint=["choose_folder"], detail=str(error)
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(target: Path, text: str) -> None:
    """Write a text file, and its folder if need be, whole or not at all.

    Raises
    ------
    OutputError
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written.", hint=["choose_folder"], detail=str(error)
        ) from error
    with new_file(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.stem}.partial-{_writer()}{target.suffix}")


def _writer() -> str:
    """Name this process among those of every computer that writes to a shared folder."""
    return f"{_host()}-{os.getpid()}"


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _sweep(target: Path) -> None:
    """Delete what killed processes of this computer left of a result, file or folder."""
    names = {(f".{target.stem}.partial-", target.suffix), (f".{target.name}.partial-", "")}
    left = re.compile(
        "|".join(
            f"{re.escape(start + _host())}-([0-9]{{1,9}}){re.escape(end)}" for start, end in names
        )
    )
    with suppress(OSError):
        for path in list(target.parent.iterdir()):
            found = left.fullmatch(path.name)
            number = next((part for part in found.groups() if part), "") if found else ""
            if not number or psutil.pid_exists(int(number)):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def check_empty(target: Path) -> None:
    """Refuse to put images into a folder that holds something already.

    Raises
    ------
    OutputError
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(
            f"{target} already exists and is not empty.", hint=["choose_folder"], detail=str(target)
        )


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Like `new_file` for a folder of images; an existing folder must be empty.

    Raises
    ------
    OutputError
    """
    check_empty(target)
    temporary = target.with_name(f".{target.name}.partial-{_writer()}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.iterdir():
            _sync(file)
        if target.exists():
            target.rmdir()
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"{target} cannot be written.", hint=["choose_folder"], detail=str(error)
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    if os.name == "nt":
        return  # folders cannot be synced there
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Results appear whole or not at all: room on the disk first, a temporary name, a rename."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flowanchor_engine.errors import DiskError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["check_room", "new_file", "new_folder"]


def check_room(target: Path, need_bytes: int) -> None:
    """Make sure that a result fits.

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
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise OutputError(
            f"{folder} cannot take the result.", hint=["choose_folder"], detail=str(error)
        ) from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder} may not be written.", hint=["choose_folder"])
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
    temporary = target.with_name(f".{target.stem}.partial-{os.getpid()}{target.suffix}")
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


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Like `new_file` for a folder of images; an existing folder must be empty.

    Raises
    ------
    OutputError
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(
            f"{target} already exists and is not empty.", hint=["choose_folder"], detail=str(target)
        )
    temporary = target.with_name(f".{target.name}.partial-{os.getpid()}")
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

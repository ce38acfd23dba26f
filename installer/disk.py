"""Changes on disk, whole or not at all, and their failures in words."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from pathlib import Path

from installer.console import StepFailed

__all__ = [
    "TEMPORARY",
    "failed",
    "read_text",
    "remove",
    "remove_tree",
    "sha256",
    "sync_folder",
    "temporary_of",
    "write",
]

TEMPORARY = ".flowanchor-tmp"

_OWNER = "Run this as the user who owns it, or choose another place{by}."
_REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space and run the same command again."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space and run the same command again."),
    errno.EROFS: ("this disk can only be read", "Choose another place{by}."),
    errno.EACCES: ("this user may not read or write there", _OWNER),
    errno.EPERM: ("this user may not read or write there", _OWNER),
    errno.ENOTDIR: ("a part of that path is a file, not a folder", "Choose another place{by}."),
    errno.EISDIR: ("a folder is there, not a file", "Move it away and run the same command again."),
    errno.ENAMETOOLONG: ("the path is too long", "Choose a shorter one{by}."),
}


def failed(step: str, error: OSError, *, by: str = " with --folder") -> StepFailed:
    """Return a failure of the disk as a failed step with its reason and a way out.

    Parameters
    ----------
    by : str
        How the person names another place to this command.
    """
    reason, way_out = _REASONS.get(
        error.errno or 0,
        (error.strerror or str(error), "Mend that and run the same command again; it continues."),
    )
    where = f"{error.filename}: " if error.filename else ""
    return StepFailed(step, f"{where}{reason}", way_out.format(by=by))


def write(path: Path, data: bytes | str, *, executable: bool = False) -> None:
    """Write a file under a temporary name, flush it to the disk and rename it into place."""
    raw = data.encode("utf-8") if isinstance(data, str) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(path)
    try:
        with temporary.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if executable:
            temporary.chmod(0o755)
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def temporary_of(path: Path) -> Path:
    """Return the name under which a file is written before it gets its own.

    Always the same one: what a kill leaves there is found and replaced or deleted.
    """
    return path.with_name(f".{path.name}{TEMPORARY}")


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_text(path: Path) -> str | None:
    """Return a file's text, None where there is none or it is no text.

    Raises
    ------
    OSError
        It is there, but this user may not read it or the disk does not give it.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, UnicodeDecodeError):
        return None


def sha256(path: Path) -> str | None:
    """Return the checksum of a file, None where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def remove(path: Path) -> None:
    """Delete a file or link; a missing one is fine, a read-only one on Windows too."""
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:
        return
    except PermissionError:
        path.chmod(stat.S_IWRITE | stat.S_IREAD)
        path.unlink(missing_ok=True)


def remove_tree(folder: Path) -> None:
    """Delete a folder of ours; it loses its name first, so that a half of it is no whole."""
    if folder.is_symlink():
        folder.unlink()
        return
    if not folder.exists():
        return
    gone = folder
    if not folder.name.startswith(".gone-"):
        gone = folder.with_name(f".gone-{folder.name}-{os.getpid()}")
        folder.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)

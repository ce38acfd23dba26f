"""Where files lie: network drives, and what a crash left behind."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["mount_type", "on_network", "remove_leftovers"]

_log = logging.getLogger(__name__)

_NETWORK: Final = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afp", "afpfs", "webdav"),
        *("davfs", "fuse.sshfs", "fuse.rclone", "fuse.davfs2", "fuse.smbnetfs", "9p", "afs"),
        *("ncpfs", "ceph", "glusterfs", "fuse.glusterfs", "lustre", "beegfs"),
    }
)


def on_network(folder: Path) -> bool:
    """Whether a folder is known to lie on a network drive; False where nobody can tell."""
    if sys.platform == "win32":
        return _windows_remote(folder)
    try:
        if sys.platform == "darwin":
            done = subprocess.run(
                ["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False
            )
            kind = mount_type(_darwin_table(done.stdout), folder.resolve())
        else:
            text = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
            kind = mount_type(_linux_table(text), folder.resolve())
    except (OSError, subprocess.SubprocessError) as error:
        _log.info("cannot tell on what kind of drive %s lies: %s", folder, error)
        return False
    return kind in _NETWORK


def mount_type(table: dict[str, str], folder: Path) -> str:
    """Return the file system of the mount that holds a folder, '' if none does.

    Parameters
    ----------
    table : dict of str to str
        File system by mount point.
    """
    for parent in (folder, *folder.parents):
        if (kind := table.get(str(parent))) is not None:
            return kind
    return ""


def remove_leftovers(folder: Path) -> tuple[Path, ...]:
    """Remove the half-written files that a killed engine left among the takes.

    Only names that the product itself gives while writing: ``*.tmp`` and hidden
    ``.name.partial-123``. Call it under the panel's lock, before an engine is started.
    """
    removed = []
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    for name in names:
        if not (name.endswith(".tmp") or (name.startswith(".") and ".partial-" in name)):
            continue
        path = folder / name
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            _log.warning("%s stays behind: %s", path, error)
            continue
        removed.append(path)
    return tuple(removed)


def _linux_table(text: str) -> dict[str, str]:
    table = {}
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) >= 3:
            place = parts[1]
            for code, letter in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
                place = place.replace(code, letter)
            table[place] = parts[2]
    return table


def _darwin_table(text: str) -> dict[str, str]:
    table = {}
    for line in text.splitlines():
        source, found, rest = line.partition(" on ")
        place, opened, options = rest.rpartition(" (")
        if found and opened and source:
            table[place] = options.partition(",")[0].rstrip(")")
    return table


def _windows_remote(folder: Path) -> bool:
    text = str(folder.absolute())
    if text.startswith(("\\\\?\\UNC\\", "//?/UNC/")):
        return True
    if text.startswith(("\\\\", "//")) and not text.startswith(("\\\\?\\", "\\\\.\\")):
        return True
    if sys.platform != "win32":
        return False
    import ctypes

    remote = 4
    return bool(ctypes.windll.kernel32.GetDriveTypeW(folder.absolute().anchor) == remote)

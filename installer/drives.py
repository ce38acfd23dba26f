"""Folders: free space with headroom, folders that synchronise, drives on the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["HEADROOM", "free_bytes", "is_network", "needed_bytes", "sync_service"]

HEADROOM = 0.2  # of what is written, kept free besides
_SYNC_NAMES = {
    "onedrive": "OneDrive",
    "dropbox": "Dropbox",
    "mobile documents": "iCloud Drive",
    "com~apple~clouddocs": "iCloud Drive",
    "icloud drive": "iCloud Drive",
    "iclouddrive": "iCloud Drive",
    "cloudstorage": "a cloud drive",
    "google drive": "Google Drive",
    "googledrive": "Google Drive",
    "my drive": "Google Drive",
    "nextcloud": "Nextcloud",
    "owncloud": "ownCloud",
    "pcloud drive": "pCloud",
    "box sync": "Box",
    "syncthing": "Syncthing",
}
_NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "webdav", "davfs", "9p", "ceph", "glusterfs",
     "lustre", "beegfs", "fuse.sshfs", "fuse.rclone", "fuse.davfs2", "gpfs"}
)  # fmt: skip


def nearest(folder: Path) -> Path:
    """Return `folder` or the deepest of its parents that exists."""
    found = folder.absolute()
    while not found.exists() and found != found.parent:
        found = found.parent
    return found


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk on which `folder` is or will be."""
    return shutil.disk_usage(nearest(folder)).free


def needed_bytes(*parts: int) -> int:
    """Return what must be free to write these parts: their sum and the headroom."""
    return int(sum(parts) * (1 + HEADROOM))


def sync_service(folder: Path, env: Mapping[str, str]) -> str | None:
    """Return the name of the service that copies `folder` to other computers, if one does.

    A synchronised environment is broken by every half-copied file, and gigabytes of weights
    fill the person's cloud.
    """
    for variable in ("OneDrive", "OneDriveConsumer", "OneDriveCommercial"):
        root = env.get(variable)
        if root and _inside(folder, Path(root)):
            return "OneDrive"
    for part in folder.absolute().parts:
        name = part.lower()
        for known, service in _SYNC_NAMES.items():
            # "OneDrive - Studio" and "Dropbox (Work)" are theirs, "onedriver" is not.
            if name == known or name.startswith((f"{known} ", f"{known}-", f"{known} (")):
                return service
    return None


def is_network(folder: Path, mounts: Iterable[tuple[str, str]] | None = None) -> bool:
    """Return whether `folder` lies on a drive of another computer.

    Parameters
    ----------
    folder : Path
    mounts : iterable of (str, str), optional
        Mount points and their file systems; by default those of this system.
    """
    if mounts is None and sys.platform == "win32":
        return _windows_network(folder)
    best, kind = "", ""
    text = str(nearest(folder))
    for point, system in _mounts() if mounts is None else mounts:
        if len(point) >= len(best) and _inside(Path(text), Path(point)):
            best, kind = point, system
    return kind.lower() in _NETWORK_TYPES


def _inside(folder: Path, root: Path) -> bool:
    try:
        folder.absolute().relative_to(root.absolute())
    except ValueError:
        return False
    return True


def _mounts() -> list[tuple[str, str]]:
    table = Path("/proc/self/mounts")
    if table.exists():
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
        fields = [line.split(" ") for line in lines]
        # Blanks in mount points are written as \040.
        return [(f[1].replace("\\040", " "), f[2]) for f in fields if len(f) > 2]
    try:
        done = subprocess.run(
            ["mount"], capture_output=True, encoding="utf-8", errors="replace", timeout=10,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = []
    for line in done.stdout.splitlines():  # //host/share on /Volumes/x (smbfs, nodev, ...)
        _, on, rest = line.partition(" on ")
        point, bracket, kind = rest.rpartition(" (")
        if on and bracket:
            found.append((point, kind.split(",")[0].rstrip(")")))
    return found


def _windows_network(folder: Path) -> bool:
    drive = os.path.splitdrive(folder.absolute())[0]
    if drive.startswith("\\\\"):
        return True
    if sys.platform == "win32":
        import ctypes

        return bool(ctypes.windll.kernel32.GetDriveTypeW(f"{drive}\\") == 4)
    return False

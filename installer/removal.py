"""Uninstalling: deletes what is listed, gives the person's files back, leaves the rest alone."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path
from typing import TYPE_CHECKING

from installer import disk, placing
from installer.console import StepFailed, size
from installer.versions import LARGE_BYTES

if TYPE_CHECKING:
    from installer.console import Console
    from installer.journal import Journal
    from installer.manifest import Manifest
    from installer.versions import Installation

__all__ = ["finish_removal", "require_removable", "uninstall"]


def require_removable(installation: Installation, manifest: Manifest, journal: Journal) -> None:
    """Refuse to uninstall where something would be lost or is in use.

    Raises
    ------
    StepFailed
    """
    if not (manifest.exists or installation.names() or journal.operation):
        raise StepFailed(
            "Uninstall",
            f"FlowAnchor is not installed in {installation.folder}",
            "Name its folder with --folder.",
        )
    if not manifest.exists and not journal.operation:
        raise StepFailed(
            "Uninstall",
            f"{manifest.path}, the list of what belongs to it, is gone",
            "Run `repair`, which writes it again, then uninstall.",
        )
    if used := installation.in_use():
        raise StepFailed(
            "Uninstall",
            f"FlowAnchor is running (process {used[0]})",
            "Close the panel and run this again.",
        )
    large = [(path, count) for path, count in installation.unexpected() if count > LARGE_BYTES]
    if large:
        path, count = large[0]
        more = f" and {len(large) - 1} more" if len(large) > 1 else ""
        raise StepFailed(
            "Uninstall",
            f"{path} ({size(count)}){more} is not of the installation",
            "Move what is yours to another folder and run this again.",
        )


def uninstall(
    installation: Installation, manifest: Manifest, journal: Journal, console: Console
) -> list[Path]:
    """Uninstall; return what stays in place because it is not ours or was changed.

    Raises
    ------
    StepFailed
        Nothing was touched.
    """
    require_removable(installation, manifest, journal)
    try:
        if journal.operation != "uninstall":
            _begin(installation, journal)
        left = finish_removal(installation, manifest, journal)
    except OSError as error:
        raise disk.failed("Uninstall", error) from error
    console.say("✓ FlowAnchor is uninstalled")
    return left


def _begin(installation: Installation, journal: Journal) -> None:
    def begin() -> None:
        journal.begin("uninstall", version="", previous=installation.pointed(), fingerprint="")

    try:
        begin()
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        # Uninstalling is how a full disk is emptied: the log makes room for its journal.
        disk.remove(installation.log)
        begin()


def finish_removal(installation: Installation, manifest: Manifest, journal: Journal) -> list[Path]:
    """Do, or go on with, a removal that the journal tells of; return what stays."""
    installation.sweep()
    left = [path for path, _ in installation.unexpected()]
    installation.unpoint()  # from here on nobody takes it for installed
    # The large part first: giving the person's files back needs room, and a disk may be full.
    for name in installation.names():
        installation.remove_version(name)
    left += placing.take_away(manifest, installation.backups)
    folder = installation.folder
    installation.remove_own()
    with contextlib.suppress(OSError):
        left += sorted(installation.backups.iterdir())  # no list tells whose they are
        installation.backups.rmdir()
    with contextlib.suppress(OSError):
        (folder / "versions").rmdir()
    installation.sweep()
    disk.remove(manifest.path)
    manifest.exists = False
    journal.close()
    return left

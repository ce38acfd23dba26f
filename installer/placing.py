"""Files outside the installation folder: put there, taken away again, the person's own kept.

Before a file is touched the manifest on disk says what will lie there and where the person's
file went. Whatever happens afterwards, a later run knows whose the file is by its checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installer import disk
from installer.manifest import Backup, Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from installer.manifest import Manifest

__all__ = ["Wanted", "in_order", "place", "take_away", "withdraw"]


@dataclass(frozen=True)
class Wanted:
    """One file that should lie somewhere.

    Parameters
    ----------
    path : Path
    data : bytes
    kind : str
        ``script`` or ``menu``.
    executable : bool
    """

    path: Path
    data: bytes
    kind: str = "script"
    executable: bool = False

    @property
    def sha256(self) -> str:
        """The checksum of `data`."""
        return hashlib.sha256(self.data).hexdigest()


def in_order(wanted: Iterable[Wanted], manifest: Manifest) -> list[Wanted]:
    """Return those of the files that are missing or different."""
    return [
        each
        for each in wanted
        if disk.sha256(each.path) != each.sha256 or manifest.entry(each.path) is None
    ]


def place(wanted: Iterable[Wanted], manifest: Manifest, backups: Path) -> list[Path]:
    """Put the files there; return which of the person's own files were set aside.

    Parameters
    ----------
    wanted : iterable of Wanted
    manifest : Manifest
        Saved before every change.
    backups : Path
        The folder for files that lay in the way.
    """
    aside = []
    _drop_spare(manifest, backups)
    for each in wanted:
        entry = manifest.files.setdefault(str(each.path), Entry(kind=each.kind))
        have = disk.sha256(each.path)
        if have == each.sha256 and each.sha256 in entry.ours and not each.path.is_symlink():
            continue
        # What is ours to the last byte is ours, also where the list of it was lost.
        known = {each.sha256, *entry.ours}
        theirs = each.path.is_symlink() or (have is not None and have not in known)
        if theirs and not _is_backed_up(each.path, entry, backups):
            _set_aside(each.path, entry, manifest, backups)
            aside.append(each.path)
        if each.sha256 not in entry.ours:
            entry.ours.append(each.sha256)
        _remember_folders(each.path.parent, manifest)
        manifest.save()
        disk.write(each.path, each.data, executable=each.executable)
    return aside


def withdraw(paths: Iterable[Path], manifest: Manifest, backups: Path) -> list[Path]:
    """Take single files away again and forget them; return what was left because it is changed."""
    left = []
    for path in paths:
        if manifest.entry(path) is not None and not _take_one(path, manifest, backups):
            left.append(path)
    return left


def take_away(manifest: Manifest, backups: Path) -> list[Path]:
    """Take every file of the manifest away and give the person's own back.

    Returns
    -------
    list of Path
        Files that the person has changed since; they stay.
    """
    _drop_spare(manifest, backups)
    left = withdraw([Path(name) for name in list(manifest.files)], manifest, backups)
    for name in sorted(manifest.folders, key=len, reverse=True):
        folder = Path(name)
        with contextlib.suppress(OSError):
            folder.rmdir()
        if not folder.exists():
            manifest.folders.remove(name)
            manifest.save()
    return left


def _take_one(path: Path, manifest: Manifest, backups: Path) -> bool:
    """Take one file away; return False if what lies there is not ours and stays."""
    entry = manifest.files[str(path)]
    disk.remove(disk.temporary_of(path))
    have = disk.sha256(path)
    ours = have in entry.ours and not path.is_symlink()
    stays = not ours and (have is not None or path.is_symlink())
    if ours and not entry.backups:
        disk.remove(path)
    if stays and _is_backed_up(path, entry, backups):
        _drop_newest(entry, manifest, backups)  # set aside, but never replaced
    # Newest first: what lay there last gets its name back, older ones are laid beside it. A
    # backup is forgotten only after it lies there again, so a kill loses nothing.
    taken = stays
    while entry.backups:
        backup = entry.backups[-1]
        _give_back(backup, _free_name(path) if taken else path, backups)
        taken = True
        if len(entry.backups) == 1:
            del manifest.files[str(path)]
        _drop_newest(entry, manifest, backups)
    if manifest.files.pop(str(path), None) is not None:
        manifest.save()
    return not stays


def _drop_newest(entry: Entry, manifest: Manifest, backups: Path) -> None:
    backup = entry.backups.pop()
    if backup.stored:
        manifest.spare.append(backup.stored)
    manifest.save()
    _drop_spare(manifest, backups)


def _is_backed_up(path: Path, entry: Entry, backups: Path) -> bool:
    """Whether the newest backup is what lies at `path` now: a kill came before the exchange."""
    if not entry.backups:
        return False
    newest = entry.backups[-1]
    if path.is_symlink() or newest.link:
        return path.is_symlink() and os.readlink(path) == newest.link
    return disk.sha256(path) == disk.sha256(backups / newest.stored)


def _drop_spare(manifest: Manifest, backups: Path) -> None:
    """Delete the copies that are listed as spare: their originals lie in place."""
    if not manifest.spare:
        return
    for name in manifest.spare:
        disk.remove(backups / name)
    manifest.spare = []
    manifest.save()


def _give_back(backup: Backup, target: Path, backups: Path) -> None:
    if backup.link:
        disk.remove(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(backup.link)
    elif (backups / backup.stored).is_file():
        _copy(backups / backup.stored, target)


def _free_name(path: Path) -> Path:
    number = 1
    while True:
        suffix = "" if number == 1 else f"-{number}"
        found = path.with_name(f"{path.name}.before-flowanchor{suffix}")
        if not found.exists() and not found.is_symlink():
            return found
        number += 1


def _set_aside(path: Path, entry: Entry, manifest: Manifest, backups: Path) -> None:
    if path.is_symlink():
        entry.backups.append(Backup(link=os.readlink(path)))
        return
    name = f"{secrets.token_hex(6)}-{path.name}"
    manifest.spare.append(name)  # until an entry names it and the caller has saved that
    manifest.save()
    _copy(path, backups / name)
    manifest.spare.remove(name)
    entry.backups.append(Backup(stored=name))


def _copy(path: Path, target: Path) -> None:
    """Copy a file with its rights and times, whole or not at all."""
    disk.write(target, path.read_bytes())
    with contextlib.suppress(OSError):
        shutil.copystat(path, target)


def _remember_folders(folder: Path, manifest: Manifest) -> None:
    """Note the folders that do not exist yet; they are ours to remove when empty."""
    while not folder.exists() and folder != folder.parent:
        if str(folder) not in manifest.folders:
            manifest.folders.append(str(folder))
        folder = folder.parent

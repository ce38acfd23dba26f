"""Keeps pictures that can be made again below a limit; what is used longest ago goes first."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

__all__ = ["LIMIT_BYTES", "trim"]

_log = logging.getLogger(__name__)
LIMIT_BYTES: Final = 20 * 10**9


def trim(
    roots: Iterable[Path], keep: Iterable[str] = (), *, limit: int = LIMIT_BYTES
) -> tuple[Path, ...]:
    """Delete folders of proxies, mattes and renders until the rest is small enough.

    To be called while nothing is written there: what has a name with a dot before it was left by
    somebody who was killed while writing it, and goes in any case.

    Parameters
    ----------
    roots : iterable of Path
        Each folder in them is one picture set.
    keep : iterable of str
        Paths of files that jobs and takes still name: their folders stay.
    limit : int
        Bytes that may remain.

    Returns
    -------
    tuple of Path
        What was deleted.
    """
    needed = {parent for path in keep if path for parent in Path(path).parents}
    found = []
    for root in roots:
        for folder in _folders(root):
            if folder.name.startswith("."):
                shutil.rmtree(folder, ignore_errors=True)
                continue
            size, used = _measure(folder)
            found.append((used, size, folder))
    total = sum(size for _, size, _ in found)
    gone = []
    for _, size, folder in sorted(found):
        if total <= limit:
            break
        if folder in needed:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            total -= size
            gone.append(folder)
    if gone:
        _log.info("%d old picture folders deleted", len(gone))
    return tuple(gone)


def _folders(root: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(root) if entry.is_dir()]
    except OSError:
        return []


def _measure(folder: Path) -> tuple[int, float]:
    """Return the bytes of a folder's files and when one of them was last written or read."""
    size, used = 0, 0.0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                facts = os.stat(os.path.join(place, name))
            except OSError:
                continue
            size += facts.st_size
            used = max(used, facts.st_mtime, facts.st_atime)
    return size, used

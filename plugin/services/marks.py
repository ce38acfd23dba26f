"""Which files a path means, and by what they are known again: size and time of change of each."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

__all__ = ["mark_of", "names"]

_PICTURES: Final = frozenset(
    (".png", ".exr", ".dpx", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".bmp", ".tga")
)
_NUMBER: Final = re.compile(r"\[\d+-\d+\]|#+|%0?\d*d|\d+(?=\D*$)")  # of a pattern or a picture
_MOST: Final = 5_000  # pictures; asking a slow drive about more would be felt


def mark_of(path: str) -> str | None:
    """Return what changes when a file, a folder or the pictures of a sequence change.

    Parameters
    ----------
    path : str
        A file, a folder of pictures, one picture of a sequence, or a sequence's pattern
        (``name.[0001-0100].exr``).

    Returns
    -------
    str or None
        None: nothing is there, or nobody can tell.
    """
    home = Path(path)
    try:
        names = _names(home)
        if not names or len(names) > _MOST:
            return None
        folder = home if home.is_dir() else home.parent
        facts = [(name, os.stat(folder / name)) for name in names]
    except OSError:
        return None
    text = "|".join(f"{name}:{known.st_size}:{known.st_mtime_ns}" for name, known in facts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def names(path: str, file: Path) -> bool:
    """Whether a path means a file: by itself, or as one picture of its sequence or folder.

    Parameters
    ----------
    path : str
        As for `mark_of`.
    file : Path
        Of any spelling; what is not there is meant by nobody.
    """
    home = Path(path)
    try:
        if home.exists() and home.samefile(file):
            return True
        folder = home if home.is_dir() else home.parent
        if not folder.samefile(file.parent):
            return False
        alike = (name for name in _names(home) if name.casefold() == file.name.casefold())
        return any((folder / name).samefile(file) for name in alike)
    except OSError:
        return False


def _names(home: Path) -> list[str]:
    if home.is_dir():
        return sorted(name for name in os.listdir(home) if not name.startswith("."))
    number = _NUMBER.search(home.stem)
    if home.suffix.lower() not in _PICTURES or number is None:
        return [home.name]
    head, tail = home.stem[: number.start()], home.stem[number.end() :] + home.suffix
    return sorted(
        name
        for name in os.listdir(home.parent)
        if name.startswith(head)
        and name.endswith(tail)
        and name[len(head) : len(name) - len(tail)].isdigit()
    )

"""Results saved as files: copied whole or not at all, known by their content, recipe beside them.

A result is one file or a folder of pictures; both are treated as one thing under one name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from resolve_bridge import records
from resolve_bridge.placement import Placement, Recipe

__all__ = [
    "beside",
    "copy",
    "digest",
    "free_name",
    "keep_recipe",
    "known",
    "recipe_beside",
    "remove",
]

_SIDECAR = ".flowanchor.json"


def copy(source: Path, target: Path) -> None:
    """Copy a file or a folder of pictures under a temporary name and rename it.

    Raises
    ------
    OSError
        Nothing is left under the new name.
    """
    temporary = target.with_name(target.name + ".tmp")
    remove(temporary)
    try:
        if source.is_dir():
            temporary.mkdir()
            for each in _pictures(source):
                _copy_file(each, temporary / each.name)
        else:
            _copy_file(source, temporary)
        temporary.replace(target)
    finally:
        remove(temporary)


def _copy_file(source: Path, target: Path) -> None:
    with source.open("rb") as given, target.open("wb") as out:
        shutil.copyfileobj(given, out, 1 << 20)
        out.flush()
        os.fsync(out.fileno())


def remove(path: Path) -> None:
    """Delete a file or a folder; what is not there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Return SHA-256 of a file, or of the names and contents of a folder's files."""
    if not path.is_dir():
        return _digest(path)
    total = hashlib.sha256()
    for each in _pictures(path):
        total.update(f"{each.name}\0{_digest(each)}\n".encode())
    return total.hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _pictures(folder: Path) -> list[Path]:
    """Return the files of a folder, in order, less what systems leave there (``.DS_Store``)."""
    return sorted(each for each in folder.iterdir() if each.is_file() and each.name[0] != ".")


def free_name(folder: Path, name: str, suffix: str) -> Path:
    """Return a path in `folder` for a result of that name that nothing has yet."""
    clean = "".join(
        "_" if letter in '<>:"/\\|?*' or ord(letter) < 32 else letter for letter in name
    )
    clean = clean.strip(" .") or "take"
    target, number = folder / f"{clean}{suffix}", 1
    while target.exists():
        number += 1
        target = folder / f"{clean} {number}{suffix}"
    return target


# The recipe beside it -------------------------------------------------------------------------


def beside(target: Path) -> Path:
    """Return where the recipe of a saved result lies."""
    return target.with_name(target.name + _SIDECAR)


def keep_recipe(target: Path, placement: Placement, recipe: str) -> None:
    """Write the recipe beside a saved result, whole or not at all.

    Raises
    ------
    OSError
    """
    stored = {"placement": records.dump(placement), "recipe": recipe}
    text = json.dumps({"flowanchor": stored}, indent=1)
    path = beside(target)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def recipe_beside(target: Path) -> Recipe | None:
    """Return the recipe beside a saved result; None where there is none that can be read."""
    try:
        stored = json.loads(beside(target).read_text(encoding="utf-8"))["flowanchor"]
        return Recipe(records.load(Placement, stored["placement"]), str(stored["recipe"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def known(folder: Path, key: str, source_item: str) -> Placement | None:
    """Return what an equal result of the same source was saved as, if it is still there."""
    for path in sorted(folder.glob(f"*{_SIDECAR}")) if folder.is_dir() else ():
        target = path.with_name(path.name.removesuffix(_SIDECAR))
        found = recipe_beside(target)
        if found is None or not target.exists():
            continue
        if (found.placement.key, found.placement.source_item) == (key, source_item):
            return found.placement
    return None

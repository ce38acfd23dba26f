"""Giving the space of a model back: only what FlowAnchor put into its own models folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from flowanchor_engine.errors import ModelForeignError, ModelMissingError
from flowanchor_engine.models import registry
from flowanchor_engine.models.manifest import MANIFEST, models_root, read_manifest
from flowanchor_engine.models.store import Shelf, disk_errors

__all__ = ["Removed", "remove"]


@dataclass(frozen=True)
class Removed:
    """What was deleted.

    Attributes
    ----------
    freed : int
        Bytes; linked files count nothing, they stay where they are.
    kept : tuple of Path
        Files in the model's folder that FlowAnchor did not put there.
    """

    freed: int
    kept: tuple[Path, ...]


def remove(name: str, *, root: Path | None = None) -> Removed:
    """Delete an installed model and what is left of a download that was broken off.

    The manifest goes last, so that a removal that was cut off can be repeated.

    Raises
    ------
    ModelForeignError
        The model is part of the program, or was put there by hand.
    ModelMissingError
        Nothing of that name is installed.
    ModelDamagedError
        The manifest cannot be read, so it is not known which files are FlowAnchor's;
        downloading the model again repairs it.
    ModelBusyError, OutputError
    """
    known = {entry.id: entry for entry in registry.entries()}
    if name in known and known[name].repository is None:
        raise ModelForeignError(f"{known[name].name} is part of FlowAnchor and stays.")
    base = models_root() if root is None else root
    shelf = Shelf(base, name)
    begun = (shelf.staging, shelf.arriving)
    if not any(path.exists() for path in (shelf.home, shelf.retired, *begun)):
        raise ModelMissingError(f"No model called {name} is installed.", detail=str(base))
    with shelf.locked(), disk_errors(base):
        freed = sum(map(_size, begun))
        for path in begun:
            if path.exists():
                shutil.rmtree(path)
        if not shelf.home.exists():
            return Removed(freed, ())
        manifest = read_manifest(shelf.home)
        if shelf.home.is_symlink() or manifest is None:
            raise ModelForeignError(
                f"{shelf.home} was put there by hand; delete it by hand.",
                hint=["open_folder"],
                detail=str(shelf.home),
            )
        inside = shelf.home.resolve()
        for file in manifest.files:
            path = shelf.home / file.name
            if path.parent.resolve() not in (inside, inside / Path(file.name).parent):
                continue  # a folder that was replaced by a link to elsewhere
            if path.is_symlink() or path.is_file():
                freed += 0 if path.is_symlink() else path.stat().st_size
                path.unlink()
        (shelf.home / MANIFEST).unlink()
        return Removed(freed, _clear(shelf.home))


def _clear(home: Path) -> tuple[Path, ...]:
    """Delete empty folders; return the files that keep the others."""
    kept = tuple(sorted(path for path in home.rglob("*") if path.is_symlink() or path.is_file()))
    for path in sorted(home.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
    if not any(home.iterdir()):
        home.rmdir()
    return kept


def _size(home: Path) -> int:
    return sum(path.lstat().st_size for path in home.rglob("*") if path.is_file())

"""'Use files I already have': a diffusers folder becomes an installed model without a download."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal

from flowanchor_engine.errors import (
    ModelDamagedError,
    ModelExistsError,
    ModelUnsupportedError,
    OutputError,
)
from flowanchor_engine.models import registry
from flowanchor_engine.models.layout import check_complete, local_names, needed
from flowanchor_engine.models.manifest import InstalledFile, Manifest, models_root
from flowanchor_engine.models.store import Shelf, disk_errors
from flowanchor_engine.models.tally import BLOCK_BYTES, Checksum, Tally, read_through
from flowanchor_engine.progress import Phase, Reporter, Silent
from flowanchor_engine.wan.facts import WanFacts, inspect
from flowanchor_engine.wan.weights import check_whole

__all__ = ["import_folder", "recognise"]


def recognise(facts: WanFacts) -> registry.ModelEntry | None:
    """Return the known model that a folder holds, by family, layers, heads and channels."""
    for entry in registry.entries():
        if entry.repository is not None and _differs(facts, entry) is None:
            return entry
    return None


def import_folder(
    source: str | Path,
    *,
    name: str | None = None,
    how: Literal["link", "copy"] = "link",
    root: Path | None = None,
    report: Reporter | None = None,
) -> Path:
    """Install a model from a folder in diffusers' layout.

    Only the files that a model needs are taken, each by itself; pickles that lie beside
    them stay behind. Every byte is read once, so that `verify` can later tell.

    Parameters
    ----------
    source : str or Path
        The folder that holds ``model_index.json``.
    name : str or None
        A known id, or a name of one's own. Left out: the id of the known model that it is,
        else the folder's name.
    how : {'link', 'copy'}
        Point to the files where they are, or copy them into the models folder.
    report : Reporter or None
        Gets bytes in `Phase.WRITE`, and may stop; nothing is left behind then.

    Returns
    -------
    Path
        The model's folder.

    Raises
    ------
    ModelMissingError, ModelIncompleteError, ModelDamagedError, ModelUnsafeError, \
ModelUnsupportedError
        The folder is no model that FlowAnchor can use, or not the one that `name` says.
    ModelExistsError
        A model of that name is there already.
    DiskError, OutputError, ModelBusyError, Cancelled
    """
    told = report or Silent()
    facts = inspect(source)
    home = facts.folder.resolve()
    chosen = _name(facts, home, name)
    base = models_root() if root is None else root
    shelf = Shelf(base, chosen)
    if home.is_relative_to(base.resolve()):
        raise ModelExistsError(f"{home} already lies in the models folder.", detail=str(base))
    names = local_names(home)
    check_complete(names, title=home.name)
    files = needed(names)
    with shelf.locked():
        if shelf.home.exists() or shelf.home.is_symlink():
            raise ModelExistsError(
                f"A model called {chosen} is already installed; remove it first, or give "
                "another name.",
                hint=["choose_model"],
                detail=str(shelf.home),
            )
        total = sum((home / file).stat().st_size for file in files)
        if how == "copy":
            shelf.check_room(total)
        tally = Tally(told, Phase.WRITE, total)
        arriving = shelf.arriving
        try:
            with disk_errors(arriving):
                shutil.rmtree(arriving, ignore_errors=True)
                arriving.mkdir(parents=True)
            done = [_take(home / file, arriving / file, file, how, tally) for file in files]
            inspect(arriving)
            here = shelf.commit(
                Manifest(id=chosen, source=how, origin=str(home), revision="", files=tuple(done)),
                arriving,
            )
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
        # Only now is what was downloaded of it needed no more.
        shutil.rmtree(shelf.staging, ignore_errors=True)
        return here


def _take(
    source: Path, target: Path, name: str, how: Literal["link", "copy"], tally: Tally
) -> InstalledFile:
    real = source.resolve()  # a download cache holds links; what they point to is the file
    size = real.stat().st_size
    if source.suffix == ".safetensors":
        check_whole(real)
    checksum = Checksum(size)
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if how == "link":
            try:
                target.symlink_to(real)
            except OSError as error:
                raise OutputError(
                    f"This system makes no links to {source}; copy the model instead.",
                    hint=["copy_model"],
                    detail=str(error),
                ) from error
            read_through(real, checksum, tally)
        else:
            _copy(real, target, checksum, tally)
        if target.stat().st_size != size:
            raise ModelDamagedError(
                f"{name} changed while it was read.", hint=["try_again"], detail=str(real)
            )
    return InstalledFile(name=name, size=size, sha256=checksum.sha256)


def _copy(source: Path, target: Path, checksum: Checksum, tally: Tally) -> None:
    with source.open("rb") as file, target.open("xb") as out:
        while block := file.read(BLOCK_BYTES):
            out.write(block)
            checksum.add(block)
            tally.add(len(block))
        out.flush()
        os.fsync(out.fileno())


def _name(facts: WanFacts, home: Path, wanted: str | None) -> str:
    if wanted is None:
        known = recognise(facts)
        return home.name if known is None else known.id
    entry = next((item for item in registry.entries() if item.id == wanted), None)
    if entry is None:
        return wanted
    if entry.repository is None:
        raise ModelExistsError(f"{wanted} is the embedded model, which is part of FlowAnchor.")
    why = _differs(facts, entry)
    if why is not None:
        raise ModelUnsupportedError(
            f"{home.name} is not {entry.name}: {why}. Give it a name of its own.",
            hint=["choose_model"],
            detail=str(home),
        )
    return wanted


def _differs(facts: WanFacts, entry: registry.ModelEntry) -> str | None:
    pairs = (
        ("family", facts.family, entry.family),
        ("layers", facts.layers, entry.shape.layers),
        ("heads", facts.heads, entry.shape.heads),
        ("latent channels", facts.latent_channels, entry.shape.latent_channels),
    )
    for what, found, expected in pairs:
        if found != expected:
            return f"{what} {found} instead of {expected}"
    return None

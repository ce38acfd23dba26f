"""`Models` and the model jobs: what there is, what is here, and changing that."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowanchor_engine import models
from flowanchor_engine.errors import FlowAnchorError, ModelIncompleteError, ModelMissingError
from flowanchor_engine.models.manifest import Manifest, installed, models_root
from flowanchor_engine.models.store import Shelf
from flowanchor_engine.protocol import ModelInfo, Models, ModelsReply
from flowanchor_engine.request import MethodSettings

if TYPE_CHECKING:
    from flowanchor_engine.models import ModelEntry
    from flowanchor_engine.progress import Reporter

__all__ = ["Changed", "get", "remove", "reply", "take", "verify"]


@dataclass(frozen=True)
class Changed:
    """What a model job worked on; `size_bytes` are the model's, or those that were freed."""

    model: str
    folder: str
    size_bytes: int


def reply(question: Models) -> ModelsReply:
    """List every model, known or imported."""
    root = models_root()
    own = installed(root)
    known = [_known(entry, own.get(entry.id)) for entry in models.entries()]
    names = {entry.id for entry in models.entries()}
    others = [_imported(name, manifest) for name, manifest in own.items() if name not in names]
    return ModelsReply(
        id=question.id,
        models=(*known, *others),
        free_bytes=_free(root),
        folder=str(root),
    )


def _known(entry: ModelEntry, manifest: Manifest | None) -> ModelInfo:
    here, partial = None, False
    try:
        here = models.folder(entry.id)
    except ModelIncompleteError:
        partial = True
    except FlowAnchorError:  # not here, or damaged: a download heals both
        pass
    if here is None and entry.package_folder is None:
        partial = partial or Shelf(models_root(), entry.id).staging.is_dir()
    if manifest is not None:
        size = manifest.size
    elif here is not None:
        size = sum(path.stat().st_size for path in here.rglob("*") if path.is_file())
    else:
        size = sum(file.size or 0 for file in entry.files or ()) or entry.about_bytes or 0
    cards = [card for card in entry.memory if card.name != "cpu"]
    return ModelInfo(
        id=entry.id,
        name=entry.name,
        family=entry.family,
        good_for=entry.about,
        licence=entry.licence,
        size_bytes=size,
        installed=here is not None,
        partial=partial,
        folder="" if here is None else str(here),
        vram_mb=round(min((card.least_gb for card in cards), default=0) * 1024),
        width=entry.width,
        height=entry.height,
        window_frames=entry.frames_max,
        method=entry.settings().model_dump(mode="json"),
    )


def _imported(name: str, manifest: Manifest | None) -> ModelInfo:
    """Describe a model of the person's own; the paper's numbers suit it as far as is known."""
    from flowanchor_engine.wan.facts import inspect

    home = models_root() / name
    width, height = models.working_size(name)
    family, whole = "", manifest is not None
    try:
        home = models.folder(name)
        family = inspect(home).family
    except FlowAnchorError:
        whole = False
    return ModelInfo(
        id=name,
        name=name,
        family=family,
        good_for="" if manifest is None else f"Imported from {manifest.origin}.",
        origin="" if manifest is None else manifest.origin,
        size_bytes=0 if manifest is None else manifest.size,
        installed=whole,
        partial=not whole,
        folder=str(home),
        width=width,
        height=height,
        window_frames=4 * (models.window_latents(name) - 1) + 1,
        method=MethodSettings().model_dump(mode="json"),
    )


def _free(root: Path) -> int:
    place = root.expanduser().absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return 0


def get(name: str, report: Reporter) -> Changed:
    """Download a model, continue a download, or repair damaged files.

    Raises
    ------
    FlowAnchorError, Cancelled
        As `models.download.get`.
    """
    from flowanchor_engine.models import download

    home = download.get(models.entry(name), report=report)
    return Changed(name, str(home), _size(home))


def verify(name: str, report: Reporter) -> Changed:
    """Check every file of a model (see `models.verify`)."""
    from flowanchor_engine.models import verify as verifying

    found = verifying.verify(name, report=report)
    return Changed(name, str(found.folder), found.size)


def take(name: str, folder: Path, *, copy: bool, report: Reporter) -> Changed:
    """Use model files that the person has; an empty name takes the model's own."""
    from flowanchor_engine.models import importing

    if not folder.is_dir():
        raise ModelMissingError(
            f"There is no folder at {folder}.", hint=["choose_model"], detail=str(folder)
        )
    home = importing.import_folder(
        folder, name=name or None, how="copy" if copy else "link", report=report
    )
    return Changed(home.name, str(home), _size(home))


def remove(name: str) -> Changed:
    """Delete a model that FlowAnchor put there, and what is left of its download."""
    from flowanchor_engine.models import remove as removing

    gone = removing.remove(name)
    return Changed(name, "", gone.freed)


def _size(home: Path) -> int:
    return sum(path.stat().st_size for path in home.rglob("*") if path.is_file())

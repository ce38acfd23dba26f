"""The models that FlowAnchor knows, from `registry.json`, and folders of the person's own."""

from __future__ import annotations

import difflib
import json
from fractions import Fraction
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from flowanchor_engine.errors import FlowAnchorError, ModelIncompleteError, ModelMissingError
from flowanchor_engine.models.manifest import (
    FOLDER_VARIABLE,
    MANIFEST,
    check_present,
    models_root,
    read_manifest,
)
from flowanchor_engine.request import MethodSettings, ModelSpec, Working

__all__ = [
    "FOLDER_VARIABLE",
    "MemoryClass",
    "ModelEntry",
    "ModelFile",
    "Shape",
    "entries",
    "entry",
    "extent",
    "folder",
    "recommended",
    "spec",
    "window_latents",
    "working_size",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFile(_Frozen):
    """One file of a model, for download and verification."""

    name: str
    size: Annotated[int, Field(ge=0)] | None = None
    sha256: str | None = None


class MemoryClass(_Frozen):
    """How a model is kept on a card of some size."""

    name: str
    least_gb: Annotated[float, Field(gt=0)]
    residency: Literal["resident", "text_stage", "offload"]
    vae: Literal["untiled", "tiled"]


class Shape(_Frozen):
    """What tells one model of a family from another: layers, heads and latent channels."""

    layers: Annotated[int, Field(ge=1)]
    heads: Annotated[int, Field(ge=1)]
    latent_channels: Annotated[int, Field(ge=1)]


class ModelEntry(_Frozen):
    """One model that can be loaded.

    Attributes
    ----------
    width, height, frames : int
        The picture and length that suit it; `frames_max` is the longest that it was
        trained for, longer clips are edited in windows.
    shape : Shape
        By which a folder of the person's own is recognised.
    files : tuple of ModelFile or None
        None where they have not been established; the repository's own list counts.
    about_bytes : int or None
        About what a download takes, before the server is asked: transformer, text encoder and
        VAE in the precision of the files.
    recommended : dict
        Fields of `MethodSettings` that differ from the paper's numbers.
    evidence : {'measured', 'paper', 'unmeasured'}
        Where the recommendation comes from.
    """

    id: str
    name: str
    family: Literal["wan2.1-t2v", "wan2.2-a14b", "wan2.2-ti2v"]
    repository: str | None
    revision: str | None
    package_folder: str | None
    licence: str
    shape: Shape
    width: Annotated[int, Field(gt=0, multiple_of=16)]
    height: Annotated[int, Field(gt=0, multiple_of=16)]
    frames: Annotated[int, Field(ge=5)]
    frames_max: Annotated[int, Field(ge=5)]
    rate: Fraction
    files: tuple[ModelFile, ...] | None
    about_bytes: int | None
    transformer_bytes: int | None
    memory: tuple[MemoryClass, ...]
    recommended: dict[str, float | int | str | bool]
    evidence: Literal["measured", "paper", "unmeasured"]
    about: str

    @field_validator("frames", "frames_max")
    @classmethod
    def _whole_groups(cls, value: int) -> int:
        if value % 4 != 1:
            msg = "Wan's clips have 4k+1 frames"
            raise ValueError(msg)
        return value

    @field_validator("recommended")
    @classmethod
    def _known_switches(
        cls, value: dict[str, float | int | str | bool]
    ) -> dict[str, float | int | str | bool]:
        MethodSettings.model_validate(value)  # refuses unknown names and values out of range
        return value

    def settings(self) -> MethodSettings:
        """Return the method's numbers for this model."""
        return MethodSettings.model_validate(self.recommended)


@cache
def entries() -> tuple[ModelEntry, ...]:
    """Return every known model, the embedded one first."""
    text = resources.files(__package__).joinpath("registry.json").read_text(encoding="utf-8")
    return tuple(ModelEntry.model_validate(item) for item in json.loads(text)["models"])


def entry(name: str) -> ModelEntry:
    """Return a model by its id.

    Raises
    ------
    ModelMissingError
        Names the nearest known id.
    """
    known = {item.id: item for item in entries()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    help_ = f" Did you mean “{near[0]}”?" if near else f" Known are {', '.join(known)}."
    raise ModelMissingError(
        f"There is no model called “{name}”.{help_}", hint=["choose_model"], detail=name
    )


def spec(name: str | ModelSpec) -> ModelSpec:
    """Turn what a person types, an id, an imported model or a folder, into a request's model.

    Raises
    ------
    ModelMissingError
        It is neither a known id nor a folder.
    """
    if isinstance(name, ModelSpec):
        return name
    if name in {item.id for item in entries()}:
        return ModelSpec(id=name)
    own = models_root() / name
    if Path(name).name == name and (own / MANIFEST).is_file():
        return ModelSpec(id=name, folder=str(own))
    home = Path(name).expanduser()
    if name and home.is_dir():  # no name is not the present folder
        return ModelSpec(id=home.resolve().name, folder=str(home))
    return ModelSpec(id=entry(name).id)


def folder(model: str | ModelSpec) -> Path:
    """Return the folder that a model is loaded from.

    A folder named in the request comes first, then the embedded weights, the models folder
    (``FLOWANCHOR_MODELS`` or the user's data folder), then diffusers' download cache.

    Raises
    ------
    ModelMissingError
        The model is not on this computer.
    ModelIncompleteError
        It is, but files are missing or cut off, as after a download that was broken off.
    """
    chosen = spec(model)
    if chosen.folder is not None:
        home = Path(chosen.folder).expanduser()
        if not home.is_dir():
            raise ModelMissingError(
                f"There is no model folder at {home}.", hint=["choose_model"], detail=str(home)
            )
        return home
    found = entry(chosen.id)
    if found.package_folder is not None:
        return Path(__file__).parent.parent / found.package_folder
    unfinished: ModelIncompleteError | None = None
    for home in _places(found, chosen.revision or found.revision):
        try:
            if _is_whole(home):
                return home
        except ModelIncompleteError as error:
            unfinished = unfinished or error
    if unfinished is not None:
        raise unfinished
    raise ModelMissingError(
        f"{found.name} is not on this computer yet.",
        hint=["download_model", "choose_model"],
        detail=str(models_root()),
    )


def recommended(model: str | ModelSpec) -> MethodSettings:
    """Return the numbers that suit a model; the paper's for a folder of unknown origin."""
    name = spec(model).id
    found = next((item for item in entries() if item.id == name), None)
    return MethodSettings() if found is None else found.settings()


def working_size(model: str | ModelSpec) -> tuple[int, int]:
    """Return the picture (width, height) that suits a model, in pixels.

    A folder of unknown origin is taken for a Wan of the size of the paper, 832x480.
    """
    name = spec(model).id
    found = next((item for item in entries() if item.id == name), None)
    return (832, 480) if found is None else (found.width, found.height)


def window_latents(model: str | ModelSpec) -> int:
    """Return the longest clip, in latent frames, that a model was trained for.

    A folder of unknown origin is taken for a Wan of 81 pictures, 21 latent frames.
    """
    name = spec(model).id
    found = next((item for item in entries() if item.id == name), None)
    return 21 if found is None else (found.frames_max - 1) // 4 + 1


def extent(model: str | ModelSpec, working: Working | None = None) -> tuple[int, int, int]:
    """Return what memory is planned for: width, height and latent frames of one window.

    The model's own, so that it stays warm for everything up to that, unless a request wants
    more.
    """
    width, height = working_size(model)
    latents = window_latents(model)
    if working is None:
        return width, height, latents
    return (
        max(width, working.width or 0),
        max(height, working.height or 0),
        max(latents, working.window_latents or 0),
    )


def _places(found: ModelEntry, revision: str | None) -> list[Path]:
    places = [models_root() / found.id]
    if found.repository is not None:
        # Light to import, but only needed where a real model is looked for.
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(found.repository, "model_index.json", revision=revision)
        if isinstance(cached, str):
            places.append(Path(cached).parent)
    return places


def _is_whole(home: Path) -> bool:
    """Whether a place holds a model; what is only begun raises `ModelIncompleteError`."""
    if not (home / "model_index.json").is_file():
        return False
    manifest = read_manifest(home)
    if manifest is not None:
        check_present(home, manifest)
        return True
    # Put there by hand or by another program, whose download may not be finished.
    from flowanchor_engine.wan.facts import inspect

    try:
        inspect(home)
    except ModelIncompleteError:
        raise
    except FlowAnchorError:
        return True  # whole, but wrong: loading says what is wrong with it
    return True

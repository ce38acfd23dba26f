"""Which files of a diffusers folder a Wan model needs; everything else stays where it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from flowanchor_engine.errors import ModelIncompleteError, ModelUnsafeError

__all__ = ["check_complete", "is_safe_name", "local_names", "needed"]

_TOP = ("model_index.json", "latent_rgb.json")
_WEIGHTS = {
    "transformer": "diffusion_pytorch_model",
    "transformer_2": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
_SMALL = ("tokenizer", "scheduler")
_SMALL_KINDS = (".json", ".txt", ".model")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHARD = r"(-\d{5}-of-\d{5})?\.safetensors"


def is_safe_name(name: str) -> bool:
    """Whether a relative file name stays inside its folder on every system."""
    parts = name.split("/")
    return len(parts) <= 2 and all(_PLAIN.fullmatch(part) for part in parts)


def needed(names: Iterable[str]) -> tuple[str, ...]:
    """Pick the files that a Wan model is loaded from.

    Parameters
    ----------
    names : iterable of str
        All files of a repository or folder, relative, with ``/``.

    Returns
    -------
    tuple of str
        Sorted. Pickles, other precisions (``….fp16.safetensors``), pictures and files with
        unsafe names are never among them.
    """
    return tuple(sorted(name for name in names if _is_needed(name)))


def _is_needed(name: str) -> bool:
    if not is_safe_name(name):
        return False
    path = PurePosixPath(name)
    component = str(path.parent)
    if component == ".":
        return name in _TOP
    if component in _SMALL:
        return path.suffix in _SMALL_KINDS
    stem = _WEIGHTS.get(component)
    if stem is None:
        return False
    return (
        path.name in ("config.json", f"{stem}.safetensors.index.json")
        or re.fullmatch(re.escape(stem) + _SHARD, path.name) is not None
    )


def check_complete(names: Iterable[str], *, title: str) -> None:
    """Refuse a list of files that no model can be loaded from, before anything is fetched.

    Raises
    ------
    ModelUnsafeError
        A component's weights exist only as pickles.
    ModelIncompleteError
        A component has no weights at all, or the model's index is missing.
    """
    every = set(names)
    chosen = needed(every)
    if "model_index.json" not in chosen:
        raise ModelIncompleteError(
            f"{title} has no model_index.json, so it is not in diffusers' layout.",
            hint=["choose_model"],
        )
    components = {name.split("/")[0] for name in every if "/" in name}
    for component in ("transformer", "transformer_2", "vae", "text_encoder"):
        if component == "transformer_2" and component not in components:
            continue  # only models of two experts have it
        if any(n.startswith(f"{component}/") and n.endswith(".safetensors") for n in chosen):
            continue
        pickles = sorted(
            name for name in every if name.startswith(f"{component}/") and name.endswith(_PICKLES)
        )
        if pickles:
            raise ModelUnsafeError(
                f"{title} has {pickles[0]} as a pickle only, which can run code when it is "
                "opened; FlowAnchor takes safetensors only.",
                hint=["choose_model"],
                detail=", ".join(pickles),
            )
        raise ModelIncompleteError(
            f"{title} has no weights for {component}.", hint=["choose_model"], detail=component
        )


def local_names(home: Path) -> tuple[str, ...]:
    """Return every file of a folder, two levels deep, relative with ``/``."""
    found = [path for pattern in ("*", "*/*") for path in home.glob(pattern) if path.is_file()]
    return tuple(sorted(path.relative_to(home).as_posix() for path in found))

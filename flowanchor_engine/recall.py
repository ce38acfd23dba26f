"""What an edit may remember in the store: texts, latents, source velocities, its last step.

The source side of an edit depends on the clip, the present text, noise and grid alone, so a
re-edit with other wanted words, strengths or matte finds it here and runs half the
forwards. Keys hold everything that could change a value, the latent itself included; any
difference is a miss.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowanchor_engine.cache import Store, content_key

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from flowanchor_engine.clip.crop import Geometry
    from flowanchor_engine.method.schedule import Step
    from flowanchor_engine.method.trajectory import Branch
    from flowanchor_engine.method.windows import Window
    from flowanchor_engine.request import EditRequest
    from flowanchor_engine.wan.load import WanModel
    from flowanchor_engine.wan.text import TextBundle

__all__ = ["EditState", "SourceVelocities", "Texts", "latents_key", "source_key", "tensor_hash"]

_EDGE_BYTES = 1 << 20


def tensor_hash(tensor: Tensor) -> str:
    """Return a hash of a tensor's type, shape and every byte."""
    import torch

    whole = tensor.detach().cpu().contiguous()
    total = hashlib.blake2b(f"{whole.dtype}{tuple(whole.shape)}".encode(), digest_size=32)
    total.update(whole.flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def latents_key(request: EditRequest, geometry: Geometry, model: WanModel) -> str | None:
    """Return the key of a clip's latents, or None if the file cannot be identified.

    A file is known by its size, time of change, and its first and last megabyte.
    """
    from pathlib import Path

    source = Path(request.source.path)
    identity = _file_identity(source)
    if identity is None:
        return None
    return content_key(
        "latents", request.key("latents"), identity, repr(geometry), model.fingerprint()
    )


def _file_identity(path: Path) -> list[object] | None:
    if not path.is_file():  # a picture sequence: many files, not worth the doubt
        return None
    facts = path.stat()
    with path.open("rb") as file:
        head = file.read(_EDGE_BYTES)
        file.seek(max(0, facts.st_size - _EDGE_BYTES))
        tail = file.read(_EDGE_BYTES)
    return [facts.st_size, facts.st_mtime_ns, hashlib.sha256(head + tail).hexdigest()]


def source_key(
    request: EditRequest,
    x_src: Tensor,
    model: WanModel,
    *,
    now: TextBundle,
    negative: TextBundle,
) -> str:
    """Return the key that all source velocities of a request share.

    Parameters
    ----------
    x_src : Tensor
        The clip's latent; its hash stands for clip, crop, size and VAE.
    now, negative : TextBundle
        The texts as the model reads them.
    """
    method = request.method
    return content_key(
        "source",
        tensor_hash(x_src),
        model.fingerprint(),
        [[bundle.real, tensor_hash(bundle.embeds)] for bundle in (now, negative)],
        {
            "steps": method.steps,
            "shift": method.shift,
            "int_timesteps": method.int_timesteps,
            "source_level": method.source_level,
            "noise": method.noise,
            "noise_rho": method.noise_rho if method.noise == "annealed" else 0,
            "seed": request.seed,
        },
    )


class Texts:
    """Encoded texts of one model, so that its text encoder need not be loaded for old words.

    Implements `wan.text.TextMemory`.

    Parameters
    ----------
    store : Store
    model : WanModel
        The text encoder's weights are part of its revision; the tokenizer's files are looked at.
    """

    def __init__(self, store: Store, model: WanModel) -> None:
        self._store = store
        made = model.fingerprint()
        folder = model.facts.folder / "tokenizer"
        files = sorted(path for path in folder.iterdir() if path.is_file())
        self._reader = [
            {name: made[name] for name in ("revision", "torch", "transformers")},
            [[path.name, _file_identity(path)] for path in files],
        ]

    def get(self, text: str, where: str) -> TextBundle | None:
        """Return a stored text exactly as it was encoded, or None."""
        from flowanchor_engine.wan.text import TextBundle

        entry = self._store.get("text", self._key(text, where))
        if entry is None:
            return None
        try:
            said = json.loads(entry.facts["bundle"])
            return TextBundle(
                text=said["text"],
                embeds=entry.tensors["embeds"],
                tokens=tuple(said["tokens"]),
                offsets=tuple((start, stop) for start, stop in said["offsets"]),
                pad_count=said["pad_count"],
                eos=said["eos"],
            )
        except (KeyError, ValueError, TypeError):  # of another version
            return None

    def put(self, text: str, where: str, bundle: TextBundle) -> None:
        """Store an encoded text."""
        said = {
            "text": bundle.text,
            "tokens": bundle.tokens,
            "offsets": bundle.offsets,
            "pad_count": bundle.pad_count,
            "eos": bundle.eos,
        }
        key = self._key(text, where)
        self._store.put("text", key, {"embeds": bundle.embeds}, bundle=json.dumps(said))

    def _key(self, text: str, where: str) -> str:
        return content_key("text", text, where, self._reader)


class SourceVelocities:
    """Stored source velocities of one request; implements `wan.velocity.VelocityCache`.

    Parameters
    ----------
    store : Store
    base : str
        From `source_key`.
    """

    def __init__(self, store: Store, base: str) -> None:
        self._store = store
        self._base = base

    def get(self, step: Step, average: int, window: Window, branch: Branch) -> Tensor | None:
        """Return a stored velocity as the model gave it, or None."""
        entry = self._store.get("source", self._key(step, average, window, branch))
        return None if entry is None else entry.tensors.get("velocity")

    def put(
        self, step: Step, average: int, window: Window, branch: Branch, velocity: Tensor
    ) -> None:
        """Store a velocity."""
        key = self._key(step, average, window, branch)
        self._store.put("source", key, {"velocity": velocity})

    def _key(self, step: Step, average: int, window: Window, branch: Branch) -> str:
        where = [step.index, average, window.start, window.stop, str(branch)]
        return content_key(self._base, where)


@dataclass(frozen=True)
class EditState:
    """The last finished step of a running edit, so that a killed job can go on.

    Parameters
    ----------
    store : Store
    key : str
        Of the whole request, the clip's latent and the matte's pixels.
    """

    store: Store
    key: str

    @classmethod
    def of(
        cls, store: Store, request: EditRequest, x_src: Tensor, model: WanModel, *, matte: str
    ) -> EditState:
        """Return the state that belongs to a request on this model.

        `matte` stands for the matte's pixels: a file may be drawn anew under the same name.
        """
        made = model.fingerprint()
        key = content_key("state", request.key("result"), tensor_hash(x_src), matte, made)
        return cls(store, key)

    def load(self) -> tuple[int, Tensor] | None:
        """Return (executed steps, edited latent), or None."""
        entry = self.store.get("state", self.key)
        if entry is None or not entry.facts.get("done", "").isdigit():
            return None
        return int(entry.facts["done"]), entry.tensors["z_edit"]

    def save(self, done: int, z_edit: Tensor) -> None:
        """Remember a finished step; the entry replaces the one before."""
        self.store.put("state", self.key, {"z_edit": z_edit}, done=str(done))

    def drop(self) -> None:
        """Forget: the edit is finished."""
        self.store.drop("state", self.key)

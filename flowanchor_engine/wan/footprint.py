"""How many bytes a Wan model needs, by arithmetic, before anything is loaded.

All counts are of tensors; an allocator's rounding, kernels' workspaces and the driver are in
`RESERVE_BYTES`. N are the tokens of a window, D the width, F the width of the feed-forward,
H the heads, b the bytes of a number, P the pixels of a picture (or of a tile), c the channels
of the VAE's last stage.

==================  =====================================================================
weights             elements in the files, times the bytes of the loaded precision
fp8 storage         one byte an element; 7 D² + text width · D elements (time and text
                    embedding) keep b
block offload       two blocks of 8 D² + 2 D F elements (one in work, one on its way),
                    the time and text embedding, and an eighth of a block for the rest
text encoder        bfloat16 above 2 GiB on disk, else float32
transformer, work   the most of N · (2 b F + D (4 b + 4)) in the feed-forward, N · D (8 b + 6)
                    around self-attention, and N · (4 b D + 12 · 128 H) in cross-attention:
                    three float32 copies of the refined logits of 128 words
Metal attention     and its logits, H N² b in pieces of at most 4 GiB
VAE, one group      P · c · 230: feature caches of all causal convolutions (two pictures
                    each) and six buffers of four pictures at full size; residual VAEs
                    (TI2V-5B) P · c · 350
VAE in tiles        the same for one tile, and three times all pictures in float32
==================  =====================================================================

`LiveBytes` counts what a piece of code really holds; the tests hold the table to it on the
real shapes, where it is an upper bound and less than half too high.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from flowanchor_engine.wan.facts import weight_files

if TYPE_CHECKING:
    from pathlib import Path

    from flowanchor_engine.wan.facts import WanFacts

__all__ = ["RESERVE_BYTES", "Footprint", "LiveBytes", "elements", "footprint"]


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of tensors that code inside the context makes and holds.

    Exact and free of an allocator's habits; scratch memory inside a kernel is not seen.

    Attributes
    ----------
    peak : int
        The most bytes that were alive at one time.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._known: set[int] = set()
        self._made: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation and count what it made."""
        for tensor in _tensors((args, kwargs)):
            storage = _held(tensor)
            if storage.cdata not in self._made:
                self._known.add(storage.cdata)
        result = func(*args, **(kwargs or {}))
        self._made = {key: held for key, held in self._made.items() if not _gone(held[0])}
        for tensor in _tensors(result):
            storage = _held(tensor)
            if storage.cdata not in self._made and storage.cdata not in self._known:
                self._made[storage.cdata] = (storage, tensor.untyped_storage().nbytes())
        self.peak = max(self.peak, sum(size for _, size in self._made.values()))
        return result


def _held(tensor: torch.Tensor) -> StorageWeakRef:
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]


def _gone(storage: StorageWeakRef) -> bool:
    return bool(storage.expired())  # type: ignore[no-untyped-call]


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


RESERVE_BYTES = 1 << 30
"""Kept free: kernels' workspaces, fragmentation, latents, previews, the desktop."""

_SAR_COLUMNS = 128
_FP32_TEXT_BYTES = 2 << 30  # as `wan.text` loads its encoder
_METAL_PIECE = 4 << 30
_VAE_BYTES, _VAE_RESIDUAL_BYTES = 230, 350


@dataclass(frozen=True)
class Footprint:
    """Bytes of each part of a model at one size and length.

    Attributes
    ----------
    transformer : int
        Weights of all experts.
    transformer_fp8, transformer_offload : int
        What stays on the device with 8-bit storage, and with block offload.
    text, vae : int
        Weights as they are loaded.
    work : int
        Most that a forward holds beside weights.
    decode, decode_tiled : int
        Most that reading into and out of the VAE holds, whole pictures and in tiles.
    """

    transformer: int
    transformer_fp8: int
    transformer_offload: int
    text: int
    vae: int
    work: int
    decode: int
    decode_tiled: int


def elements(folder: Path, component: str) -> int:
    """Return the number of weights of a component, from the headers of its files.

    Raises
    ------
    ModelIncompleteError
        A file is missing.
    """
    total = 0
    for path in weight_files(folder, component):
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        for name, entry in header.items():
            if name != "__metadata__":
                total += _product(entry["shape"])
    return total


def _product(shape: list[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def footprint(
    facts: WanFacts,
    *,
    number_bytes: int,
    kind: str,
    size: tuple[int, int],
    frames: int,
    tile_px: int = 256,
) -> Footprint:
    """Compute what a model needs.

    Parameters
    ----------
    facts : WanFacts
        Of a folder whose files are whole.
    number_bytes : int
        b: 4 in float32, 2 in half precision.
    kind : {'cuda', 'mps', 'cpu'}
        Metal's attention makes its logits.
    size : (width, height)
        Picture in pixels.
    frames : int
        Pictures of the longest window.
    """
    b, depth = number_bytes, facts.width
    width, height = size
    pixels = width * height
    counts = [elements(facts.folder, name) for name in facts.experts]
    block = 8 * depth**2 + 2 * depth * facts.feed_forward
    embedding = 7 * depth**2 + facts.text_width * depth
    text = elements(facts.folder, "text_encoder")
    text_wide = facts.weight_bytes["text_encoder"] <= _FP32_TEXT_BYTES
    channels, residual = _vae_width(facts)
    per_pixel = channels * (_VAE_RESIDUAL_BYTES if residual else _VAE_BYTES)
    tile = min(tile_px**2, pixels)
    return Footprint(
        transformer=sum(counts) * b,
        transformer_fp8=sum(counts) + len(counts) * embedding * (b - 1),
        transformer_offload=len(counts) * (embedding + 2 * block + block // 8) * b,
        text=text * (4 if text_wide else 2),
        vae=elements(facts.folder, "vae") * 4,
        work=_work(facts, b, kind, size, frames),
        decode=pixels * per_pixel,
        decode_tiled=tile * per_pixel + 3 * frames * pixels * 3 * 4,
    )


def _work(facts: WanFacts, b: int, kind: str, size: tuple[int, int], frames: int) -> int:
    depth = facts.width
    per_frame = (size[0] // facts.token_px) * (size[1] // facts.token_px)
    tokens = facts.latent_frames(frames) * per_frame
    feed = 2 * b * facts.feed_forward + depth * (4 * b + 4)
    around = depth * (8 * b + 6)
    logits = min(facts.heads * tokens**2 * b, _METAL_PIECE) if kind == "mps" else 0
    refined = 4 * b * depth + 3 * 4 * _SAR_COLUMNS * facts.heads
    return tokens * max(feed, around, refined) + logits


def _vae_width(facts: WanFacts) -> tuple[int, bool]:
    """Return channels at full size, in picture pixels, and whether the VAE is residual."""
    config = json.loads((facts.folder / "vae" / "config.json").read_text(encoding="utf-8"))
    channels = int(config.get("decoder_base_dim") or config.get("base_dim", 96))
    return -(-channels // int(config.get("patch_size") or 1) ** 2), bool(config.get("is_residual"))

"""A Wan model from a local folder in diffusers layout, in the right precision.

The same path loads the embedded model, Wan2.1 1.3B and 14B, Wan2.2 A14B (two experts) and
TI2V-5B. Nothing is downloaded and no pickle is opened. The transformer is loaded *in* its
precision, so that diffusers keeps the time embedding, the norms and the modulation tables
in float32; casting afterwards would destroy those islands. The VAE is always float32.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import diffusers
import torch
import transformers
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError

from flowanchor_engine.errors import ModelDamagedError, ModelUnsupportedError
from flowanchor_engine.wan.facts import WanFacts, inspect, weight_files
from flowanchor_engine.wan.loading import between_shards
from flowanchor_engine.wan.shortage import out_of_memory
from flowanchor_engine.wan.text import TextStage
from flowanchor_engine.wan.weights import check_whole, digest

__all__ = ["Precision", "WanFacts", "WanModel", "inspect", "load", "resolve_precision"]

_log = logging.getLogger(__name__)

Precision = Literal["auto", "fp32", "bf16", "fp16"]
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class WanModel:
    """A loaded model: its parts, and what identifies it to a cache.

    Attributes
    ----------
    facts : WanFacts
    transformer : WanTransformer3DModel
        The only transformer, or the high-noise expert.
    transformer_2 : WanTransformer3DModel or None
        The low-noise expert of A14B.
    vae : AutoencoderKLWan
        Float32.
    precision : {'fp32', 'bf16', 'fp16'}
    device : torch.device
    model_id, revision : str
        The registry's name, and the content hash of the weights.
    quantisation, lora : str
        Set by whoever quantises the model or puts a LoRA on it; part of the fingerprint.
    """

    facts: WanFacts
    transformer: Any
    transformer_2: Any
    vae: Any
    precision: str
    device: torch.device
    model_id: str
    revision: str
    quantisation: str = "none"
    lora: str = "none"
    notes: dict[str, str] = field(default_factory=dict)

    def text_stage(self, device: torch.device | str | None = None) -> TextStage:
        """Return a stage that encodes prompts, to be closed when they are encoded."""
        return TextStage(self.facts.folder, self.device if device is None else device)

    def expert(self, sigma: float) -> Any:
        """Return the transformer that works at noise level `sigma`, 0..1."""
        boundary = self.facts.boundary_sigma
        return self.transformer if boundary is None or sigma >= boundary else self.transformer_2

    def experts(self) -> tuple[Any, ...]:
        """Return every transformer, high noise first."""
        return tuple(part for part in (self.transformer, self.transformer_2) if part is not None)

    def fingerprint(self) -> dict[str, str]:
        """Return everything about model and machine that can change a velocity.

        Returns
        -------
        dict of str to str
            Readable in a recipe and hashable as a part of cache keys: any difference means
            that stored velocities must not be used.
        """
        kind = self.device.type
        name = torch.cuda.get_device_name(self.device) if kind == "cuda" else kind
        return {
            "model": self.model_id,
            "revision": self.revision,
            "precision": self.precision,
            "vae_precision": str(self.vae.dtype).removeprefix("torch."),
            "quantisation": self.quantisation,
            "lora": self.lora,
            "attention": ",".join(sorted({_backend(part) for part in self.experts()})),
            "compiled": ",".join(sorted({_compiled(part) for part in self.experts()})),
            "device": name,
            "tf32": f"{torch.backends.cuda.matmul.allow_tf32}/{torch.backends.cudnn.allow_tf32}",
            "torch": str(torch.__version__),
            "diffusers": diffusers.__version__,
            "transformers": transformers.__version__,
            **self.notes,
        }


def resolve_precision(precision: Precision, device: torch.device) -> str:
    """Return the precision that 'auto' means on `device`.

    float32 on a CPU, where half precision is slow; bfloat16 where the card has it, else
    float16.
    """
    if precision != "auto":
        return precision
    if device.type == "cpu":
        return "fp32"
    if device.type == "cuda" and not torch.cuda.is_bf16_supported():
        return "fp16"
    return "bf16"


def load(
    folder: str | Path,
    *,
    precision: Precision = "auto",
    device: torch.device | str = "cpu",
    model_id: str | None = None,
    transformer_device: torch.device | str | None = None,
    on_bytes: Callable[[int, int], None] = lambda done, total: None,
) -> WanModel:
    """Load a model folder.

    Parameters
    ----------
    folder : str or Path
        Local folder in diffusers layout; nothing is downloaded.
    precision : {'auto', 'fp32', 'bf16', 'fp16'}
        Of the transformer; see `resolve_precision`.
    device : torch.device or str
    model_id : str, optional
        The registry's name; the folder's name if left out.
    transformer_device : torch.device or str, optional
        Where a memory plan wants the transformer's weights to wait; `device` if left out.
    on_bytes : callable, optional
        Hears of bytes loaded and their total before and after every file of transformer and
        VAE; what it raises ends the load.

    Returns
    -------
    WanModel
        All parts in evaluation mode without gradients.

    Raises
    ------
    ModelMissingError, ModelIncompleteError, ModelDamagedError, ModelUnsafeError, \
ModelUnsupportedError
        Each names the file at fault.
    """
    facts = inspect(folder)
    target = torch.device(device)
    resolved = resolve_precision(precision, target)
    files = [
        path
        for name in (*facts.experts, "vae", "text_encoder")
        for path in weight_files(facts.folder, name)
    ]
    for path in files:
        check_whole(path)
    dtype = _DTYPES[resolved]
    home = target if transformer_device is None else torch.device(transformer_device)
    tally = _Tally(facts, on_bytes)
    parts = [
        _load(WanTransformer3DModel, facts, name, dtype, home, tally) for name in facts.experts
    ]
    vae = _load(AutoencoderKLWan, facts, "vae", torch.float32, target, tally)
    return WanModel(
        facts=facts,
        transformer=parts[0],
        transformer_2=parts[1] if len(parts) == 2 else None,
        vae=vae,
        precision=resolved,
        device=target,
        model_id=model_id or facts.folder.resolve().name,
        revision=digest(files),
    )


class _Tally:
    """Counts the bytes of the files that are loaded, part by part and shard by shard."""

    def __init__(self, facts: WanFacts, on_bytes: Callable[[int, int], None]) -> None:
        names = (*facts.experts, "vae")
        self._sizes = {
            name: [path.stat().st_size for path in weight_files(facts.folder, name)]
            for name in names
        }
        self._total = sum(map(sum, self._sizes.values()))
        self._on_bytes = on_bytes
        self._done = 0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count one part while it is loaded."""
        sizes, start = self._sizes[name], self._done
        shard = 0

        def check() -> None:
            nonlocal shard
            self._on_bytes(start + sum(sizes[:shard]), self._total)
            shard += 1

        self._on_bytes(start, self._total)
        with between_shards(check):
            yield
        self._done = start + sum(sizes)
        self._on_bytes(self._done, self._total)


def _load(
    kind: Any,
    facts: WanFacts,
    name: str,
    dtype: torch.dtype,
    device: torch.device,
    tally: _Tally,
) -> torch.nn.Module:
    try:
        with _quiet(), tally.part(name):
            module, info = kind.from_pretrained(
                str(facts.folder),
                subfolder=name,
                dtype=dtype,
                local_files_only=True,
                use_safetensors=True,
                low_cpu_mem_usage=True,
                output_loading_info=True,
            )
    except SafetensorError as error:
        if out_of_memory(error):
            raise
        raise _damaged(facts, name, str(error)) from error
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        if out_of_memory(error):
            raise
        # diffusers reports tensors that do not fit the config in any of these.
        raise ModelUnsupportedError(
            f"The weights in {name} do not fit {name}/config.json.",
            hint=["download_model", "choose_model"],
            detail=f"{facts.folder / name}: {error}",
        ) from error
    except OSError as error:
        if out_of_memory(error):
            raise
        raise _damaged(facts, name, str(error)) from error
    # diffusers would fill missing weights with random numbers and only log it.
    absent = [*info["missing_keys"], *(str(item) for item in info["mismatched_keys"])]
    if absent:
        raise _damaged(facts, name, f"{len(absent)} tensors missing, first {absent[0]}")
    if info["unexpected_keys"]:
        names = sorted(info["unexpected_keys"])
        raise ModelUnsupportedError(
            f"{name} holds {len(names)} weights that its class does not know, such as {names[0]}.",
            hint=["choose_model"],
            detail=f"{facts.folder / name}: {names[:20]}",
        )
    loaded: torch.nn.Module = module.eval().requires_grad_(False).to(device)
    return loaded


def _damaged(facts: WanFacts, name: str, detail: str) -> ModelDamagedError:
    return ModelDamagedError(
        f"The weights in {name} of the model {facts.folder.name} are damaged or incomplete.",
        hint=["download_model"],
        detail=f"{facts.folder / name}: {detail}",
    )


def _backend(transformer: Any) -> str:
    """Name the self-attention back-end in force, and how it was chosen."""
    chosen = {
        getattr(block.attn1.processor, "_attention_backend", None) for block in transformer.blocks
    }
    active = _AttentionBackendRegistry.get_active_backend()[0]
    return "+".join(
        sorted(str(getattr(item or active, "value", item or active)) for item in chosen)
    )


def _compiled(transformer: Any) -> str:
    blocks = transformer.blocks
    regional = any(getattr(block, "_compiled_call_impl", None) is not None for block in blocks)
    whole = getattr(transformer, "_compiled_call_impl", None) is not None
    return "whole" if whole else "blocks" if regional else "no"


@contextmanager
def _quiet() -> Iterator[None]:
    """Turn diffusers' own warnings into ours: what they say is checked after loading."""
    before = diffusers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(before)

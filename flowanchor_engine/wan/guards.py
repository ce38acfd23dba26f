"""What would make an edit silently wrong, refused with the reason.

Cache hooks made for plain sampling either do nothing on Wan, mix up the two sides of an edit,
or reuse steps that fresh noise makes different. A wrong edit looks like a bad prompt, so none
of them is tolerated in silence. Schedulers need no guard: none is ever loaded, whatever a
model folder names (`method.schedule`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from diffusers.models.transformers.transformer_wan import WanAttnProcessor

from flowanchor_engine.errors import GuardError
from flowanchor_engine.wan.attention import WanCrossAttention
from flowanchor_engine.wan.facts import TEXT_ROWS

__all__ = [
    "SAGE_ARCHITECTURES",
    "check_transformer",
    "refuse_caches",
    "refuse_foreign_attention",
    "refuse_lost_islands",
    "refuse_sage",
    "refuse_shortened_text",
    "refuse_wide_numbers",
]

# CUDA architectures on which int8 self-attention was found sound (5090); it distorts on 9.0.
SAGE_ARCHITECTURES = frozenset({(12, 0)})

# Prefix of the hook's or configuration's name -> (its name, why it is refused).
_CACHES = {
    "pyramid": (
        "PyramidAttentionBroadcast",
        "it does not tell texts apart and would give the second the answer of the first",
    ),
    "faster": ("FasterCache", "it does not fit Wan's blocks and fails in mid-edit"),
    "textkv": (
        "TextKVCache",
        "it knows no block of Wan and would silently do nothing; texts are cached anyway",
    ),
    "taylorseer": ("TaylorSeer", "it hooks no layer of Wan and would silently do nothing"),
    "mag": (
        "MagCache",
        "it counts calls and its ratios were measured in plain sampling, not in an edit",
    ),
    "sea": ("SeaCache", "it takes neighbouring steps for alike, which fresh noise forbids"),
    "firstblock": (
        "FirstBlockCache",
        "it may skip one side of the difference between source and target and not the other",
    ),
}
_ALIASES = {"fbc": "firstblock"}


def check_transformer(transformer: Any, *, device: torch.device) -> None:
    """Refuse a transformer on which the method would be silently wrong.

    Raises
    ------
    GuardError
        The first reason found.
    """
    refuse_caches(transformer)
    refuse_foreign_attention(transformer)
    refuse_lost_islands(transformer)
    capability = None
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
    refuse_sage(transformer, capability)


def refuse_caches(transformer: Any) -> None:
    """Refuse every step or attention cache that is installed on the transformer.

    Raises
    ------
    GuardError
        Names the cache and says why.
    """
    for found in _cache_names(transformer):
        plain = found.lower().replace("_", "")
        key = next((name for name in _CACHES if plain.startswith(name)), None)
        key = key or next(
            (full for short, full in _ALIASES.items() if plain.startswith(short)), None
        )
        if key is not None:
            name, why = _CACHES[key]
            raise GuardError(
                f"{name} is switched on and cannot be used for edits: {why}.",
                hint=["disable_cache"],
                detail=found,
            )
    for name, module in transformer.named_modules():
        if type(module).__module__.split(".")[0] == "cache_dit":
            raise GuardError(
                "cache-dit is switched on and cannot be used for edits: it tells branches by "
                "the order of calls, and an edit has four, so source and target would share "
                "residuals.",
                hint=["disable_cache"],
                detail=f"{name}: {type(module).__name__}",
            )
    if getattr(transformer, "_is_cached", False):
        raise GuardError(
            "A third-party cache is switched on; it cannot tell the four branches of an edit "
            "apart.",
            hint=["disable_cache"],
            detail="_is_cached",
        )


def _cache_names(transformer: Any) -> Iterator[str]:
    config = getattr(transformer, "_cache_config", None)
    if config is not None:
        yield type(config).__name__
    for module in transformer.modules():
        registry = getattr(module, "_diffusers_hook", None)
        if registry is not None:
            yield from registry.hooks


def refuse_foreign_attention(transformer: Any) -> None:
    """Refuse a cross-attention that somebody else has replaced.

    Raises
    ------
    GuardError
        SAR would push it aside without a sign.
    """
    for index, block in enumerate(transformer.blocks):
        processor = block.attn2.processor
        if not isinstance(processor, WanAttnProcessor | WanCrossAttention):
            raise GuardError(
                f"Another extension has replaced the model's cross-attention "
                f"({type(processor).__name__}); anchoring would silently undo it.",
                hint=["remove_extension"],
                detail=f"blocks.{index}.attn2",
            )


def refuse_lost_islands(transformer: Any) -> None:
    """Refuse a transformer that was cast as a whole after loading.

    Raises
    ------
    GuardError
        Time embedding, norms or modulation tables are not float32 any more.
    """
    islands = tuple(getattr(transformer, "_keep_in_fp32_modules", None) or ())
    for name, weight in transformer.named_parameters():
        half = weight.dtype in (torch.float16, torch.bfloat16)
        if half and any(part in islands for part in name.split(".")):
            raise GuardError(
                "The transformer was cast after loading, which rounds its timesteps and norms; "
                "load it in the wanted precision instead.",
                hint=["reload_model"],
                detail=f"{name}: {weight.dtype}",
            )


def refuse_sage(transformer: Any, capability: tuple[int, int] | None) -> None:
    """Refuse int8 self-attention off the list of architectures on which it is sound.

    Parameters
    ----------
    transformer : WanTransformer3DModel
    capability : tuple of int or None
        CUDA architecture such as (9, 0); None without CUDA.

    Raises
    ------
    GuardError
        Says why.
    """
    active = _AttentionBackendRegistry.get_active_backend()[0]
    for block in transformer.blocks:
        processor = block.attn1.processor
        backend = getattr(processor, "_attention_backend", None) or active
        name = str(getattr(backend, "value", backend)).lstrip("_")
        if not name.startswith("sage"):
            continue
        if getattr(processor, "_parallel_config", None) is not None:
            raise GuardError(
                "SageAttention gives wrong pictures when one clip is spread over several cards.",
                hint=["change_attention"],
                detail=name,
            )
        if capability not in SAGE_ARCHITECTURES:
            where = "this device" if capability is None else "sm_{}{}".format(*capability)
            raise GuardError(
                f"SageAttention is not known to be sound on {where}: it adds noise and "
                "distortion on some cards.",
                hint=["change_attention"],
                detail=f"{name}; allowed: {sorted(SAGE_ARCHITECTURES)}",
            )


def refuse_shortened_text(transformer: Any, rows: int) -> None:
    """Refuse text of other than 512 rows for a picture-conditioned model.

    Such a model finds its picture by counting 512 rows back from the end.

    Raises
    ------
    GuardError
    """
    if getattr(transformer.config, "added_kv_proj_dim", None) is not None and rows != TEXT_ROWS:
        raise GuardError(
            f"A picture-conditioned model needs all {TEXT_ROWS} rows of text, not {rows}: it "
            "would take words for picture without a sign.",
            detail=f"added_kv_proj_dim={transformer.config.added_kv_proj_dim}",
        )


def refuse_wide_numbers(device: torch.device, logits: str) -> None:
    """Refuse refined logits in float64 where the device has no such numbers.

    Raises
    ------
    GuardError
        Metal would fail in mid-edit.
    """
    if logits == "fp64" and device.type == "mps":
        raise GuardError(
            "Apple's graphics has no 64-bit numbers: sar_logits “fp64” works on a processor or "
            "an NVIDIA card.",
            hint=["fix_request"],
            detail=f"sar_logits={logits} on {device}",
        )

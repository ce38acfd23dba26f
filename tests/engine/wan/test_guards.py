"""Invariant 26: each guard fires on the real thing, with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import (
    FasterCacheConfig,
    FirstBlockCacheConfig,
    PyramidAttentionBroadcastConfig,
)
from diffusers.hooks import (
    MagCacheConfig,
    SeaCacheConfig,
    TaylorSeerCacheConfig,
    TextKVCacheConfig,
    apply_first_block_cache,
    apply_pyramid_attention_broadcast,
)

from flowanchor_engine.errors import GuardError
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan import guards
from flowanchor_engine.wan.attention import install
from flowanchor_engine.wan.velocity import WanVelocity
from tests.engine.wan.conftest import make_bundle, make_model, make_transformer

CPU = torch.device("cpu")


def step() -> int:
    return 500


CACHES: dict[str, tuple[Callable[[], Any], str]] = {
    "PyramidAttentionBroadcast": (
        lambda: PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=2, current_timestep_callback=step
        ),
        "the answer of the first",
    ),
    "FasterCache": (
        lambda: FasterCacheConfig(
            spatial_attention_block_skip_range=2, current_timestep_callback=step
        ),
        "fails in mid-edit",
    ),
    "FirstBlockCache": (lambda: FirstBlockCacheConfig(threshold=0.1), "one side"),
    "MagCache": (
        lambda: MagCacheConfig(num_inference_steps=25, mag_ratios=torch.ones(25)),
        "counts calls",
    ),
    "SeaCache": (lambda: SeaCacheConfig(), "fresh noise"),
    "TaylorSeer": (lambda: TaylorSeerCacheConfig(), "silently do nothing"),
    "TextKVCache": (lambda: TextKVCacheConfig(), "silently do nothing"),
}


@pytest.mark.filterwarnings("ignore:.*FasterCache.*")
@pytest.mark.parametrize("name", CACHES)
def test_every_cache_hook_is_refused_by_name_with_its_reason(name: str) -> None:
    make, reason = CACHES[name]
    transformer = make_transformer()
    guards.check_transformer(transformer, device=CPU)
    transformer.enable_cache(make())
    with pytest.raises(GuardError, match=f"^{name} .*{reason}"):
        guards.check_transformer(transformer, device=CPU)
    model = make_model(transformer)
    with pytest.raises(GuardError, match=name):
        WanVelocity(
            model,
            source=make_bundle(9),
            target=make_bundle(9),
            negative=make_bundle(5),
            rows=None,
            settings=MethodSettings(),
        )
    transformer.disable_cache()
    guards.check_transformer(transformer, device=CPU)


@pytest.mark.parametrize(
    ("apply", "name"),
    [
        (
            lambda model: apply_pyramid_attention_broadcast(
                model,
                PyramidAttentionBroadcastConfig(
                    spatial_attention_block_skip_range=2, current_timestep_callback=step
                ),
            ),
            "PyramidAttentionBroadcast",
        ),
        (
            lambda model: apply_first_block_cache(model, FirstBlockCacheConfig(threshold=0.1)),
            "FirstBlockCache",
        ),
    ],
)
def test_hooks_applied_behind_the_models_back_are_found(
    apply: Callable[[Any], None], name: str
) -> None:
    transformer = make_transformer()
    apply(transformer)
    assert transformer._cache_config is None
    with pytest.raises(GuardError, match=name):
        guards.check_transformer(transformer, device=CPU)


def test_third_party_caches_are_refused() -> None:
    transformer = make_transformer()
    transformer.blocks[0].register_module(
        "cached", type("CachedBlocks", (torch.nn.Module,), {"__module__": "cache_dit.blocks"})()
    )
    with pytest.raises(GuardError, match="order of calls"):
        guards.refuse_caches(transformer)
    other = make_transformer()
    other._is_cached = True
    with pytest.raises(GuardError, match="four branches"):
        guards.refuse_caches(other)


def test_unrelated_hooks_are_left_alone() -> None:
    """Layerwise casting and offloading use the same registry and are no caches."""
    transformer = make_transformer()
    transformer.enable_layerwise_casting(
        storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.bfloat16
    )
    guards.refuse_caches(transformer)


# ---- attention ----------------------------------------------------------------------------


def test_a_replaced_cross_attention_is_refused() -> None:
    transformer = make_transformer()
    guards.refuse_foreign_attention(transformer)
    with install(transformer):
        guards.refuse_foreign_attention(transformer)

    class Adapter:
        def __call__(self, *_: Any, **__: Any) -> None: ...

    transformer.blocks[1].attn2.set_processor(Adapter())
    with pytest.raises(GuardError, match="Adapter"):
        guards.refuse_foreign_attention(transformer)


@pytest.mark.parametrize("backend", ["sage", "_sage_qk_int8_pv_fp16_cuda", "sage_hub"])
@pytest.mark.parametrize(
    ("capability", "allowed"),
    [((12, 0), True), ((9, 0), False), ((8, 9), False), (None, False)],
)
def test_sage_runs_only_where_it_is_known_to_be_sound(
    backend: str, capability: tuple[int, int] | None, allowed: bool
) -> None:
    transformer = make_transformer()
    guards.refuse_sage(transformer, capability)
    for block in transformer.blocks:
        block.attn1.set_attention_backend(backend)
    if allowed:
        guards.refuse_sage(transformer, capability)
        return
    where = "this device" if capability is None else "sm_{}{}".format(*capability)
    with pytest.raises(GuardError, match=f"sound on {where}"):
        guards.refuse_sage(transformer, capability)


def test_sage_never_runs_on_a_clip_spread_over_cards() -> None:
    transformer = make_transformer()
    transformer.blocks[0].attn1.set_attention_backend("sage")
    transformer.blocks[0].attn1.processor._parallel_config = object()
    with pytest.raises(GuardError, match="several cards"):
        guards.refuse_sage(transformer, (12, 0))


def test_sage_on_a_cpu_stops_the_edit() -> None:
    transformer = make_transformer()
    transformer.blocks[0].attn1.set_attention_backend("sage")
    with pytest.raises(GuardError, match="SageAttention"):
        guards.check_transformer(transformer, device=CPU)


# ---- precision ----------------------------------------------------------------------------


def test_a_transformer_cast_after_loading_is_refused() -> None:
    transformer = make_transformer()
    guards.refuse_lost_islands(transformer)
    for weight in transformer.parameters():  # what `.to(bfloat16)` does below diffusers' guard
        weight.data = weight.data.bfloat16()
    with pytest.raises(GuardError, match="cast after loading"):
        guards.check_transformer(transformer, device=CPU)


# ---- text ---------------------------------------------------------------------------------


def test_shortened_text_is_refused_on_picture_models_only() -> None:
    guards.refuse_shortened_text(make_transformer(), 10)
    picture = make_transformer(added_kv_proj_dim=64, image_dim=20)
    guards.refuse_shortened_text(picture, 512)
    with pytest.raises(GuardError, match="512 rows of text, not 10"):
        guards.refuse_shortened_text(picture, 10)

"""Small real Wan models: two layers, width 64, random weights, in the real classes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel

from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan.facts import WanFacts
from flowanchor_engine.wan.load import WanModel, load
from flowanchor_engine.wan.text import TextBundle

DEMO = Path(__file__).parents[3] / "flowanchor_engine" / "demo" / "weights"

WIDTH_TEXT = 24


def make_transformer(seed: int = 0, **changes: Any) -> Any:
    """Return a random Wan transformer whose cross-attention matters."""
    torch.manual_seed(seed)
    config: dict[str, Any] = {
        "patch_size": (1, 2, 2),
        "num_attention_heads": 4,
        "attention_head_dim": 16,
        "in_channels": 16,
        "out_channels": 16,
        "text_dim": WIDTH_TEXT,
        "freq_dim": 32,
        "ffn_dim": 96,
        "num_layers": 2,
        "cross_attn_norm": True,
        "qk_norm": "rms_norm_across_heads",
        "rope_max_seq_len": 64,
    }
    model = WanTransformer3DModel(**{**config, **changes})
    for block in model.blocks:  # random initialisation leaves nearly uniform attention
        block.attn2.norm_q.weight.data *= 2  # queries and keys are normalised before the heads
        block.attn2.to_v.weight.data *= 2
    return model.eval().requires_grad_(False)


def make_vae(seed: int = 0, *, patchified: bool = False) -> Any:
    """Return a random VAE: Wan 2.1's (16 channels, 4x8x8) or TI2V-5B's (48, 4x16x16)."""
    torch.manual_seed(seed)
    config: dict[str, Any] = {
        "base_dim": 8,
        "dim_mult": [1, 2, 4, 4],
        "num_res_blocks": 1,
        "temperal_downsample": [False, True, True],
    }
    channels = 48 if patchified else 16
    if patchified:
        config |= {
            "decoder_base_dim": 16,
            "is_residual": True,
            "in_channels": 12,
            "out_channels": 12,
            "patch_size": 2,
            "scale_factor_spatial": 16,
            "temperal_downsample": [False, True, True],
        }
    vae = AutoencoderKLWan(
        z_dim=channels,
        latents_mean=[0.1 * (index % 3) for index in range(channels)],
        latents_std=[0.5 + 0.1 * (index % 4) for index in range(channels)],
        **config,
    )
    return vae.eval().requires_grad_(False)


def make_bundle(real: int, seed: int = 0, width: int = WIDTH_TEXT) -> TextBundle:
    """Return a random text of `real` tokens."""
    generator = torch.Generator().manual_seed(1000 + seed)
    return TextBundle(
        text="x" * real,
        embeds=torch.randn(real, width, generator=generator),
        tokens=tuple(f"t{index}" for index in range(real)),
        offsets=(*((index, index + 1) for index in range(real - 1)), (0, 0)),
        pad_count=512 - real,
        eos=real - 1,
    )


def make_model(transformer: Any, second: Any = None, vae: Any = None, **changes: Any) -> WanModel:
    """Return a loaded model around random parts."""
    config = transformer.config
    facts: dict[str, Any] = {
        "folder": Path("nowhere"),
        "family": "wan2.1-t2v",
        "latent_channels": config.in_channels,
        "temporal_stride": 4,
        "spatial_stride": 8,
        "patch": 2,
        "text_width": config.text_dim,
        "layers": config.num_layers,
        "heads": config.num_attention_heads,
        "head_width": config.attention_head_dim,
        "feed_forward": config.ffn_dim,
        "experts": ("transformer",) if second is None else ("transformer", "transformer_2"),
        "boundary_sigma": None if second is None else 0.875,
        "expand_timesteps": False,
        "shift": 5.0,
        "rope_max": config.rope_max_seq_len,
        "weight_bytes": {},
    }
    return WanModel(
        facts=WanFacts(**{**facts, **changes}),
        transformer=transformer,
        transformer_2=second,
        vae=vae,
        precision="fp32",
        device=torch.device("cpu"),
        model_id="random",
        revision="0",
    )


@pytest.fixture(scope="session")
def demo() -> WanModel:
    """The embedded model, loaded by the one path that loads every Wan."""
    return load(DEMO)


@pytest.fixture
def transformer() -> Any:
    return make_transformer()


@pytest.fixture
def model() -> WanModel:
    return make_model(make_transformer())


@pytest.fixture(scope="session")
def vae() -> Any:
    return make_vae()


@pytest.fixture(scope="session")
def vae_5b() -> Any:
    return make_vae(patchified=True)


@pytest.fixture
def settings() -> Callable[..., MethodSettings]:
    """Settings of a quick edit: the paper's but for what a test changes."""
    return functools.partial(MethodSettings, gamma=0.0, negative_prompt="")

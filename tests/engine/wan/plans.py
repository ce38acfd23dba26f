"""Published models, cards and plans as numbers: no weight is loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from flowanchor_engine.wan.facts import WanFacts
from flowanchor_engine.wan.plan import Budget, Plan, choose

GB = 10**9
VAE_21 = {"base_dim": 96, "z_dim": 16}
VAE_5B = {
    "base_dim": 160,
    "decoder_base_dim": 256,
    "z_dim": 48,
    "is_residual": True,
    "in_channels": 12,
    "out_channels": 12,
    "patch_size": 2,
    "scale_factor_spatial": 16,
    "latents_mean": [0.0] * 48,
    "latents_std": [1.0] * 48,
}


def published(root: Path, name: str) -> WanFacts:
    """Facts of a published model whose files are headers alone."""
    heads, ffn, layers, count, experts, vae = {
        "1.3B": (12, 8960, 30, 1_418_996_800, ("transformer",), VAE_21),
        "14B": (40, 13824, 40, 14_288_491_584, ("transformer",), VAE_21),
        "A14B": (40, 13824, 40, 14_288_491_584, ("transformer", "transformer_2"), VAE_21),
        "5B": (24, 14336, 30, 4_999_787_712, ("transformer",), VAE_5B),
    }[name]
    sizes = {**dict.fromkeys(experts, count), "vae": 126_892_531, "text_encoder": 5_680_910_336}
    for part, number in sizes.items():
        (root / part).mkdir(parents=True, exist_ok=True)
        stem = "model" if part == "text_encoder" else "diffusion_pytorch_model"
        header = json.dumps(
            {"w": {"dtype": "BF16", "shape": [number], "data_offsets": [0, 2 * number]}}
        ).encode()
        (root / part / f"{stem}.safetensors").write_bytes(
            len(header).to_bytes(8, "little") + header
        )
    (root / "vae" / "config.json").write_text(json.dumps(vae))
    small = name == "5B"
    return WanFacts(
        folder=root,
        family="wan2.1-t2v",
        latent_channels=48 if small else 16,
        temporal_stride=4,
        spatial_stride=16 if small else 8,
        patch=2,
        text_width=4096,
        layers=layers,
        heads=heads,
        head_width=128,
        feed_forward=ffn,
        experts=experts,
        boundary_sigma=0.875 if len(experts) == 2 else None,
        expand_timesteps=small,
        shift=5.0,
        rope_max=1024,
        weight_bytes={part: 2 * number for part, number in sizes.items()},
    )


def card(free_gb: float, capability: tuple[int, int] | None = (8, 9), ram_gb: float = 64) -> Budget:
    free = int(free_gb * GB)
    return Budget("cuda", free, free, int(ram_gb * GB), capability)


def chosen(facts: WanFacts, budget: Budget, frames: int = 81, **options: Any) -> Plan:
    return choose(facts, budget, size=(832, 480), frames=frames, **options)


def plan_for(**changes: Any) -> Plan:
    base = Plan(
        name="processor",
        kind="cpu",
        precision="fp32",
        transformer="resident",
        text="stage",
        vae="untiled",
        attention="default",
        batch=False,
        compiled=False,
        need_bytes=6 * GB,
        free_bytes=4 * GB,
    )
    return replace(base, **changes)

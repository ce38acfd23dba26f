"""The arithmetic of memory, held against the real shapes without their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from torch._subclasses.fake_tensor import FakeTensorMode

from flowanchor_engine.wan import latents, load
from flowanchor_engine.wan.footprint import LiveBytes, elements, footprint
from tests.engine.wan.conftest import DEMO
from tests.engine.wan.plans import VAE_5B, VAE_21, published


def test_weights_are_counted_as_they_are_loaded(demo: load.WanModel) -> None:
    need = footprint(demo.facts, number_bytes=4, kind="cpu", size=(96, 96), frames=9)
    held = {
        "transformer": demo.transformer.parameters(),
        "vae": demo.vae.parameters(),
    }
    for name, weights in held.items():
        assert getattr(need, name) == sum(w.numel() * w.element_size() for w in weights)
    assert elements(DEMO, "text_encoder") * 4 == need.text


def random_transformer(heads: int, ffn: int, half: bool) -> Any:
    model: Any = WanTransformer3DModel(
        num_attention_heads=heads, attention_head_dim=128, ffn_dim=ffn, num_layers=1
    )
    if half:
        islands = model._keep_in_fp32_modules
        for name, weight in model.named_parameters():
            if not any(part in islands for part in name.split(".")):
                weight.data = weight.data.to(torch.bfloat16)
    return model.eval().requires_grad_(False)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "half"), [("1.3B", True), ("1.3B", False), ("14B", True)])
def test_a_forward_of_the_real_shape_needs_what_the_table_says(
    tmp_path: Path, model: str, half: bool
) -> None:
    facts = published(tmp_path, model)
    dtype = torch.bfloat16 if half else torch.float32
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        net = random_transformer(facts.heads, facts.feed_forward, half)
        z = torch.randn(1, 16, 11, 60, 104, dtype=dtype)
        text = torch.randn(1, 29, 4096, dtype=dtype)
        with LiveBytes() as live:
            net(z, torch.tensor([800.0]), text, return_dict=False)
    need = footprint(facts, number_bytes=2 if half else 4, kind="cuda", size=(832, 480), frames=41)
    assert live.peak <= need.work < 1.5 * live.peak


@pytest.mark.slow
@pytest.mark.parametrize(("model", "tiled"), [("1.3B", False), ("1.3B", True), ("5B", False)])
def test_decoding_the_real_shape_needs_what_the_table_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, tiled: bool
) -> None:
    monkeypatch.setattr(latents, "_finite", lambda values, doing: values)  # no numbers here
    facts, frames = published(tmp_path, model), 9
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        vae: Any = AutoencoderKLWan(**(VAE_5B if model == "5B" else VAE_21))
        vae.eval().requires_grad_(False)
        side = facts.spatial_stride
        z = torch.randn(facts.latent_channels, 3, 480 // side, 832 // side)
        tiling = latents.Tiling() if tiled else None
        with LiveBytes() as live:
            for group in latents._groups(vae, z, tiling, None, torch.device("cpu")):
                del group
    need = footprint(facts, number_bytes=2, kind="cuda", size=(832, 480), frames=frames)
    found = need.decode_tiled if tiled else need.decode
    assert live.peak <= found < 1.5 * live.peak


def test_live_bytes_count_what_is_held_and_not_views_or_inputs() -> None:
    given_ = torch.zeros(1000)
    with LiveBytes() as live:
        view = given_.view(10, 100)
        for _ in range(5):
            made = view + 1  # one at a time, but the next is made before the last one goes
        del made
    assert live.peak == 2 * 4000

"""Memory plans are really applied, and change no pixel that they do not say they change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from diffusers.models.attention_dispatch import _AttentionBackendRegistry

from flowanchor_engine.errors import Cancelled, GuardError
from flowanchor_engine.method import schedule, trajectory
from flowanchor_engine.method.noise import NoiseField
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan import load, residency
from flowanchor_engine.wan.velocity import WanVelocity, asking
from tests.engine.wan.conftest import make_bundle, make_model, make_transformer
from tests.engine.wan.loop import ROWS
from tests.engine.wan.plans import plan_for


def edit(
    model: load.WanModel,
    same: bool = False,
    check: Callable[[], None] | None = None,
    **changes: Any,
) -> torch.Tensor:
    method = MethodSettings(gamma=0.0, negative_prompt="", steps=3, **changes)
    source, target, negative = make_bundle(9, 1), make_bundle(12, 2), make_bundle(5, 3)
    velocity = WanVelocity(
        model,
        source=source,
        target=source if same else target,
        negative=negative,
        rows=ROWS,
        settings=method,
        columns=(2,),
    )
    x = torch.randn(16, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    noise = NoiseField((16, 2, 4, 4), 7, "fresh", 0.5)
    with asking(model, check or (lambda: None)):
        return trajectory.edit(x, velocity, schedule.build(method), noise, method)


@pytest.fixture
def aligned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put what comes back from disk where memory would hold it.

    Kernels of a processor may round differently on unaligned numbers; a card copies anyway.
    """
    read = safetensors.torch.load_file
    monkeypatch.setattr(
        safetensors.torch,
        "load_file",
        lambda *args, **options: {k: v.clone() for k, v in read(*args, **options).items()},
    )


def offloaded(tmp_path: Path) -> load.WanModel:
    """A model whose waiting blocks are on disk: what is not brought back in time is lost."""
    model = make_model(make_transformer(num_layers=4))
    residency.apply(model, plan_for(transformer="group_offload"), disk=tmp_path / "blocks")
    return model


@pytest.mark.usefixtures("aligned")
def test_offloaded_equals_resident_bit_for_bit(tmp_path: Path) -> None:
    want = edit(make_model(make_transformer(num_layers=4)))
    model = offloaded(tmp_path)
    for weight in model.transformer.blocks.parameters():
        weight.data.fill_(float("nan"))  # a waiting block holds nothing that could be used
    assert torch.equal(edit(model), want)
    assert torch.equal(edit(model), want)


@pytest.mark.usefixtures("aligned")
def test_a_cancelled_forward_leaves_offload_in_order(tmp_path: Path) -> None:
    want = edit(make_model(make_transformer(num_layers=4)))
    model = offloaded(tmp_path)
    for stop_at in (1, 2, 3, 6, 17):
        left = stop_at

        def check() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Cancelled

        with pytest.raises(Cancelled):
            edit(model, check=check)
    assert torch.equal(edit(model), want)


def test_8_bit_storage_is_smaller_and_keeps_equal_prompts_equal() -> None:
    plain = make_model(make_transformer())
    model = make_model(make_transformer())
    before = sum(w.numel() * w.element_size() for w in model.transformer.blocks.parameters())
    residency.apply(model, plan_for(transformer="layerwise_fp8"))
    held = sum(w.numel() * w.element_size() for w in model.transformer.blocks.parameters())
    assert held < 0.3 * before  # from four bytes to one, but for norms and tables
    x = torch.randn(16, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    even = {"guidance_source": 3.0, "guidance_target": 3.0, "sar": False}
    assert torch.equal(edit(model, same=True, **even), x)
    found, want = edit(model), edit(plain)
    assert not torch.equal(found, want)
    assert torch.linalg.norm(found - want) < 0.3 * torch.linalg.norm(want)
    with pytest.raises(GuardError, match="loaded again"):
        residency.apply(model, plan_for())


def test_the_fingerprint_tells_what_changes_pixels(vae: Any) -> None:
    model = make_model(make_transformer(), vae=vae)
    plain = model.fingerprint()
    residency.apply(model, plan_for())
    assert model.fingerprint() == plain
    residency.apply(model, plan_for(vae="tiled"))
    assert model.fingerprint() == {**plain, "vae_tiles": "256/192"}
    residency.apply(model, plan_for(transformer="group_offload"))
    assert model.fingerprint() == plain  # moving weights changes no bit
    small = make_model(make_transformer(), vae=vae)
    residency.apply(small, plan_for(transformer="layerwise_fp8"))
    assert small.fingerprint()["quantisation"] != plain["quantisation"]


def test_a_back_end_is_set_on_self_attention_alone(vae: Any) -> None:
    model = make_model(make_transformer(), vae=vae)
    active = _AttentionBackendRegistry.get_active_backend()[0]
    want = edit(model)
    residency.apply(model, plan_for(attention="native"))
    assert {
        block.attn1.processor._attention_backend.value for block in model.transformer.blocks
    } == {"native"}
    assert {block.attn2.processor._attention_backend for block in model.transformer.blocks} == {
        None
    }
    assert _AttentionBackendRegistry.get_active_backend()[0] is active
    assert torch.equal(edit(model), want)
    with pytest.raises(GuardError, match="sage"):
        residency.apply(model, plan_for(attention="sage"))

"""Every family edits through the same loop: two experts, its own VAE, the embedded model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from flowanchor_engine.demo.scene_clip import demo_shot
from flowanchor_engine.method import schedule
from flowanchor_engine.method.maskgrid import token_rows
from flowanchor_engine.method.trajectory import Branch, Query
from flowanchor_engine.method.windows import Window
from flowanchor_engine.method.words import diff_spans, token_columns
from flowanchor_engine.request import MethodSettings
from flowanchor_engine.wan import latents
from flowanchor_engine.wan.load import WanModel
from flowanchor_engine.wan.velocity import WanVelocity
from tests.engine.wan.conftest import make_bundle, make_model, make_transformer, make_vae
from tests.engine.wan.loop import clip_latent, make_velocity, run


def test_two_experts_share_the_levels_at_the_boundary(
    settings: Callable[..., MethodSettings],
) -> None:
    high, low = make_transformer(0), make_transformer(1)
    model = make_model(high, low, family="wan2.2-a14b")
    numbers = settings()
    seen: list[tuple[str, float]] = []
    for name, part in (("high", high), ("low", low)):
        part.register_forward_pre_hook(
            lambda _module, _args, kwargs, name=name: seen.append(
                (name, float(kwargs["timestep"][0]))
            ),
            with_kwargs=True,
        )
    velocity = make_velocity(model, numbers)
    run(velocity, numbers)
    assert velocity.forwards == len(seen) == 91
    assert all((name == "high") == (timestep >= 875) for name, timestep in seen)
    levels = {timestep for name, timestep in seen if name == "high"}
    assert len(levels) == 11 - 2  # 11 of 25 at shift 5, of which 2 are skipped
    assert model.expert(0.875) is high
    assert model.expert(0.8749) is low


def test_an_edit_below_the_boundary_never_asks_the_high_noise_expert(
    settings: Callable[..., MethodSettings],
) -> None:
    high, low = make_transformer(0), make_transformer(1)
    high.register_forward_pre_hook(lambda *_: pytest.fail("high-noise expert"))
    numbers = settings(skip_share=0.5)
    run(make_velocity(make_model(high, low), numbers), numbers)


def test_each_expert_has_its_own_keys(settings: Callable[..., MethodSettings]) -> None:
    """A text's keys of one expert are never used in the other."""
    numbers = settings(steps=6)
    mixed = make_model(make_transformer(0), make_transformer(1))
    low = make_model(make_transformer(1))
    plan = schedule.build(numbers)
    step = next(step for step in plan.steps if step.sigma < 0.875)
    window = Window(0, 2, torch.ones(2, dtype=torch.float64))
    velocity = make_velocity(mixed, numbers)
    first = Query(clip_latent(), plan.steps[0], 0, Branch.TARGET_COND, False, window)
    later = replace(first, step=step)
    velocity([first])
    assert torch.equal(velocity([later])[0], make_velocity(low, numbers)([later])[0])


def test_a_scalar_timestep_is_the_timestep_of_every_token() -> None:
    """Invariant 25: TI2V-5B was trained with one per token; an edit needs no more than one."""
    transformer = make_transformer(in_channels=48, out_channels=48)
    z, text = clip_latent((48, 2, 4, 4))[None], make_bundle(9).collapsed(512)[None]
    with torch.no_grad():
        one, each = (
            transformer(z, timestep, text, return_dict=False)[0]
            for timestep in (torch.full((1,), 613.5), torch.full((1, 8), 613.5))
        )
    assert float((one - each).abs().max()) < 1e-6 * float(each.abs().max())


def test_ti2v_5b_edits_through_its_own_vae(settings: Callable[..., MethodSettings]) -> None:
    from flowanchor_engine.wan import latents

    vae = make_vae(patchified=True)
    model = make_model(
        make_transformer(in_channels=48, out_channels=48),
        vae=vae,
        family="wan2.2-ti2v",
        spatial_stride=16,
        expand_timesteps=True,
    )
    assert model.facts.token_px == 32
    x = latents.encode(vae, torch.zeros(5, 64, 64, 3))
    assert x.shape == (48, 2, 4, 4)
    numbers = settings(steps=4)
    timesteps = []
    model.transformer.register_forward_pre_hook(
        lambda _m, _a, kwargs: timesteps.append(kwargs["timestep"].shape), with_kwargs=True
    )
    edited = run(make_velocity(model, numbers), numbers, x)
    assert set(timesteps) == {(1,)}
    assert sum(len(part) for part in latents.decode(vae, edited, frames=5)) == 5


def embedded_edit(
    demo: WanModel, settings: MethodSettings, now: str, wanted: str, columns: Sequence[int]
) -> tuple[Tensor, Tensor]:
    x = clip_latent((16, 3, 12, 12), seed=3)
    rows = torch.zeros(3, 6, 6, dtype=torch.bool)
    rows[:, 2:4, 1:4] = True
    with demo.text_stage() as stage:
        source, target, negative = stage.encode([now, wanted, ""])
    velocity = WanVelocity(
        demo, source=source, target=target, negative=negative, rows=rows.flatten(),
        settings=settings, columns=columns,
    )  # fmt: skip
    return x, run(velocity, settings, x)


def test_the_embedded_model_leaves_equal_texts_alone(
    demo: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    text = "a red ball on a blue background"
    numbers = settings(sar=False, shift=3.0, steps=6, guidance_source=3.0, guidance_target=3.0)
    x, edited = embedded_edit(demo, numbers, text, text, ())
    assert torch.equal(edited, x)


def test_the_embedded_model_edits_inside_the_matte(
    demo: WanModel, settings: Callable[..., MethodSettings]
) -> None:
    shot = demo_shot(3, size=(96, 96))
    x = latents.encode(demo.vae, shot.frames.astype(np.float32) / 127.5 - 1)
    rows = token_rows(torch.from_numpy(shot.mask.astype(np.float32)))
    with demo.text_stage() as stage:
        source, target, negative = stage.encode([shot.now, shot.wanted, ""])
    spans = diff_spans(source.text, target.text)
    numbers = settings(
        shift=3.0, steps=12, skip_share=0.3, guidance_source=1.0, guidance_target=3.0
    )
    velocity = WanVelocity(
        demo, source=source, target=target, negative=negative, rows=rows, settings=numbers,
        columns=token_columns(spans, target.offsets),
    )  # fmt: skip
    change = (run(velocity, numbers, x) - x).square().mean(0)
    tokens = functional.avg_pool2d(change, 2).flatten()
    assert float(tokens[rows].mean()) > 3 * float(tokens[~rows].mean())

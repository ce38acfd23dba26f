"""The three training plans: from nothing, from given weights, and a few steps for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flowanchor_engine.demo.flow_stage import FlowPlan
from flowanchor_engine.demo.latents import Bucket, LatentsPlan
from flowanchor_engine.demo.vae_stage import VaePlan


@dataclass(frozen=True)
class Plan:
    """Numbers of all stages.

    Attributes
    ----------
    held_out_clips : int
        Unseen clips per size on which the VAE is measured.
    preview_clips : int
        Clips on which the preview map is fitted.
    """

    vae: VaePlan
    decoder: VaePlan
    latents: LatentsPlan
    flow: FlowPlan
    held_out_clips: int = 8
    preview_clips: int = 48


_REFINE = Plan(
    vae=VaePlan(steps=1000, scenes=2400, image_share=0.0, rate=1.5e-3, anchor=0.05, square=8.0),
    decoder=VaePlan(
        steps=800,
        scenes=2400,
        image_share=0.0,
        rate=1.5e-3,
        anchor=0.0,
        encoder=False,
        square=8.0,
        seed=1,
    ),
    latents=LatentsPlan(
        buckets=(
            Bucket(96, 96, 9, pairs=2048, share=0.36),
            Bucket(128, 128, 9, pairs=1408, share=0.32),
            Bucket(128, 96, 9, pairs=256, share=0.05),
            Bucket(96, 128, 9, pairs=256, share=0.05),
            Bucket(160, 96, 9, pairs=160, share=0.04),
            Bucket(96, 96, 17, pairs=352, share=0.09),
            Bucket(128, 128, 17, pairs=128, share=0.04),
            Bucket(96, 96, 33, pairs=96, share=0.05),
        )
    ),
    flow=FlowPlan(steps=8000),
)

PLANS: dict[str, Plan] = {
    "refine": _REFINE,
    "full": Plan(
        vae=VaePlan(steps=3000, scenes=4000, image_share=0.15, rate=3e-3, anchor=0.0),
        decoder=replace(_REFINE.decoder, steps=1500, scenes=4000),
        latents=replace(
            _REFINE.latents,
            buckets=tuple(replace(b, pairs=2 * b.pairs) for b in _REFINE.latents.buckets),
        ),
        flow=FlowPlan(steps=16000, muon_rate=2e-3, adam_rate=1e-3),
    ),
    "smoke": Plan(
        vae=VaePlan(
            steps=4,
            scenes=4,
            image_share=0.5,
            rate=1e-3,
            anchor=0.05,
            batch=2,
            checkpoint_steps=1,
        ),
        decoder=VaePlan(
            steps=2,
            scenes=4,
            image_share=0.0,
            rate=1e-3,
            anchor=0.0,
            batch=2,
            encoder=False,
            checkpoint_steps=1,
        ),
        latents=LatentsPlan(
            buckets=(Bucket(96, 96, 9, pairs=4, share=0.7), Bucket(128, 96, 5, pairs=4, share=0.3)),
            pairs_per_shard=4,
        ),
        flow=FlowPlan(steps=6, batch_tokens=500, warm=2, checkpoint_steps=1, log_steps=2),
        held_out_clips=1,
        preview_clips=2,
    ),
}

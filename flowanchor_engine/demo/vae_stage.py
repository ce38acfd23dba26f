"""Train the VAE on crops, or refine a trained one without moving its latents.

The stage runs twice: encoder and decoder before the latents are cached, the decoder alone
afterwards, when nothing that the transformer has learned can be disturbed any more.
"""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers import AutoencoderKLWan
from torch import Tensor, nn

from flowanchor_engine.demo.checkpoint import Trainee
from flowanchor_engine.demo.draw import render
from flowanchor_engine.demo.gradient_pool import GradientPool
from flowanchor_engine.demo.optim import GroupRates, MuonAdam
from flowanchor_engine.demo.scenes import sample_scene
from flowanchor_engine.demo.schedule import Budget, rate_scale
from flowanchor_engine.demo.vae_model import (
    channels_last,
    channels_last_clip,
    decode_unclamped,
    new_vae,
    to_frames,
    to_tensor,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from flowanchor_engine.demo.journal import Journal

TRAIN_SEED = 10_000_000
HELD_OUT_SEED = 60_000_000
HELD_OUT_CASES = ((96, 96, 9), (128, 128, 9), (96, 96, 17))


@dataclass(frozen=True)
class VaePlan:
    """Numbers of the VAE stage.

    Attributes
    ----------
    steps, batch : int
        Optimiser steps; crops of five frames per step (twice as many stills, half as many
        crops of nine frames).
    image_share : float
        Share of the steps, at the start, that see stills only.
    rate : float
        Peak learning rate of both halves of the optimiser.
    anchor : float
        Weight of the squared distance to the latents of the VAE that the stage started from, in
        units of their spread: it keeps a trained transformer's space in place. 0 from nothing.
    square : float
        Weight of the squared error beside the absolute error.
    encoder : bool
        False trains the decoder alone.
    scenes, side_px, large_share
        Number of rendered clips; side of the crops; share of clips of 128 by 128 pixels.
    micro_batches : int
        Parts of a batch, each with gradients of its own; processes share them out.
    """

    steps: int
    scenes: int
    image_share: float
    rate: float
    anchor: float
    batch: int = 6
    encoder: bool = True
    micro_batches: int = 2
    square: float = 4.0
    side_px: int = 64
    large_share: float = 0.3
    checkpoint_steps: int = 100
    seed: int = 0


@dataclass
class VaeModels:
    """The VAE that learns, and its frozen beginning (or None) that it is held close to."""

    vae: Any
    fixed: Any
    plan: VaePlan

    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything that learns, by name."""
        named = dict(self.vae.named_parameters())
        if self.plan.encoder:
            return named
        return {n: p for n, p in named.items() if n.startswith(("decoder.", "post_quant_conv."))}


@dataclass(frozen=True)
class _Batch:
    x: Tensor
    noise_seed: int


@dataclass(frozen=True)
class _Clip:
    frames: NDArray[np.uint8]
    centres: NDArray[np.float64]  # (objects, F, 2)


def _render_clip(job: tuple[int, int]) -> _Clip:
    seed, side_px = job
    scene = sample_scene(seed, width=side_px, height=side_px, frames=9)
    return _Clip(render(scene).frames, np.array([o.path for o in scene.objects]))


def _render_clips(plan: VaePlan) -> list[_Clip]:
    large = int(plan.scenes * plan.large_share)
    jobs = [(TRAIN_SEED + i, 128 if i < large else 96) for i in range(plan.scenes)]
    if plan.scenes < 64:
        return [_render_clip(job) for job in jobs]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_render_clip, jobs, chunksize=50))


def _crops(
    clips: list[_Clip], rng: np.random.Generator, count: int, frames: int, side_px: int
) -> Tensor:
    """Random crops, most of them around an object: that is where the error is."""
    picked = []
    for index in rng.integers(0, len(clips), count):
        clip = clips[index]
        start = int(rng.integers(0, clip.frames.shape[0] - frames + 1))
        limit = np.array([clip.frames.shape[2], clip.frames.shape[1]]) - side_px
        corner = rng.integers(0, limit + 1)
        if rng.random() < 0.6:
            item = int(rng.integers(len(clip.centres)))
            aim = clip.centres[item, start] - side_px / 2 + rng.uniform(-28, 28, 2)
            corner = np.clip(np.round(aim).astype(int), 0, limit)
        x, y = corner
        crop = clip.frames[start : start + frames, y : y + side_px, x : x + side_px]
        mirror = rng.random(2) < 0.5
        picked.append(crop[:, :: -1 if mirror[0] else 1, :: -1 if mirror[1] else 1])
    return to_tensor(np.stack(picked))


def _split(vae: Any, learning: list[nn.Parameter]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Inner convolutions for Muon; borders, gains and biases for AdamW."""
    border = {
        id(p)
        for m in (vae.encoder.conv_in, vae.decoder.conv_out, vae.quant_conv, vae.post_quant_conv)
        for p in m.parameters()
    }
    matrices = [
        p
        for p in learning
        if p.ndim >= 4
        and min(p.shape[0], p.numel() // p.shape[0]) > 4
        and id(p) not in border
        and not (p.ndim == 4 and p.shape[1:] == (1, 1, 1))
    ]
    ours = {id(p) for p in matrices}
    return matrices, [p for p in learning if id(p) not in ours]


def train_vae(
    plan: VaePlan,
    folder: Path,
    journal: Journal,
    *,
    start: Any = None,
    deadline: float | None = None,
    processes: int = 1,
) -> Any:
    """Train (or with `start` refine) the VAE; resume from ``folder/checkpoint.safetensors``.

    Parameters
    ----------
    deadline : float, optional
        End at this time (seconds since the epoch) rather than after `plan.steps`.
    processes : int
        How many work on the micro-batches.

    Returns
    -------
    AutoencoderKLWan
        Averaged weights in float32; `latents_mean` and `latents_std` are those of `start`.
    """
    torch.manual_seed(plan.seed)
    vae = channels_last(start if start is not None else new_vae()).float().train()
    fixed: Any = None
    if start is not None and plan.anchor > 0 and plan.encoder:
        fixed = channels_last(AutoencoderKLWan(**dict(start.config)))
        fixed.load_state_dict(start.state_dict())
        fixed.requires_grad_(False).eval()
    models = VaeModels(vae, fixed, plan)
    named = models.parameters()
    matrices, rest = _split(vae, list(named.values()))
    trainee = Trainee(
        parameters=named,
        average={n: p.detach().clone() for n, p in named.items()},
        optimiser=MuonAdam(
            matrices, rest, muon=GroupRates(plan.rate, 0.01), adam=GroupRates(plan.rate)
        ),
        rng=np.random.default_rng(plan.seed),
    )
    saved = folder / "checkpoint.safetensors"
    if saved.is_file():
        trainee.load(saved, facts=asdict(plan))
    clips = _render_clips(plan) if trainee.step < plan.steps else []
    budget = Budget(plan.steps)
    if deadline is not None:
        budget = Budget.until(plan.steps, deadline, trainee.seconds)
    began = time.monotonic() - trainee.seconds
    with GradientPool(vae_backward, models, list(named.values()), processes) as pool:
        while (done := budget.done(trainee.step, trainee.seconds)) < 1:
            scale = rate_scale(done, trainee.step, warm=30, hold=plan.image_share)
            trainee.optimiser.set_rate_scale(scale)
            numbers = pool.mean_gradient(
                _draw(plan, trainee.rng, clips, stills=done < plan.image_share)
            )
            nn.utils.clip_grad_norm_(named.values(), 1.0)
            trainee.optimiser.step()
            trainee.step += 1
            trainee.track_average(0.99, 9)
            trainee.seconds = time.monotonic() - began
            if trainee.step % 25 == 0 or trainee.step == plan.steps:
                absolute, squared, drift = np.mean(numbers, 0)
                journal.write(
                    "vae" if plan.encoder else "decoder",
                    step=trainee.step,
                    seconds=round(trainee.seconds, 1),
                    l1=round(float(absolute), 5),
                    psnr_db=round(-10 * float(np.log10(squared / 4)), 3),
                    drift=round(float(drift), 5),
                )
            if trainee.step % plan.checkpoint_steps == 0:
                trainee.save(saved, facts=asdict(plan))
    trainee.save(saved, facts=asdict(plan))
    trainee.adopt_average()
    return vae.eval()


def _draw(
    plan: VaePlan, rng: np.random.Generator, clips: list[_Clip], *, stills: bool
) -> list[_Batch]:
    frames = 1 if stills else (5 if rng.random() < 0.8 else 9)
    count = {1: plan.batch * 2, 5: plan.batch, 9: plan.batch // 2}[frames] / plan.micro_batches
    return [
        _Batch(
            _crops(clips, rng, max(1, round(count)), frames, plan.side_px),
            int(rng.integers(2**62)),
        )
        for _ in range(plan.micro_batches)
    ]


def vae_backward(models: VaeModels, batch: _Batch) -> tuple[float, float, float]:
    """Leave the gradients of one micro-batch; return absolute and squared error and drift."""
    plan, vae, x = models.plan, models.vae, channels_last_clip(batch.x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.set_grad_enabled(plan.encoder):
            posterior = vae.encode(x).latent_dist
            mean = posterior.mean.float()
            log_variance = posterior.logvar.float().clamp(-20, 10)
        noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(batch.noise_seed))
        y = decode_unclamped(vae, mean + torch.exp(0.5 * log_variance) * noise)
        if models.fixed is not None:
            with torch.no_grad():
                anchor = models.fixed.encode(x).latent_dist.mean.float()
    error = y.float() - x
    absolute, squared = error.abs().mean(), error.pow(2).mean()
    loss = absolute + plan.square * squared
    drift = torch.zeros(())
    if plan.encoder:
        divergence = 0.5 * (mean.pow(2) + log_variance.exp() - 1 - log_variance).mean()
        loss = loss + 1e-4 * divergence
    if models.fixed is not None:
        spread = torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1)
        drift = ((mean - anchor) / spread).pow(2).mean()
        loss = loss + plan.anchor * drift
    loss.backward()  # type: ignore[no-untyped-call]
    return absolute.item(), squared.item(), drift.item()


@torch.no_grad()
def held_out_psnr(vae: Any, clips_per_case: int = 8) -> list[float]:
    """PSNR in dB of encode (posterior mode) and decode, one value per unseen clip.

    The clips run over `HELD_OUT_CASES`; arithmetic is float32 with bfloat16 convolutions.
    """
    values = []
    for case, (width, height, frames) in enumerate(HELD_OUT_CASES):
        for k in range(clips_per_case):
            seed = HELD_OUT_SEED + 1000 * case + k
            clip = render(sample_scene(seed, width=width, height=height, frames=frames)).frames
            with torch.autocast("cpu", dtype=torch.bfloat16):
                z = vae.encode(to_tensor(clip[None])).latent_dist.mode()
                back = to_frames(vae.decode(z.float()).sample)[0]
            difference = clip.astype(np.float64) - back
            values.append(float(10 * np.log10(255**2 / max(np.mean(difference**2), 1e-9))))
    return values

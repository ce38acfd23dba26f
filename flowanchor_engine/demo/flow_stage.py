"""Stage three: rectified flow on cached latents, transformer and text encoder together.

Half of every batch are counterfactual pairs that share noise and time step: what the two have
in common cancels in the difference of their gradients, and what is left is the attribute that
the caption changed. The loss weighs the cells of objects higher; that changes how fast they are
learned, not the optimum.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from flowanchor_engine.demo.captions import training_caption
from flowanchor_engine.demo.checkpoint import Trainee
from flowanchor_engine.demo.flow_model import is_matrix, use_training_attention
from flowanchor_engine.demo.gradient_pool import GradientPool
from flowanchor_engine.demo.optim import GroupRates, MuonAdam
from flowanchor_engine.demo.schedule import Budget, rate_scale
from flowanchor_engine.demo.text import PAD_TOKENS, encode_captions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flowanchor_engine.demo.journal import Journal
    from flowanchor_engine.demo.latents import Bucket, CachedClips


@dataclass(frozen=True)
class FlowPlan:
    """Numbers of the flow stage.

    Attributes
    ----------
    batch_tokens : int
        Latent tokens per step; larger clips come in smaller batches.
    micro_batches : int
        Parts of a batch, each with gradients of its own; processes share them out.
    muon_rate, adam_rate : float
        Peak learning rates of matrices and of the rest.
    hold : float
        Share of the run before the rate starts to fall.
    shift : float
        Time shift of Wan: t = shift u / (1 + (shift - 1) u).
    pair_share : float
        Share of a batch that are counterfactual pairs.
    object_weight : float
        Extra weight of a latent cell that is wholly covered by objects.
    empty_captions : float
        Share of captions left empty for classifier-free guidance.
    """

    steps: int
    batch_tokens: int = 3456
    micro_batches: int = 2
    muon_rate: float = 1.2e-3
    adam_rate: float = 6e-4
    warm: int = 30
    hold: float = 0.4
    shift: float = 3.0
    pair_share: float = 0.5
    object_weight: float = 2.0
    empty_captions: float = 0.1
    checkpoint_steps: int = 100
    log_steps: int = 25
    seed: int = 0


@dataclass(frozen=True)
class _Batch:
    latents: Tensor
    coverage: Tensor
    captions: list[str]
    time: Tensor
    noise: Tensor
    pads: int
    object_weight: float


@dataclass
class FlowModels:
    """Transformer and UMT5 encoder, which learn, and the tokenizer, which is fixed."""

    transformer: Any
    encoder: Any
    tokenizer: Any

    def parameters(self) -> dict[str, nn.Parameter]:
        """Everything that learns, by name."""
        named = {f"transformer.{n}": p for n, p in self.transformer.named_parameters()}
        return named | {f"encoder.{n}": p for n, p in self.encoder.named_parameters()}


def train_flow(
    plan: FlowPlan,
    models: FlowModels,
    buckets: tuple[Bucket, ...],
    clips: list[CachedClips],
    statistics: tuple[list[float], list[float]],
    folder: Path,
    journal: Journal,
    *,
    deadline: float | None = None,
    processes: int = 1,
    facts: dict[str, Any] | None = None,
) -> FlowModels:
    """Train in place, resume from ``folder/checkpoint.safetensors``, return averaged weights.

    Parameters
    ----------
    statistics : (means, deviations) of the latent channels
    deadline : float, optional
        End at this time (seconds since the epoch) rather than after `plan.steps`. The learning
        rate then follows the clock, so the result is no longer repeatable to the step.
    processes : int
        How many work on the micro-batches; the result does not depend on it as long as every
        process has one thread.
    facts : dict, optional
        What else a checkpoint must agree with, such as the plan of the latents.
    """
    torch.manual_seed(plan.seed)
    use_training_attention(models.transformer.train())
    models.encoder.train()
    named = models.parameters()
    trainee = Trainee(
        parameters=named,
        average={n: p.detach().clone() for n, p in named.items()},
        optimiser=MuonAdam(
            [p for n, p in named.items() if is_matrix(n, p)],
            [p for n, p in named.items() if not is_matrix(n, p)],
            muon=GroupRates(plan.muon_rate, 0.01),
            adam=GroupRates(plan.adam_rate),
            betas=(0.9, 0.99),
        ),
        rng=np.random.default_rng(plan.seed),
    )
    agreed = {"plan": asdict(plan), **(facts or {})}
    saved = folder / "checkpoint.safetensors"
    if saved.is_file():
        trainee.load(saved, facts=agreed)
    budget = Budget(plan.steps)
    if deadline is not None:
        budget = Budget.until(plan.steps, deadline, trainee.seconds)
    draw = _batch_source(plan, buckets, clips, statistics, trainee.rng)
    began = time.monotonic() - trainee.seconds
    recent: list[tuple[float, ...]] = []
    with GradientPool(flow_backward, models, list(named.values()), processes) as pool:
        while (done := budget.done(trainee.step, trainee.seconds)) < 1:
            scale = rate_scale(done, trainee.step, warm=plan.warm, hold=plan.hold)
            trainee.optimiser.set_rate_scale(scale)
            recent += pool.mean_gradient(draw())
            nn.utils.clip_grad_norm_(named.values(), 2.0)
            trainee.optimiser.step()
            trainee.step += 1
            trainee.track_average(0.999, 30)
            trainee.seconds = time.monotonic() - began
            if trainee.step % plan.log_steps == 0:
                loss, object_loss = np.mean(recent, 0)
                recent = []
                journal.write(
                    "flow",
                    step=trainee.step,
                    seconds=round(trainee.seconds, 1),
                    rate=round(scale, 4),
                    loss=round(float(loss), 5),
                    object_loss=round(float(object_loss), 5),
                )
            if trainee.step % plan.checkpoint_steps == 0:
                trainee.save(saved, facts=agreed)
    trainee.save(saved, facts=agreed)
    trainee.adopt_average()
    models.transformer.eval()
    models.encoder.eval()
    return models


def _batch_source(
    plan: FlowPlan,
    buckets: tuple[Bucket, ...],
    clips: list[CachedClips],
    statistics: tuple[list[float], list[float]],
    rng: np.random.Generator,
) -> Callable[[], list[_Batch]]:
    shares = np.array([b.share for b in buckets])
    shares = shares / shares.sum()
    mean, deviation = (torch.tensor(s).view(1, -1, 1, 1, 1) for s in statistics)

    def draw() -> list[_Batch]:
        index = int(rng.choice(len(buckets), p=shares))
        return [part(index) for _ in range(plan.micro_batches)]

    def part(index: int) -> _Batch:
        held = clips[index]
        count = max(4, round(plan.batch_tokens / plan.micro_batches / buckets[index].tokens))
        pairs = round(count * plan.pair_share / 2)
        first = 2 * rng.integers(0, len(held.scenes) // 2, pairs)
        single = rng.integers(0, len(held.scenes), count - 2 * pairs)
        chosen = np.concatenate([np.stack([first, first + 1], 1).ravel(), single])
        # Member k of a pair takes its noise, time and caption style from the pair's first.
        source = np.concatenate([np.repeat(np.arange(pairs) * 2, 2), np.arange(2 * pairs, count)])
        styles = rng.integers(0, 2**62, count)
        captions = [
            training_caption(
                held.scenes[c], np.random.default_rng(styles[s]), empty=plan.empty_captions
            )
            for c, s in zip(chosen, source, strict=True)
        ]
        picked = torch.from_numpy(chosen)
        order = torch.from_numpy(source)
        latents = (held.latents[picked].float() - mean) / deviation
        u = (torch.randperm(count) + torch.rand(count)) / count
        t = plan.shift * u / (1 + (plan.shift - 1) * u)
        return _Batch(
            latents=latents,
            coverage=held.coverage[picked].float()[:, None] / 255,
            captions=captions,
            time=t[order],
            noise=torch.randn_like(latents)[order],
            # Other lengths of padding too: the edit may run with shorter texts than Wan's 512.
            pads=PAD_TOKENS if rng.random() < 0.6 else int(rng.choice([64, 128, 226, 256])),
            object_weight=plan.object_weight,
        )

    return draw


def flow_backward(models: FlowModels, batch: _Batch) -> tuple[float, float]:
    """Leave the gradients of one micro-batch; return the plain loss and the one on objects."""
    t = batch.time.view(-1, 1, 1, 1, 1)
    noisy = (1 - t) * batch.latents + t * batch.noise
    with torch.autocast("cpu", dtype=torch.bfloat16):
        states, bias = encode_captions(
            models.tokenizer, models.encoder, batch.captions, pads=batch.pads
        )
        for block in models.transformer.blocks:
            block.attn2.processor.bias = bias
        velocity = models.transformer(noisy, batch.time * 1000, states, return_dict=False)[0]
    error = (velocity.float() - (batch.noise - batch.latents)).pow(2)
    weight = 1 + batch.object_weight * batch.coverage
    loss = (error * weight).mean() / weight.mean()
    loss.backward()
    with torch.no_grad():
        plain = error.mean().item()
        inside = (error * batch.coverage).mean() / batch.coverage.mean().clamp(min=1e-6)
    return plain, inside.item()

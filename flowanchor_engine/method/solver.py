"""How an edit direction moves the edited latent from one noise level to the next (A3).

`Euler` is Eq. 13 of the paper. `UniPCOnDelta` integrates the same equation
``dZ_edit / dsigma = dV`` with UniPC (Zhao et al. 2023, "UniPC: A Unified Predictor-Corrector
Framework for Fast Sampling of Diffusion Models", arXiv 2302.04867; data prediction,
B2(h) = e^h - 1, order 2), with alpha = 1 - sigma and Z - sigma dV as the data prediction, as
public re-implementations do. It is not exact on dV = 0: it drifts by rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.method.schedule import Step

__all__ = ["Euler", "Solver", "UniPCOnDelta", "make"]


class Solver(Protocol):
    """Moves the edited latent by one step; may remember earlier steps of the same run."""

    def step(self, z: Tensor, delta: Tensor, step: Step) -> Tensor:
        """Return Z at ``step.next_sigma`` from Z and dV at ``step.sigma``."""


class Euler:
    """Explicit Euler: Z + (t_{i-1} - t_i) dV (Eq. 13)."""

    def step(self, z: Tensor, delta: Tensor, step: Step) -> Tensor:
        """Return Z at ``step.next_sigma``; exactly Z where dV is 0."""
        return torch.add(z, delta, alpha=step.next_sigma - step.sigma)


@dataclass(frozen=True)
class _Past:
    """What the corrector needs of the step before: start, levels and order."""

    z: Tensor
    sigma: float
    next_sigma: float
    order: int


class UniPCOnDelta:
    """UniPC of order 2 on dV; one instance per run.

    A step first corrects the latent that the last step predicted, now that dV is known
    there (UniC), then predicts the next one (UniP). The first and the last step are of
    order 1; the last is not corrected.
    """

    def __init__(self) -> None:
        self._data: list[tuple[float, Tensor]] = []  # (log SNR / 2, data prediction), newest last
        self._past: _Past | None = None

    def step(self, z: Tensor, delta: Tensor, step: Step) -> Tensor:
        """Return the predicted Z at ``step.next_sigma``."""
        data = z - step.sigma * delta
        if self._past is not None:
            z = self._correct(self._past, data)
        self._data = [*self._data[-1:], (_half_log_snr(step.sigma), data)]
        order = min(len(self._data), 1 if step.next_sigma == 0 else 2)
        self._past = _Past(z, step.sigma, step.next_sigma, order)
        return self._predict(self._past)

    def _predict(self, past: _Past) -> Tensor:
        """UniP: exponential integrator plus half the slope between the last two predictions."""
        base, _ = _first_order(past, self._data[-1][1])
        if past.order == 1:
            return base
        length = _half_log_snr(past.next_sigma) - _half_log_snr(past.sigma)
        slope, _ = self._slope(length)
        return base - (1 - past.next_sigma) * math.expm1(-length) * 0.5 * slope

    def _correct(self, past: _Past, data: Tensor) -> Tensor:
        """UniC: the same step again with the data prediction at its end."""
        last = self._data[-1][1]
        base, span = _first_order(past, last)
        scale = (1 - past.next_sigma) * span
        if past.order == 1:
            return base - scale * 0.5 * (data - last)
        length = _half_log_snr(past.next_sigma) - _half_log_snr(past.sigma)
        slope, ratio = self._slope(length)
        # The two weights solve  w1 + w2 = b1,  ratio w1 + w2 = b2.
        phi2 = span / -length - 1
        phi3 = phi2 / -length - 0.5
        b1, b2 = phi2 / span, 2 * phi3 / span
        first = (b1 - b2) / (1 - ratio)
        return base - scale * (first * slope + (b1 - first) * (data - last))

    def _slope(self, length: float) -> tuple[Tensor, float]:
        """Difference of the last two predictions per step length, and their distance."""
        (earlier, before), (now, last) = self._data
        ratio = (earlier - now) / length
        return (before - last) / ratio, ratio


def make(name: Literal["euler", "unipc_on_delta"]) -> Solver:
    """Return a fresh solver for one run."""
    if name == "euler":
        return Euler()
    if name == "unipc_on_delta":
        return UniPCOnDelta()
    msg = f"unknown solver {name!r}"
    raise ValueError(msg)


def _half_log_snr(sigma: float) -> float:
    """Half the log signal-to-noise ratio, log(alpha / sigma); infinite at the ends."""
    if sigma <= 0:
        return math.inf
    if sigma >= 1:
        return -math.inf
    return math.log1p(-sigma) - math.log(sigma)


def _first_order(past: _Past, data: Tensor) -> tuple[Tensor, float]:
    """Exponential integrator with constant data prediction, and e^{-h} - 1."""
    span = math.expm1(_half_log_snr(past.sigma) - _half_log_snr(past.next_sigma))
    base = (past.next_sigma / past.sigma) * past.z - (1 - past.next_sigma) * span * data
    return base, span

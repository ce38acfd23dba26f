"""The engine's own noise grid: which levels a run visits and which of them are anchored.

No scheduler object is involved: every scheduler at hand rounds, shifts twice or truncates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from flowanchor_engine.errors import RangeError
from flowanchor_engine.request import skipped_steps

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.request import MethodSettings

__all__ = ["Schedule", "Step", "build", "sigma_grid", "skipped_steps", "timesteps"]

# A level meant to equal tau must not miss it by the rounding of the grid.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Step:
    """One executed step of the trajectory.

    Attributes
    ----------
    index : int
        Position in the *full* grid, skipped steps included (the noise counter).
    sigma, next_sigma : float
        Levels t_i and t_{i-1} of Algorithm 1, in 0..1, falling.
    timestep : float
        What the model is told, 1000 sigma rounded to fp32 (or truncated, see `timesteps`).
    source_sigma : float
        Level at which the source is noised (switch A4).
    anchored : bool
        Whether SAR acts in this step (the tau rule, switch A6).
    """

    index: int
    sigma: float
    next_sigma: float
    timestep: float
    source_sigma: float
    anchored: bool


@dataclass(frozen=True)
class Schedule:
    """The full grid (float64, steps + 1 levels, trailing 0) and the executed steps."""

    sigmas: Tensor
    steps: tuple[Step, ...]


def sigma_grid(steps: int, shift: float) -> Tensor:
    """Return the noise levels of a run.

    ``s = linspace(1, 0, steps + 1)`` without its end, ``sigma = k s / (1 + (k - 1) s)``,
    then 0.

    Parameters
    ----------
    steps : int
        Grid steps, at least 1, skipped ones included.
    shift : float
        k > 0; 1 is the even grid, 5 the paper's.

    Returns
    -------
    Tensor
        float64 (steps + 1,), strictly falling from 1 to 0.

    Raises
    ------
    RangeError
        For fewer than one step or a shift that is not positive and finite.
    """
    if steps < 1 or not (math.isfinite(shift) and shift > 0):
        raise RangeError(
            f"An edit needs at least one step and a positive shift, not {steps} and {shift}."
        )
    even = torch.linspace(1, 0, steps + 1, dtype=torch.float64)[:-1]
    # (1 - s) + k s is 1 + (k - 1) s, and exact at s = 1.
    shifted = shift * even / ((1 - even) + shift * even)
    return torch.cat([shifted, shifted.new_zeros(1)])


def timesteps(sigmas: Tensor, *, integer: bool) -> Tensor:
    """Return what the model is told at each level, float32 of the same shape.

    Parameters
    ----------
    sigmas : Tensor
        Levels in 0..1.
    integer : bool
        Truncate to whole numbers, at most 999, as Wan's own sampler does.
    """
    scaled = 1000 * sigmas.to(torch.float64)
    if integer:
        # A product that misses a whole number by rounding counts as that number.
        scaled = torch.floor(scaled + 1000 * _ROUNDING).clamp(max=999)
    return scaled.to(torch.float32)


def build(settings: MethodSettings) -> Schedule:
    """Return the grid and the executed steps of a request.

    With ``tau_unit='sigma'`` a step is anchored while ``sigma >= tau``; with ``'index'``
    while the countdown i of Algorithm 1 (steps - index) is at least ``tau * steps``.
    ``source_level='previous'`` noises the source at the level of the grid step before
    (1 for the first), as some re-implementations do.

    Raises
    ------
    RangeError
        If skipping leaves no step to run.
    """
    total = settings.steps
    skipped = skipped_steps(total, settings.skip_share)
    if skipped >= total:
        raise RangeError(
            f"Skipping {settings.skip_share:g} of {total} steps leaves none to run.",
            hint=["lower_skip"],
        )
    sigmas = sigma_grid(total, settings.shift)
    told = timesteps(sigmas, integer=settings.int_timesteps).tolist()
    levels = sigmas.tolist()
    steps = []
    for index in range(skipped, total):
        reached = levels[index] if settings.tau_unit == "sigma" else (total - index) / total
        source = levels[index]
        if settings.source_level == "previous":
            source = levels[max(index - 1, 0)]
        steps.append(
            Step(
                index=index,
                sigma=levels[index],
                next_sigma=levels[index + 1],
                timestep=told[index],
                source_sigma=source,
                anchored=reached >= settings.tau - _ROUNDING,
            )
        )
    return Schedule(sigmas=sigmas, steps=tuple(steps))

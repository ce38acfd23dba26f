"""One noise field per clip, drawn by counters instead of by order.

The value at (step, average, latent frame) depends on the seed and on these three numbers
alone. Clip length, windows, skipped steps, device and the order of calls cannot change it,
so a resumed, windowed or cached run meets the same noise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.method.schedule import Schedule
    from flowanchor_engine.request import MethodSettings

__all__ = ["NoiseField", "Policy", "build"]

Policy = Literal["fresh", "shared", "annealed"]

# Second word of the Philox key: keeps these draws apart from any other use of the seed.
_STREAM: Final = 0x464C4F57414E4348
_WORD: Final = 2**64


class NoiseField:
    """Standard normal noise over the latent of one clip (switch A5).

    Parameters
    ----------
    shape : tuple of int
        (C, F, H, W) of the whole clip's latent.
    seed : int
        0 <= seed < 2**64.
    policy : {'fresh', 'shared', 'annealed'}
        `fresh`: new noise n_i at every step (the paper). `shared`: n_0 at every step.
        `annealed`: ``rho_i n_0 + sqrt(1 - rho_i**2) n_i`` with ``rho_i = rho**sigma_i``:
        little correlation while there is much noise, more towards the end, the course that
        DynaEdit (arXiv 2603.17989) reports to calm jitter. rho 0 is `fresh`, 1 is `shared`.
    rho : float
        0..1, read by `annealed` alone.
    sigmas : Tensor, optional
        The full grid (levels by index); `annealed` needs it.

    Raises
    ------
    ValueError
        For a shape, seed, policy or rho outside the above, or `annealed` without a grid.
    """

    def __init__(
        self,
        shape: tuple[int, int, int, int],
        seed: int,
        policy: Policy = "fresh",
        rho: float = 0.0,
        *,
        sigmas: Tensor | None = None,
    ) -> None:
        if len(shape) != 4 or min(shape) < 1:
            msg = f"noise needs a shape (C, F, H, W), not {tuple(shape)}"
            raise ValueError(msg)
        if not 0 <= seed < _WORD:
            msg = f"the seed must lie in 0..2**64-1, not {seed}"
            raise ValueError(msg)
        if policy not in ("fresh", "shared", "annealed"):
            msg = f"unknown noise policy {policy!r}"
            raise ValueError(msg)
        if not 0 <= rho <= 1:
            msg = f"rho must lie in 0..1, not {rho}"
            raise ValueError(msg)
        if policy == "annealed" and sigmas is None:
            msg = "annealed noise follows the noise level: hand over the grid"
            raise ValueError(msg)
        self.shape = (shape[0], shape[1], shape[2], shape[3])
        self.seed = seed
        self.policy: Policy = policy
        self.rho = rho
        self._levels: list[float] = [] if sigmas is None else sigmas.tolist()

    def at(self, index: int, average: int = 0) -> Tensor:
        """Return the noise of one step, float32 (C, F, H, W) on the CPU.

        Parameters
        ----------
        index : int
            Position in the full grid (not the count of executed steps).
        average : int
            Which of the averaged draws of a step.
        """
        if self.policy == "shared":
            return self._draw(0, average)
        fresh = self._draw(index, average)
        if self.policy == "fresh":
            return fresh
        rho = self.correlation(index)
        if rho == 0:
            return fresh
        base = self._draw(0, average)
        if rho == 1 or index == 0:  # at index 0 both draws are the same field
            return base
        return base.mul_(rho).add_(fresh, alpha=math.sqrt(1 - rho * rho))

    def correlation(self, index: int) -> float:
        """Return rho_i, the correlation of this step's noise with that of index 0."""
        if self.policy == "fresh":
            return 1.0 if index == 0 else 0.0
        if self.policy == "shared":
            return 1.0
        return float(self.rho ** self._levels[index])

    def _draw(self, index: int, average: int) -> Tensor:
        if index < 0 or average < 0:
            msg = f"steps and averages count from 0, not {index} and {average}"
            raise ValueError(msg)
        channels, frames, height, width = self.shape
        field = np.empty((frames, channels, height, width), dtype=np.float32)
        for frame in range(frames):
            # The lowest word counts blocks inside a frame; the generator advances it.
            bits = np.random.Philox(
                key=np.array([self.seed, _STREAM], dtype=np.uint64),
                counter=np.array([0, frame, average, index], dtype=np.uint64),
            )
            np.random.Generator(bits).standard_normal(dtype=np.float32, out=field[frame])
        return torch.from_numpy(field).transpose(0, 1).contiguous()


def build(
    settings: MethodSettings, schedule: Schedule, shape: tuple[int, int, int, int], seed: int
) -> NoiseField:
    """Return the noise field of a request for a latent of this shape."""
    return NoiseField(shape, seed, settings.noise, settings.noise_rho, sigmas=schedule.sigmas)

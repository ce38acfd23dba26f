"""Adaptive magnitude modulation (AMM), Eq. 23-29 of the paper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal

import torch

from flowanchor_engine.errors import RangeError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["EPSILON", "REFERENCE_FRAMES", "length_gain", "magnitude_gain"]

REFERENCE_FRAMES: Final = 21
"""F0 of Eq. 28: latent frames of an 81-frame clip, the length Wan was trained on."""

EPSILON: Final = 1e-7
"""Of Eq. 25: keeps a constant map finite."""


def length_gain(
    gamma: float | Tensor, frames: int, reference_frames: int = REFERENCE_FRAMES
) -> float | Tensor:
    """Return gamma_F = gamma log F / log F0 (Eq. 26, 28); 0 for a single frame.

    Parameters
    ----------
    gamma : float or Tensor
        Strength, >= 0.
    frames : int
        F, latent frames, at least 1.
    reference_frames : int
        F0, at least 2.

    Raises
    ------
    RangeError
        For F < 1 or F0 < 2.
    """
    if frames < 1 or reference_frames < 2:
        raise RangeError(
            "Magnitude modulation needs at least one latent frame and a reference of two, "
            f"not {frames} and {reference_frames}."
        )
    return gamma * (math.log(frames) / math.log(reference_frames))


def magnitude_gain(
    delta_v: Tensor,
    *,
    gamma: float | Tensor,
    reference_frames: int = REFERENCE_FRAMES,
    window_frames: int | None = None,
    map: Literal["signed", "abs", "rms"] = "signed",  # noqa: A002 - the switch's name
    extent: Literal["sample", "frame"] = "sample",
) -> Tensor:
    """Return the gain 1 + gamma_F G by which the edit direction is multiplied (Eq. 24-27).

    Parameters
    ----------
    delta_v : Tensor
        Edit direction dV, (C, F, H, W), finite.
    gamma : float or Tensor
        Strength; the paper's is 1.
    reference_frames : int
        F0 of Eq. 28.
    window_frames : int, optional
        F of Eq. 28 where the clip is edited in windows; otherwise dV's own length.
    map : {'signed', 'abs', 'rms'}
        Vbar over channels (A12): mean as in Eq. 24, mean of magnitudes, root mean square.
    extent : {'sample', 'frame'}
        Whether the extremes of Eq. 25 run over the clip or over each frame (A13).

    Returns
    -------
    Tensor
        (1, F, H, W) in 1..1 + gamma_F; exactly 1 for a single frame.
    """
    if map == "signed":
        level = delta_v.mean(0, keepdim=True)
    elif map == "abs":
        level = delta_v.abs().mean(0, keepdim=True)
    elif map == "rms":
        level = delta_v.square().mean(0, keepdim=True).sqrt()
    else:
        msg = f"unknown map {map!r}"
        raise ValueError(msg)
    if extent not in ("sample", "frame"):
        msg = f"unknown extent {extent!r}"
        raise ValueError(msg)
    over = (-2, -1) if extent == "frame" else (-3, -2, -1)
    low = level.amin(over, keepdim=True)
    high = level.amax(over, keepdim=True)
    weight = (level - low) / (high - low + EPSILON)
    frames = delta_v.shape[1] if window_frames is None else window_frames
    return torch.addcmul(
        torch.ones_like(weight),
        weight,
        torch.as_tensor(
            length_gain(gamma, frames, reference_frames),
            dtype=weight.dtype,
            device=weight.device,
        ),
    )

"""A linear map from latents to colours: previews of an edit that is still running.

Every normalised latent cell is turned into one RGB pixel, an eighth of the picture's size. The
map is the least-squares fit over generated scenes and belongs to one VAE.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from flowanchor_engine.demo.checkpoint import write_json
from flowanchor_engine.demo.draw import render
from flowanchor_engine.demo.scenes import sample_scene
from flowanchor_engine.demo.vae_model import to_tensor

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = "flowanchor.LatentRgb.1"
_FIT_SEED = 70_000_000


@dataclass(frozen=True)
class LatentRgb:
    """``rgb = weight.T @ latent + bias`` with rgb in [-1, 1] and normalised latents.

    Attributes
    ----------
    weight : 16 rows of 3 numbers
    bias : 3 numbers
    r_squared : float
        Share of the variance of 8 by 8 pixel means that the fit explains on its own clips.
    """

    weight: list[list[float]]
    bias: list[float]
    r_squared: float


@torch.no_grad()
def fit_latent_rgb(vae: Any, *, clips: int = 48) -> LatentRgb:
    """Fit the map on `clips` generated scenes of 128 by 128 pixels and 9 frames."""
    mean = torch.tensor(vae.config.latents_mean).view(1, -1, 1, 1, 1)
    deviation = torch.tensor(vae.config.latents_std).view(1, -1, 1, 1, 1)
    inputs, targets = [], []
    for index in range(clips):
        frames = render(sample_scene(_FIT_SEED + index)).frames
        x = to_tensor(frames[None])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = vae.encode(x).latent_dist.mode().float()
        z = (z - mean) / deviation
        inputs.append(z.movedim(1, -1).reshape(-1, z.shape[1]))
        targets.append(_cell_means(x).movedim(1, -1).reshape(-1, 3))
    a, b = torch.cat(inputs).double(), torch.cat(targets).double()
    a = torch.cat([a, torch.ones(len(a), 1, dtype=a.dtype)], 1)
    solution = torch.linalg.lstsq(a, b).solution
    left = (b - a @ solution).pow(2).sum() / (b - b.mean(0)).pow(2).sum()
    rounded = np.round(solution.numpy(), 6)
    return LatentRgb(rounded[:-1].tolist(), rounded[-1].tolist(), round(1 - float(left), 4))


def _cell_means(x: Tensor) -> Tensor:
    """Mean colour of the pixels behind each latent cell; the first frame has its own."""
    x = torch.cat([x[:, :, :1].expand(-1, -1, 3, -1, -1), x], 2)
    return functional.avg_pool3d(x, (4, 8, 8))


def save_latent_rgb(fit: LatentRgb, path: Path) -> None:
    """Write the map as JSON with its schema label."""
    write_json(path, {"schema": SCHEMA, **asdict(fit)})

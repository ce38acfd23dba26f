"""A pixel matte on the token grid: which video tokens lie inside the mask (A11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from flowanchor_engine.errors import RangeError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["token_rows"]


def token_rows(
    matte: Tensor, *, temporal: int = 4, spatial: int = 8, patch: int = 2, theta: float = 0.0
) -> Tensor:
    """Return the video tokens that a soft matte covers, in the transformer's order.

    The frames of a token follow the causal VAE: latent 0 sees frame 0, latent j the frames
    ``temporal (j - 1) + 1 .. temporal j``. A token is inside when the matte covers more than
    `theta` of its pixels (over its frames together), or all of them.

    Parameters
    ----------
    matte : Tensor
        (F_px, H_px, W_px) in 0..1, at the model's picture size; F_px = temporal k + 1.
    temporal, spatial : int
        Strides of the VAE.
    patch : int
        Latent pixels per token side.
    theta : float
        0..1; 0 counts every token that the matte touches (max-pool).

    Returns
    -------
    Tensor
        bool (F_lat * H_tok * W_tok,), on the matte's device. All False is possible: then
        there is nothing to anchor.

    Raises
    ------
    RangeError
        For sizes that do not fit the grid, theta outside 0..1 or values outside 0..1.
    """
    frames, height, width = matte.shape
    block = spatial * patch
    if (frames - 1) % temporal or height % block or width % block or min(matte.shape) < 1:
        raise RangeError(
            f"A matte of {frames} frames at {width} by {height} does not fit the model's grid.",
            detail=f"needs {temporal}k+1 frames and multiples of {block} pixels",
        )
    if not 0 <= theta <= 1:
        raise RangeError(f"The mask threshold must lie in 0..1, not {theta}.")
    soft = matte.to(torch.float32)
    low, high = torch.aminmax(soft)
    if not (low >= 0 and high <= 1):  # NaN fails this too
        raise RangeError(
            "The matte holds values outside 0..1.", detail=f"{low.item()}..{high.item()}"
        )

    pool = functional.max_pool2d if theta == 0 else functional.avg_pool2d
    tiles = pool(soft.unsqueeze(1), block).squeeze(1)
    groups = tiles[1:].reshape((frames - 1) // temporal, temporal, *tiles.shape[1:])
    # A maximum stays exact for any positive value, however faint; a mean may lose it.
    share = torch.cat([tiles[:1], groups.amax(1) if theta == 0 else groups.mean(1)])
    return ((share > theta) | (share >= 1)).flatten()

"""Windows over a long clip's latent: every window within the length Wan was trained on.

The clip is encoded once; at every step the windows' edit directions dV are blended, never
the latents. The first latent of a later window weighs nothing, because the model takes it
for the single-frame latent that opens a clip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from flowanchor_engine.errors import RangeError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Window", "plan_windows"]


@dataclass(frozen=True)
class Window:
    """Latent frames ``start <= j < stop`` and how much each counts in the blend.

    Attributes
    ----------
    start, stop : int
        Range in the clip's latent frames.
    weights : Tensor
        float64 (stop - start,), >= 0; over all windows they sum to 1 at every frame.
    """

    start: int
    stop: int
    weights: Tensor

    @property
    def frames(self) -> int:
        """Length in latent frames."""
        return self.stop - self.start


def plan_windows(latent_frames: int, *, size: int = 21, overlap: int = 5) -> tuple[Window, ...]:
    """Lay windows of equal size over a clip, evenly spread.

    Parameters
    ----------
    latent_frames : int
        F, at least 1.
    size : int
        Latent frames of a window; one window is planned when the clip fits it.
    overlap : int
        Least common frames of neighbours, 1 <= overlap < size.

    Returns
    -------
    tuple of Window
        ``ceil((F - overlap) / (size - overlap))`` windows with triangular weights,
        normalised to 1 at every frame; 0 at the first latent of all but the first.

    Raises
    ------
    RangeError
        For an empty clip or an overlap outside its range.
    """
    if latent_frames < 1:
        raise RangeError(f"A clip has at least one latent frame, not {latent_frames}.")
    if latent_frames <= size:
        whole = torch.ones(latent_frames, dtype=torch.float64)
        return (Window(0, latent_frames, whole),)
    if not 1 <= overlap < size:
        raise RangeError(
            f"Windows of {size} latent frames cannot overlap by {overlap}.",
            hint=["window_overlap"],
        )
    count = math.ceil((latent_frames - overlap) / (size - overlap))
    room = latent_frames - size
    starts = [(2 * i * room + count - 1) // (2 * (count - 1)) for i in range(count)]

    rise = torch.arange(1, size + 1, dtype=torch.float64)
    triangle = torch.minimum(rise, rise.flip(0))
    raw = [triangle.clone() for _ in starts]
    for later in raw[1:]:
        later[0] = 0
    total = torch.zeros(latent_frames, dtype=torch.float64)
    for start, weights in zip(starts, raw, strict=True):
        total[start : start + size] += weights
    return tuple(
        Window(start, start + size, weights / total[start : start + size])
        for start, weights in zip(starts, raw, strict=True)
    )

"""A rough picture straight from latents: the edit is free of noise at every step.

One linear map from the latent channels to red, green and blue. What a VAE's channels mean is
learned once from pictures of all colours (`LatentRGB.of`) and kept beside it; the clip itself
then bends that map towards its own colours (`LatentRGB.bent`). The clip alone would not do: it
cannot tell what a colour looks like that only the edit brings in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor
from torch.nn import functional

from flowanchor_engine.errors import ModelDamagedError, SizeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from flowanchor_engine.wan.latents import Pictures

__all__ = ["FILE_NAME", "LatentRGB"]

FILE_NAME = "latent_rgb.json"
_SCHEMA = "flowanchor.LatentRGB.1"
_TRUST = 0.3


@dataclass(frozen=True, eq=False)
class LatentRGB:
    """Linear map from normalised latents to RGB.

    Attributes
    ----------
    weight : Tensor, shape (3, C), float32
    bias : Tensor, shape (3,), float32
        In the range of the pictures, [-1, 1].
    """

    weight: Tensor
    bias: Tensor

    @classmethod
    def of(cls, clips: Iterable[tuple[Tensor, Pictures]]) -> Self:
        """Fit the map of a VAE to clips by least squares.

        Parameters
        ----------
        clips : iterable of (Tensor, pictures)
            Normalised latents (C, F', H', W') of a clip and its pictures, array, Tensor or
            lazy stack of shape (F, H, W, 3), [-1, 1]. A latent is compared with the mean of
            the pictures that it stands for; at most eight latents a clip, evenly spread, are
            looked at.

        Raises
        ------
        SizeError
            Latents and pictures do not belong together.
        """
        # A little ridge keeps channels that the pictures leave unused at zero.
        return cls._solved([_cells(*clip) for clip in clips], 1e-4, None)

    def bent(self, latents: Tensor, frames: Pictures) -> Self:
        """Return the map that fits a clip better where the clip knows better.

        Least squares on the clip, drawn towards this map: with the weight of `_TRUST` cells
        of unit variance for each cell of the clip. On edits of drawn shots that is as good
        inside the edit as this map alone and better around it.
        """
        prior = torch.cat([self.weight.T, self.bias[None]]).double()
        return self._solved([_cells(latents, frames)], _TRUST, prior)

    @classmethod
    def _solved(
        cls, cells: Sequence[tuple[Tensor, Tensor]], ridge: float, prior: Tensor | None
    ) -> Self:
        known = torch.cat([latents for latents, _ in cells])
        known = torch.cat([known, known.new_ones(len(known), 1)], 1)
        pixels = torch.cat([colours for _, colours in cells])
        weight = ridge * len(known)
        square = known.T @ known + weight * torch.eye(known.shape[1]).double()
        right = known.T @ pixels
        solved = torch.linalg.solve(square, right if prior is None else right + weight * prior)
        return cls(solved[:-1].T.float().contiguous(), solved[-1].float().contiguous())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a map from JSON.

        Raises
        ------
        ModelDamagedError
            The file is not such a map.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["schema"] != _SCHEMA:
                msg = f"schema {data['schema']!r}"
                raise ValueError(msg)  # noqa: TRY301 - one place turns all faults into ours
            weight, bias = torch.tensor(data["weight"]), torch.tensor(data["bias"])
            if weight.ndim != 2 or weight.shape[0] != 3 or bias.shape != (3,):
                msg = f"shapes {tuple(weight.shape)} and {tuple(bias.shape)}"
                raise ValueError(msg)  # noqa: TRY301
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelDamagedError(
                f"{path.name} is not a usable preview map.",
                hint=["download_model"],
                detail=f"{path}: {error}",
            ) from error
        return cls(weight.float(), bias.float())

    def save(self, path: Path) -> None:
        """Write the map as JSON."""
        data = {
            "schema": _SCHEMA,
            "weight": [[round(value, 5) for value in row] for row in self.weight.tolist()],
            "bias": [round(value, 5) for value in self.bias.tolist()],
        }
        path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")

    def frame(self, latents: Tensor, index: int) -> NDArray[np.uint8]:
        """Return the picture of one latent frame.

        Parameters
        ----------
        latents : Tensor, shape (C, F', H', W')
            Normalised, on any device.
        index : int
            Latent frame, 0 <= index < F'.

        Returns
        -------
        array, shape (H', W', 3), uint8
        """
        if latents.shape[0] != self.weight.shape[1]:
            raise SizeError(
                f"The preview map is for {self.weight.shape[1]} channels, not {latents.shape[0]}."
            )
        flat = latents[:, index].detach().float().cpu()
        rgb = torch.einsum("dc,chw->hwd", self.weight, flat) + self.bias
        picture: NDArray[np.uint8] = (
            ((rgb.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
        )
        return picture


def _cells(latents: Tensor, frames: Pictures) -> tuple[Tensor, Tensor]:
    """Latent cells (n, C) and the mean colours (n, 3) of the pixels behind them, float64."""
    channels, count, height, width = latents.shape
    pictures, rows, cols = frames.shape[:3]
    if (pictures + 2) // 4 + 1 != count or rows % height or cols % width:
        raise SizeError(
            "The preview cannot be fitted: pictures and latents have different lengths.",
            detail=f"{tuple(latents.shape)}, {tuple(frames.shape)}",
        )
    chosen = sorted({round(i * (count - 1) / 7) for i in range(8)})
    small = []
    for index in chosen:
        part = torch.as_tensor(frames[max(0, 4 * index - 3) : 4 * index + 1]).float()
        mean = part.mean(0).permute(2, 0, 1)
        small.append(functional.adaptive_avg_pool2d(mean, (height, width)))
    pixels = torch.stack(small).permute(0, 2, 3, 1).reshape(-1, 3).double()
    known = latents[:, chosen].detach().cpu().permute(1, 2, 3, 0).reshape(-1, channels)
    return known.double(), pixels

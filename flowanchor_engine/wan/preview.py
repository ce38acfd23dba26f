"""A rough picture straight from latents: the edit is free of noise at every step.

One linear map from the latent channels to red, green and blue. It is fitted to the clip
itself while it is encoded (the best map for that clip), or read from a file beside the VAE.
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
    import numpy as np
    from numpy.typing import NDArray

    from flowanchor_engine.wan.latents import Pictures

__all__ = ["FILE_NAME", "LatentRGB"]

FILE_NAME = "latent_rgb.json"
_SCHEMA = "flowanchor.LatentRGB.1"


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
    def fit(cls, latents: Tensor, frames: Pictures) -> Self:
        """Fit the map to a clip by least squares.

        Parameters
        ----------
        latents : Tensor, shape (C, F', H', W')
            Normalised latents of the clip.
        frames : array, Tensor or lazy stack, shape (F, H, W, 3), [-1, 1]
            Its pictures; latent j is compared with the last picture that it stands for. At
            most eight latents, evenly spread, are looked at.

        Raises
        ------
        SizeError
            Latents and pictures do not belong together.
        """
        channels, count, height, width = latents.shape
        pictures, rows, cols = frames.shape[:3]
        if (pictures + 2) // 4 + 1 != count or rows % height or cols % width:
            raise SizeError(
                "The preview cannot be fitted: pictures and latents have different lengths.",
                detail=f"{tuple(latents.shape)}, {tuple(frames.shape)}",
            )
        chosen = sorted({round(i * (count - 1) / 7) for i in range(8)})
        last = [min(4 * index, pictures - 1) for index in chosen]
        clip = torch.cat([torch.as_tensor(frames[number : number + 1]) for number in last])
        small = functional.adaptive_avg_pool2d(clip.float().permute(0, 3, 1, 2), (height, width))
        pixels = small.permute(0, 2, 3, 1).reshape(-1, 3).double()
        known = latents[:, chosen].detach().cpu().permute(1, 2, 3, 0).reshape(-1, channels).double()
        known = torch.cat([known, known.new_ones(len(known), 1)], 1)
        # A little ridge keeps channels that a flat clip leaves unused at zero.
        square = known.T @ known + 1e-4 * len(known) * torch.eye(channels + 1).double()
        solved = torch.linalg.solve(square, known.T @ pixels).float()
        return cls(solved[:-1].T.contiguous(), solved[-1].contiguous())

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

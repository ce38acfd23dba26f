"""The preview map: fitted to a clip, read from a file, drawn as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flowanchor_engine.errors import ModelDamagedError, SizeError
from flowanchor_engine.wan import latents
from flowanchor_engine.wan.preview import LatentRGB


def linear_clip(frames: int = 9) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents, and pictures that are an exact linear image of them."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(16, latents.latent_frames(frames), 4, 6, generator=generator)
    weight = torch.randn(3, 16, generator=generator) * 0.1
    small = torch.einsum("dc,cfhw->fhwd", weight, z) + torch.tensor([0.1, 0.0, -0.2])
    index = [-(-(frame) // 4) for frame in range(frames)]
    return z, small[index].repeat_interleave(8, 1).repeat_interleave(8, 2), weight


@pytest.mark.parametrize("frames", [1, 5, 7, 9])
def test_the_fit_finds_a_linear_map_again(frames: int) -> None:
    z, pictures, weight = linear_clip(max(frames, 5))
    z, pictures = z[:, : latents.latent_frames(frames)], pictures[:frames]
    found = LatentRGB.of([(z, pictures)])
    if frames > 1:  # a single small picture leaves the map open
        assert torch.allclose(found.weight, weight, atol=2e-2)
    picture = found.frame(z, 0)
    assert picture.shape == (4, 6, 3)
    assert picture.dtype == np.uint8
    want = ((pictures[0, ::8, ::8].clamp(-1, 1) + 1) * 127.5).round()
    assert float((torch.from_numpy(picture).float() - want).abs().max()) <= 4


def test_a_map_survives_its_file(tmp_path: Path) -> None:
    z, pictures, _ = linear_clip()
    fitted = LatentRGB.of([(z, pictures)])
    fitted.save(tmp_path / "latent_rgb.json")
    again = LatentRGB.load(tmp_path / "latent_rgb.json")
    assert np.abs(again.frame(z, 1).astype(int) - fitted.frame(z, 1)).max() <= 1


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"schema": "other", "weight": [[0.0]], "bias": [0.0]}),
        json.dumps({"schema": "flowanchor.LatentRGB.1", "weight": [[0.0]], "bias": [0.0] * 3}),
        json.dumps({"schema": "flowanchor.LatentRGB.1", "weight": "x", "bias": [0.0] * 3}),
    ],
)
def test_an_unusable_file_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "latent_rgb.json").write_text(text)
    with pytest.raises(ModelDamagedError, match=r"latent_rgb\.json"):
        LatentRGB.load(tmp_path / "latent_rgb.json")


def test_pictures_and_latents_must_belong_together() -> None:
    z, pictures, _ = linear_clip()
    with pytest.raises(SizeError):
        LatentRGB.of([(z, pictures[:4])])
    with pytest.raises(SizeError, match="16 channels, not 48"):
        LatentRGB.of([(z, pictures)]).frame(torch.zeros(48, 3, 4, 6), 0)


def test_a_flat_clip_gives_a_map_without_wild_numbers() -> None:
    found = LatentRGB.of([(torch.zeros(16, 3, 4, 6), torch.full((9, 32, 48, 3), 0.5))])
    assert float(found.weight.abs().max()) < 1e-3
    assert np.abs(found.frame(torch.zeros(16, 3, 4, 6), 0).astype(int) - 191).max() <= 1


def test_a_preview_of_the_embedded_model_resembles_its_clip(demo: Any) -> None:
    across = torch.linspace(-0.8, 0.8, 96)
    pictures = torch.stack(
        [across.expand(96, 96), across.expand(96, 96).T, -across.expand(96, 96)], -1
    ).expand(5, 96, 96, 3)
    z = latents.encode(demo.vae, pictures)
    picture = LatentRGB.of([(z, pictures)]).frame(z, 1).astype(float) / 127.5 - 1
    want = pictures[4].reshape(12, 8, 12, 8, 3).mean((1, 3)).numpy()
    assert float(np.abs(picture - want).mean()) < 0.15

"""The shipped weights: complete, small, without pickles, and as good as their card says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan
from torch.nn import functional

import flowanchor_engine.demo
from flowanchor_engine.demo.assemble import MAX_BYTES, load_models
from flowanchor_engine.demo.captions import VOCABULARY
from flowanchor_engine.demo.draw import render
from flowanchor_engine.demo.scenes import sample_scene
from flowanchor_engine.demo.text import new_tokenizer
from flowanchor_engine.demo.vae_model import channels_last
from flowanchor_engine.demo.vae_stage import held_out_psnr
from flowanchor_engine.wan import latents
from flowanchor_engine.wan.preview import LatentRGB

WEIGHTS = Path(flowanchor_engine.demo.__file__).parent / "weights"
HELD_OUT_DB = 29.4
"""Below what the model card says of the shipped VAE (mean over 24 unseen clips)."""


@pytest.fixture(scope="module")
def vae() -> AutoencoderKLWan:
    loaded = AutoencoderKLWan.from_pretrained(WEIGHTS / "vae", dtype=torch.float32)
    return channels_last(loaded).eval().requires_grad_(False)


def test_the_folder_is_small_and_holds_no_pickle() -> None:
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= MAX_BYTES
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".md"}


def test_no_file_names_a_place_on_the_machine_that_trained_it() -> None:
    for path in WEIGHTS.rglob("*.json"):
        assert "_name_or_path" not in path.read_text(encoding="utf-8"), path.name


def test_the_card_says_licence_and_limits() -> None:
    card = (WEIGHTS / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "GPL-3.0-or-later" in card
    assert "## Limits" in card
    assert "@@" not in card


@pytest.mark.slow
@pytest.mark.usefixtures("vae")
def test_the_folder_is_a_wan_pipeline() -> None:
    from diffusers import WanPipeline

    pipeline = WanPipeline.from_pretrained(WEIGHTS, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    result = pipeline(
        "a red ball and a blue square on a gray background",
        height=96,
        width=96,
        num_frames=5,
        num_inference_steps=4,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    )
    assert result.frames.shape == (1, 5, 96, 96, 3)
    assert result.frames.std() > 0.02, "nothing but a flat picture"


def test_the_tokenizer_is_the_one_the_code_builds() -> None:
    shipped, built = load_models(WEIGHTS).tokenizer, new_tokenizer()
    assert shipped.get_vocab() == built.get_vocab()
    for word in VOCABULARY:
        pieces = shipped.convert_ids_to_tokens(shipped(word).input_ids)
        assert len(pieces) <= 3, f"{word} falls into letters"


@pytest.mark.slow
def test_the_vae_is_as_good_as_its_card_says(vae: AutoencoderKLWan) -> None:
    values = held_out_psnr(vae)
    assert np.mean(values) >= HELD_OUT_DB
    assert min(values) >= 22


def test_the_preview_map_belongs_to_this_vae(vae: AutoencoderKLWan) -> None:
    shipped = LatentRGB.load(WEIGHTS / "latent_rgb.json")
    previews, truths = [], []
    for seed in range(80_000_000, 80_000_008):
        frames = render(sample_scene(seed, width=96, height=96)).frames
        pictures = torch.from_numpy(frames).float() / 127.5 - 1
        previews.append(shipped.frame(latents.encode(vae, pictures), 1) / 127.5 - 1)
        small = functional.avg_pool2d(pictures[1:5].mean(0).movedim(-1, 0), 8)
        truths.append(small.movedim(0, -1).numpy())
    left = np.mean((np.stack(previews) - np.stack(truths)) ** 2) / np.var(truths)
    assert left < 0.1

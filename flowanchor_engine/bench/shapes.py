"""What the benches of speed edit: the embedded model, and random weights of a published shape.

Random weights are good for times and for laws that hold for all weights, not for pictures.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel

from flowanchor_engine import models, pipeline
from flowanchor_engine.demo.scene_clip import demo_shot
from flowanchor_engine.editor import Editor
from flowanchor_engine.request import MethodSettings, Prompts
from flowanchor_engine.wan.facts import WanFacts
from flowanchor_engine.wan.load import WanModel
from flowanchor_engine.wan.text import TextBundle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

__all__ = [
    "TINY",
    "WAN_1B3",
    "Subject",
    "bundle",
    "demo_subject",
    "editor_of",
    "random_model",
    "random_subject",
    "random_vae",
]

WAN_1B3: Final[dict[str, int]] = {"heads": 12, "head": 128, "ffn": 8960, "layers": 30, "text": 4096}
"""Wan2.1 T2V 1.3B: width 1536."""

TINY: Final[dict[str, int]] = {"heads": 2, "head": 16, "ffn": 64, "layers": 2, "text": 32}
"""The same classes in a size that proves the code in seconds."""


_NOW, _WANTED = "a red ball rolls past a blue box", "a green ball rolls past a blue box"


@dataclass(frozen=True)
class Subject:
    """A model and an edit for it.

    Attributes
    ----------
    x_src : Tensor
        Source latent (C, F, H, W).
    matte : array, float32 (frames, height, width)
    """

    name: str
    editor: Editor
    x_src: Tensor
    matte: Any
    prompts: Prompts
    settings: MethodSettings

    @property
    def tokens(self) -> int:
        """Video tokens of a forward."""
        _, frames, height, width = self.x_src.shape
        return frames * (height // 2) * (width // 2)


def random_model(
    shape: dict[str, int],
    *,
    layers: int | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    vae: Any = None,
) -> WanModel:
    """Make a model with random weights, its float32 islands kept as a loaded one has them.

    Parameters
    ----------
    shape : dict
        `WAN_1B3` or `TINY`.
    layers : int, optional
        Fewer than the shape has.
    vae : AutoencoderKLWan, optional
        A tiny one if left out, for benches without pictures.
    """
    torch.manual_seed(7)
    count = layers or shape["layers"]
    transformer: Any = WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=shape["heads"],
        attention_head_dim=shape["head"],
        in_channels=16,
        out_channels=16,
        text_dim=shape["text"],
        freq_dim=256,
        ffn_dim=shape["ffn"],
        num_layers=count,
    )
    islands = transformer._keep_in_fp32_modules
    for name, weight in transformer.named_parameters():
        if not any(part in islands for part in name.split(".")):
            weight.data = weight.data.to(dtype)
    facts = WanFacts(
        folder=Path("random"),
        family="wan2.1-t2v",
        latent_channels=16,
        temporal_stride=4,
        spatial_stride=8,
        patch=2,
        text_width=shape["text"],
        layers=count,
        heads=shape["heads"],
        head_width=shape["head"],
        feed_forward=shape["ffn"],
        experts=("transformer",),
        boundary_sigma=None,
        expand_timesteps=False,
        shift=5.0,
        rope_max=1024,
        weight_bytes={},
    )
    return WanModel(
        facts=facts,
        transformer=transformer.eval().requires_grad_(False).to(device),
        transformer_2=None,
        vae=vae if vae is not None else random_vae(8, device),
        precision={torch.float32: "fp32", torch.bfloat16: "bf16"}.get(dtype, "fp16"),
        device=torch.device(device),
        model_id=f"random, width {shape['heads'] * shape['head']}, {count} layers",
        revision="random",
    )


def random_vae(base: int, device: torch.device | str = "cpu") -> Any:
    """Make a VAE of Wan 2.1's layout; 96 base channels are the real one."""
    torch.manual_seed(7)
    vae: Any = AutoencoderKLWan(base_dim=base, z_dim=16)
    return vae.eval().requires_grad_(False).to(device)


def bundle(text: str, width: int) -> TextBundle:
    """Make a text of random rows, one per word and one for its end; equal words, equal rows."""
    found = list(re.finditer(r"\S+", text))
    rows = [
        torch.randn(width, generator=torch.Generator().manual_seed(zlib.crc32(word.encode())))
        for word in (*(match.group() for match in found), "</s>")
    ]
    return TextBundle(
        text=text,
        embeds=torch.stack(rows),
        tokens=(*(match.group() for match in found), "</s>"),
        offsets=(*(match.span() for match in found), (0, 0)),
        pad_count=512 - len(rows),
        eos=len(rows) - 1,
    )


def editor_of(model: WanModel, texts: Iterable[str]) -> Editor:
    """Return an editor that already knows these texts, since the model has no encoder."""
    known = {text: bundle(text, model.facts.text_width) for text in texts}
    return Editor(model, _bundles=known)


def demo_subject(*, size: int = 128, frames: int = 17, steps: int = 12) -> Subject:
    """Return the embedded model with a generated shot.

    Guided on both sides, four forwards a step, as the method is published; its recommended
    source guidance of 1 would leave three.
    """
    editor = pipeline.open_editor(models.spec("demo"))
    shot = demo_shot(3, size=(size, size), frames=frames)
    pictures = torch.as_tensor(shot.frames).float() / 127.5 - 1
    settings = models.recommended("demo").model_copy(
        update={"steps": steps, "guidance_source": 2.0}
    )
    prompts = Prompts(now=shot.now, wanted=shot.wanted)
    matte = shot.mask.astype(np.float32)
    return Subject("embedded", editor, editor.encode(pictures), matte, prompts, settings)


def random_subject(
    *,
    layers: int,
    grid: tuple[int, int, int],
    steps: int,
    shape: dict[str, int] = WAN_1B3,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Subject:
    """Return random weights of a published shape with a random latent.

    Parameters
    ----------
    layers : int
    grid : (latent frames, rows, columns)
        Tokens; 11, 30, 52 is 41 frames at 832x480.
    """
    model = random_model(shape, layers=layers, device=device, dtype=dtype)
    settings = MethodSettings(steps=steps, skip_share=0.0)
    editor = editor_of(model, (_NOW, _WANTED, settings.negative_prompt))
    frames, rows, columns = grid
    maker = torch.Generator().manual_seed(1)
    x_src = torch.randn(16, frames, 2 * rows, 2 * columns, generator=maker).to(device)
    matte = np.zeros((4 * frames - 3, 16 * rows, 16 * columns), np.float32)
    matte[:, : 8 * rows, : 4 * columns] = 1  # an eighth of the picture
    name = "1.3B shape" if shape is WAN_1B3 else "tiny shape"
    return Subject(name, editor, x_src, matte, Prompts(now=_NOW, wanted=_WANTED), settings)

"""Stage four: put the trained parts into one folder in diffusers' layout."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import torch
from diffusers import (
    FlowMatchEulerDiscreteScheduler,
    WanPipeline,
    WanTransformer3DModel,
)
from safetensors import safe_open
from transformers import AutoTokenizer, UMT5EncoderModel

from flowanchor_engine.demo.checkpoint import write_json
from flowanchor_engine.demo.flow_model import new_transformer
from flowanchor_engine.demo.flow_stage import FlowModels
from flowanchor_engine.demo.text import new_encoder, new_tokenizer, tie_twins
from flowanchor_engine.demo.vae_model import channels_last
from flowanchor_engine.preview_map import learned
from flowanchor_engine.wan.preview import FILE_NAME

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 25 * 1024 * 1024
SHIFT = 3.0


def new_models() -> FlowModels:
    """Untrained transformer and text encoder with their tokenizer."""
    tokenizer = new_tokenizer()
    return FlowModels(new_transformer(), new_encoder(len(tokenizer)), tokenizer)


def load_models(pipeline: Path) -> FlowModels:
    """Load the three parts of a pipeline folder in float32, ready to be trained further."""
    return FlowModels(
        WanTransformer3DModel.from_pretrained(pipeline / "transformer", dtype=torch.float32),
        UMT5EncoderModel.from_pretrained(pipeline / "text_encoder", dtype=torch.float32),
        AutoTokenizer.from_pretrained(pipeline / "tokenizer"),
    )


@torch.no_grad()
def load_average(models: FlowModels, checkpoint: Path) -> int:
    """Copy the averaged weights of a flow checkpoint into `models`; return its step."""
    parts: dict[str, Any] = {"transformer": models.transformer, "encoder": models.encoder}
    with safe_open(checkpoint, framework="pt") as file:
        for prefix, module in parts.items():
            for name, p in module.named_parameters():
                p.copy_(file.get_tensor(f"average/{prefix}.{name}"))
        return int(json.loads(file.metadata()["head"])["step"])


def _forget_origin(path: Path) -> None:
    """Drop the folder that the part was once loaded from: it names a place on one machine."""
    config = json.loads(path.read_text(encoding="utf-8"))
    for key in ("_name_or_path", "is_local", "local_files_only"):
        config.pop(key, None)
    write_json(path, config)


def assemble(
    models: FlowModels,
    vae: Any,
    statistics: tuple[list[float], list[float]],
    out: Path,
    *,
    preview_clips: int = 48,
) -> dict[str, Any]:
    """Write the pipeline in float16 safetensors, with the preview map beside it.

    The folder appears under its name only when it is complete. `models` and `vae` are halved in
    place.

    Returns
    -------
    dict
        ``bytes`` of the folder.

    Raises
    ------
    ValueError
        If the folder would be larger than 25 MB.
    """
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    vae.register_to_config(latents_mean=statistics[0], latents_std=statistics[1])
    preview = learned(channels_last(vae.float()).eval(), clips=preview_clips)
    tie_twins(models.tokenizer, models.encoder)
    pipeline: Any = WanPipeline(
        tokenizer=models.tokenizer,
        text_encoder=models.encoder.half().eval(),
        transformer=models.transformer.half().eval(),
        vae=vae.half().eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=SHIFT, num_train_timesteps=1000),
    )
    pipeline.save_pretrained(part, safe_serialization=True)
    preview.save(part / FILE_NAME)
    for name in ("transformer/config.json", "vae/config.json", "tokenizer/tokenizer_config.json"):
        _forget_origin(part / name)
    size = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
    if size > MAX_BYTES:
        raise ValueError(f"the model is {size} bytes, more than {MAX_BYTES}")
    if out.exists():
        shutil.rmtree(out)
    part.rename(out)
    return {"bytes": size}

"""What a model folder holds, read from its JSON files alone and checked against the method.

No weight is opened here: `inspect` answers in milliseconds whether a folder can be loaded,
and each way in which it cannot is one error that names the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from flowanchor_engine.errors import (
    ModelDamagedError,
    ModelIncompleteError,
    ModelMissingError,
    ModelUnsafeError,
    ModelUnsupportedError,
)

__all__ = ["TEXT_ROWS", "Family", "WanFacts", "inspect", "weight_files"]

Family = Literal["wan2.1-t2v", "wan2.2-a14b", "wan2.2-ti2v"]

# Rows of text that every Wan transformer was trained with; shorter texts are padded by zeros.
TEXT_ROWS = 512

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_CLASSES = {
    "transformer": ("WanTransformer3DModel",),
    "transformer_2": ("WanTransformer3DModel",),
    "vae": ("AutoencoderKLWan",),
    "text_encoder": ("UMT5EncoderModel",),
    "tokenizer": ("T5Tokenizer", "T5TokenizerFast", "AutoTokenizer", "PreTrainedTokenizerFast"),
}
_STEMS = {
    "transformer": "diffusion_pytorch_model",
    "transformer_2": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
_OTHER_PIPELINES = {
    "WanImageToVideoPipeline": "it turns a picture into video and needs that picture",
    "WanVACEPipeline": "its control branch is not part of the method",
    "WanVideoToVideoPipeline": "it is a sampler around another model; choose that model itself",
    "WanAnimatePipeline": "it animates a character and needs its reference",
}


@dataclass(frozen=True)
class WanFacts:
    """The numbers of a Wan model that the method needs.

    Attributes
    ----------
    family : {'wan2.1-t2v', 'wan2.2-a14b', 'wan2.2-ti2v'}
        The embedded model is of the first family.
    latent_channels, temporal_stride, spatial_stride : int
        Shape of the latents: ``(latent_channels, (frames-1)/temporal_stride + 1,
        height/spatial_stride, width/spatial_stride)``.
    patch : int
        Latent pixels per side of one token (one latent frame thick).
    experts : tuple of str
        Transformer folders, high noise first.
    boundary_sigma : float or None
        Noise level at and above which the first of two experts works.
    expand_timesteps : bool
        The model was trained with one timestep per token (TI2V-5B).
    shift : float
        The folder's own grid shift; the method owns its grid and only reports it.
    rope_max : int
        Largest position per axis, in tokens.
    weight_bytes : mapping of str to int
        Size of each component's safetensors files.
    """

    folder: Path
    family: Family
    latent_channels: int
    temporal_stride: int
    spatial_stride: int
    patch: int
    text_width: int
    layers: int
    heads: int
    head_width: int
    feed_forward: int
    experts: tuple[str, ...]
    boundary_sigma: float | None
    expand_timesteps: bool
    shift: float
    rope_max: int
    weight_bytes: Mapping[str, int]

    @property
    def width(self) -> int:
        """Features per token inside the transformer."""
        return self.heads * self.head_width

    @property
    def token_px(self) -> int:
        """Picture pixels per side of one token; frame sizes must be multiples of it."""
        return self.spatial_stride * self.patch

    def latent_frames(self, frames: int) -> int:
        """Latent frames of a clip of `frames` pictures, after padding to 4k+1."""
        return -(-(frames - 1) // self.temporal_stride) + 1


def inspect(folder: str | Path) -> WanFacts:
    """Read what a diffusers-layout model folder holds, without opening a weight.

    Parameters
    ----------
    folder : str or Path
        The folder that holds ``model_index.json``.

    Returns
    -------
    WanFacts

    Raises
    ------
    ModelMissingError, ModelIncompleteError, ModelDamagedError, ModelUnsafeError, \
ModelUnsupportedError
        Each names the file that is at fault.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise ModelMissingError(
            f"There is no model folder at {root}.", hint=["choose_model", "download_model"]
        )
    index = _Config(root, "model_index.json")
    pipeline = index.text("_class_name")
    if pipeline != "WanPipeline":
        why = _OTHER_PIPELINES.get(pipeline, "only text-to-video Wan models are")
        raise ModelUnsupportedError(
            f"The model in {root.name} is a {pipeline}, which FlowAnchor cannot use: {why}.",
            hint=["choose_model"],
            detail=f"{index.path}: _class_name={pipeline!r}",
        )
    experts = ("transformer",) + (("transformer_2",) if index.component("transformer_2") else ())
    for name in (*experts, "vae", "text_encoder", "tokenizer"):
        _check_class(index, name)
    first, *others = [_Config(root, f"{name}/config.json") for name in experts]
    vae = _Config(root, "vae/config.json")
    text = _Config(root, "text_encoder/config.json")
    scheduler = _Config(root, "scheduler/scheduler_config.json")
    _tokenizer_files(root)
    facts = _facts(root, index, first, vae, scheduler, experts)
    for other in others:
        _check_same_shape(first, other)
    _check_fit(facts, index, first, vae, text)
    return facts


def weight_files(folder: Path, component: str) -> list[Path]:
    """Return the safetensors files of a component, in the index's order.

    Raises
    ------
    ModelIncompleteError
        The weights or one of their shards are missing.
    ModelUnsafeError
        The weights exist only as pickles.
    """
    home, stem = folder / component, _STEMS[component]
    single, index = home / f"{stem}.safetensors", home / f"{stem}.safetensors.index.json"
    if index.is_file():
        shards = sorted(set(_Config(folder, f"{component}/{index.name}").weight_map().values()))
        for shard in shards:
            if Path(shard).name != shard or not shard.endswith(".safetensors"):
                raise ModelUnsafeError(
                    f"{component}/{index.name} points to “{shard}”, which is not a safetensors "
                    "file beside it.",
                    hint=["download_model"],
                )
            if not (home / shard).is_file():
                raise _incomplete(folder, f"{component}/{shard}")
        return [home / shard for shard in shards]
    if single.is_file():
        return [single]
    pickles = sorted(path.name for kind in _PICKLES for path in home.glob(kind))
    if pickles:
        raise ModelUnsafeError(
            f"{component}/{pickles[0]} is a pickle, which can run code when it is opened; "
            "FlowAnchor loads safetensors only.",
            hint=["download_model"],
            detail=f"{home}: {', '.join(pickles)}",
        )
    raise _incomplete(folder, f"{component}/{single.name}")


# ---- reading ------------------------------------------------------------------------------


class _Config:
    """One JSON file of the folder, whose every fault is an error naming it."""

    def __init__(self, root: Path, name: str) -> None:
        self.name, self.path = name, root / name
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise _incomplete(root, name) from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ModelDamagedError(
                f"{name} of the model {root.name} is not readable JSON.",
                hint=["download_model"],
                detail=f"{self.path}: {error}",
            ) from error
        if not isinstance(data, dict):
            raise self.damaged("the file", data)
        self.data: dict[str, Any] = data

    def damaged(self, key: str, value: object) -> ModelDamagedError:
        return ModelDamagedError(
            f"{self.name} of the model has an unusable value for {key}.",
            hint=["download_model"],
            detail=f"{self.path}: {key}={value!r}",
        )

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str):
            raise self.damaged(key, value)
        return value

    def integer(self, key: str, default: int | None = None) -> int:
        value = self.data.get(key)
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.damaged(key, value)
        return value

    def number(self, key: str, default: float | None = None) -> float | None:
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.damaged(key, value)
        return float(value)

    def numbers(self, key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        value = self.data.get(key, default)
        if not isinstance(value, list | tuple) or not all(
            isinstance(item, int | float) and not isinstance(item, bool) for item in value
        ):
            raise self.damaged(key, value)
        return tuple(float(item) for item in value)

    def component(self, name: str) -> str | None:
        value = self.data.get(name)
        if value is None or value == [None, None]:
            return None
        if isinstance(value, list) and len(value) == 2 and isinstance(value[1], str):
            return str(value[1])
        raise self.damaged(name, value)

    def weight_map(self) -> dict[str, str]:
        value = self.data.get("weight_map")
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise self.damaged("weight_map", value)
        return value


def _incomplete(root: Path, name: str) -> ModelIncompleteError:
    return ModelIncompleteError(
        f"The model {root.resolve().name} is incomplete: {name} is missing.",
        hint=["download_model"],
        detail=str(root / name),
    )


def _check_class(index: _Config, name: str) -> None:
    found = index.component(name)
    if found is None:
        raise ModelIncompleteError(
            f"{index.name} of the model names no {name}.",
            hint=["download_model"],
            detail=f"{index.path}: {name}={index.data.get(name)!r}",
        )
    if found not in _CLASSES[name]:
        raise ModelUnsupportedError(
            f"The model's {name} is a {found}; FlowAnchor works with {_CLASSES[name][0]}.",
            hint=["choose_model"],
            detail=f"{index.path}: {name}={found!r}",
        )


def _tokenizer_files(root: Path) -> None:
    home = root / "tokenizer"
    if not any((home / name).is_file() for name in ("tokenizer.json", "spiece.model")):
        raise _incomplete(root, "tokenizer/tokenizer.json")


# ---- meaning ------------------------------------------------------------------------------


def _facts(
    root: Path,
    index: _Config,
    transformer: _Config,
    vae: _Config,
    scheduler: _Config,
    experts: tuple[str, ...],
) -> WanFacts:
    # The defaults are those of the model classes, which older folders leave out.
    patch = transformer.numbers("patch_size", (1, 2, 2))
    if len(patch) != 3 or patch[0] != 1 or patch[1] != patch[2] or patch[1] < 1:
        raise _unfit(transformer, "patch_size", patch, "tokens one latent frame thick and square")
    boundary = index.number("boundary_ratio")
    expand = bool(index.data.get("expand_timesteps", False))
    if len(experts) == 2 and (boundary is None or not 0 < boundary < 1):
        raise index.damaged("boundary_ratio", boundary)
    family: Family = "wan2.2-a14b" if len(experts) == 2 else "wan2.1-t2v"
    if expand and len(experts) == 1:
        family = "wan2.2-ti2v"
    shift = scheduler.number("flow_shift", scheduler.number("shift", 1.0))
    components = (*experts, "vae", "text_encoder")
    return WanFacts(
        folder=root,
        family=family,
        latent_channels=vae.integer("z_dim", 16),
        temporal_stride=vae.integer("scale_factor_temporal", 4),
        spatial_stride=vae.integer("scale_factor_spatial", 8),
        patch=int(patch[1]),
        text_width=transformer.integer("text_dim", 4096),
        layers=transformer.integer("num_layers", 40),
        heads=transformer.integer("num_attention_heads", 40),
        head_width=transformer.integer("attention_head_dim", 128),
        feed_forward=transformer.integer("ffn_dim", 13824),
        experts=experts,
        boundary_sigma=boundary if len(experts) == 2 else None,
        expand_timesteps=expand,
        shift=1.0 if shift is None else shift,
        rope_max=transformer.integer("rope_max_seq_len", 1024),
        weight_bytes={
            name: sum(path.stat().st_size for path in weight_files(root, name))
            for name in components
        },
    )


def _unfit(config: _Config, key: str, value: object, need: str) -> ModelUnsupportedError:
    return ModelUnsupportedError(
        f"The model does not fit the method: {config.name} says {key} = {value}, and the method "
        f"needs {need}.",
        hint=["choose_model"],
        detail=f"{config.path}: {key}={value!r}",
    )


def _check_fit(
    facts: WanFacts, index: _Config, transformer: _Config, vae: _Config, text: _Config
) -> None:
    channels = facts.latent_channels
    for key in ("in_channels", "out_channels"):
        value = transformer.integer(key, 16)
        if value != channels:
            why = f"the VAE's {channels} channels in and out"
            raise _unfit(transformer, key, value, f"{why} (picture-conditioned models have more)")
    if transformer.data.get("added_kv_proj_dim") is not None:
        added = transformer.data["added_kv_proj_dim"]
        raise _unfit(transformer, "added_kv_proj_dim", added, "a model without a picture prompt")
    if text.integer("d_model") != facts.text_width:
        raise _unfit(text, "d_model", text.data["d_model"], f"the text width {facts.text_width}")
    if facts.temporal_stride != 4:
        value = facts.temporal_stride
        raise _unfit(vae, "scale_factor_temporal", value, "four frames per latent")
    patch = vae.integer("patch_size", 1)
    levels = len(vae.numbers("dim_mult", (1, 2, 4, 4)))
    if facts.spatial_stride != patch * 2 ** (levels - 1):
        value, real = facts.spatial_stride, patch * 2 ** (levels - 1)
        raise _unfit(vae, "scale_factor_spatial", value, f"the stride {real} that its layers have")
    for key in ("latents_mean", "latents_std"):
        values = vae.numbers(key, (0.0,) * 16)
        if len(values) != channels:
            raise _unfit(vae, key, f"{len(values)} numbers", f"one per channel ({channels})")
        if key == "latents_std" and key in vae.data and min(values) <= 0:
            raise vae.damaged(key, values)
    if facts.head_width % 2:
        raise _unfit(transformer, "attention_head_dim", facts.head_width, "an even number")
    if facts.expand_timesteps and len(facts.experts) == 2:
        raise _unfit(index, "expand_timesteps", True, "one transformer with per-token timesteps")


def _check_same_shape(first: _Config, other: _Config) -> None:
    for key in ("in_channels", "out_channels", "patch_size", "text_dim", "added_kv_proj_dim"):
        if first.data.get(key) != other.data.get(key):
            need = f"{first.data.get(key)} as in {first.name}"
            raise _unfit(other, key, other.data.get(key), need)

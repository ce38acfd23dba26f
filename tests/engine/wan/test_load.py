"""Model folders: what is read, what is refused, and in which precision weights arrive."""

from __future__ import annotations

import json
import logging
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanPipeline
from diffusers.utils import logging as diffusers_logging
from safetensors.torch import load_file, save_file

from flowanchor_engine.errors import (
    Cancelled,
    FlowAnchorError,
    ModelDamagedError,
    ModelIncompleteError,
    ModelMissingError,
    ModelUnsafeError,
    ModelUnsupportedError,
)
from flowanchor_engine.wan.load import WanModel, inspect, load, resolve_precision
from flowanchor_engine.wan.text import TextStage
from flowanchor_engine.wan.weights import check_whole, digest
from tests.engine.wan.conftest import DEMO, make_transformer, make_vae


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the embedded model's folder, to be broken."""
    home = tmp_path / "model"
    shutil.copytree(DEMO, home)
    return home


def change(path: Path, **values: Any) -> None:
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, **values}))


# ---- what is read -------------------------------------------------------------------------


def test_the_embedded_model_is_a_wan_like_any_other() -> None:
    facts = inspect(DEMO)
    assert facts.family == "wan2.1-t2v"
    assert (facts.latent_channels, facts.temporal_stride, facts.spatial_stride) == (16, 4, 8)
    assert (facts.patch, facts.token_px, facts.experts) == (2, 16, ("transformer",))
    assert facts.boundary_sigma is None
    assert facts.shift == 3.0
    assert [facts.latent_frames(frames) for frames in (1, 2, 5, 6, 41, 81)] == [1, 2, 2, 3, 11, 21]
    assert facts.weight_bytes["transformer"] > 1_000_000


def test_inspecting_opens_no_weight(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    original = Path.open

    def spy(self: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(self.name)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", spy)
    inspect(folder)
    assert not [name for name in opened if not name.endswith(".json")]


def save_pipeline(home: Path, **more: Any) -> Path:
    """Write a random model in diffusers layout, with the embedded text side."""
    parts: dict[str, Any] = {"transformer": make_transformer(0, text_dim=96), "vae": make_vae()}
    WanPipeline(
        tokenizer=None, text_encoder=None, scheduler=None, **{**parts, **more}
    ).save_pretrained(home)
    for name in ("tokenizer", "text_encoder", "scheduler"):
        shutil.copytree(DEMO / name, home / name)
    index = home / "model_index.json"
    embedded = json.loads((DEMO / "model_index.json").read_text())
    change(index, **{key: embedded[key] for key in ("tokenizer", "text_encoder", "scheduler")})
    return home


def test_two_experts_load_with_their_boundary(tmp_path: Path) -> None:
    home = save_pipeline(
        tmp_path / "a14b", transformer_2=make_transformer(1, text_dim=96), boundary_ratio=0.875
    )
    model = load(home)
    assert model.facts.family == "wan2.2-a14b"
    assert model.facts.boundary_sigma == 0.875
    assert len(model.experts()) == 2
    high, low = (part.proj_out.weight for part in model.experts())
    assert not torch.equal(high, low)


def test_ti2v_5b_loads_with_its_vae(tmp_path: Path) -> None:
    home = save_pipeline(
        tmp_path / "5b",
        transformer=make_transformer(0, text_dim=96, in_channels=48, out_channels=48),
        vae=make_vae(patchified=True),
        expand_timesteps=True,
    )
    facts = load(home).facts
    assert facts.family == "wan2.2-ti2v"
    assert (facts.latent_channels, facts.spatial_stride, facts.token_px) == (48, 16, 32)
    assert facts.expand_timesteps


def _in_two_shards(home: Path) -> dict[str, torch.Tensor]:
    single = home / "diffusion_pytorch_model.safetensors"
    weights = load_file(single)
    names, where = sorted(weights), {}
    for part, chosen in ((1, names[::2]), (2, names[1::2])):
        shard = f"diffusion_pytorch_model-0000{part}-of-00002.safetensors"
        save_file({name: weights[name] for name in chosen}, home / shard)
        where |= dict.fromkeys(chosen, shard)
    single.unlink()
    index = home / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}))
    return weights


def test_sharded_weights_load(folder: Path) -> None:
    home = folder / "transformer"
    weights = _in_two_shards(home)
    loaded = load(folder).transformer.state_dict()
    assert all(torch.equal(loaded[name], weights[name].float()) for name in weights)
    (home / "diffusion_pytorch_model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ModelIncompleteError, match="00002-of-00002"):
        inspect(folder)


def test_loading_counts_bytes_and_stops_between_shards(folder: Path) -> None:
    _in_two_shards(folder / "transformer")
    heard: list[tuple[int, int]] = []
    load(folder, on_bytes=lambda done, total: heard.append((done, total)))
    shards = sorted((folder / "transformer").glob("*.safetensors"))
    first, both = shards[0].stat().st_size, sum(path.stat().st_size for path in shards)
    total = both + next((folder / "vae").glob("*.safetensors")).stat().st_size
    assert {whole for _, whole in heard} == {total}
    assert list(dict.fromkeys(done for done, _ in heard)) == [0, first, both, total]

    def stop(done: int, total: int) -> None:
        if done == first:
            raise Cancelled

    bar = diffusers_logging.tqdm
    with pytest.raises(Cancelled):
        load(folder, on_bytes=stop)
    assert diffusers_logging.tqdm is bar
    assert load(folder).transformer is not None  # and the next load is whole


def test_the_text_encoder_stops_between_tensors() -> None:
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked == 5:
            raise Cancelled

    with TextStage(DEMO) as stage:
        with pytest.raises(Cancelled):
            stage.encode(["a red ball"], check=stop)
        assert asked == 5
        assert stage.encode(["a red ball"])[0].tokens[-1] == "</s>"


# ---- precision ----------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_keeps_its_float32_islands(precision: Any) -> None:
    model = load(DEMO, precision=precision)
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    dtypes = {name: weight.dtype for name, weight in model.transformer.named_parameters()}
    islands = model.transformer._keep_in_fp32_modules
    for name, dtype in dtypes.items():
        kept = any(part in islands for part in name.split("."))
        assert dtype == (torch.float32 if kept else half), name
    assert dtypes["condition_embedder.time_embedder.linear_1.weight"] == torch.float32
    assert dtypes["blocks.0.attn1.to_q.weight"] == half
    assert model.vae.dtype == torch.float32
    assert model.transformer.dtype == half


def test_automatic_precision_is_full_on_a_cpu(demo: WanModel) -> None:
    assert demo.precision == "fp32"
    assert {weight.dtype for weight in demo.transformer.parameters()} == {torch.float32}
    assert resolve_precision("fp16", torch.device("cpu")) == "fp16"
    assert resolve_precision("auto", torch.device("mps")) == "bf16"


def test_loaded_parts_are_ready_to_run(demo: WanModel) -> None:
    for part in (*demo.experts(), demo.vae):
        assert not part.training
        assert not any(weight.requires_grad for weight in part.parameters())


# ---- identity -----------------------------------------------------------------------------


def test_the_fingerprint_names_everything_that_changes_a_velocity(demo: WanModel) -> None:
    print_ = demo.fingerprint()
    assert set(print_) >= {
        "model", "revision", "precision", "vae_precision", "quantisation", "lora", "attention",
        "compiled", "device", "torch", "diffusers", "transformers",
    }  # fmt: skip
    assert print_["attention"] == "native"
    assert print_["device"] == "cpu"
    assert all(isinstance(value, str) for value in print_.values())
    json.dumps(print_)


def test_other_weights_have_another_fingerprint(folder: Path) -> None:
    before = load(folder).fingerprint()
    assert load(folder).fingerprint() == before
    weights = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    weights["proj_out.bias"][0] += 0.01
    save_file(weights, folder / "transformer" / "diffusion_pytorch_model.safetensors")
    after = load(folder).fingerprint()
    assert {key for key in before if before[key] != after[key]} == {"revision"}


def test_a_chosen_backend_changes_the_fingerprint() -> None:
    model = load(DEMO)
    before = model.fingerprint()
    for block in model.transformer.blocks:
        block.attn1.set_attention_backend("_native_math")
    assert model.fingerprint()["attention"] == "_native_math" != before["attention"]


def test_large_files_are_told_apart_by_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowanchor_engine.wan import weights

    monkeypatch.setattr(weights, "_FULL_BYTES", 1000)
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.arange(200_000)}, path)
    first = digest([path])
    save_file({"a": torch.arange(200_000) + 1}, path)
    assert digest([path]) != first


# ---- refusals -----------------------------------------------------------------------------

Break = Callable[[Path], None]


def drop(name: str) -> Break:
    def apply(home: Path) -> None:
        (home / name).unlink()

    return apply


def rename(name: str, other: str) -> Break:
    def apply(home: Path) -> None:
        (home / name).rename((home / name).with_name(other))

    return apply


def write(name: str, text: str) -> Break:
    def apply(home: Path) -> None:
        (home / name).write_text(text)

    return apply


def config(name: str, **values: Any) -> Break:
    def apply(home: Path) -> None:
        change(home / name, **values)

    return apply


def truncate(name: str, size: int) -> Break:
    def apply(home: Path) -> None:
        (home / name).write_bytes((home / name).read_bytes()[:size])

    return apply


WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
T, V, INDEX = "transformer/config.json", "vae/config.json", "model_index.json"

FAULTS: dict[str, tuple[Break, type[FlowAnchorError], str]] = {
    "no index": (drop(INDEX), ModelIncompleteError, "model_index.json"),
    "no config": (drop(T), ModelIncompleteError, "transformer/config.json"),
    "no weights": (drop(WEIGHTS), ModelIncompleteError, WEIGHTS),
    "no vae weights": (
        drop("vae/diffusion_pytorch_model.safetensors"), ModelIncompleteError, "vae/diffusion",
    ),
    "no tokenizer": (drop("tokenizer/tokenizer.json"), ModelIncompleteError, "tokenizer"),
    "no scheduler": (
        drop("scheduler/scheduler_config.json"), ModelIncompleteError, "scheduler_config",
    ),
    "pickle": (
        rename(WEIGHTS, "diffusion_pytorch_model.bin"), ModelUnsafeError, "model.bin is a pickle",
    ),
    "checkpoint": (rename(WEIGHTS, "model.pt"), ModelUnsafeError, "model.pt is a pickle"),
    "broken json": (write(INDEX, "{"), ModelDamagedError, "model_index.json"),
    "list json": (write(V, "[1]"), ModelDamagedError, "vae/config.json"),
    "bad number": (config(T, num_layers="six"), ModelDamagedError, "num_layers"),
    "bad mean": (config(V, latents_mean=["a"]), ModelDamagedError, "latents_mean"),
    "other pipeline": (
        config(INDEX, _class_name="WanImageToVideoPipeline"), ModelUnsupportedError, "needs that",
    ),
    "foreign pipeline": (config(INDEX, _class_name="FluxPipeline"), ModelUnsupportedError, "Flux"),
    "other transformer": (
        config(INDEX, transformer=["diffusers", "AnyFlowTransformer3DModel"]),
        ModelUnsupportedError, "AnyFlow",
    ),
    "no transformer": (
        config(INDEX, transformer=[None, None]), ModelIncompleteError, "transformer",
    ),
    "picture channels": (config(T, in_channels=36), ModelUnsupportedError, "in_channels = 36"),
    "picture prompt": (config(T, added_kv_proj_dim=64), ModelUnsupportedError, "added_kv"),
    "thick tokens": (config(T, patch_size=[2, 2, 2]), ModelUnsupportedError, "patch_size"),
    "text width": (config(T, text_dim=128), ModelUnsupportedError, "d_model"),
    "eight frames": (
        config(V, scale_factor_temporal=8), ModelUnsupportedError, "scale_factor_temporal",
    ),
    "lying stride": (
        config(V, scale_factor_spatial=16), ModelUnsupportedError, "scale_factor_spatial",
    ),
    "short mean": (config(V, latents_mean=[0.0] * 4), ModelUnsupportedError, "latents_mean"),
    "second expert without files": (
        config(INDEX, transformer_2=["diffusers", "WanTransformer3DModel"], boundary_ratio=0.875),
        ModelIncompleteError, "transformer_2/config.json",
    ),
    "other layers": (config(T, ffn_dim=512), ModelUnsupportedError, "do not fit"),
    "truncated": (truncate(WEIGHTS, 100_000), ModelDamagedError, WEIGHTS),
    "cut header": (truncate(WEIGHTS, 60), ModelDamagedError, WEIGHTS),
    "empty weights": (truncate(WEIGHTS, 0), ModelDamagedError, WEIGHTS),
    "more layers": (config(T, num_layers=7), ModelDamagedError, "transformer"),
    "fewer layers": (config(T, num_layers=5), ModelUnsupportedError, "does not know"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_error_that_names_the_file(folder: Path, fault: str) -> None:
    breaking, kind, words = FAULTS[fault]
    breaking(folder)
    with pytest.raises(FlowAnchorError) as caught:
        load(folder)
    assert type(caught.value) is kind
    assert words in caught.value.user_message
    assert caught.value.hint
    assert caught.value.detail


def test_a_missing_folder_is_its_own_error(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError):
        load(tmp_path / "nowhere")


def test_a_pickle_beside_safetensors_is_never_opened(folder: Path) -> None:
    (folder / "transformer" / "diffusion_pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    assert load(folder).transformer is not None


def test_an_index_cannot_point_elsewhere(folder: Path) -> None:
    index = folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "../vae/diffusion_pytorch_model.bin"}}))
    with pytest.raises(ModelUnsafeError):
        inspect(folder)


def test_an_expert_of_another_shape_is_refused(folder: Path) -> None:
    shutil.copytree(folder / "transformer", folder / "transformer_2")
    change(
        folder / INDEX, transformer_2=["diffusers", "WanTransformer3DModel"], boundary_ratio=0.875
    )
    assert inspect(folder).family == "wan2.2-a14b"
    change(folder / "transformer_2" / "config.json", text_dim=128)
    with pytest.raises(ModelUnsupportedError, match="transformer_2"):
        inspect(folder)
    change(folder / INDEX, boundary_ratio=None)
    with pytest.raises(ModelDamagedError, match="boundary_ratio"):
        inspect(folder)


@pytest.mark.parametrize("header", [b"[]", b"{", b'{"a": 1}', b'{"a": {"data_offsets": [4, 8]}}'])
def test_malformed_headers_are_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
    with pytest.raises(ModelDamagedError):
        check_whole(path)


def test_a_whole_file_passes(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(3), "b": torch.zeros(0), "c": torch.zeros(2, 2)}, path)
    check_whole(path)


def test_loading_leaves_diffusers_logging_as_it_was(folder: Path) -> None:
    logger = logging.getLogger("diffusers")
    before = logger.level
    load(folder)
    assert logger.level == before

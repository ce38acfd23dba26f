"""Small random checkpoints in the layout of the real families, and a server that has them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from diffusers import WanPipeline

from flowanchor_engine import models
from flowanchor_engine.errors import Cancelled
from flowanchor_engine.models import ModelEntry, hub
from flowanchor_engine.models.manifest import FOLDER_VARIABLE
from flowanchor_engine.progress import Phase, Rough
from tests.engine.models.fake_hub import FakeHub, serve
from tests.engine.wan.conftest import DEMO, make_transformer, make_vae

SMALL = "wan2.1-1.3b"


PATIENT_S = 240.0
USUAL_S = (hub._LEAST_TIMEOUT_S, hub._MOST_TIMEOUT_S)


def be_patient(monkeypatch: pytest.MonkeyPatch, least_s: float, most_s: float) -> None:
    """Wait for a silent server for so long."""
    monkeypatch.setattr(hub, "_LEAST_TIMEOUT_S", least_s)
    monkeypatch.setattr(hub, "_MOST_TIMEOUT_S", most_s)


def save_pipeline(home: Path, **more: Any) -> Path:
    """Write a random model in diffusers' layout, its transformer in shards, with extras beside."""
    parts: dict[str, Any] = {"transformer": make_transformer(0, text_dim=96), "vae": make_vae()}
    pipeline: Any = WanPipeline(
        tokenizer=None, text_encoder=None, scheduler=None, **{**parts, **more}
    )
    pipeline.save_pretrained(home)
    (home / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    pipeline.transformer.save_pretrained(home / "transformer", max_shard_size="300KB")
    for name in ("tokenizer", "text_encoder", "scheduler"):
        shutil.copytree(DEMO / name, home / name)
    embedded = json.loads((DEMO / "model_index.json").read_text())
    index = json.loads((home / "model_index.json").read_text())
    index |= {key: embedded[key] for key in ("tokenizer", "text_encoder", "scheduler")}
    (home / "model_index.json").write_text(json.dumps(index))
    # What real repositories have beside the model, and nobody needs.
    (home / "README.md").write_text("# A model\n")
    (home / "assets").mkdir()
    (home / "assets" / "logo.png").write_bytes(b"\x89PNG")
    (home / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04K\x01.")
    (home / "vae" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"half")
    return home


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Repository folders by model id: one transformer, two experts, and 48 channels."""
    root = tmp_path_factory.mktemp("repositories")
    return {
        SMALL: save_pipeline(root / "small"),
        "wan2.2-a14b": save_pipeline(
            root / "a14b", transformer_2=make_transformer(1, text_dim=96), boundary_ratio=0.875
        ),
        "wan2.2-5b": save_pipeline(
            root / "5b",
            transformer=make_transformer(0, text_dim=96, in_channels=48, out_channels=48),
            vae=make_vae(patchified=True),
            expand_timesteps=True,
        ),
    }


@pytest.fixture(scope="session")
def running() -> Iterator[FakeHub]:
    with serve() as server:
        yield server


@pytest.fixture
def server(
    running: FakeHub,
    checkpoints: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FakeHub]:
    """The server, healthy; its small repository is a copy that a test may change."""
    running.forget()
    changeable = tmp_path / "repository"
    shutil.copytree(checkpoints[SMALL], changeable)
    running.repositories = {_repository(name): path for name, path in checkpoints.items()}
    running.repositories[_repository(SMALL)] = changeable
    monkeypatch.setenv("HF_ENDPOINT", running.url)
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hub, "_FIRST_PAUSE_S", 0.01)
    # Client and server share a process: where it is slow, none asks for the same bytes again.
    be_patient(monkeypatch, PATIENT_S, PATIENT_S)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    yield running
    running.forget()
    huggingface_hub.close_session()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder."""
    home = tmp_path / "models"
    monkeypatch.setenv(FOLDER_VARIABLE, str(home))
    return home


@pytest.fixture
def small() -> ModelEntry:
    return models.entry(SMALL)


@pytest.fixture
def source(server: FakeHub, small: ModelEntry) -> Path:
    """The folder that the server has as the small model."""
    return server.repositories[str(small.repository)]


def _repository(name: str) -> str:
    return str(models.entry(name).repository)


@dataclass
class Listener:
    """A reporter that keeps what it heard and asks to stop when told."""

    stop_when: Callable[[Phase | None, int], bool] = lambda phase, done: False
    heard: list[tuple[Phase, int, int]] = field(default_factory=list)

    def phase(self, phase: Phase, done: int, total: int) -> None:
        assert 0 <= done <= total
        self.heard.append((phase, done, total))

    def preview(self, rough: Rough) -> None:
        raise AssertionError("a download has no pictures")

    def watched(self) -> int | None:
        return None

    def note(self, code: str, sentence: str) -> None:
        raise AssertionError(sentence)

    def check(self) -> None:
        phase, done, _ = self.heard[-1] if self.heard else (None, 0, 0)
        if self.stop_when(phase, done):
            raise Cancelled


def needed_bytes(folder: Path) -> int:
    """Bytes of what a model needs, by a plain reading of the rule."""
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.suffix in (".json", ".txt", ".model", ".safetensors") and "fp16" not in path.name
    )

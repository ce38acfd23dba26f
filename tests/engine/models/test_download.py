"""Downloads over a real connection, on a good day."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest

from flowanchor_engine import models
from flowanchor_engine.errors import ModelExistsError
from flowanchor_engine.models import ModelEntry, download
from flowanchor_engine.models.manifest import MANIFEST, read_manifest
from flowanchor_engine.models.verify import verify
from flowanchor_engine.progress import Phase
from flowanchor_engine.wan.load import load
from tests.engine.models.conftest import SMALL, Listener, needed_bytes
from tests.engine.models.fake_hub import FakeHub
from tests.engine.models.getting import REPOSITORY, WEIGHTS, names, same


@pytest.mark.parametrize("model", [SMALL, "wan2.2-a14b", "wan2.2-5b"])
def test_every_family_arrives_and_loads(
    model: str, server: FakeHub, root: Path, checkpoints: dict[str, Path]
) -> None:
    entry = models.entry(model)
    source, heard = server.repositories[str(entry.repository)], Listener()
    home = download.get(entry, report=heard)
    assert home == models.folder(model) == root / model
    assert same(home, source)
    assert not {path.suffix for path in home.rglob("*") if path.is_file()} - {
        ".json",
        ".safetensors",
    }
    assert not [name for name in names(home) if "fp16" in name or "README" in name]
    total = needed_bytes(source)
    assert server.sent() == total
    assert heard.heard[0] == (Phase.DOWNLOAD, 0, total)
    assert heard.heard[-1] == (Phase.DOWNLOAD, total, total)
    assert [done for _, done, _ in heard.heard] == sorted(done for _, done, _ in heard.heard)
    manifest = read_manifest(home)
    assert manifest is not None
    assert manifest.revision == server.commit(str(entry.repository))
    assert {file.name for file in manifest.files} == names(home) - {MANIFEST}
    assert verify(model).checksums
    loaded = load(home)
    assert loaded.facts.family == entry.family
    assert len(loaded.experts()) == (2 if model == "wan2.2-a14b" else 1)
    assert loaded.facts.latent_channels == (48 if model == "wan2.2-5b" else 16)
    assert not list((root / ".partial").iterdir())


def test_a_model_that_is_here_and_intact_is_not_asked_for_again(
    server: FakeHub, root: Path, small: ModelEntry
) -> None:
    download.get(small)
    server.forget()
    download.get(small)
    assert not server.headers


def test_the_plan_fetches_nothing(server: FakeHub, root: Path, small: ModelEntry) -> None:
    plan = download.plan(small)
    assert plan.size == needed_bytes(server.repositories[str(small.repository)])
    assert plan.commit == server.commit(str(small.repository))
    assert server.asked == []
    assert not root.exists()


def test_requests_tell_nothing_about_the_computer(
    server: FakeHub, root: Path, small: ModelEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    download.get(small)
    agents = {headers["user-agent"] for headers in server.headers}
    assert agents == {"flowanchor"}
    assert not any("authorization" in headers for headers in server.headers)
    shutil.rmtree(root)
    server.headers.clear()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    download.get(small)
    assert {headers["authorization"] for headers in server.headers} == {"Bearer hf_secret"}


def test_the_server_of_these_tests_is_one_that_huggingface_hub_understands(
    server: FakeHub, small: ModelEntry, tmp_path: Path
) -> None:
    repository = str(small.repository)
    api = huggingface_hub.HfApi(endpoint=server.url)
    assert api.model_info(repository, files_metadata=True).sha == server.commit(repository)
    for name in ("model_index.json", WEIGHTS):
        path = huggingface_hub.hf_hub_download(
            repository, name, local_dir=tmp_path / "hf", endpoint=server.url
        )
        assert Path(path).read_bytes() == (server.repositories[repository] / name).read_bytes()


def test_the_embedded_model_is_not_downloaded(server: FakeHub, root: Path) -> None:
    with pytest.raises(ModelExistsError, match="part of FlowAnchor"):
        download.get(models.entry("demo"))


def test_downloading_needs_no_torch() -> None:
    code = (
        "import sys; from flowanchor_engine.models import download, importing, remove, verify;"
        "assert not {'torch', 'diffusers', 'transformers', 'av'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)

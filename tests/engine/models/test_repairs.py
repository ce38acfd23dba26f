"""Models that are there already: repaired, renewed at once, and never taken from their owner."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from flowanchor_engine import models
from flowanchor_engine.errors import (
    ModelDamagedError,
    ModelExistsError,
    ModelIncompleteError,
    OutputError,
)
from flowanchor_engine.models import ModelEntry, download, store
from flowanchor_engine.models.manifest import MANIFEST, read_manifest
from flowanchor_engine.models.verify import verify
from tests.engine.models.conftest import SMALL
from tests.engine.models.fake_hub import FakeHub
from tests.engine.models.getting import WEIGHTS, names, same


def test_only_damaged_files_are_fetched_again(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    home = download.get(small)
    (home / "lora.safetensors").write_bytes(b"the person's own")
    data = bytearray((home / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (home / WEIGHTS).write_bytes(data)
    (home / "vae" / "config.json").unlink()
    server.forget()
    with pytest.raises(ModelDamagedError, match=r"config\.json|diffusion_pytorch_model"):
        verify(SMALL)
    with pytest.raises(ModelIncompleteError, match=r"vae/config\.json is missing"):
        models.folder(SMALL)
    assert download.get(small) == home
    assert {item.name for item in server.asked} == {WEIGHTS, "vae/config.json"}
    assert (home / "lora.safetensors").read_bytes() == b"the person's own"
    assert verify(SMALL).checksums


def test_a_new_revision_fetches_what_changed_and_replaces_at_once(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    home = download.get(small)
    first = read_manifest(home)
    config = source / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("}", ', "x": 1}'))
    server.asked.clear()
    assert download.get(small) == home  # an intact model is not changed unasked
    assert not server.asked
    download.get(small, revision="main")
    assert {item.name for item in server.asked} == {"scheduler/scheduler_config.json"}
    second = read_manifest(home)
    assert first is not None
    assert second is not None
    assert second.revision == server.commit(str(small.repository)) != first.revision
    assert same(home, source)


def test_a_crash_between_old_and_new_heals(
    server: FakeHub, root: Path, small: ModelEntry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = download.get(small)
    config = source / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("}", ', "x": 1}'))
    rename, calls = store._rename, []

    def dying(old: Path, new: Path) -> None:
        calls.append(new)
        if len(calls) == 2:
            raise OSError(errno.EIO, "the power went")
        rename(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(store, "_rename", dying)
        with pytest.raises(OutputError):
            download.get(small, revision="main")
    assert not home.exists()
    assert download.get(small) == home  # the old version is back, without the server
    assert verify(SMALL).checksums
    download.get(small, revision="main")
    assert same(home, source)


def test_a_folder_put_there_by_hand_is_not_replaced(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    shutil.copytree(source, root / SMALL)
    assert models.folder(SMALL) == root / SMALL
    with pytest.raises(ModelExistsError, match="put there by hand"):
        download.get(small)
    assert names(root / SMALL) == names(source)


def test_an_unreadable_manifest_is_repaired(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    home = download.get(small)
    (home / MANIFEST).write_text("{")
    with pytest.raises(ModelDamagedError, match="list of files"):
        models.folder(SMALL)
    download.get(small)
    assert same(models.folder(SMALL), source)


def test_another_programs_unfinished_download_is_not_taken_for_a_model(
    server: FakeHub, root: Path, small: ModelEntry, source: Path, tmp_path: Path
) -> None:
    repository = str(small.repository)
    commit = server.commit(repository)
    home = tmp_path / "hub-cache" / f"models--{repository.replace('/', '--')}"
    snapshot = home / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(commit)
    shutil.copy(source / "model_index.json", snapshot)
    with pytest.raises(ModelIncompleteError, match="is missing"):
        models.folder(SMALL)
    shutil.copytree(source, snapshot, dirs_exist_ok=True)
    assert models.folder(SMALL) == snapshot

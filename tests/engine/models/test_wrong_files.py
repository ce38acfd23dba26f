"""Files that are not what they should be: damaged, unsafe, missing or of another model."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowanchor_engine.errors import (
    Cancelled,
    ModelDamagedError,
    ModelIncompleteError,
    ModelUnsafeError,
    ModelUnsupportedError,
)
from flowanchor_engine.models import ModelEntry, ModelFile, download
from tests.engine.models.conftest import PATIENT_S, USUAL_S, Listener, be_patient, needed_bytes
from tests.engine.models.fake_hub import FakeHub
from tests.engine.models.getting import WEIGHTS, not_here, same


@pytest.mark.parametrize("name", [WEIGHTS, "vae/config.json"])
def test_a_wrong_checksum_installs_nothing_and_names_the_file(
    name: str, server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.corrupt = {name}
    with pytest.raises(ModelDamagedError, match=name):
        download.get(small)
    assert not_here()
    assert not list(root.rglob("*.part"))
    mark = len(server.asked)
    server.faults.corrupt = set()
    assert same(download.get(small), source)
    assert server.sent_after(mark) <= needed_bytes(source)


def test_more_bytes_than_promised_are_refused(
    server: FakeHub, root: Path, small: ModelEntry
) -> None:
    server.faults.longer = {WEIGHTS}
    with pytest.raises(ModelDamagedError, match=WEIGHTS):
        download.get(small)


def test_a_damaged_part_of_an_earlier_run_is_fetched_anew(
    server: FakeHub, root: Path, small: ModelEntry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults.stall[WEIGHTS] = 100_000
    heard = Listener(lambda phase, done: server.stalled.is_set())
    be_patient(monkeypatch, *USUAL_S)
    with pytest.raises(Cancelled):
        download.get(small, report=heard)
    be_patient(monkeypatch, PATIENT_S, PATIENT_S)
    (part,) = root.rglob("*.part")
    data = bytearray(part.read_bytes())
    data[50] ^= 1
    part.write_bytes(data)
    server.forget()
    assert same(download.get(small), source)
    assert [item.start for item in server.asked if item.name == WEIGHTS][1:] == [0]


def test_the_registrys_checksums_count_more_than_the_servers(
    server: FakeHub, root: Path, small: ModelEntry
) -> None:
    known = small.model_copy(update={"files": (ModelFile(name=WEIGHTS, sha256="0" * 64),)})
    with pytest.raises(ModelDamagedError, match="not the file that FlowAnchor knows"):
        download.get(known)
    small_file = ModelFile(name="vae/config.json", sha256="0" * 64)
    with pytest.raises(ModelDamagedError, match=r"vae/config\.json"):
        download.get(small.model_copy(update={"files": (small_file,)}))
    assert not_here()


def test_pickles_alone_are_refused_before_anything_is_fetched(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    (source / WEIGHTS).unlink()
    with pytest.raises(ModelUnsafeError, match=r"diffusion_pytorch_model\.bin"):
        download.get(small)
    assert server.asked == []


def test_a_shard_that_the_server_lacks_is_named(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    shard = max(source.glob("transformer/*-of-*.safetensors"))
    shard.unlink()
    with pytest.raises(ModelIncompleteError, match=shard.name):
        download.get(small)
    assert not_here()


def test_names_that_leave_the_folder_are_never_written(
    server: FakeHub, root: Path, small: ModelEntry, tmp_path: Path
) -> None:
    evil = ["../evil.json", "tokenizer/../../evil.json", "/evil.json", "tokenizer/a/b.json"]
    server.faults.list_more = [{"rfilename": name, "size": 1, "blobId": "0" * 40} for name in evil]
    home = download.get(small)
    assert not list(tmp_path.rglob("*evil*"))
    assert not (home / "tokenizer" / "a").exists()


def test_another_family_than_expected_is_not_installed(
    server: FakeHub, root: Path, small: ModelEntry, checkpoints: dict[str, Path]
) -> None:
    server.repositories[str(small.repository)] = checkpoints["wan2.2-a14b"]
    with pytest.raises(ModelUnsupportedError, match=r"holds a wan2\.2-a14b model"):
        download.get(small)
    assert not_here()

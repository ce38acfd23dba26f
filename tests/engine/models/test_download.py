"""Downloads over a real connection to a server that breaks: whole or not at all, never twice."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowanchor_engine import models
from flowanchor_engine.errors import (
    Cancelled,
    DiskError,
    FlowAnchorError,
    ModelBusyError,
    ModelDamagedError,
    ModelExistsError,
    ModelIncompleteError,
    ModelMissingError,
    ModelUnsafeError,
    ModelUnsupportedError,
    NetError,
    OutputError,
)
from flowanchor_engine.models import ModelEntry, ModelFile, download, hub, store
from flowanchor_engine.models.manifest import MANIFEST, read_manifest
from flowanchor_engine.models.verify import verify
from flowanchor_engine.progress import Phase
from flowanchor_engine.wan.load import load
from tests.engine.models.conftest import SMALL, Listener, needed_bytes
from tests.engine.models.fake_hub import FakeHub

WEIGHTS = "vae/diffusion_pytorch_model.safetensors"
REPOSITORY = Path(__file__).parents[3]


def names(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}


def same(home: Path, source: Path) -> bool:
    listed = names(home) - {MANIFEST}
    return all((home / name).read_bytes() == (source / name).read_bytes() for name in listed)


def not_here(model: str = SMALL) -> bool:
    try:
        models.folder(model)
    except ModelMissingError:
        return True
    return False


# ---- a good day ---------------------------------------------------------------------------


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


# ---- connections that break ---------------------------------------------------------------


def test_a_cut_connection_is_continued_where_it_was_cut(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.cut[WEIGHTS] = [10_000, 20_000, 1]
    assert same(download.get(small), source)
    starts = [item.start for item in server.asked if item.name == WEIGHTS]
    assert starts == [0, 10_000, 30_000, 30_001]
    assert server.sent(WEIGHTS) == (source / WEIGHTS).stat().st_size


@pytest.mark.parametrize("ranges", ["ignored", "refused"])
def test_a_server_without_ranges_is_begun_anew(
    ranges: str, server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.cut[WEIGHTS] = [50_000]
    server.faults.ranges = ranges
    heard = Listener()
    assert same(download.get(small, report=heard), source)
    assert heard.heard[-1][1] == heard.heard[-1][2]


def test_a_server_that_never_gets_further_is_given_up(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.cut[WEIGHTS] = [1000] * 100
    server.faults.ranges = "ignored"
    with pytest.raises(NetError, match="what was downloaded is kept"):
        download.get(small)
    assert len([item for item in server.asked if item.name == WEIGHTS]) <= 6
    assert not_here()


def test_busy_answers_are_waited_out(server: FakeHub, root: Path, small: ModelEntry) -> None:
    server.faults.statuses = [503, 429, 500]
    assert download.get(small).is_dir()


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, NetError, "needs an account"),
        (403, NetError, "needs an account"),
        (404, ModelMissingError, "has no Wan-AI"),
        (418, NetError, "answered 418"),
    ],
)
def test_refusals_are_worded_at_once(
    status: int,
    kind: type[FlowAnchorError],
    words: str,
    server: FakeHub,
    root: Path,
    small: ModelEntry,
) -> None:
    server.faults.statuses = [status]
    with pytest.raises(kind, match=words):
        download.get(small)
    assert len(server.headers) == 1


def test_nobody_answering_is_one_sentence(
    server: FakeHub, root: Path, small: ModelEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(NetError, match="No connection to the download server") as caught:
        download.get(small)
    assert caught.value.code == "net"
    assert "use_existing_files" in caught.value.hint


def test_an_unknown_revision_is_said(server: FakeHub, root: Path, small: ModelEntry) -> None:
    with pytest.raises(ModelMissingError, match="at v9"):
        download.get(small, revision="v9")


def test_offline_asks_nobody_and_keeps_working(
    server: FakeHub, root: Path, small: ModelEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NetError, match="offline mode") as caught:
        download.get(small)
    assert caught.value.hint == ("use_existing_files",)
    assert not server.headers
    monkeypatch.delenv("HF_HUB_OFFLINE")
    home = download.get(small)
    server.forget()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert download.get(small) == home == models.folder(SMALL)
    assert not server.headers


# ---- wrong bytes --------------------------------------------------------------------------


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
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.stall[WEIGHTS] = 100_000
    heard = Listener(lambda phase, done: server.stalled.is_set())
    with pytest.raises(Cancelled):
        download.get(small, report=heard)
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


# ---- room ---------------------------------------------------------------------------------


def test_too_little_space_is_said_before_anything_is_fetched(
    server: FakeHub, root: Path, small: ModelEntry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(root.parent)
    need = needed_bytes(source)

    def free(amount: int) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=amount))

    free(need)
    with pytest.raises(DiskError, match=r"MB free, .* MB needed") as caught:
        download.get(small)
    assert caught.value.code == "disk"
    assert server.asked == []
    # What is there already needs no room again.
    server.faults.cut[WEIGHTS] = [1 << 20] + [0] * 20
    free(2 * need)
    with pytest.raises(NetError):
        download.get(small)
    done = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    assert done > 1 << 20
    server.faults.cut.clear()
    free(int((need - done) * 1.03))
    assert download.get(small).is_dir()


def test_a_disk_that_fills_up_keeps_what_arrived(
    server: FakeHub, root: Path, small: ModelEntry, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, write = [300_000], os.write

    def tight(handle: int, data: Any) -> int:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = write(handle, memoryview(data)[: room[0]])
        room[0] -= count
        return count

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", tight)
        with pytest.raises(DiskError, match="is full"):
            download.get(small)
    assert not_here()
    mark = len(server.asked)
    assert same(download.get(small), source)
    assert server.sent_after(mark) == needed_bytes(source) - 300_000


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_file_too_large_for_its_disk_is_said(server: FakeHub, root: Path) -> None:
    limit = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (400000, 400000));"
        "from flowanchor_engine.cli.app import main; main()"
    )
    done = _command(limit, root).communicate(timeout=60)[0]
    assert "takes no files of this size" in " ".join(done.split())
    assert not_here()


# ---- stopping, dying, and two at once -----------------------------------------------------


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 0.999))
def test_a_stop_at_any_byte_keeps_what_arrived_and_leaves_no_model(
    share: float, server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    shutil.rmtree(root, ignore_errors=True)
    server.forget()
    total = needed_bytes(source)
    heard = Listener()
    # Progress is told ten times a second, so the stop counts what left the server.
    heard.stop_when = lambda phase, done: phase is not None and server.sent() >= share * total
    with pytest.raises(Cancelled):
        download.get(small, report=heard)
    assert not_here()
    kept = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    mark = len(server.asked)
    assert same(download.get(small), source)
    assert server.sent_after(mark) == total - kept


def test_a_stop_is_heard_while_the_server_is_silent(
    server: FakeHub, root: Path, small: ModelEntry
) -> None:
    server.faults.stall[WEIGHTS] = 100_000
    asked = threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            download.get(small, report=Listener(lambda phase, done: asked.is_set()))
        except Cancelled as stop:
            raised.append(stop)

    thread = threading.Thread(target=work)
    thread.start()
    assert server.stalled.wait(20)
    asked.set()
    thread.join(60)
    assert raised, "a silent server does not hold a cancel up"


def _command(start: str, root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", start, "models", "get", SMALL],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


_MAIN = "from flowanchor_engine.cli.app import main; main()"


@pytest.mark.slow
def test_a_killed_program_is_continued(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    large = [file for file in download.plan(small).files if file.size > 100_000]
    for file in large:  # in the order in which they are fetched
        server.faults.stall = {file.name: file.size // 2}
        server.stalled.clear()
        process = _command(_MAIN, root)
        try:
            assert server.stalled.wait(60)
            time.sleep(0.3)  # what was sent also arrives
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=20)
        assert not_here()
    server.faults.stall = {}
    done = _command(_MAIN, root)
    assert "✓" in done.communicate(timeout=60)[0]
    assert same(models.folder(SMALL), source)
    assert server.sent() < 1.2 * needed_bytes(source)
    assert any(item.start > 0 for item in server.asked)


def test_two_downloads_of_one_model_do_not_meet(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.stall[WEIGHTS] = 100_000
    process = _command(_MAIN, root)
    try:
        assert server.stalled.wait(60)
        with pytest.raises(ModelBusyError, match="already being downloaded"):
            download.get(small)
        server.go_on.set()
        text = process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.wait()
    assert "✓" in text
    assert same(models.folder(SMALL), source)


# ---- repairs and new versions -------------------------------------------------------------


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


def test_the_embedded_model_is_not_downloaded(server: FakeHub, root: Path) -> None:
    with pytest.raises(ModelExistsError, match="part of FlowAnchor"):
        download.get(models.entry("demo"))


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


def test_downloading_needs_no_torch() -> None:
    code = (
        "import sys; from flowanchor_engine.models import download, importing, remove, verify;"
        "assert not {'torch', 'diffusers', 'transformers', 'av'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=REPOSITORY)


def test_patience_grows_and_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_FIRST_PAUSE_S", 0.01)
    patience = hub.Patience(Listener())
    seen = []
    for _ in range(4):
        seen.append(patience.timeout_s)
        patience.failed(hub.AgainError("x"))
    assert seen == [2, 4, 8, 16]
    patience.renew()
    assert patience.timeout_s == 2

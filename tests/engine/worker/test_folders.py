"""What a run leaves behind: nothing in the system's temporary folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowanchor_engine import folders
from tests.engine.conftest import FilmedShot
from tests.engine.worker.conversation import Engine


@pytest.fixture(autouse=True)
def usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)


def test_compiled_kernels_live_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FLOWANCHOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/chosen")
    folders.keep_compiled()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/chosen"
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    folders.keep_compiled()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "cache" / "compiled")
    assert not (tmp_path / "cache").exists()  # torch makes it when it compiles
    assert folders.tensors() == tmp_path / "cache"


@pytest.mark.slow
def test_an_engine_leaves_nothing_in_the_temporary_folder(
    filmed: FilmedShot, tmp_path: Path
) -> None:
    with Engine(tmp_path) as engine:  # its temporary folder is this one
        engine.hello()
        request = filmed.request().dump()
        engine.send("run", job="a", request=request, out=str(tmp_path / "out" / "a.mp4"))
        (tmp_path / "out").mkdir(exist_ok=True)
        assert engine.wait_end("a")["type"] == "result"
        assert engine.close() == 0
    known = {"cache", "state", "out", "engine.log", "timings.json"}
    assert {path.name for path in tmp_path.iterdir()} <= known


@pytest.mark.slow
def test_the_command_line_leaves_nothing_either(filmed: FilmedShot, tmp_path: Path) -> None:
    temp, out = tmp_path / "temp", tmp_path / "out.mp4"
    temp.mkdir()
    wish = tmp_path / "request.json"
    wish.write_text(filmed.request().model_dump_json(by_alias=True))
    done = subprocess.run(
        [sys.executable, "-m", "flowanchor_engine.cli", "edit", "--request", wish, "--out", out],
        env={
            **os.environ,
            **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temp)),
            "FLOWANCHOR_CACHE": str(tmp_path / "cache"),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert out.is_file()
    assert list(temp.iterdir()) == []


def test_a_cache_that_cannot_be_written_does_not_keep_torch_from_loading(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    monkeypatch.setenv("FLOWANCHOR_CACHE", str(blocked))
    folders.keep_compiled()
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ
    monkeypatch.setenv("FLOWANCHOR_CACHE", str(blocked / "below"))
    folders.keep_compiled()
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ


def test_an_engine_without_a_place_for_its_lock_says_so(tmp_path: Path) -> None:
    blocked = tmp_path / "state"
    blocked.write_bytes(b"")
    with Engine(tmp_path) as engine:
        refused = engine.wait("refused")
        assert refused["code"] == "output"
        assert str(blocked) in refused["user_message"]
        assert engine.process.wait(timeout=60) == 3


@pytest.mark.slow
def test_an_engine_edits_without_a_cache(filmed: FilmedShot, tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"")
    (tmp_path / "timings.json").mkdir()
    with Engine(tmp_path) as engine:
        engine.hello()
        request = filmed.request().dump()
        engine.send("run", job="a", request=request, out=str(tmp_path / "a.mp4"))
        assert engine.wait_end("a")["type"] == "result"
        assert engine.close() == 0

"""An engine gives its memory back: when it was idle for long, and when it is asked to."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from flowanchor_engine.worker import estimate, life
from flowanchor_engine.worker.jobs import Runner
from tests.engine.conftest import FilmedShot
from tests.engine.worker.conversation import Engine

LONG_S = 120.0


def _until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    end = time.monotonic() + LONG_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def _model(engine: Engine) -> str | None:
    engine.send("status")
    found: str | None = engine.wait("status")["model"]
    return found


@pytest.mark.slow
def test_an_idle_engine_frees_the_model_and_edits_as_before(
    filmed: FilmedShot, tmp_path: Path
) -> None:
    request = filmed.request().dump()
    with Engine(tmp_path, "--stdio", "--idle-s", "1.5") as engine:
        engine.hello()
        ends: list[dict[str, Any]] = []
        for job in ("a", "b"):
            engine.send("run", job=job, request=request, out=str(tmp_path / f"{job}.mp4"))
            ends.append(engine.wait_end(job))
            _until(lambda: _model(engine) is None)
        loaded = [e["job"] for e in engine.seen if e.get("phase") == "load" and e["total"] > 1]
        assert set(loaded) == {"a", "b"}
        assert ends[0]["sha256"] == ends[1]["sha256"]
        assert engine.close() == 0


@pytest.mark.slow
def test_a_release_frees_the_model_and_a_job_is_not_its_victim(
    filmed: FilmedShot, tmp_path: Path
) -> None:
    request = filmed.request().dump()
    with Engine(tmp_path) as engine:
        engine.hello()
        engine.send("precompute", job="p", request=request)
        assert engine.wait_end("p")["forwards"] == 4
        assert _model(engine) == "demo"
        engine.send("release")
        engine.wait("accepted")
        _until(lambda: _model(engine) is None)
        engine.send("run", job="a", request=request, out=str(tmp_path / "a.mp4"))
        engine.wait("phase", job="a", phase="edit")
        engine.send("release")  # in the middle: it waits for its turn
        end = engine.wait_end("a")
        assert (end["type"], end["forwards"], end["forwards_saved"]) == ("result", 8, 4)
        _until(lambda: _model(engine) is None)
        assert engine.close() == 0


def test_freeing_reaches_a_card_of_any_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[str] = []
    runner = Runner(estimate.Memory(tmp_path / "timings.json"))
    import flowanchor_engine.wan.residency  # noqa: F401 - as after a job

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: freed.append("metal"))
    runner.release()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: freed.append("cuda"))
    runner.release()
    assert freed == ["metal", "cuda"]


def test_the_memory_of_metal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 3 << 30)
    assert life.memory_mb()[1] == 3 << 10


def _over(process: psutil.Process) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two questions
        return True


_PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "flowanchor_engine.worker", "--media"])
print(child.pid, file=sys.stderr, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells a child of its parent")
def test_a_killed_parent_takes_the_engine_along_though_stdin_stays_open(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    assert parent.stderr is not None
    with parent.stdin as lines, parent.stdout as heard, parent.stderr as log:
        engine = psutil.Process(int(log.readline()))
        try:
            lines.write(b'{"type":"hello","id":0}\n')
            lines.flush()
            while b'"hello"' not in (line := heard.readline()):  # it may come after a heartbeat
                assert b'"heartbeat"' in line
            parent.send_signal(signal.SIGKILL)
            parent.wait(timeout=LONG_S)
            _until(lambda: _over(engine))
        finally:
            parent.kill()
            with contextlib.suppress(psutil.NoSuchProcess):
                engine.kill()

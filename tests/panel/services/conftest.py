"""Children that are started for real, and proof that nothing of them is left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give engines their own caches, locks and timings."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("FLOWANCHOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FLOWANCHOR_TIMINGS", str(tmp_path / "timings.json"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture(autouse=True)
def no_child_left(surroundings: None) -> Iterator[None]:
    """Fail a test that leaves a process behind."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    deadline = time.monotonic() + 5
    while left := [c for c in psutil.Process().children(recursive=True) if c.pid not in before]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    names = [f"{child.pid} {child.status()}" for child in left]
    for child in left:
        child.kill()
    assert names == []

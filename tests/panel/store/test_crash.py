"""Killed at any instant, the lists are those before the last step or after it, never another."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plugin.services.places import remove_leftovers
from plugin.services.store import Store
from tests.panel.store import crasher

ROOT = Path(__file__).parents[3]
KILLS = 40


def kill_one(folder: Path, seed: int, after_lines: int, then_s: float) -> None:
    """Start a child and kill it a moment after its journal has grown to so many lines."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.panel.store.crasher", str(folder), str(seed)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    with child, child.stderr:
        journal = folder / f"journal-{seed}"
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and child.poll() is None:
            if journal.exists() and journal.read_bytes().count(b"\n") >= after_lines:
                break
            time.sleep(0.001)
        time.sleep(then_s)
        child.send_signal(signal.SIGKILL)
        said = child.stderr.read().decode()
        assert child.wait() == -signal.SIGKILL, said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_nothing_is_lost_by_forty_kills(tmp_path: Path) -> None:
    (tmp_path / "takes").mkdir()
    random_ = random.Random(7)
    steps = torn = 0
    for seed in range(KILLS):
        # Early kills fall into opening and restoring, later ones into the work.
        lines_first = random_.choice([0, 0, 1, 3, 40, 80, 120])
        kill_one(tmp_path, seed, lines_first, 0.004 * random_.random())
        lines = [
            json.loads(line)
            for line in (tmp_path / f"journal-{seed}").read_text().splitlines()
            if line.endswith("]")
        ]
        store = Store(tmp_path / "panel.sqlite")
        found = crasher.snapshot(store.load_jobs(), store.load_takes())
        takes = store.load_takes()
        store.close()
        if not lines:  # killed before it wrote anything
            continue
        states = [data for kind, data in lines if kind in ("start", "before")]
        steps += len(states)
        if lines[-1][0] == "before":
            torn += 1
            assert found in states[-2:], seed
        else:
            assert found == states[-1], seed
        for take in takes:
            assert Path(take.file).read_bytes() == b"picture" * 100
        remove_leftovers(tmp_path / "takes")
        assert not list((tmp_path / "takes").glob("*.tmp"))
    assert steps > 15 * KILLS
    assert torn >= 5  # some kills did fall into a transaction

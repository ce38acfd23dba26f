"""A task on a farm that is told to stop: at any moment, cleanly, with a mock engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from flowanchor_engine.farm import engine
from flowanchor_engine.farm.engine import Stop
from flowanchor_engine.farm.exits import Exit
from tests.engine.farm.conftest import RESULT, ROOT, Hearing, Project, engine_of


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_cleanly(project: Project, kind: signal.Signals) -> None:
    script = project.write_script([RESULT[0], {"wait_s": 600}])
    arguments = ("run", "job.json", "--out", "out/shot.mov", "--openjd", "--mock", script)
    with project.started(*arguments) as task:
        child = engine_of(task.pid)
        assert task.stdout is not None
        for line in task.stdout:
            if "Loading" in line:
                break
        task.send_signal(kind)
        text = task.communicate(timeout=120)[0]
    assert task.returncode == Exit.CANCELLED, text
    assert "openjd_status: Stopped" in text
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert project.left() == []
    assert list((project.folder.parent / "tmp").iterdir()) == []


def test_a_stop_lets_the_engine_end_by_itself(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_GRACE_S", 1e6)  # it is not killed in this test's time
    stop = Stop()
    acts = [RESULT[0], {"wait_s": 1e5}]
    assert project.edit(acts, stop=stop, voice=Hearing("Loading", stop.ask)) is Exit.CANCELLED


def test_a_deaf_engine_is_ended(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_GRACE_S", 0.0)
    before = set(psutil.Process().children())  # of other tests
    stop = Stop()
    acts = [RESULT[0], {"silence_s": 1e5}]
    assert project.edit(acts, stop=stop, voice=Hearing("Loading", stop.ask)) is Exit.CANCELLED
    assert set(psutil.Process().children()) <= before


SIGNALLED = """
import random, signal
from flowanchor_engine.farm.engine import Stop
for _ in range(5000):
    stop = Stop()
    signal.signal(signal.SIGALRM, stop.ask)
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 3e-4))
    stop.wait(3e-4)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_stop_is_heard_at_any_moment_of_waiting() -> None:
    """A signal is handled between any two steps of what it interrupts: it waits for nothing."""
    subprocess.run([sys.executable, "-c", SIGNALLED], check=True, cwd=ROOT, timeout=120)


def test_a_stop_before_the_engine_is_ready_is_a_stop(project: Project) -> None:
    stop = Stop()
    stop.ask()
    assert project.edit(stop=stop) is Exit.CANCELLED
    assert project.left() == []

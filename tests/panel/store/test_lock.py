"""One panel per folder; the second one finds the first and can call it to the front."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from plugin.services.lock import LOCK_FILE, RAISE_FILE, InstanceLock, RaiseBox

ROOT = Path(__file__).parents[3]
HOLD = """
import sys
from pathlib import Path
from plugin.services.lock import InstanceLock, RaiseBox
lock = InstanceLock(Path(sys.argv[1]))
print(lock.acquire(), lock.holder(), flush=True)
if sys.argv[2:]:
    RaiseBox(lock.folder).ask(*sys.argv[2:])
sys.stdin.readline()
"""


def other(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_second_learns_the_firsts_pid_and_calls_it(tmp_path: Path) -> None:
    with InstanceLock(tmp_path) as lock:
        assert lock.acquire()
        assert lock.acquire()
        assert lock.held
        with other(tmp_path, "/media/ä clip.mov") as second:
            assert second.stdout is not None
            assert second.stdout.readline().split() == ["False", str(os.getpid())]
            second.communicate("\n")
        box = RaiseBox(tmp_path)
        assert box.take() == ("/media/ä clip.mov",)
        assert box.take() is None


def test_the_lock_falls_with_a_killed_process(tmp_path: Path) -> None:
    with other(tmp_path) as first:
        assert first.stdout is not None
        assert first.stdout.readline().split() == ["True", str(first.pid)]
        mine = InstanceLock(tmp_path)
        assert not mine.acquire()
        assert mine.holder() == first.pid
        first.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        first.wait()
        assert mine.acquire()
        assert mine.holder() == os.getpid()
        mine.release()


def test_release_may_be_called_twice_and_lets_the_next_one_in(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path)
    lock.acquire()
    lock.release()
    lock.release()
    assert lock.holder() is None
    again = InstanceLock(tmp_path)
    assert again.acquire()
    again.release()


@pytest.mark.parametrize("text", ["", "none", "-4"])
def test_a_damaged_pid_is_no_pid(tmp_path: Path, text: str) -> None:
    (tmp_path / "panel.pid").write_text(text)
    assert InstanceLock(tmp_path).holder() is None


def test_two_wishes_are_one_and_nothing_is_left(tmp_path: Path) -> None:
    box = RaiseBox(tmp_path)
    box.ask("one")
    box.ask("two")
    assert (tmp_path / RAISE_FILE).exists()
    assert box.take() == ("two",)
    assert [p.name for p in tmp_path.iterdir() if p.name != LOCK_FILE] == []

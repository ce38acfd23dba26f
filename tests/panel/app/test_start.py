"""What happens before and around the first paint, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plugin.bench import start
from plugin.control.folders import Folders
from plugin.control.ground import OFFERED, Ground
from plugin.services.lock import InstanceLock, RaiseBox
from plugin.ui.actions import Target
from tests.panel.app.conftest import Running

ROOT = Path(__file__).resolve().parents[3]


def test_nothing_heavy_is_loaded_before_the_first_paint() -> None:
    assert start.run(times=1)["heavy"] == []


@pytest.fixture
def panels() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Panels that were started; whatever a failed test leaves is ended."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=120)


def panel(home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    temporary = home / "tmp"  # a killed panel's children leave some; the next start sweeps it
    temporary.mkdir(exist_ok=True)
    env = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_STATE_HOME": str(home / "state"),
        "TMPDIR": str(temporary),
    }
    command = [sys.executable, "-m", "plugin", "--home", str(home), "--mock", "-", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL)


def until(condition: Any, *, seconds: float = 120) -> None:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it did not happen"
        time.sleep(0.05)


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_however_the_panel_ends_no_child_is_left(
    end: signal.Signals, tmp_path: Path, panels: list[subprocess.Popen[bytes]]
) -> None:
    process = panel(tmp_path)
    panels.append(process)
    until(lambda: len(children(process)) >= 3)
    left = children(process)
    process.send_signal(end)
    process.wait(timeout=120)
    gone, alive = psutil.wait_procs(left, timeout=120)
    assert alive == []
    assert len(gone) == len(left)
    with InstanceLock(Folders.under(tmp_path).data) as lock:
        assert lock.acquire()  # and the next panel may start


@pytest.mark.slow
def test_a_second_panel_hands_its_clip_to_the_first(
    tmp_path: Path, panels: list[subprocess.Popen[bytes]]
) -> None:
    first = panel(tmp_path)
    panels.append(first)
    until(lambda: len(children(first)) >= 3)
    clip = ROOT / "plugin" / "data" / "first.mp4"
    second = panel(tmp_path, str(clip))
    panels.append(second)
    assert second.wait(timeout=120) == 0
    proxies = Folders.under(tmp_path).proxies
    until(lambda: any(proxies.glob("[!.]*/proxy.json")))
    facts = json.loads(next(proxies.glob("[!.]*/proxy.json")).read_text())["facts"]
    assert facts["path"] == str(clip)
    first.terminate()
    assert first.wait(timeout=120) == 0


def test_a_second_panel_is_heard_that_came_before_the_first_one_listened(
    launch: Callable[..., Running], folders: Folders
) -> None:
    clip = ROOT / "plugin" / "data" / "first.mp4"
    RaiseBox(folders.data).ask(str(clip))
    here = launch(mock="-")
    here.until(lambda: here.model.shot.shot.value)
    assert here.model.shot.shot.value.path == str(clip)  # type: ignore[union-attr]
    assert RaiseBox(folders.data).take() is None


def test_what_is_asked_before_the_services_are_there_is_done_after(
    qapp: object, tmp_path: Path
) -> None:
    folders = Folders.under(tmp_path)
    folders.make()
    ground = Ground(folders)
    done: list[str] = []
    ground.actions.run("reread")
    ground.actions.run("open_file", Target(path="a.mov"))

    def note(name: str) -> Any:
        return lambda target: done.append(name + (target.path or ""))

    ground.serve({name: note(name) for name in OFFERED})
    assert done == ["reread", "open_filea.mov"]
    with pytest.raises(ValueError, match="reread"):
        ground.serve({name: note(name) for name in OFFERED if name != "reread"})
    ground.close()

"""A panel as a process of its own, driven by `driver.py`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from tests.doubles.gate import Gate

__all__ = ["DRIVER", "STEP", "PanelProcess", "surroundings"]

DRIVER = Path(__file__).with_name("driver.py")
STEP = 2
"""How many steps of an edit are done where a test lets it stay, to strike there."""


class PanelProcess:
    """One panel; leaving the context ends it in order."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self._log = (folder / "panel.stderr").open("ab")
        self._child = subprocess.Popen(
            list(command), env=dict(env), cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self._log, text=True, bufsize=1,
        )  # fmt: skip
        self.folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def do(self, what: str, **more: Any) -> dict[str, Any]:
        """Let it do something; return what it shows then."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps({"do": what, **more}) + "\n")
        line = self._child.stdout.readline()
        if not line:
            raise AssertionError((self.folder / "panel.stderr").read_text()[-4000:])
        found: dict[str, Any] = json.loads(line)
        return found

    def until(
        self, condition: Callable[[dict[str, Any]], object], *, seconds: float = 180
    ) -> dict[str, Any]:
        """Look until something is true; return what it shows then."""
        end = time.monotonic() + seconds
        while True:
            now = self.do("look")
            if condition(now):
                return now
            assert time.monotonic() < end, now
            time.sleep(0.1)

    def see_the_shot(self, frames: int) -> dict[str, Any]:
        """Wait until Resolve, engine, shot and matte are there."""
        self.until(lambda now: now.get("engine") == "ready", seconds=180)
        self.do("work")
        return self.until(
            lambda now: now["host"] == "ready" and now["frames"] == frames and now["matte"]
        )

    def edit(self, kind: str = "patch") -> list[Any]:
        """Make an edit of that delivery; return the new take's id, file and place."""
        known = {take[0] for take in self.do("deliver", kind=kind)["takes"]}
        self.press_edit()
        now = self.until(lambda now: len(now["takes"]) > len(known), seconds=240)
        return next(take for take in now["takes"] if take[0] not in known)

    def press_edit(self) -> None:
        """Press the button as soon as it can be pressed."""
        before = self.do("look")["pressed"]
        end = time.monotonic() + 180
        while (now := self.do("edit"))["pressed"] == before:
            assert time.monotonic() < end, now
            time.sleep(0.1)

    def place(self, take: str) -> str:
        """Place a take; return the timeline item."""
        self.do("act", name="place", take=take)
        now = self.until(lambda now: any(each[0] == take and each[2] for each in now["takes"]))
        return next(str(each[2]) for each in now["takes"] if each[0] == take)

    def undo(self, take: str) -> None:
        """Take a take off the timeline."""
        self.do("act", name="undo_place", take=take)
        self.until(lambda now: any(each[0] == take and not each[2] for each in now["takes"]))

    def kill(self) -> None:
        """Kill it as a crash would, and see that nobody of its family stays."""
        family = psutil.Process(self._child.pid).children(recursive=True)
        assert len(family) >= 2, "engine and host child are there"
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()
        _, alive = psutil.wait_procs(family, timeout=40)
        assert not alive, [each.cmdline() for each in alive]
        self._close_pipes()

    def close(self) -> int:
        """End it in order; return its status."""
        if self._child.poll() is None:
            family = psutil.Process(self._child.pid).children(recursive=True)
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            psutil.wait_procs(family, timeout=60)
        self._close_pipes()
        return self._child.returncode

    def _close_pipes(self) -> None:
        for pipe in (self._child.stdin, self._child.stdout, self._log):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def surroundings(home: Path, gate: Gate, **more: str) -> dict[str, str]:
    """Variables of a person's session, and none of this test's own but the gate's."""
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "QT_QPA_PLATFORM": "offscreen",
        "OMP_NUM_THREADS": "1",
        "TORCHINDUCTOR_CACHE_DIR": str(home / ".cache" / "compiled"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FLOWANCHOR_GATE": str(gate.folder),
        **more,
    }

"""Job files, mock engines and the command as a farm starts it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowanchor_engine.farm.engine import Stop
from flowanchor_engine.farm.exits import Exit
from flowanchor_engine.farm.run import run
from flowanchor_engine.farm.voice import Voice
from flowanchor_engine.request import EditRequest, MatteSpec, Prompts, SourceSpec
from tests.doubles.gate import Gate

ROOT = Path(__file__).resolve().parents[3]

RESULT: list[dict[str, Any]] = [
    {"event": {"type": "phase", "phase": "load", "done": 1, "total": 1}},
    {"event": {"type": "phase", "phase": "edit", "done": 1, "total": 2}},
    {"event": {"type": "phase", "phase": "edit", "done": 2, "total": 2}},
    {"result": {}},
]

NAMES = ["shot.mov", "shot.mov.farm.json", "shot.recipe.json", "shot.sheet.png"]


@dataclass(frozen=True)
class Project:
    """A folder with a clip, a matte, a job file and a place for results."""

    folder: Path

    @property
    def clip(self) -> Path:
        return self.folder / "shot.mov"

    @property
    def job(self) -> Path:
        return self.folder / "job.json"

    @property
    def out(self) -> Path:
        return self.folder / "out" / "shot.mov"

    def write_job(self, name: str = "job.json", **fields: Any) -> Path:
        request = EditRequest(
            **{
                "source": SourceSpec(path="shot.mov", frames=9),
                "matte": MatteSpec(path="matte.mov"),
                "prompts": Prompts(now="a red ball", wanted="a green ball"),
                **fields,
            }
        )
        path = self.folder / name
        path.write_text(json.dumps(request.dump()))
        return path

    def write_script(self, acts: list[dict[str, Any]]) -> str:
        path = self.folder / "script.json"
        path.write_text(json.dumps(acts))
        return str(path)

    def edit(self, acts: list[dict[str, Any]] | None = None, **options: Any) -> Exit:
        """Run the shot in this process with an engine that plays acts."""
        wishes: dict[str, Any] = {"voice": Voice(openjd=True), "stop": Stop(), "wait_s": 0}
        script = self.write_script(RESULT if acts is None else acts)
        return run(self.job, self.out, **{**wishes, "mock": script, **options})

    def left(self) -> list[str]:
        """What lies in the folder of results."""
        folder = self.out.parent
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def started(
        self, *arguments: str, gate: Gate | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        """Start `flowanchor farm` as a farm does, in a group of its own."""
        found = {"PYTHONPATH": str(ROOT)} if gate is None else gate.variables_elsewhere
        return subprocess.Popen(
            [sys.executable, "-m", "flowanchor_engine.cli", "farm", *arguments],
            cwd=self.folder,
            env={**os.environ, **found, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            **options,
        )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose caches and state are its own."""
    monkeypatch.setenv("FLOWANCHOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FLOWANCHOR_TIMINGS", str(tmp_path / "timings.json"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    folder = tmp_path / "project, übung"
    folder.mkdir()
    made = Project(folder)
    made.clip.write_bytes(b"clip " * 1000)
    (folder / "matte.mov").write_bytes(b"matte")
    made.write_job()
    return made


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., Path]:
    """Write a command `flowanchor` for OpenJD's tasks, with arguments added at its end."""
    if os.name != "posix":
        pytest.skip("the command is written as a shell script")

    def write(*more: str) -> Path:
        path = tmp_path / "flowanchor"
        added = " ".join(f"'{each}'" for each in more)
        path.write_text(
            f"#!/bin/sh\nPYTHONPATH='{ROOT}' OMP_NUM_THREADS=1 exec '{sys.executable}'"
            f' -m flowanchor_engine.cli "$@" {added}\n'
        )
        path.chmod(0o755)
        return path

    return write


def engine_of(pid: int) -> psutil.Process:
    """Wait for the engine that a task starts."""
    task = psutil.Process(pid)
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for child in task.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # gone since they were listed
                if "flowanchor_engine.worker" in " ".join(child.cmdline()):
                    return child
        time.sleep(0.05)
    raise AssertionError("no engine was started")


class Hearing(Voice):
    """A voice that does something when a status is told."""

    def __init__(self, word: str, act: Callable[[], object]) -> None:
        super().__init__(openjd=True)
        self._word, self._act = word, act

    def status(self, sentence: str) -> None:
        super().status(sentence)
        if self._word in sentence:
            self._act()

"""Shots on a farm with the real engine and the embedded model: killed, stopped, repeated."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from flowanchor_engine import pipeline
from flowanchor_engine.editor import Editor
from flowanchor_engine.farm.exits import Exit
from tests.doubles.gate import Gate
from tests.engine.conftest import FilmedShot
from tests.engine.farm.conftest import NAMES, Project, engine_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="kills groups of processes"),
]


@pytest.fixture
def real(project: Project, filmed: FilmedShot) -> Project:
    """The project's job asks for the generated shot's edit, in eight steps."""
    request = filmed.request(steps=8)
    project.job.write_text(json.dumps(request.dump()))
    return project


def finished(project: Project, name: str) -> tuple[bytes, str]:
    """Run the shot to its end; return the result and what was said."""
    with project.started("run", "job.json", "--out", f"out/{name}", "--wait", "120") as task:
        text = task.communicate(timeout=280)[0]
    assert task.returncode == Exit.DONE, text
    return (project.out.parent / name).read_bytes(), text


@contextlib.contextmanager
def in_the_middle(project: Project, name: str) -> Iterator[subprocess.Popen[str]]:
    """Start the shot and wait until its third step is finished; it does not go on by itself."""
    arguments = ("run", "job.json", "--out", f"out/{name}", "--wait", "120")
    gate = Gate(project.folder.parent / "gate")
    gate.hold("edit", done=3)
    with project.started(*arguments, gate=gate) as task:
        assert task.stdout is not None
        for line in task.stdout:
            if "Editing 3 of" in line:
                break
        else:
            raise AssertionError("the edit did not begin")
        yield task


@pytest.fixture
def undisturbed(filmed: FilmedShot, editor: Editor, tmp_path: Path) -> bytes:
    """The same edit without farm, engine process, cache and interruption."""
    return pipeline.edit(
        filmed.request(steps=8), tmp_path / "plain.mov", editor=editor
    ).video.read_bytes()


@pytest.mark.parametrize("whole_group", [False, True], ids=["the task alone", "task and engine"])
def test_killed_in_the_middle_it_goes_on_and_ends_in_the_same_bytes(
    real: Project, undisturbed: bytes, *, whole_group: bool
) -> None:
    with in_the_middle(real, "shot.mov") as task:
        engine = engine_of(task.pid)
        (os.killpg if whole_group else os.kill)(task.pid, signal.SIGKILL)
        task.wait(timeout=120)
    psutil.wait_procs([engine], timeout=120)
    assert not engine.is_running()  # an engine does not outlive its task
    assert real.left() == [".shot.mov.farm"]

    result, text = finished(real, "shot.mov")
    assert "Editing 1 of" not in text  # it went on where it was
    assert real.left() == NAMES
    assert result == undisturbed


def test_stopped_in_the_middle_it_goes_on_and_ends_in_the_same_bytes(
    real: Project, undisturbed: bytes
) -> None:
    with in_the_middle(real, "shot.mov") as task:
        task.send_signal(signal.SIGTERM)
        text = task.communicate(timeout=120)[0]
    assert task.returncode == Exit.CANCELLED, text
    assert real.left() == []
    result, text = finished(real, "shot.mov")
    assert "Editing 1 of" not in text
    assert result == undisturbed


def test_an_openjd_job_edits_for_real_and_repeats_in_a_moment(
    real: Project, command: Callable[..., Path]
) -> None:
    made = real.started("template", "job.json", "--results", "out", "-o", "farm.json")
    with made as task:
        assert task.wait(timeout=120) == 0
    for _ in range(2):
        with real.started("local", "farm.json", "-p", f"Engine={command()}") as task:
            text = task.communicate(timeout=280)[0]
        assert task.returncode == Exit.DONE, text
    assert "nothing is done" in text
    recipe = json.loads((real.out.parent / "job.recipe.json").read_text())
    assert recipe["result"]["frames"] == 9
    mark = json.loads((real.out.parent / "job.farm.json").read_text())
    assert mark["result"] == recipe["result"]["video"]


def test_a_wrong_word_ends_as_a_bad_request(real: Project) -> None:
    data = json.loads(real.job.read_text())
    data["prompts"]["wanted"] = data["prompts"]["now"]
    real.job.write_text(json.dumps(data))
    with real.started("run", "job.json", "--out", "out/shot.mov", "--openjd") as task:
        text = task.communicate(timeout=280)[0]
    assert task.returncode == Exit.BAD_REQUEST, text
    assert "openjd_fail: " in text
    assert "(words_unchanged)" in text
    assert real.left() == []

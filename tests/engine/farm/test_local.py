"""OpenJD jobs on this machine: the real sessions library, real processes, a mock engine."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowanchor_engine.errors import RequestError
from flowanchor_engine.farm import template
from flowanchor_engine.farm.engine import Stop
from flowanchor_engine.farm.exits import Exit
from flowanchor_engine.farm.local import Outcome, run_here
from flowanchor_engine.request import SourceSpec
from tests.engine.farm.conftest import RESULT, Project

Command = Callable[..., Path]


def job_of(project: Project, *jobs: Path, **changes: Any) -> Path:
    path = project.folder / "farm job.yaml"
    made = template.describe(list(jobs), results=project.out.parent)
    template.write({**made, **changes}, path)
    return path


def run_job(path: Path, engine: Path, **options: Any) -> tuple[list[Outcome], list[str]]:
    lines: list[str] = []
    outcomes = run_here(
        path,
        say=lines.append,
        stop=options.pop("stop", None) or Stop(),
        parameters={"Engine": str(engine)},
        **options,
    )
    return outcomes, lines


def test_every_task_runs_also_after_one_that_fails(project: Project, command: Command) -> None:
    gone = project.write_job("a.json", source=SourceSpec(path="gone.mov"))
    path = job_of(project, gone, project.write_job("b.json"))
    outcomes, lines = run_job(path, command("--mock", project.write_script(RESULT)))
    assert [(each.name, each.status) for each in outcomes] == [
        ("Edit a", Exit.NOT_HERE),
        ("Edit b", Exit.DONE),
    ]
    assert "There is no clip" in outcomes[0].words  # openjd_fail arrived at the session
    assert "9 frames" in outcomes[1].words  # and openjd_status
    assert "openjd_progress: 100.0" in lines
    assert project.left() == ["b.farm.json", "b.mov", "b.recipe.json", "b.sheet.png"]


def test_rules_reach_the_job_file_and_what_it_names(
    project: Project, command: Command, tmp_path: Path
) -> None:
    """Submitted on Windows, run here: every path in template and job file is a Windows one."""
    project.write_job(source=SourceSpec(path="Z:\\show\\shot.mov", frames=9))
    made = template.describe([project.job], results=project.out.parent)
    definitions = made["steps"][0]["parameterSpace"]["taskParameterDefinitions"]
    definitions[0]["range"] = ["Z:\\show\\job.json"]
    definitions[1]["range"] = ["Z:\\show\\out\\shot"]
    path = project.folder / "job.yaml"
    template.write(made, path)
    rules = tmp_path / "rules.json"
    rule = {
        "source_path_format": "WINDOWS",
        "source_path": "Z:\\show",
        "destination_path": str(project.folder),
    }
    rules.write_text(json.dumps({"version": "pathmapping-1.0", "path_mapping_rules": [rule]}))
    engine = command("--mock", project.write_script(RESULT))
    outcomes, lines = run_job(path, engine, rules=rules)
    assert [each.status for each in outcomes] == [Exit.DONE], lines
    assert project.out.read_bytes() == project.clip.read_bytes()


def test_a_stop_is_a_notice_to_the_task(project: Project, command: Command) -> None:
    jobs = [project.write_job(f"{name}.json") for name in "ab"]
    path = job_of(project, *jobs)
    engine = command("--mock", project.write_script([RESULT[0], {"wait_s": 600}]))
    stop = Stop()
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if "Loading" in line:
            stop.ask()

    outcomes = run_here(path, say=say, stop=stop, parameters={"Engine": str(engine)})
    assert [each.status for each in outcomes] == [Exit.CANCELLED]  # b was not begun
    assert any("openjd_status: Stopped" in line for line in lines)  # it went by itself
    assert project.left() == []


def test_the_command_ends_with_the_first_failure(project: Project, command: Command) -> None:
    path = job_of(project, project.job)
    error = {"type": "error", "code": "vram", "user_message": "Too large.", "hint": []}
    engine = command("--mock", project.write_script([{"event": error}]))
    arguments = ("local", str(path), "-p", f"Engine={engine}")
    with project.started(*arguments) as task:
        text = task.communicate(timeout=120)[0]
    assert task.returncode == Exit.OUT_OF_MEMORY, text
    assert "✗ Edit job: Too large. (vram) (exit 4)" in text


def test_a_command_stopped_by_a_signal_says_so(project: Project, command: Command) -> None:
    path = job_of(project, project.job)
    engine = command("--mock", project.write_script([RESULT[0], {"wait_s": 600}]))
    with project.started("local", str(path), "-p", f"Engine={engine}") as task:
        assert task.stdout is not None
        for line in task.stdout:
            if "Loading" in line:
                break
        task.send_signal(signal.SIGTERM)
        text = task.communicate(timeout=120)[0]
    assert task.returncode == Exit.CANCELLED, text
    assert "Stopped." in text
    assert project.left() == []


def test_a_command_that_is_not_there_is_a_failed_task(project: Project, tmp_path: Path) -> None:
    outcomes, _ = run_job(job_of(project, project.job), tmp_path / "no such command")
    assert [each.status == Exit.DONE for each in outcomes] == [False]


def test_a_task_that_takes_too_long_is_ended(project: Project, command: Command) -> None:
    made = template.describe([project.job], results=project.out.parent)
    made["steps"][0]["script"]["actions"]["onRun"]["timeout"] = 1
    path = project.folder / "job.yaml"
    template.write(made, path)
    engine = command("--mock", project.write_script([{"wait_s": 600}]))
    begun = time.monotonic()
    outcomes, _ = run_job(path, engine)
    assert time.monotonic() - begun > 1
    assert [(each.status, each.words) for each in outcomes] == [
        (Exit.FAILED, "It took longer than the template allows.")
    ]
    assert project.left() == []


def test_what_this_command_does_not_run_is_refused(project: Project, tmp_path: Path) -> None:
    environment = {"name": "E", "variables": {"A": "b"}}
    path = job_of(project, project.job, jobEnvironments=[environment])
    with pytest.raises(RequestError, match="openjd run"):
        run_job(path, tmp_path)
    for text in ("steps: 3", ": :", ""):
        path.write_text(text)
        with pytest.raises(RequestError):
            run_job(path, tmp_path)
    with pytest.raises(RequestError):
        run_job(project.folder / "none.yaml", tmp_path)
    good = job_of(project, project.job)
    with pytest.raises(RequestError, match="cannot be made into a job"):
        run_here(good, say=str, stop=Stop(), parameters={"Engine": "x", "Other": "y"})


def test_nothing_of_a_session_stays_behind(project: Project, command: Command) -> None:
    engine = command("--mock", project.write_script(RESULT))
    run_job(job_of(project, project.job), engine)
    assert os.listdir(project.folder.parent / "tmp") == []

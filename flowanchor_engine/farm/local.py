"""An OpenJD job on this machine, by openjd-sessions: every task, one after the other.

What a farm would run is run, by the same library that farms' workers use: a session for every
task, the same command, the same path mapping file, the same way to stop.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowanchor_engine.errors import RequestError
from flowanchor_engine.farm.exits import Exit
from flowanchor_engine.farm.path_mapping import PathRules, read_rules
from flowanchor_engine.farm.template import FarmMissingError, decoded, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from openjd.sessions import ActionStatus, PathMappingRule

    from flowanchor_engine.farm.engine import Stop

__all__ = ["Outcome", "run_here"]


@dataclass(frozen=True)
class Outcome:
    """How one task ended.

    Parameters
    ----------
    name : str
        Step and shot.
    status : int
        What its command returned; `Exit.FAILED` where it did not end by itself.
    words : str
        Why it failed, or its last status.
    """

    name: str
    status: int
    words: str


def run_here(
    path: Path,
    *,
    say: Callable[[str], None],
    stop: Stop,
    rules: Path | None = None,
    parameters: dict[str, str] | None = None,
) -> list[Outcome]:
    """Run a job on this machine; a task that fails does not keep the others from running.

    Parameters
    ----------
    path : Path
        A template; environments and dependencies, which `template` does not write, are refused.
    say : callable
        Gets every line of the tasks' output.
    stop : Stop
        Ends the running task as a manager would, and starts no other.
    rules : Path, optional
        File of path mapping rules.
    parameters : dict, optional
        Values of job parameters. `Engine` is this installation's command if left out.

    Returns
    -------
    list of Outcome
        One for each task that was started.

    Raises
    ------
    FarmMissingError
        The extra `farm`, or the command `flowanchor`, is not installed.
    RequestError
        No valid template, or one that needs more than this.
    """
    require()
    from openjd.model import StepParameterSpaceIterator

    job, values = _job(path, parameters or {})
    mapped = _rules(PathRules() if rules is None else read_rules(rules))
    outcomes: list[Outcome] = []
    with _heard(say), tempfile.TemporaryDirectory(prefix="flowanchor-openjd-") as root:
        for step in job.steps:
            for task in StepParameterSpaceIterator(space=step.parameterSpace):
                if stop.asked:
                    return outcomes
                shot = Path(str(task["Job"].value)).stem if "Job" in task else ""
                name = f"{step.name} {shot}".strip()
                say(f"── {name}")
                number = len(outcomes)
                status = _task(number, step, task, values, mapped, Path(root), stop)
                outcomes.append(_outcome(name, status))
    return outcomes


def _task(
    number: int,
    step: Any,
    task: Any,
    values: Any,
    mapped: list[PathMappingRule],
    root: Path,
    stop: Stop,
) -> ActionStatus | None:
    """Run one task in a session of its own: a session ends with its first failure."""
    from openjd.sessions import ActionState, Session

    ended = threading.Event()

    def hear(_session: str, status: ActionStatus) -> None:
        if status.state is not ActionState.RUNNING:
            ended.set()

    with Session(
        session_id=f"flowanchor-{number}",
        job_parameter_values=values,
        path_mapping_rules=mapped,
        callback=hear,
        session_root_directory=root,
    ) as session:
        session.run_task(step_script=step.script, task_parameter_values=task)
        asked = False
        while not ended.wait(0.2):
            if stop.asked and not asked:
                asked = True
                with contextlib.suppress(RuntimeError):  # it has ended by itself just now
                    session.cancel_action()
        return session.action_status


def _outcome(name: str, status: ActionStatus | None) -> Outcome:
    from openjd.sessions import ActionState

    if status is None:
        return Outcome(name, Exit.FAILED, "The task did not start.")
    words = status.fail_message or status.status_message or status.state.value
    if status.state is ActionState.SUCCESS:
        return Outcome(name, Exit.DONE, words)
    if status.state is ActionState.TIMEOUT:
        return Outcome(name, Exit.FAILED, "It took longer than the template allows.")
    if status.state is ActionState.CANCELED:
        return Outcome(name, Exit.CANCELLED, words)
    return Outcome(name, status.exit_code or Exit.FAILED, words)


def _job(path: Path, parameters: dict[str, str]) -> tuple[Any, Any]:
    from openjd.model import (
        DecodeValidationError,
        JobParameterInputValues,
        create_job,
        preprocess_job_parameters,
    )

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{path} is not a readable file.", detail=str(error)) from error
    template = decoded(text, path)
    asked = {each.name for each in template.parameterDefinitions or []} - parameters.keys()
    given = JobParameterInputValues(parameters)
    if "Engine" in asked:
        given["Engine"] = _command()
    try:
        values = preprocess_job_parameters(
            job_template=template,
            job_parameter_values=given,
            job_template_dir=path.absolute().parent,
            current_working_dir=Path.cwd(),
        )
        job = create_job(job_template=template, job_parameter_values=values)
    except (DecodeValidationError, ValueError) as error:
        raise RequestError(f"{path.name} cannot be made into a job.", detail=str(error)) from error
    more = job.jobEnvironments or any(s.stepEnvironments or s.dependencies for s in job.steps)
    if more:
        raise RequestError(
            "This job has environments or dependencies between its steps, which `flowanchor farm "
            "local` does not run; `openjd run` does."
        )
    return job, values


def _command() -> str:
    """Return the command `flowanchor` of this installation."""
    suffix = ".exe" if sys.platform == "win32" else ""
    own = Path(sys.executable).with_name(f"flowanchor{suffix}")
    found = str(own) if own.is_file() else shutil.which("flowanchor")
    if found is None:
        raise FarmMissingError("The command `flowanchor` is not on this machine's PATH.")
    return found


def _rules(mapped: PathRules) -> list[PathMappingRule]:
    from openjd.sessions import PathMappingRule

    return [
        PathMappingRule.from_dict(
            {
                "source_path_format": rule.kind,
                "source_path": rule.source,
                "destination_path": rule.destination,
            }
        )
        for rule in mapped.rules
    ]


class _Lines(logging.Handler):
    """Hands the output of tasks on; what the sessions library says about itself is left out."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        from openjd.sessions import LogContent

        content = getattr(record, "openjd_log_content", None)
        told = content == LogContent.COMMAND_OUTPUT
        if told or record.levelno >= logging.WARNING:
            self._say(record.getMessage())


@contextlib.contextmanager
def _heard(say: Callable[[str], None]) -> Iterator[None]:
    from openjd.sessions import LOG

    handler, before = _Lines(say), LOG.propagate
    LOG.addHandler(handler)
    LOG.propagate = False
    try:
        yield
    finally:
        LOG.propagate = before
        LOG.removeHandler(handler)

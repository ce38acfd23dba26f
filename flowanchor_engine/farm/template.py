"""Shots as an OpenJD job template (``jobtemplate-2023-09``): one task per shot.

Every manager that speaks OpenJD can run it. Shots of one memory need share a step, because
what a host must have is said per step; with one model that is one step.
"""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine import models
from flowanchor_engine.clip.atomic import write_text
from flowanchor_engine.errors import FlowAnchorError, RequestError
from flowanchor_engine.farm.path_mapping import PathRules
from flowanchor_engine.farm.shot import Shot, read_shot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowanchor_engine.request import ModelSpec

__all__ = ["FarmMissingError", "Need", "decoded", "describe", "need_of", "require", "write"]

_MOST_TASKS: Final = 1024  # of one step, by the specification
_NOTIFY_S: Final = 60
_MIB: Final = 1 << 20
_GB: Final = 10**9


class FarmMissingError(FlowAnchorError):
    """The packages that describe and run OpenJD jobs are not installed."""

    code = "farm_missing"


@dataclass(frozen=True)
class Need:
    """What a host must have for a shot, in MiB (2**20 bytes).

    Parameters
    ----------
    gpu_mib : int
        Memory of the graphics card; 0 where none is needed.
    ram_mib : int
        Main memory; 0 where nothing is known.
    """

    gpu_mib: int = 0
    ram_mib: int = 0

    def dump(self) -> dict[str, Any]:
        """Return the requirement as OpenJD writes it; amounts of the worker."""
        amounts: list[dict[str, Any]] = []
        if self.gpu_mib:
            amounts.append({"name": "amount.worker.gpu", "min": 1})
            amounts.append({"name": "amount.worker.gpu.memory", "min": self.gpu_mib})
        if self.ram_mib:
            amounts.append({"name": "amount.worker.memory", "min": self.ram_mib})
        return {"hostRequirements": {"amounts": amounts}} if amounts else {}


def need_of(model: ModelSpec, *, gpu_gb: float | None = None) -> Need:
    """Return what a model needs, from the registry's smallest class of cards.

    Parameters
    ----------
    gpu_gb : float, optional
        Ask for cards of so many GB (10**9 bytes) instead; 0 asks for none.

    Raises
    ------
    RequestError
        The model is no known one, and `gpu_gb` is not given.
    """
    if gpu_gb is not None:
        return Need(gpu_mib=int(gpu_gb * _GB / _MIB))
    known = {entry.id: entry for entry in models.entries()}
    entry = known.get(model.id)
    if entry is None:
        raise RequestError(
            f"What the model “{model.id}” needs is not known; say it with --gpu-memory.",
            hint=["choose_model"],
        )
    least = min(entry.memory, key=lambda each: each.least_gb)
    # GB as cards are sold: a card of 24 GB tells about 23 000 MiB.
    mib = int(least.least_gb * _GB / _MIB)
    return Need(ram_mib=mib) if least.name == "cpu" else Need(gpu_mib=mib)


def describe(
    jobs: Sequence[Path],
    *,
    results: Path | None = None,
    name: str | None = None,
    gpu_gb: float | None = None,
    timeout_min: int = 720,
) -> dict[str, Any]:
    """Return the template that edits these shots.

    Parameters
    ----------
    jobs : sequence of Path
        Job files, each a request; they are read and checked now, and read again by the tasks.
    results : Path, optional
        Folder of the results, named after the job files; beside each job file if left out.
    name : str, optional
        Of the job.
    gpu_gb : float, optional
        As of `need_of`.
    timeout_min : int
        After which a task is ended.

    Raises
    ------
    RequestError
        A job file is no request, two results have one name, or a path cannot be written into
        a template.
    """
    if not jobs:
        raise RequestError("Name at least one job file.")
    groups: dict[Need, list[tuple[str, str]]] = {}
    outs: dict[Path, Path] = {}
    for job in jobs:
        shot = _shot(job, results)
        if shot.out in outs:
            raise RequestError(
                f"{job.name} and {outs[shot.out].name} would both write {shot.out}.",
                hint=["choose_folder"],
            )
        outs[shot.out] = job
        need = need_of(shot.request.model, gpu_gb=gpu_gb)
        groups.setdefault(need, []).append((_literal(job.absolute()), _literal(shot.out)))
    batches = [
        (need, pairs[first : first + _MOST_TASKS])
        for need, pairs in groups.items()
        for first in range(0, len(pairs), _MOST_TASKS)
    ]
    title = name or (
        f"FlowAnchor {jobs[0].stem}" if len(jobs) == 1 else f"FlowAnchor, {len(jobs)} shots"
    )
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": title[:128],
        "parameterDefinitions": [
            {
                "name": "Engine",
                "type": "STRING",
                "default": "flowanchor",
                "description": "The command `flowanchor` on the hosts.",
            }
        ],
        "steps": [
            _step(need, batch, number if len(batches) > 1 else None, timeout_min)
            for number, (need, batch) in enumerate(batches, 1)
        ],
    }


def _step(
    need: Need, pairs: Sequence[tuple[str, str]], number: int | None, timeout_min: int
) -> dict[str, Any]:
    return {
        "name": "Edit" if number is None else f"Edit {number}",
        "parameterSpace": {
            "taskParameterDefinitions": [
                {"name": "Job", "type": "PATH", "range": [job for job, _ in pairs]},
                {"name": "Out", "type": "PATH", "range": [out for _, out in pairs]},
            ],
            "combination": "(Job, Out)",
        },
        **need.dump(),
        "script": {
            "actions": {
                "onRun": {
                    "command": "{{Param.Engine}}",
                    # The raw paths: the command applies the rules, once, to these and to
                    # those inside the job file alike.
                    "args": [
                        *("farm", "run", "{{Task.RawParam.Job}}"),
                        *("--out", "{{Task.RawParam.Out}}"),
                        *("--path-mapping", "{{Session.PathMappingRulesFile}}", "--openjd"),
                    ],
                    "timeout": 60 * timeout_min,
                    "cancelation": {
                        "mode": "NOTIFY_THEN_TERMINATE",
                        "notifyPeriodInSeconds": _NOTIFY_S,
                    },
                }
            }
        },
    }


def _shot(job: Path, results: Path | None) -> Shot:
    folder = job.absolute().parent if results is None else results.absolute()
    suffix = "_flowanchor" if results is None else ""
    return read_shot(job, folder / f"{job.stem}{suffix}", PathRules())


def _literal(path: Path) -> str:
    text = str(path)
    if "{{" in text or any(ord(letter) < 32 for letter in text):
        raise RequestError(
            "A path with “{{” or control characters cannot be written into a template.",
            hint=["choose_folder"],
            detail=text,
        )
    return text


def write(template: dict[str, Any], path: Path) -> None:
    """Check a template with openjd-model, as it will be read, and write it as YAML or JSON.

    Raises
    ------
    FarmMissingError
        openjd-model is not installed.
    RequestError
        It is no valid template, or `path` is neither ``.yaml``, ``.yml`` nor ``.json``.
    OutputError
    """
    require()
    if path.suffix.lower() == ".json":
        text = json.dumps(template, ensure_ascii=False, indent=2) + "\n"
    else:
        import yaml  # type: ignore[import-untyped]  # comes with openjd-model

        text = yaml.safe_dump(template, allow_unicode=True, sort_keys=False, width=100)
    decoded(text, path)
    write_text(path, text)


def decoded(text: str, path: Path) -> Any:
    """Return the checked job template that a text holds.

    Parameters
    ----------
    path : Path
        Its name says how to read it.

    Raises
    ------
    FarmMissingError, RequestError
    """
    require()
    from openjd.model import (
        DecodeValidationError,
        DocumentType,
        decode_job_template,
        document_string_to_object,
    )

    kinds = {
        ".json": DocumentType.JSON,
        ".yaml": DocumentType.YAML,
        ".yml": DocumentType.YAML,
    }
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise RequestError(f"{path.name} should end in .yaml, .yml or .json.")
    try:
        data = document_string_to_object(document=text, document_type=kind)
        return decode_job_template(template=data)
    except DecodeValidationError as error:
        raise RequestError(
            f"{path.name} is not a valid OpenJD job template.", detail=str(error)
        ) from error


def require() -> None:
    """Make sure that the packages of the extra `farm` are here.

    Raises
    ------
    FarmMissingError
    """
    if importlib.util.find_spec("openjd") is None:
        raise FarmMissingError(
            "The packages for OpenJD are missing. In a checkout of FlowAnchor: "
            "pip install '.[engine,farm]'"
        )

"""Which model fits, how large it is, and fetching it by the installed product."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installer import drives
from installer.console import StepFailed, size
from installer.packages import clean_env, interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from installer.check import Machine
    from installer.console import Console

__all__ = ["EMBEDDED", "Model", "Models", "fitting", "read_registry", "recommended"]

EMBEDDED = "demo"
_TOTAL = re.compile(r"^\s*([\d,]+)\s+bytes of ", re.MULTILINE)


@dataclass(frozen=True)
class Model:
    """One model of the product's registry.

    Parameters
    ----------
    id, name, about, evidence : str
    least_gb : float
        The smallest card on which it runs.
    downloadable : bool
    rough_bytes : int
        About what a download takes; the server tells exactly.
    recommended : mapping
        Its numbers of the method.
    """

    id: str
    name: str
    about: str
    evidence: str
    least_gb: float
    downloadable: bool
    rough_bytes: int
    recommended: Mapping[str, Any]


def read_registry(wheel: Path) -> tuple[Model, ...]:
    """Return the models that the product knows, from its wheel.

    Raises
    ------
    StepFailed
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = json.loads(archive.read("flowanchor_engine/models/registry.json"))
        return tuple(
            Model(
                id=str(each["id"]),
                name=str(each["name"]),
                about=str(each["about"]),
                evidence=str(each["evidence"]),
                least_gb=min(float(row["least_gb"]) for row in each["memory"]),
                downloadable=bool(each["repository"]),
                rough_bytes=int(each["about_bytes"] or 0),
                recommended=dict(each["recommended"]),
            )
            for each in data["models"]
        )
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise StepFailed(
            "Read the list of models", f"{wheel.name}: {error!r}", "Install a fresh copy."
        ) from error


def fitting(models: Sequence[Model], machine: Machine) -> tuple[Model, ...]:
    """Return the models that this computer's card can hold, the embedded one always."""
    best = machine.driver.best
    memory_gb = best.memory / 2**30 if best else 0.0
    # A card sold as 24 GB reports a little less.
    return tuple(
        each
        for each in models
        if each.id == EMBEDDED or (each.downloadable and memory_gb * 1.03 >= each.least_gb)
    )


def recommended(models: Sequence[Model], machine: Machine) -> Model:
    """Return the model to take unless told otherwise.

    The largest that fits among those whose numbers somebody has measured; larger ones that
    nobody has measured are offered, not proposed.
    """
    known = [each for each in fitting(models, machine) if each.evidence != "unmeasured"]
    return max(known, key=lambda each: (each.least_gb, each.downloadable))


class Models:
    """The installed product's `flowanchor models`, as a child."""

    def __init__(self, console: Console, env: Path, folder: Path | None) -> None:
        self._console = console
        self._env = env
        self._folder = folder

    def here(self) -> dict[str, str]:
        """Return what is installed: id to ``yes``, ``no``, ``unfinished`` or ``damaged``.

        Raises
        ------
        StepFailed
        """
        text = self._ask(["list", "--json"])
        try:
            return {str(row["id"]): str(row["here"]) for row in json.loads(text)}
        except (ValueError, KeyError, TypeError) as error:
            raise StepFailed("List the models", text[-200:], "Run `doctor`.") from error

    def bytes_of(self, model: str) -> int:
        """Ask the server how much a download is.

        Raises
        ------
        StepFailed
        """
        told = _TOTAL.search(self._ask(["get", model, "--dry-run"]))
        return int(told[1].replace(",", "")) if told else 0

    def get(self, model: str, root: Path) -> None:
        """Download, continue or mend a model.

        Raises
        ------
        StepFailed
        """
        step = f"Download {model}"
        count = self.bytes_of(model)
        free = drives.free_bytes(root)
        if count and free < drives.needed_bytes(count):
            raise StepFailed(
                step,
                f"{size(free)} free, {size(drives.needed_bytes(count))} needed in {root}",
                "Free some space, or name another folder with --models-folder.",
            )
        self._console.say(f"… {step}: {size(count)} into {root}")
        self._attached(step, ["get", model], "The same command continues the download.")

    def verify(self, model: str) -> None:
        """Check every file of a model.

        Raises
        ------
        StepFailed
        """
        self._attached(
            f"Verify {model}", ["verify", model], "Run `python3 -m installer repair` to mend it."
        )

    def take(self, folder: Path, model: str | None) -> None:
        """Use model files that are already on this computer.

        Raises
        ------
        StepFailed
        """
        more = ["--as", model] if model else []
        self._attached(
            f"Import {folder}", ["import", str(folder), *more],
            "The folder must hold a model in diffusers' layout (model_index.json).",
        )  # fmt: skip

    def remove(self, model: str) -> None:
        """Delete a model that the product downloaded.

        Raises
        ------
        StepFailed
        """
        self._ask(["remove", model, "--yes"])

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [str(interpreter(self._env)), "-m", "flowanchor_engine.cli", "models", *arguments]

    def _environment(self) -> dict[str, str]:
        env = {**clean_env(), "NO_COLOR": "1", "COLUMNS": "200"}
        if self._folder is not None:
            env["FLOWANCHOR_MODELS"] = str(self._folder)
        return env

    def _ask(self, arguments: Sequence[str]) -> str:
        try:
            done = subprocess.run(
                self._command(arguments), env=self._environment(), cwd=self._env.parent,
                stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8",
                errors="replace", check=False,
            )  # fmt: skip
        except OSError as error:
            raise StepFailed("Ask for the models", str(error), "Run `repair`.") from error
        if done.returncode != 0:
            last = (done.stdout + done.stderr).strip().splitlines()
            raise StepFailed(
                f"flowanchor models {' '.join(arguments[:2])}",
                last[-1][:300] if last else f"status {done.returncode}",
                "Check the connection and run the same command again; what is there stays.",
            )
        return done.stdout

    def _attached(self, step: str, arguments: Sequence[str], way_out: str) -> None:
        env = self._environment()
        env.pop("NO_COLOR")
        env.pop("COLUMNS")
        status = self._console.attach(self._command(arguments), cwd=self._env.parent, env=env)
        if status != 0:
            raise StepFailed(step, f"ended with status {status}; see above or the log", way_out)
        self._console.say(f"✓ {step}")

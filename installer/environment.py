"""The private environment of a checkout: interpreter, the right torch, the product, its needs.

A marker file written last tells that the environment is whole; it is removed before any
change, so an interrupted installation is never taken for a finished one and the same
command continues it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer import check, disk, torch_build
from installer.console import StepFailed
from installer.packages import Packages, clean_env, interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from installer.check import Machine
    from installer.console import Console

__all__ = ["PRODUCT", "PRODUCT_AND_TESTS", "Environment", "make"]

PRODUCT: tuple[str, ...] = ("engine", "panel")
PRODUCT_AND_TESTS: tuple[str, ...] = ("dev", "engine", "panel")
_MARKER = "flowanchor.json"


@dataclass(frozen=True)
class Environment:
    """A finished environment.

    Parameters
    ----------
    root : Path
        The checkout, working directory of what is run.
    python : Path
        Its interpreter.
    """

    root: Path
    python: Path

    def run(self, arguments: Sequence[str]) -> int:
        """Run the interpreter in the foreground; return its exit status."""
        return subprocess.run(
            [str(self.python), *arguments], cwd=self.root, env=clean_env(), check=False
        ).returncode


def make(root: Path, *, extras: Sequence[str], machine: Machine, console: Console) -> Environment:
    """Return an environment with the product and `extras`, installing what is missing.

    Raises
    ------
    StepFailed
        With the step, the reason and a way out; nothing half-made is marked as ready. An
        environment of the person's own that would have to be made anew is refused.
    """
    folder = root / ".venv"
    env = Environment(root=root, python=interpreter(folder))
    marker = folder / _MARKER
    wanted = _state(root)
    done = _read_marker(marker)
    # Noted outside, for an interruption can leave an environment without its marker.
    note = root / ".build" / "environment.txt"
    made_here = marker.exists() or note.exists()
    have = set(done.get("extras", "").split()) if done.get("state") == wanted else set()
    if env.python.exists() and set(extras) <= have:
        console.say("✓ Environment is ready")
        return env

    tool = "pip" if check.virtual_environments(uv=False) else "uv"
    packages = Packages.find(console, wheels=None, system=machine.system, tool=tool)
    everything = sorted(have | set(extras))
    try:
        marker.unlink(missing_ok=True)
        if not packages.works(folder) or not packages.output(
            folder, ["-c", "import pip; print(1)"]
        ):
            if not made_here and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise StepFailed(
                    "Make the environment",
                    f"{folder} is there, does not fit, and was not made by this installer",
                    "Rename it, or delete it if nobody needs it, and run this again.",
                )
            disk.write(note, "The environment of this copy was made by its installer.\n")
            packages.make(folder)
        packages.install_torch(folder, torch_build.choose(machine))
        packages.install(
            "Install the product" + (" and the test tools" if "dev" in extras else ""),
            folder,
            ["--editable", f".[{','.join(everything)}]"],
            cwd=root,
        )
        _write_marker(marker, {"state": wanted, "extras": " ".join(everything)})
    except OSError as error:
        raise disk.failed("Make the environment", error) from error
    return env


def _state(root: Path) -> str:
    return hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest()


def _read_marker(marker: Path) -> dict[str, str]:
    try:
        data = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}


def _write_marker(marker: Path, data: dict[str, str]) -> None:
    disk.write(marker, json.dumps({"schema": "flowanchor.Environment.1", **data}))

"""Makes the private environment: interpreter, the right torch, the product and its needs.

A marker file written last tells that the environment is whole; it is removed before any
change, so an interrupted installation is never taken for a finished one and the same
command continues it.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.console import StepFailed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from installer.check import Machine
    from installer.console import Console

__all__ = ["ENGINE", "ENGINE_AND_TESTS", "Environment", "make"]

ENGINE: tuple[str, ...] = ("engine",)
ENGINE_AND_TESTS: tuple[str, ...] = ("engine", "dev")
TORCH = "torch==2.13.0"
_MARKER = "flowanchor.json"
_NETWORK = "Check the connection or proxy and run the same command again; it continues."


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
            [str(self.python), *arguments], cwd=self.root, env=_clean_env(), check=False
        ).returncode


def make(root: Path, *, extras: Sequence[str], machine: Machine, console: Console) -> Environment:
    """Return an environment with the product and `extras`, installing what is missing.

    Raises
    ------
    StepFailed
        With the step, the reason and a way out; nothing half-made is marked as ready.
    """
    folder = root / ".venv"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    env = Environment(root=root, python=python)
    marker = folder / _MARKER
    wanted = _state(root)
    done = _read_marker(marker)
    have = set(done.get("extras", "").split()) if done.get("state") == wanted else set()
    if python.exists() and set(extras) <= have:
        console.say("✓ Environment is ready")
        return env

    marker.unlink(missing_ok=True)
    if not _works(python):
        console.say("… Making the private environment .venv")
        try:
            venv.EnvBuilder(with_pip=True, clear=True).create(folder)
        except (OSError, subprocess.CalledProcessError) as error:
            raise StepFailed(
                "Make the environment", str(error), "Check that this folder can be written."
            ) from error
    _install_torch(env, machine, console)
    console.run(
        "Install the engine" + (" and the test tools" if "dev" in extras else ""),
        [*_pip(env), "install", "--editable", f".[{','.join(sorted(have | set(extras)))}]"],
        cwd=root,
        env=_clean_env(),
        way_out=_NETWORK,
    )
    _write_marker(marker, {"state": wanted, "extras": " ".join(sorted(have | set(extras)))})
    return env


def _install_torch(env: Environment, machine: Machine, console: Console) -> None:
    # On Linux the public index's torch carries gigabytes of CUDA; without an NVIDIA card
    # the CPU build is taken instead: from pip's own sources if they hold one (an offline
    # wheel folder, a mirror), else through uv, which knows where the builds live.
    torch_version = _output(env, ["-c", "import torch; print(torch.__version__)"])
    if torch_version.startswith(TORCH.partition("==")[2]):
        console.say(f"✓ torch {torch_version} is there")
        return
    needs_choice = machine.system == "Linux" and not machine.nvidia
    if needs_choice and not _pip_would_take_cpu_build(env):
        console.run(
            "Install uv",
            [*_pip(env), "install", "uv"],
            cwd=env.root,
            env=_clean_env(),
            way_out=_NETWORK,
        )
        command = [str(env.python), "-m", "uv", "pip", "install", "--python", str(env.python)]
        command += ["--torch-backend", "cpu", TORCH]
    else:
        command = [*_pip(env), "install", TORCH]
    console.run(
        "Install torch" + (" (CPU build)" if needs_choice else ""),
        command,
        cwd=env.root,
        env=_clean_env(),
        way_out=_NETWORK,
    )


def _pip_would_take_cpu_build(env: Environment) -> bool:
    report = _output(
        env,
        ["-m", "pip", "install", "--dry-run", "--no-deps", "--quiet", "--report", "-", TORCH],
    )
    try:
        items = json.loads(report)["install"]
    except (json.JSONDecodeError, KeyError):
        return False
    return any(str(item["metadata"]["version"]).endswith("+cpu") for item in items)


def _pip(env: Environment) -> list[str]:
    return [str(env.python), "-m", "pip", "--disable-pip-version-check"]


def _output(env: Environment, arguments: Sequence[str]) -> str:
    done = subprocess.run(
        [str(env.python), *arguments],
        cwd=env.root,
        env=_clean_env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    probe = "import sys, pip; print(sys.version_info[:2] == " + str(tuple(sys.version_info[:2]))
    return "True" in _output(Environment(python.parent, python), ["-c", probe + ")"])


def _clean_env() -> dict[str, str]:
    # A host application's Python settings would break this interpreter.
    env = {k: v for k, v in os.environ.items() if k not in {"PYTHONHOME", "PYTHONPATH"}}
    env["PYTHONUTF8"] = "1"
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
    temporary = marker.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump({"schema": "flowanchor.Environment.1", **data}, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(marker)

"""The house rules that a reader relies on: layers, light modules, one OpenCV, clean style."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["flowanchor_engine", "resolve_bridge", "plugin", "installer"]


def run_tool(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def modules_after(statement: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys, json; print(json.dumps([*sys.modules]))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_import_contracts_hold() -> None:
    run_tool("-c", "from importlinter.cli import lint_imports_command as c; c()")


@pytest.mark.parametrize("module", ["request", "errors", "progress"])
def test_light_modules_pull_in_nothing_heavy(module: str) -> None:
    loaded = modules_after(f"import flowanchor_engine.{module}")
    assert not loaded & {"torch", "diffusers", "transformers", "av", "cv2", "PySide6"}


def test_installer_uses_the_standard_library_alone() -> None:
    loaded = modules_after("import installer.environment, installer.check, installer.console")
    own = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert {n for n in own if not n.startswith("_")} <= {"installer", "sitecustomize"}


def test_bridge_pulls_in_no_torch_and_no_qt() -> None:
    loaded = modules_after("import resolve_bridge")
    assert not loaded & {"torch", "PySide6", "flowanchor_engine"}


def test_exactly_one_opencv_is_installed() -> None:
    names = {
        dist.metadata["Name"].lower()
        for dist in importlib.metadata.distributions()
        if (dist.metadata["Name"] or "").lower().startswith("opencv")
    }
    assert names == {"opencv-python-headless"}


def test_ruff_finds_nothing() -> None:
    run_tool("-m", "ruff", "check", "--no-cache", ".")
    run_tool("-m", "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.slow
def test_types_are_strict() -> None:
    run_tool("-m", "mypy", *PACKAGES)


def test_every_package_says_what_lives_there() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("__init__.py")
        if not path.read_text(encoding="utf-8").lstrip().startswith('"""')
    ]
    assert silent == []

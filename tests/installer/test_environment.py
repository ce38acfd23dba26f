"""The installer: what it takes for finished, how it fails, which torch it chooses.

Real child processes and real environments; only the package downloads are replaced by
small local packages.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from installer import check, environment, packages
from installer.check import Machine
from installer.console import Console, StepFailed

ROOT = Path(__file__).resolve().parents[2]
HERE = Machine(system="Linux", architecture="x86_64", python="3.11.0", free_gb=99)


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(log=tmp_path / "log" / "install.log")


def test_a_failing_step_names_itself_its_reason_and_a_way_out(
    console: Console, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "print('working'); print('ERROR: No matching distribution'); raise SystemExit(3)"
    with pytest.raises(StepFailed) as caught:
        console.run(
            "Install the engine",
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env=os.environ,
            way_out="Check the connection.",
        )
    assert caught.value.step == "Install the engine"
    assert "No matching distribution" in caught.value.reason
    console.fail(caught.value)
    shown = capsys.readouterr().err
    assert "Install the engine" in shown
    assert "Check the connection." in shown
    assert "working" in (tmp_path / "log" / "install.log").read_text()


def test_a_command_that_does_not_exist_is_a_failed_step(console: Console, tmp_path: Path) -> None:
    with pytest.raises(StepFailed):
        console.run("Start", ["/no/such/program"], cwd=tmp_path, env={}, way_out="Install it.")


def test_a_full_disk_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(StepFailed) as caught:
        check.require_space(tmp_path, needed_gb=10**9)
    assert "GB free" in caught.value.reason
    assert list(tmp_path.iterdir()) == []


def test_looking_at_this_machine_tells_the_truth(tmp_path: Path) -> None:
    machine = check.look(tmp_path)
    assert machine.python == ".".join(map(str, sys.version_info[:3]))
    assert machine.free_gb > 0
    assert machine.python in machine.describe()


def finished_environment(root: Path) -> Path:
    """Make a checkout whose environment is this interpreter, marked as finished."""
    (root / "pyproject.toml").write_text("[project]\nname='x'\nversion='1'\n")
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    marker = root / ".venv" / "flowanchor.json"
    marker.write_text(
        json.dumps(
            {
                "schema": "flowanchor.Environment.1",
                "state": environment._state(root),
                "extras": "dev engine panel",
            }
        )
    )
    return marker


def test_a_finished_environment_is_used_as_it_is(tmp_path: Path, console: Console) -> None:
    finished_environment(tmp_path)
    env = environment.make(
        tmp_path, extras=environment.PRODUCT_AND_TESTS, machine=HERE, console=console
    )
    assert env.run(["-c", "raise SystemExit(7)"]) == 7
    assert not (tmp_path / "log").exists()  # no command was needed


@pytest.mark.parametrize("damage", ["changed needs", "torn marker", "no marker"])
def test_what_is_not_finished_is_never_taken_for_finished(
    tmp_path: Path, console: Console, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = finished_environment(tmp_path)
    if damage == "changed needs":
        (tmp_path / "pyproject.toml").write_text("[project]\nname='x'\nversion='2'\n")
    elif damage == "torn marker":
        marker.write_text(marker.read_text()[:20])
    else:
        marker.unlink()
    # The way to the packages is cut: the step must fail, and leave no marker behind.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    monkeypatch.setattr(packages, "TORCH", "torch==0.0.0")
    with pytest.raises(StepFailed) as caught:
        environment.make(tmp_path, extras=environment.PRODUCT, machine=HERE, console=console)
    assert "continues" in caught.value.way_out
    assert not marker.exists()


@pytest.mark.slow
def test_an_environment_of_ones_own_is_never_cleared(
    tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname='x'\nversion='1'\n")
    mine = tmp_path / ".venv" / "lib" / "mine.py"  # another Python, or one made without pip
    mine.parent.mkdir(parents=True)
    mine.write_text("x = 1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # nothing can be installed: making it is what counts
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    monkeypatch.setattr(packages, "TORCH", "torch==0.0.0")

    def make() -> str:
        with pytest.raises(StepFailed) as caught:
            environment.make(tmp_path, extras=environment.PRODUCT, machine=HERE, console=console)
        return caught.value.reason

    assert "was not made by this installer" in make()
    assert mine.read_text() == "x = 1"
    mine.parent.parent.rename(tmp_path / "mine")
    assert "was not made" not in make()
    # From here on it is the installer's own, also where an interruption left it without a marker.
    python = packages.interpreter(tmp_path / ".venv")
    python.unlink()
    assert "was not made" not in make()
    assert python.exists()


def test_host_python_settings_never_reach_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: Console
) -> None:
    finished_environment(tmp_path)
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    env = environment.make(tmp_path, extras=environment.PRODUCT, machine=HERE, console=console)
    probe = "import os; raise SystemExit(5 if 'PYTHONHOME' not in os.environ else 6)"
    assert env.run(["-c", probe]) == 5


def test_old_python_gets_a_sentence_not_a_syntax_error() -> None:
    # The entry file must parse with the grammar of an old Python.
    source = (ROOT / "installer" / "__main__.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    before_check = source.index("from installer import")
    checks_first = "_refuse_old_python()\n    _speak_utf8()\n    from installer"
    assert source.index(checks_first) < before_check


def test_the_help_names_both_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "installer", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "demo" in done.stdout
    assert "test" in done.stdout

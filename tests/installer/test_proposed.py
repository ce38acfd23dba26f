"""What a message proposes can be typed as it stands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from installer.console import Console, StepFailed
from tests.installer.little import ROOT, Desk, failed, installed


def test_the_folder_that_was_named_is_named_in_what_is_proposed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console(log=tmp_path / "log", folder=Path("/my films/FlowAnchor"))
    console.say("Run python3 -m installer repair.")
    console.say("    (see `python3 -m installer wheels`)")
    console.fail(StepFailed("Begin", "no", "Run `python3 -m installer doctor` and look."))
    shown = capsys.readouterr()
    assert 'Run python3 -m installer repair --folder "/my films/FlowAnchor".' in shown.out
    assert "`python3 -m installer wheels`" in shown.out
    assert '`python3 -m installer doctor --folder "/my films/FlowAnchor"`' in shown.err
    Console(log=tmp_path / "log").say("Run python3 -m installer repair.")
    assert capsys.readouterr().out == "Run python3 -m installer repair.\n"


def test_what_the_installer_says_at_the_end_can_be_typed(desk: Desk, checkout: Path) -> None:
    folder = desk.home / "my films" / "FlowAnchor"
    told = desk.run(checkout, "doctor", "--quick", "--folder", str(folder)).stdout
    assert f'Run python3 -m installer install --folder "{folder}".' in told
    told = installed(desk, checkout, "--folder", str(folder)).stdout
    for line, arguments in (
        (r"Look after it: (.*) doctor, repair or uninstall", ["doctor", "--quick"]),
        (r"others: (.*) models list", ["models", "list"]),
        (r"from the menu, or by (.*)", []),
    ):
        found = re.search(line, told)
        assert found, told
        done = subprocess.run(
            [*shlex.split(found[1]), *arguments], cwd=desk.home, env=desk.env(),
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (found[1], done.stdout, done.stderr)
    helped = subprocess.run(
        [folder / "bin" / "flowanchor-setup", "--help"], env=desk.env(), capture_output=True,
        text=True, stdin=subprocess.DEVNULL, timeout=120, check=True,
    ).stdout  # fmt: skip
    offered = re.findall(r"^    (\w+)", helped, re.MULTILINE)
    # What works in a checkout alone is not offered here; asked for, it says why.
    assert offered == ["install", "update", "repair", "doctor", "check", "uninstall", "wheels"]


def test_without_a_card_no_download_for_one_is_proposed(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    told = desk.start("flowanchor-setup", "doctor").stdout
    assert "Real footage needs Wan2.1: a card with 6 GB or more" in told
    assert "models get" not in told


def test_where_only_resolves_folder_is_found_that_is_said(desk: Desk, checkout: Path) -> None:
    (desk.system / "opt" / "resolve" / "bin" / "resolve").unlink()
    assert "not found" in desk.run(checkout, "check").stdout
    desk.fusion.mkdir(parents=True)
    told = desk.run(checkout, "check").stdout
    assert "✓ Resolve: its folder for scripts is there" in told
    assert f"✓ Resolve's scripts: they go into {desk.fusion} (user)" in told
    assert "Uninstall" in failed(desk.run(checkout, "uninstall"))


def test_a_resolve_in_an_unusual_place_is_looked_at_there(desk: Desk, checkout: Path) -> None:
    (desk.system / "opt" / "resolve" / "bin" / "resolve").unlink()
    there = desk.home / "studio" / "Fusion"
    installed(desk, checkout, "--resolve-folder", str(there))
    told = desk.run(checkout, "doctor", "--quick").stdout
    assert "Resolve: not found" not in told
    assert f"✓ Resolve's scripts: they go into {there} (custom)" in told
    installed(desk, checkout, "--no-resolve")
    assert "they go into" not in desk.run(checkout, "doctor", "--quick").stdout


def test_the_installed_command_calls_itself_by_its_name() -> None:
    # As the installed command starts it.
    helped = subprocess.run(
        [sys.executable, "-m", "flowanchor_engine.cli", "models", "--help"], cwd=ROOT,
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=240, check=True,
    ).stdout  # fmt: skip
    assert "Usage: flowanchor models " in helped

"""Updating: the new version is tried before it counts, and the old one goes afterwards."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from installer.product import Product
from tests.installer import little
from tests.installer.little import Desk, installed


@pytest.mark.slow
def test_an_update_switches_and_leaves_one_version(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    installed(desk, checkout)
    new = little.write_checkout(tmp_path / "new", wheels, version="0.2.0")
    done = desk.run(new, "update")
    assert done.returncode == 0, done.stderr
    assert desk.version() == "0.2.0"
    assert 'local VERSION = "0.2.0"' in desk.agent.read_text()
    assert len(list((desk.folder / "versions").iterdir())) == 1


@pytest.mark.parametrize(
    "broken",
    [
        "mock",
        pytest.param("edit", marks=pytest.mark.slow),
        pytest.param("dies", marks=pytest.mark.slow),
    ],
)
def test_an_update_that_fails_its_test_leaves_the_old_one_untouched(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path, broken: str
) -> None:
    installed(desk, checkout)
    before = desk.everything()
    bad = little.write_checkout(tmp_path / "bad", wheels, version="0.3.0", broken=broken)
    done = desk.run(bad, "update")
    assert done.returncode == 1
    reason = "no such library" if broken == "dies" else "Not enough memory"
    assert reason in done.stderr
    assert "Going back to the version before" in done.stdout
    after = desk.everything()
    assert {n for n in before | after if before.get(n) != after.get(n)} <= {
        (desk.folder / "logs" / "install.log").relative_to(desk.home).as_posix()
    }
    assert desk.version() == "0.1.0"


def test_an_update_needs_an_installation(desk: Desk, checkout: Path) -> None:
    done = desk.run(checkout, "update")
    assert done.returncode == 1
    assert "not installed" in done.stderr


@pytest.mark.slow
def test_a_running_old_version_is_removed_the_next_time(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    installed(desk, checkout)
    old = desk.folder / (desk.folder / "current").read_text().strip()
    new = little.write_checkout(tmp_path / "new", wheels, version="0.2.0")
    python = str(old / "env" / "bin" / "python")
    with subprocess.Popen([python, "-c", "import time; time.sleep(600)"]) as panel:
        try:
            done = desk.run(new, "update")
        finally:
            panel.kill()
    assert done.returncode == 0
    assert "still running" in done.stdout
    assert old.exists()
    assert desk.run(new, "install").returncode == 0
    assert not old.exists()


@pytest.mark.parametrize(
    ("copy", "installed", "older"),
    [
        ("0.1.0", "0.2.0", True),
        ("0.9", "0.10", True),
        ("1", "1.0.1", True),
        ("0.2.0", "0.1.0", False),
        ("1.0", "1.0.0", False),
        ("1.0rc1", "1.0", False),
        ("unknown", "1.0", False),
        ("1.0", "", False),
    ],
)
def test_which_of_two_versions_is_older(copy: str, installed: str, older: bool) -> None:
    assert Product(Path("copy"), copy).is_older_than(installed) is older


@pytest.mark.slow
def test_an_older_copy_says_so(desk: Desk, checkout: Path, wheels: Path, tmp_path: Path) -> None:
    new = little.write_checkout(tmp_path / "new", wheels, version="0.2.0")
    assert "this copy is the older" not in installed(desk, new).stdout
    done = desk.run(checkout, "update")
    assert done.returncode == 0, done.stderr
    assert "FlowAnchor 0.2.0 is installed; this copy is the older 0.1.0" in done.stdout
    assert desk.version() == "0.1.0"
    # Said once: from here on it is the version that is installed.
    assert "this copy is the older" not in installed(desk, checkout).stdout
    assert "this copy is the older" not in desk.run(new, "update").stdout


@pytest.mark.slow
def test_a_changed_script_survives_updates(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    installed(desk, checkout)
    desk.agent.write_text("-- first")
    new = little.write_checkout(tmp_path / "new", wheels, version="0.2.0")
    done = desk.run(new, "update")
    assert done.returncode == 0, done.stderr
    assert "FlowAnchor.lua of your own was there, or ours changed by you" in done.stdout
    assert 'local VERSION = "0.2.0"' in desk.agent.read_text()
    desk.agent.write_text("-- second")
    newest = little.write_checkout(tmp_path / "newest", wheels, version="0.3.0", broken="edit")
    assert desk.run(newest, "update").returncode == 1
    assert desk.run(new, "repair").returncode == 0
    assert desk.run(new, "uninstall", "--yes").returncode == 0
    assert desk.agent.read_text() == "-- second"
    older = desk.agent.with_name("FlowAnchor.lua.before-flowanchor")
    assert older.read_text() == "-- first"


@pytest.mark.slow
def test_every_version_proves_all_of_itself(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    # With the tensors of the version before, the engine would skip the half of its work.
    for name in ("0.1.0", "0.2.0"):
        copy = checkout
        if name != "0.1.0":
            copy = little.write_checkout(tmp_path / name, wheels, version=name)
        assert desk.run(copy, "install").returncode == 0
        (ready,) = (desk.folder / "versions").glob("*/ready.json")
        assert json.loads(ready.read_text())["tried"]["forwards"] == 32
    assert not (desk.home / ".cache" / "flowanchor").exists()

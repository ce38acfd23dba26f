"""Updating: the new version is tried before it counts, and the old one goes afterwards."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

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

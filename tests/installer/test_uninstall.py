"""Leaving: everything of ours goes, nothing of the person's does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from installer.versions import Installation
from tests.installer.little import Desk, failed, installed


def test_files_of_ones_own_are_kept_and_given_back(desk: Desk, checkout: Path) -> None:
    desk.agent.parent.mkdir(parents=True)
    desk.agent.write_text("-- mine")
    tool = desk.fusion / "Scripts" / "Tool" / "FlowAnchor.lua"
    tool.parent.mkdir()
    tool.symlink_to(desk.home / "elsewhere.lua")
    done = installed(desk, checkout)
    assert "of your own was there" in done.stdout
    assert not tool.is_symlink()
    installed(desk, checkout)
    # Changed after the installation: the person's again, whatever happens.
    effect = desk.fusion / "Templates" / "Edit" / "Effects" / "FlowAnchor.setting"
    effect.write_text("-- improved")
    other = desk.fusion / "Config" / "other.fu"
    other.write_text("{}")
    done = desk.run(checkout, "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert desk.agent.read_text() == "-- mine"
    assert os.readlink(tool) == str(desk.home / "elsewhere.lua")
    assert effect.read_text() == "-- improved"
    assert str(effect) in done.stdout
    assert [line for line in done.stdout.splitlines() if "your own is back" in line] == [
        f"  your own is back: {path}" for path in sorted([desk.agent, tool])
    ]
    assert other.exists()
    assert not (desk.fusion / "Config" / "FlowAnchor.fu").exists()


@pytest.mark.slow
def test_a_changed_script_is_kept_when_repair_renews_it(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    desk.agent.write_text("-- hacked")
    assert desk.run(checkout, "repair").returncode == 0
    assert "hacked" not in desk.agent.read_text()
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    assert desk.agent.read_text() == "-- hacked"


def test_uninstall_refuses_large_files_and_leaves_small_ones(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    film = next((desk.folder / "versions").iterdir()) / "env" / "film.mov"
    film.write_bytes(bytes(12_000_001))
    before = desk.everything()
    done = desk.run(checkout, "uninstall", "--yes")
    assert done.returncode == 1
    assert "film.mov (12.0 MB)" in done.stderr
    assert "Move what is yours" in done.stderr
    assert desk.everything() == before
    film.write_bytes(bytes(11))
    note = desk.folder / "bin" / "note.txt"
    note.write_text("x")
    for folder in ("bin", "logs", "versions", "."):  # what a power cut leaves of a write
        (desk.folder / folder / ".torn.flowanchor-tmp").write_text("x")
    done = desk.run(checkout, "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert film.exists()
    assert note.exists()
    assert str(film) in done.stdout
    left = {path for path in desk.folder.rglob("*") if path.is_file()}
    assert left == {film, note}


@pytest.mark.slow
def test_uninstall_waits_for_a_running_panel(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    version = (desk.folder / "current").read_text().strip()
    python = desk.folder / version / "env" / "bin" / "python"
    with subprocess.Popen([str(python), "-c", "import time; time.sleep(600)"]) as panel:
        try:
            done = desk.run(checkout, "uninstall", "--yes")
            assert done.returncode == 1
            assert f"FlowAnchor is running (process {panel.pid})" in done.stderr
            assert desk.version() == "0.1.0"
        finally:
            panel.kill()


@pytest.mark.slow
def test_a_file_that_is_given_back_has_its_rights_and_times(desk: Desk, checkout: Path) -> None:
    desk.agent.parent.mkdir(parents=True)
    desk.agent.write_text("-- mine")
    desk.agent.chmod(0o750)
    os.utime(desk.agent, (1_000_000_000, 1_000_000_000))
    installed(desk, checkout)
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    facts = desk.agent.stat()
    assert (facts.st_mode & 0o777, facts.st_mtime) == (0o750, 1_000_000_000)


def test_a_folder_of_ones_own_among_the_versions_is_never_removed(
    desk: Desk, checkout: Path
) -> None:
    installed(desk, checkout)
    mine = desk.folder / "versions" / "take-1" / "film.mov"
    mine.parent.mkdir()
    mine.write_bytes(bytes(12_000_001))
    gone = desk.folder / ".gone-fishing.txt"
    gone.write_text("x")
    installed(desk, checkout)
    assert mine.exists()
    assert "film.mov (12.0 MB)" in failed(desk.run(checkout, "uninstall", "--yes"))
    mine.write_bytes(b"x")
    done = desk.run(checkout, "uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert {p for p in desk.folder.rglob("*") if p.is_file()} == {mine, gone}
    assert str(mine) in done.stdout


def test_a_version_moved_to_another_disk_is_removed_there_and_nothing_else(
    desk: Desk, checkout: Path
) -> None:
    installed(desk, checkout)
    version, away = next((desk.folder / "versions").iterdir()), desk.place / "other disk"
    shutil.move(version, away)
    version.symlink_to(away)
    assert "bad" not in desk.findings(checkout).values()
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    assert not desk.folder.exists()
    assert list(away.iterdir()) == []


def test_a_link_in_the_way_of_a_deletion_costs_what_it_leads_to_nothing(
    desk: Desk, checkout: Path
) -> None:
    films = desk.home / "films"
    films.mkdir()
    (films / "film.mov").write_text("x")
    installed(desk, checkout)
    gone = desk.folder / "versions" / ".gone-0.0.1-1-7"
    gone.symlink_to(films)
    installed(desk, checkout)
    assert not any(path.is_symlink() for path in gone.parent.iterdir())
    assert (films / "film.mov").exists()


def test_only_versions_are_removed_as_versions(tmp_path: Path) -> None:
    film = tmp_path / "film.mov"
    film.write_text("x")
    there = Installation(tmp_path / "app")
    (there.home("0.1.0-1") / "env").mkdir(parents=True)
    (tmp_path / "app" / "notes").mkdir()
    for name in ("", "..", "../..", "../notes", "."):
        there.remove_version(name)
    assert film.exists()
    assert (tmp_path / "app" / "notes").exists()
    assert there.names() == ["0.1.0-1"]
    there.remove_version("0.1.0-1")
    assert there.names() == []

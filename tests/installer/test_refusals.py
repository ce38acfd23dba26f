"""Folders and surroundings that no installation can be made in: each is said in words."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from installer.console import StepFailed
from installer.places import Places
from tests.installer import little
from tests.installer.little import Desk, failed, installed


def test_a_target_that_cannot_be_written_is_said(desk: Desk, checkout: Path) -> None:
    blocked = desk.home / "file"
    blocked.write_text("")
    for target, reason in (
        (blocked / "app", "is a file, not a folder"),
        (Path("/proc/flowanchor"), "/proc/flowanchor"),
    ):
        done = desk.run(checkout, "install", "--folder", str(target))
        assert done.returncode == 1
        assert reason in done.stderr
        assert "✗" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said(desk: Desk, checkout: Path) -> None:
    folder = desk.home / "locked"
    folder.mkdir()
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = desk.run(checkout, "install", "--folder", str(folder / "app"))
    folder.chmod(stat.S_IRWXU)
    assert done.returncode == 1
    assert "may not write there" in done.stderr


@pytest.mark.slow
def test_resolve_folders_that_cannot_be_written_leave_a_whole_engine(
    desk: Desk, checkout: Path
) -> None:
    blocked = desk.fusion / "Scripts"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("")  # a file where a folder should be
    done = desk.run(checkout, "install")
    assert done.returncode == 1
    assert "scripts" in done.stderr
    assert desk.version() == "0.1.0"
    assert desk.findings(checkout)["Installation"] == "bad"
    blocked.unlink()
    assert "Continuing" in installed(desk, checkout).stdout
    assert desk.agent.exists()


@pytest.mark.parametrize("name", ["Dropbox", "OneDrive - Studio", "Google Drive"])
def test_synchronised_folders_are_refused(desk: Desk, checkout: Path, name: str) -> None:
    done = desk.run(checkout, "install", "--folder", str(desk.home / name / "FlowAnchor"))
    assert done.returncode == 1
    assert "synchronised by" in done.stderr
    assert not (desk.home / name).exists()


def test_a_folder_with_other_files_is_refused(desk: Desk, checkout: Path) -> None:
    folder = desk.home / "films"
    folder.mkdir()
    (folder / "holiday.mov").write_text("x")
    done = desk.run(checkout, "install", "--folder", str(folder))
    assert done.returncode == 1
    assert "holds other files (holiday.mov)" in done.stderr
    done = desk.run(checkout, "uninstall", "--yes", "--folder", str(folder))
    assert done.returncode == 1
    assert [p.name for p in folder.iterdir()] == ["holiday.mov"]


@pytest.mark.parametrize("name", [b"/b\xfcro", b"/two\nlines", b"/bell\x07"])
def test_a_path_that_is_no_text_is_refused(desk: Desk, checkout: Path, name: bytes) -> None:
    folder = os.fsdecode(os.fsencode(desk.home) + name)
    told = failed(desk.run(checkout, "install", "--folder", folder))
    assert "holds characters that are no text" in told
    assert not Path(folder).exists()


def test_without_a_home_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(StepFailed) as caught:
        _ = Places("linux", {}).folder
    assert "Set HOME" in caught.value.way_out


def test_a_half_path_in_the_environment_is_none(desk: Desk, checkout: Path) -> None:
    # The panel and Resolve are started in other folders: nobody would find it again.
    desk.more = {"XDG_DATA_HOME": "share"}
    told = desk.run(checkout, "check").stdout
    assert f"Models folder: {desk.folder.with_name('models')}" in told
    assert "FlowAnchor is not installed in " + str(desk.folder) in failed(
        desk.run(checkout, "uninstall")
    )
    assert not (checkout / "share").exists()


@pytest.mark.parametrize("command", ["uninstall", "install"])
def test_a_folder_that_cannot_be_locked_is_said(desk: Desk, checkout: Path, command: str) -> None:
    (desk.folder / ".installer-lock").mkdir(parents=True)
    assert ".installer-lock: a folder is there" in failed(desk.run(checkout, command))


def test_a_copy_that_cannot_be_written_is_said(desk: Desk, wheels: Path, tmp_path: Path) -> None:
    copy = little.write_checkout(tmp_path / "copy", wheels)
    (copy / ".build").write_text("")
    assert ".build" in failed(desk.run(copy, "setup"))

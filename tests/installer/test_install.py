"""Installing, updating, repairing and leaving, on a simulated computer with a real package tool."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from installer.locking import Lock
from tests.installer import little
from tests.installer.little import ROOT, Desk


def installed(desk: Desk, checkout: Path, *more: str) -> subprocess.CompletedProcess[str]:
    done = desk.run(checkout, "install", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_one_command_installs_what_starts_links_and_is_found(desk: Desk, checkout: Path) -> None:
    done = installed(desk, checkout)
    assert "Wiring test" in done.stdout
    assert "20 ms per model pass" in done.stdout
    assert desk.version() == "0.1.0"
    assert desk.start("flowanchor-panel", "clip.mov").stdout == "panel 0.1.0\n"
    placed = {p.relative_to(desk.fusion).as_posix() for p in desk.fusion.rglob("*") if p.is_file()}
    # Exactly these: nothing that runs by itself when Fusion or Resolve starts.
    assert placed == {
        "Scripts/Utility/FlowAnchor.lua",
        "Scripts/Tool/FlowAnchor.lua",
        "Templates/Edit/Effects/FlowAnchor.setting",
        "Config/FlowAnchor.fu",
    }
    agent = desk.agent.read_text()
    assert 'local VERSION = "0.1.0"' in agent
    assert f"[==[{desk.home}/.local/share/FlowAnchor/mailbox]==]" in agent
    assert f"[==[{desk.folder}/bin/flowanchor-panel]==]" in agent
    assert str(desk.folder) in desk.menu.read_text()
    levels = desk.findings(checkout)
    assert "bad" not in levels.values(), levels


@pytest.mark.slow
def test_a_second_run_builds_nothing_and_brings_back_what_was_deleted(
    desk: Desk, checkout: Path
) -> None:
    installed(desk, checkout)
    before = desk.everything()
    desk.agent.unlink()
    desk.menu.unlink()
    assert desk.findings(checkout)["Scripts in Resolve"] == "bad"
    begun = installed(desk, checkout)
    assert "Make the private environment" not in begun.stdout
    after = desk.everything()
    changed = {n for n in before | after if before.get(n) != after.get(n)}
    assert changed <= {n for n in changed if n.endswith("install.log")}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Büro ö 日本　می‌خواهم", "it's 100% $HOME `x`", 'a "b" \\ c'])
def test_any_folder_name_works(desk: Desk, checkout: Path, name: str) -> None:
    folder = desk.place / name
    done = desk.run(checkout, "install", "--folder", str(folder))
    assert done.returncode == 0, done.stderr
    panel = folder / "bin" / "flowanchor-panel"
    shown = subprocess.run([str(panel)], env=desk.env(), capture_output=True, text=True, check=True)
    assert shown.stdout == "panel 0.1.0\n"
    # The menu's command line, read back as the desktop specification says.
    line = next(row for row in desk.menu.read_text().splitlines() if row.startswith("Exec="))
    value = line.removeprefix("Exec=").replace("\\\\", "\\")
    assert value.startswith('"')
    assert value.endswith('" %f')
    inner, read = iter(value[1:-4].replace("%%", "%")), ""
    for character in inner:
        read += next(inner) if character == "\\" else character
    assert read == str(panel)
    # Resolve starts the panel through a shell: only a name that passes one unharmed is written.
    agent = desk.agent.read_text()
    assert ("local PANEL = [==[]==]" in agent) == bool(set(name) & set("\"'`$%"))
    done = desk.run(checkout, "uninstall", "--yes", "--folder", str(folder))
    assert done.returncode == 0, done.stderr
    assert not folder.exists()
    assert not desk.agent.exists()


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
    with subprocess.Popen([str(python), "-c", "import time; time.sleep(60)"]) as panel:
        try:
            done = desk.run(checkout, "uninstall", "--yes")
            assert done.returncode == 1
            assert f"FlowAnchor is running (process {panel.pid})" in done.stderr
            assert desk.version() == "0.1.0"
        finally:
            panel.kill()


@pytest.mark.slow
def test_the_installed_setup_command_needs_no_checkout(
    desk: Desk, wheels: Path, tmp_path: Path
) -> None:
    copy = little.write_checkout(tmp_path / "copy", wheels)
    installed(desk, copy)
    shutil.rmtree(copy)
    victim = next((desk.folder / "versions").rglob("littlething/__init__.py"))
    victim.unlink()
    seen = desk.start("flowanchor-setup", "doctor", "--quick")
    assert seen.returncode == 1
    assert "1 files are missing or changed" in seen.stdout
    # The way out is the command that is there, not one in a copy that is gone.
    assert f"Run {desk.folder}/bin/flowanchor-setup repair." in seen.stdout
    assert "python3 -m installer" not in seen.stdout
    done = desk.start(
        "flowanchor-setup", "repair", "--offline", "--wheels", str(wheels), "--tool", "uv"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.start("flowanchor-setup", "doctor").returncode == 0
    done = desk.start("flowanchor-setup", "uninstall", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not desk.folder.exists()


# Updating -----------------------------------------------------------------------------------


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
    with subprocess.Popen([python, "-c", "import time; time.sleep(60)"]) as panel:
        try:
            done = desk.run(new, "update")
        finally:
            panel.kill()
    assert done.returncode == 0
    assert "still running" in done.stdout
    assert old.exists()
    assert desk.run(new, "install").returncode == 0
    assert not old.exists()


# What goes wrong ----------------------------------------------------------------------------


def test_two_installers_at_once_the_second_is_told(
    desk: Desk, checkout: Path, tmp_path: Path
) -> None:
    # A uv that makes no environment before it may: the first cannot end while the second comes.
    go, slow = tmp_path / "go", tmp_path / "slow"
    slow.mkdir()
    (slow / "uv").write_text(
        f'#!/bin/sh\n[ "$1" = venv ] && while [ ! -e "{go}" ]; do sleep 0.1; done\n'
        f'exec "{little.uv_folder() / "uv"}" "$@"\n'
    )
    (slow / "uv").chmod(0o755)
    first = subprocess.Popen(
        desk.command(checkout, "install"), cwd=checkout,
        env={**desk.env(), "PATH": f"{slow}{os.pathsep}{desk.env()['PATH']}"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        owner = desk.folder / ".installer-lock.owner"
        deadline = time.monotonic() + 120
        while not (owner.exists() and owner.read_text()):
            assert time.monotonic() < deadline
            assert first.poll() is None
            time.sleep(0.05)
        others = [desk.run(checkout, "install"), desk.run(checkout, "uninstall", "--yes")]
        go.touch()
        told, _ = first.communicate(timeout=240)
    finally:
        go.touch()
        first.kill()
        first.wait()
    assert first.returncode == 0, told
    for second in others:
        assert second.returncode == 1
        assert f"is at work in {desk.folder} (process {first.pid})" in second.stderr
    assert desk.version() == "0.1.0"


def test_a_missing_wheel_names_step_reason_and_way_out_and_is_continued(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    desk.wheels = tmp_path / "few"
    shutil.copytree(wheels, desk.wheels)
    torch = next(desk.wheels.glob("torch-*"))
    torch.rename(tmp_path / torch.name)
    done = desk.run(checkout, "install")
    assert done.returncode == 1
    assert "✗ Install torch (processor build):" in done.stderr
    assert "torch" in done.stderr.splitlines()[1].partition(":")[2]
    assert "Put the missing wheel into the folder" in done.stderr
    assert "Full log:" in done.stderr
    assert desk.version() == ""
    assert desk.findings(checkout)["Installation"] == "bad"
    (tmp_path / torch.name).rename(torch)
    assert "Continuing" in installed(desk, checkout).stdout
    assert desk.version() == "0.1.0"


@pytest.mark.slow
def test_without_a_network_it_says_so(desk: Desk, checkout: Path) -> None:
    desk.more = {"UV_OFFLINE": "1"}
    command = desk.command(checkout, "install")
    at = command.index("--offline")
    del command[at : at + 3]
    done = subprocess.run(
        command, cwd=checkout, env=desk.env(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "✗ Install the packages:" in done.stderr
    assert "Check the connection or proxy" in done.stderr


def test_a_tampered_package_is_refused(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    desk.wheels = tmp_path / "tampered"
    shutil.copytree(wheels, desk.wheels)
    little.write_wheel(desk.wheels, "littlething", "1.0", {"littlething/__init__.py": b"evil\n"})
    desk.more = {"UV_CACHE_DIR": str(tmp_path / "own-cache")}
    done = desk.run(checkout, "install")
    assert done.returncode == 1
    assert "Install the packages" in done.stderr
    assert "hash" in (desk.folder / "logs" / "install.log").read_text().lower()
    assert desk.version() == ""


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


@pytest.mark.slow
def test_a_damaged_manifest_deletes_nothing(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    manifest = desk.folder / "installation.json"
    manifest.write_text(manifest.read_text()[:50])
    before = desk.everything()
    done = desk.run(checkout, "uninstall", "--yes")
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert desk.everything() == before


@pytest.mark.slow
def test_a_manifest_of_a_newer_installer_is_left_alone(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    manifest = desk.folder / "installation.json"
    text = manifest.read_text().replace("flowanchor.Installation.1", "flowanchor.Installation.2")
    manifest.write_text(text)
    for command in (("install",), ("uninstall", "--yes")):
        done = desk.run(checkout, *command)
        assert done.returncode == 1
        assert "newer installer" in done.stderr
    assert manifest.read_text() == text


@pytest.mark.slow
def test_a_window_that_cannot_open_is_told_and_stops_nothing(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    installed(desk, checkout)
    module = next((desk.folder / "versions").rglob("PySide6/QtGui.py"))
    reason = "libEGL.so.1: cannot open shared object file: No such file or directory"
    module.write_text(f"raise ImportError({reason!r})\n")
    done = desk.run(checkout, "doctor")
    assert done.returncode == 1
    assert f"✗ Window: ImportError: {reason}" in done.stdout
    desk.wheels = tmp_path / "wheels"
    little.write_wheels(desk.wheels)
    broken = {"PySide6/__init__.py": b"", "PySide6/QtGui.py": module.read_bytes()}
    needed = {"littlething/__init__.py": b"x = 1\n"}
    little.write_wheel(desk.wheels, "littlething", "1.0", {**needed, **broken})
    copy = little.write_checkout(tmp_path / "copy", desk.wheels, version="0.1.1")
    desk.more = {"UV_CACHE_DIR": str(tmp_path / "own-cache")}
    told = installed(desk, copy)
    assert f"The panel's window cannot open yet: ImportError: {reason}" in told.stdout
    assert desk.version() == "0.1.1"


def test_an_orphan_of_a_killed_installer_is_waited_for(tmp_path: Path) -> None:
    child = (
        "import pathlib, sys, time\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "(place / 'begun').touch()\n"
        "while not (place / 'go').exists(): time.sleep(0.05)\n"
        "(place / 'ended').touch()\n"
    )
    program = (
        "import sys, pathlib\n"
        "from installer.console import Console\n"
        "from installer.locking import Lock\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "console = Console(place / 'log')\n"
        "with Lock(place) as lock:\n"
        "    console.kept_open = lock.handles\n"
        f"    console.run('x', [sys.executable, '-c', {child!r}, str(place)],"
        " cwd=place, env={}, way_out='')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT) as parent:
        deadline = time.monotonic() + 120
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parent.kill()
    later = threading.Timer(0.5, (tmp_path / "go").touch)
    later.start()
    try:
        with Lock(tmp_path):
            assert (tmp_path / "ended").exists()
    finally:
        later.join()


def test_without_resolve_it_installs_and_says_so(desk: Desk, checkout: Path) -> None:
    shutil.rmtree(desk.system)
    done = installed(desk, checkout)
    assert "DaVinci Resolve was not found" in done.stdout
    assert not desk.fusion.exists()
    # Later, in an unusual place:
    there = desk.home / "studio" / "Fusion"
    assert desk.run(checkout, "repair", "--resolve-folder", str(there)).returncode == 0
    assert (there / "Scripts" / "Utility" / "FlowAnchor.lua").exists()
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    assert not (desk.home / "studio").exists()


@pytest.mark.slow
def test_no_resolve_puts_nothing_there(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout, "--no-resolve", "--no-menu")
    assert not desk.fusion.exists()
    assert not desk.menu.exists()
    assert desk.version() == "0.1.0"
    installed(desk, checkout)
    assert desk.agent.exists()
    installed(desk, checkout, "--no-resolve", "--no-menu")
    assert not desk.agent.exists()
    assert not desk.menu.exists()


# Models -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_model_is_fetched_verified_and_only_removed_when_asked(
    desk: Desk, checkout: Path
) -> None:
    models = desk.home / ".local" / "share" / "FlowAnchor" / "models"
    done = installed(desk, checkout, "--model", "wan2.1-1.3b")
    assert "Download wan2.1-1.3b: 1.2 kB" in done.stdout
    assert (models / "wan2.1-1.3b" / "w.bin").exists()
    done = desk.run(checkout, "uninstall", "--yes")
    assert "the models stay" in done.stdout
    assert (models / "wan2.1-1.3b").exists()
    installed(desk, checkout)
    done = desk.run(checkout, "uninstall", "--yes", "--models")
    assert done.returncode == 0, done.stderr
    assert not (models / "wan2.1-1.3b").exists()


@pytest.mark.slow
def test_a_failed_download_leaves_the_product_installed_and_is_continued(
    desk: Desk, checkout: Path
) -> None:
    desk.more = {"TEST_NO_NETWORK": "1"}
    done = desk.run(checkout, "install", "--model", "wan2.1-1.3b")
    assert done.returncode == 1
    assert "✗ Download wan2.1-1.3b" in done.stderr
    assert "continues the download" in done.stderr
    assert desk.version() == "0.1.0"
    assert "bad" not in desk.findings(checkout).values()
    desk.more = {}
    installed(desk, checkout, "--model", "wan2.1-1.3b")


@pytest.mark.slow
def test_a_model_that_does_not_fit_the_disk_is_refused_before_the_download(
    desk: Desk, checkout: Path
) -> None:
    desk.more = {"TEST_BYTES": str(10**15)}
    done = desk.run(checkout, "install", "--model", "wan2.1-1.3b")
    assert done.returncode == 1
    assert "--models-folder" in done.stderr
    assert not (desk.home / ".local" / "share" / "FlowAnchor" / "models").exists()


@pytest.mark.slow
def test_models_on_another_drive_are_found_by_every_command(desk: Desk, checkout: Path) -> None:
    drive = desk.place / "drive d"
    installed(desk, checkout, "--model", "wan2.1-1.3b", "--models-folder", str(drive))
    assert (drive / "wan2.1-1.3b").is_dir()
    listed = json.loads(desk.start("flowanchor", "models", "list", "--json").stdout)
    assert {row["id"]: row["here"] for row in listed}["wan2.1-1.3b"] == "yes"
    assert desk.run(checkout, "repair").returncode == 0
    assert desk.run(checkout, "uninstall", "--yes", "--models").returncode == 0
    assert not (drive / "wan2.1-1.3b").exists()


def test_an_unknown_model_names_the_known(desk: Desk, checkout: Path) -> None:
    done = desk.run(checkout, "install", "--model", "wan9")
    assert done.returncode == 1
    assert "wan2.1-1.3b" in done.stderr


# Carried over ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_folder_of_wheels_is_filled_and_is_enough(
    desk: Desk, checkout: Path, wheels: Path, tmp_path: Path
) -> None:
    source = tmp_path / "index"
    shutil.copytree(wheels, source)
    for name, version in (("setuptools", "99.0"), ("wheel", "9.0")):
        little.write_wheel(source, name, version, {f"{name}/__init__.py": b""})
    desk.more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(source)}
    filled = tmp_path / "carried"
    done = desk.run(checkout, "wheels", str(filled), "--backend", "cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {p.name.split("-")[0] for p in filled.iterdir()} == {
        "torch", "littlething", "setuptools", "wheel",
    }  # fmt: skip
    desk.wheels, desk.more = filled, {}
    installed(desk, checkout)
    # The wrong build is refused, not taken silently.
    desk.more = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(source)}
    done = desk.run(checkout, "wheels", str(tmp_path / "other"), "--backend", "cu130")
    assert done.returncode == 1
    assert "not the cu130 build" in done.stderr


@pytest.mark.slow
def test_commands_of_the_checkout_are_refused_in_an_installation(
    desk: Desk, checkout: Path
) -> None:
    installed(desk, checkout)
    done = desk.start("flowanchor-setup", "demo")
    assert done.returncode == 1
    assert "works in a copy of the repository" in done.stderr


# The other tool -----------------------------------------------------------------------------


@pytest.mark.slow
def test_pip_alone_does_the_same(desk: Desk, checkout: Path) -> None:
    desk.tool = "pip"
    desk.more = {"PATH": "/usr/bin:/bin"}
    installed(desk, checkout)
    assert desk.version() == "0.1.0"
    assert "bad" not in desk.findings(checkout).values()
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    assert not desk.folder.exists()

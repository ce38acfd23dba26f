"""Installing on a simulated computer with a real package tool, once and again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.installer import little
from tests.installer.little import Desk, installed


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


@pytest.mark.slow
def test_commands_of_the_checkout_are_refused_in_an_installation(
    desk: Desk, checkout: Path
) -> None:
    installed(desk, checkout)
    done = desk.start("flowanchor-setup", "demo")
    assert done.returncode == 1
    assert "works in a copy of the repository" in done.stderr


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


@pytest.mark.slow
def test_a_python_that_was_taken_away_is_told_and_mended(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    python = next((desk.folder / "versions").iterdir()) / "env" / "bin" / "python"
    stood_on = os.readlink(python)
    python.unlink()
    python.symlink_to(stood_on[:-1] + "?")  # of the same size: no list of files tells
    assert desk.version() == ""
    assert desk.findings(checkout)["Engine"] == "bad"
    done = desk.run(checkout, "repair")
    assert done.returncode == 0, done.stderr
    assert "does not start any more" in done.stdout
    assert desk.version() == "0.1.0"
    assert "bad" not in desk.findings(checkout).values()


@pytest.mark.slow
def test_pip_alone_does_the_same(desk: Desk, checkout: Path) -> None:
    desk.tool = "pip"
    desk.more = {"PATH": "/usr/bin:/bin"}
    installed(desk, checkout)
    assert desk.version() == "0.1.0"
    assert "bad" not in desk.findings(checkout).values()
    assert desk.run(checkout, "uninstall", "--yes").returncode == 0
    assert not desk.folder.exists()

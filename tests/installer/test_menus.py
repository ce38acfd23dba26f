"""What starts the product: entries of the menus and commands."""

from __future__ import annotations

import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

from installer import launchers
from installer.console import StepFailed
from installer.launchers import windows_shortcut
from tests.installer.systems import mac, windows


def test_the_mac_application_starts_the_panel(tmp_path: Path) -> None:
    places = mac(tmp_path)
    folder = tmp_path / "it's here"
    files = {f.path: f for f in launchers.menu_files(folder, places, version="1.2")}
    facts = plistlib.loads(files[places.menu_entry / "Contents" / "Info.plist"].data)
    start = files[places.menu_entry / "Contents" / "MacOS" / facts["CFBundleExecutable"]]
    assert start.executable
    panel = launchers.panel_command(folder, "darwin")
    panel.parent.mkdir(parents=True)
    panel.write_text('#!/bin/sh\necho "panel $1"\n')
    panel.chmod(0o755)
    script = tmp_path / "start"
    script.write_bytes(start.data)
    shown = subprocess.run(["sh", str(script), "a b"], capture_output=True, text=True, check=True)
    assert shown.stdout == "panel a b\n"


def test_windows_commands_read_the_pointer_and_open_no_console(tmp_path: Path) -> None:
    texts = {p.name: t for p, t in launchers.commands(tmp_path, models=None, platform="win32")}
    panel, engine = texts["flowanchor-panel.cmd"], texts["flowanchor-engine.cmd"]
    assert "pythonw.exe" in panel
    assert 'start ""' in panel
    assert "pythonw" not in engine
    for text in texts.values():
        assert "set PYTHONHOME=\r\n" in text
        assert 'set /p version=<"%here%\\current"' in text
        assert all(line.endswith("\r") for line in text.split("\n")[:-1])


def test_the_windows_setup_runs_nothing_that_it_may_have_to_delete(tmp_path: Path) -> None:
    texts = {p.name: t for p, t in launchers.commands(tmp_path, models=None, platform="win32")}
    setup = texts["flowanchor-setup.cmd"]
    # A running python.exe of the version cannot be deleted there, and counts as the product in use.
    assert "env\\Scripts" not in setup
    assert 'if /i "%%a"=="home" set "base=%%b"' in setup
    last = setup.rstrip().splitlines()[-1]
    assert last == '"%base%\\python.exe" -m installer %* & exit /b'


def test_windows_commands_read_a_models_folder_of_any_letters(tmp_path: Path) -> None:
    for name, page in (("models", False), ("Büro 100%", True)):
        found = launchers.commands(tmp_path, models=Path(name), platform="win32")
        for path, text in found:
            before = text.partition(f'set "FLOWANCHOR_MODELS={name.replace("%", "%%")}"')[0]
            assert before != text
            assert "chcp 65001" in before or not page, path


def test_a_windows_shortcut_goes_through_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = windows(tmp_path)
    made = tmp_path / "x" / "FlowAnchor.lnk"
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        with pytest.raises(StepFailed) as caught:
            windows_shortcut(tmp_path, places, made)
        assert "flowanchor-panel.cmd" in caught.value.way_out
    program = tmp_path / "program.py"
    program.write_text(
        "import base64, re, sys\n"
        "script = base64.b64decode(sys.argv[-1]).decode('utf-16-le')\n"
        'path = re.search(r"CreateShortcut\\(\'(.*?)\'\\)", script)[1].replace("\'\'", "\'")\n'
        "open(path, 'w').write(script)\n"
    )
    shell = tmp_path / "powershell"
    shell.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{program}' \"$@\"\n")
    shell.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    windows_shortcut(tmp_path / "it's", places, made)
    assert "it''s/bin/flowanchor-panel.cmd'" in made.read_text()

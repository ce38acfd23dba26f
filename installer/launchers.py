"""How the person starts the product: commands of a stable name, and an entry in the menu.

The commands read which version is current each time they start, so an update is one renamed
file and never a half-changed command. They never import from the folder they are started in.
"""

from __future__ import annotations

import base64
import os
import plistlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from installer import disk
from installer.console import StepFailed
from installer.placing import Wanted

if TYPE_CHECKING:
    from installer.places import Places

__all__ = ["COMMANDS", "command", "commands", "menu_files", "panel_command", "windows_shortcut"]

# name -> arguments of the environment's Python
COMMANDS = {
    "flowanchor": "-m flowanchor_engine.cli",
    "flowanchor-engine": "-m flowanchor_engine.worker",
    "flowanchor-panel": "-m plugin",
    "flowanchor-setup": "-m installer",
}

_POSIX = """#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
IFS= read -r version < "$here/current" || {{
  echo "FlowAnchor is not installed completely; run its installer again." >&2
  exit 1
}}
unset PYTHONHOME PYTHONPATH PYTHONSTARTUP LD_LIBRARY_PATH
export PYTHONUTF8=1 PYTHONSAFEPATH=1 FLOWANCHOR_HOME="$here"
{models}exec "$here/$version/env/bin/python" {arguments} "$@"
"""

_WINDOWS = """@echo off\r
setlocal\r
set "here=%~dp0.."\r
set "version="\r
if exist "%here%\\current" set /p version=<"%here%\\current"\r
if not defined version (\r
  echo FlowAnchor is not installed completely; run its installer again. 1>&2\r
  exit /b 1\r
)\r
set PYTHONHOME=\r
set PYTHONPATH=\r
set PYTHONSTARTUP=\r
set PYTHONUTF8=1\r
set PYTHONSAFEPATH=1\r
set "FLOWANCHOR_HOME=%here%"\r
{models}{start}"%here%\\%version%\\env\\Scripts\\{python}" {arguments} %*\r
"""


# `flowanchor-setup` may have to delete the version it belongs to, which Windows refuses while the
# version's Python runs: it starts the Python that the version was made of. The last line is read
# whole before it runs, for this file too may be gone when it ends.
_WINDOWS_SETUP = """@echo off\r
setlocal\r
chcp 65001 >nul\r
set "here=%~dp0.."\r
set "version="\r
set "base="\r
if exist "%here%\\current" set /p version=<"%here%\\current"\r
if defined version for /f "usebackq tokens=1,* delims== " %%a in ("%here%\\%version%\\env\\pyvenv.cfg") do if /i "%%a"=="home" set "base=%%b"\r
if not defined base (\r
  echo FlowAnchor is not installed completely; run its installer again. 1>&2\r
  exit /b 1\r
)\r
set PYTHONHOME=\r
set PYTHONSTARTUP=\r
set PYTHONUTF8=1\r
set PYTHONSAFEPATH=1\r
set "PYTHONPATH=%here%\\%version%\\env\\Lib\\site-packages"\r
set "FLOWANCHOR_HOME=%here%"\r
{models}"%base%\\python.exe" -m installer %* & exit /b\r
"""  # noqa: E501


def commands(folder: Path, *, models: Path | None, platform: str) -> list[tuple[Path, str]]:
    """Return the command files of an installation and their text.

    Parameters
    ----------
    models : Path or None
        Where models lie, if not in the usual place.
    """
    found = []
    for name, arguments in COMMANDS.items():
        if platform == "win32":
            window = name == "flowanchor-panel"
            form = _WINDOWS_SETUP if name == "flowanchor-setup" else _WINDOWS
            text = form.format(
                models=_windows_models(models),
                start='start "" ' if window else "",
                python="pythonw.exe" if window else "python.exe",
                arguments=arguments,
            )
            found.append((folder / "bin" / f"{name}.cmd", text))
        else:
            told = f"export FLOWANCHOR_MODELS={_quoted(str(models))}\n" if models else ""
            text = _POSIX.format(models=told, arguments=arguments)
            found.append((folder / "bin" / name, text))
    return found


def _windows_models(models: Path | None) -> str:
    if models is None:
        return ""
    text = str(models).replace("%", "%%")
    # The file is UTF-8; a console of another code page would read other letters.
    page = "" if text.isascii() else "chcp 65001 >nul\r\n"
    return f'{page}set "FLOWANCHOR_MODELS={text}"\r\n'


def command(folder: Path, name: str, platform: str) -> Path:
    """Return where one of `COMMANDS` lies."""
    return folder / "bin" / (f"{name}.cmd" if platform == "win32" else name)


def panel_command(folder: Path, platform: str) -> Path:
    """Return the command that opens the panel."""
    return command(folder, "flowanchor-panel", platform)


def menu_files(folder: Path, places: Places, *, version: str) -> list[Wanted]:
    """Return the menu entry as files; on Windows it is a shortcut, see `windows_shortcut`."""
    panel = panel_command(folder, places.platform)
    if places.platform == "win32":
        return []
    if places.platform == "darwin":
        contents = places.menu_entry / "Contents"
        facts = {
            "CFBundleName": "FlowAnchor",
            "CFBundleIdentifier": "org.flowanchor.panel",
            "CFBundleExecutable": "FlowAnchor",
            "CFBundlePackageType": "APPL",
            "CFBundleShortVersionString": version,
            "CFBundleVersion": version,
            "NSHighResolutionCapable": True,
            "LSMinimumSystemVersion": "14.0",
        }
        start = f'#!/bin/sh\nexec {_quoted(str(panel))} "$@"\n'
        return [
            Wanted(contents / "Info.plist", plistlib.dumps(facts), "menu"),
            Wanted(contents / "MacOS" / "FlowAnchor", start.encode(), "menu", executable=True),
        ]
    entry = (
        "[Desktop Entry]\n"
        "Type=Application\n"
        "Name=FlowAnchor\n"
        "GenericName=Video editing by words\n"
        "GenericName[de]=Videobearbeitung mit Worten\n"
        "Comment=Edit a shot by saying what it shows and what is wanted\n"
        "Comment[de]=Eine Einstellung ändern: sagen, was sie zeigt und was gewünscht ist\n"
        f"Exec={_desktop_quoted(str(panel))} %f\n"
        "Icon=flowanchor\n"
        "Terminal=false\n"
        "Categories=AudioVideo;Video;AudioVideoEditing;\n"
        "MimeType=video/quicktime;video/mp4;video/x-matroska;application/mxf;\n"
        "StartupWMClass=FlowAnchor\n"
    )
    icon = Path(__file__).with_name("data") / "flowanchor.svg"
    return [
        Wanted(places.menu_entry, entry.encode("utf-8"), "menu"),
        Wanted(places.icon, icon.read_bytes(), "menu"),
    ]


def windows_shortcut(folder: Path, places: Places, made: Path) -> None:
    """Write the Start-menu shortcut to `made` through Windows' own shell.

    Raises
    ------
    StepFailed
        The shell cannot be reached or wrote nothing.
    """
    step = "Make the Start-menu entry"
    way_out = f"Start the panel by {panel_command(folder, places.platform)}."
    shell = shutil.which("powershell") or shutil.which("pwsh")
    if shell is None:
        raise StepFailed(step, "PowerShell is not there", way_out)

    def text(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    script = (
        "$ErrorActionPreference='Stop';"
        f"$s=(New-Object -ComObject WScript.Shell).CreateShortcut({text(str(made))});"
        f"$s.TargetPath={text(str(panel_command(folder, places.platform)))};"
        f"$s.WorkingDirectory={text(str(folder))};"
        "$s.WindowStyle=7;$s.Description='FlowAnchor';$s.Save()"
    )
    encoded = base64.b64encode(script.encode("utf-16-le")).decode("ascii")
    made.parent.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            [shell, "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded],
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace",
            timeout=120, check=False, env=dict(os.environ),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepFailed(step, str(error), way_out) from error
    if done.returncode != 0 or disk.sha256(made) is None:
        raise StepFailed(step, done.stderr.strip()[:200] or "nothing was written", way_out)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _desktop_quoted(text: str) -> str:
    # A quoted string of the desktop entry format: these four are escaped inside quotes, and the
    # backslash once more because the whole value is a string; % introduces field codes.
    for character in '\\"`$':
        text = text.replace(character, "\\" + character)
    return '"' + text.replace("\\", "\\\\").replace("%", "%%") + '"'

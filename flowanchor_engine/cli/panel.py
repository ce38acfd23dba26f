"""`flowanchor panel`: open the window. It is a program of its own, so that no engine is loaded."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from flowanchor_engine.errors import FlowAnchorError

__all__ = ["panel"]


class PanelMissingError(FlowAnchorError):
    """The window's packages are not installed."""

    code = "panel_missing"


def panel(
    clip: Annotated[Path | None, typer.Argument(help="A clip file to work on.")] = None,
    language: Annotated[str, typer.Option(help="en or de; the settings' if left out.")] = "",
    home: Annotated[Path | None, typer.Option(help="Keep everything in this folder.")] = None,
    mock: Annotated[
        str | None, typer.Option(help="Play a script instead of an engine; - for the built-in.")
    ] = None,
) -> None:
    """Open the panel, beside DaVinci Resolve or on its own."""
    if importlib.util.find_spec("PySide6") is None:
        raise PanelMissingError(
            "The panel's packages are missing; install them with: pip install 'flowanchor[panel]'",
            hint=["repair_engine"],
        )
    command = [sys.executable, "-m", "plugin"]
    if clip is not None:
        command.append(str(clip))
    for name, value in (("--language", language), ("--home", home), ("--mock", mock)):
        if value:
            command += [name, str(value)]
    if sys.platform != "win32":  # one process: signals reach the window
        os.execv(command[0], command)
    raise typer.Exit(subprocess.run(command, check=False).returncode)

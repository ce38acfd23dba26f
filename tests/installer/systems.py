"""Folders as Windows and macOS lay them out, told by their environment."""

from __future__ import annotations

from pathlib import Path

from installer.places import Places


def windows(tmp_path: Path, user: str = "anna") -> Places:
    home = tmp_path / "Users" / user
    env = {
        "USERPROFILE": str(home),
        "USERNAME": user,
        "APPDATA": str(home / "AppData" / "Roaming"),
        "LOCALAPPDATA": str(home / "AppData" / "Local"),
        "PROGRAMDATA": str(tmp_path / "ProgramData"),
        "PROGRAMFILES": str(tmp_path / "Program Files"),
    }
    return Places("win32", env)


def mac(tmp_path: Path) -> Places:
    env = {"HOME": str(tmp_path / "home"), "FLOWANCHOR_SYSTEM_ROOT": str(tmp_path / "root")}
    return Places("darwin", env)

"""Whose installation it will be: root's by sudo is nobody's who sits at the desk."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installer.places import Places

__all__ = ["somebody_elses", "unwritable"]


def somebody_elses(places: Places) -> str:
    """Return whose desk root is installing for, empty where the person installs for themselves.

    Parameters
    ----------
    places : Places
        Its environment names who called sudo or doas, its home may be another user's.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return ""
    env = places.env
    asked = env.get("SUDO_USER") or env.get("DOAS_USER") or ""
    if not asked:
        asked = _owner(places.home)
    return "" if asked == "root" else asked


def unwritable(folder: Path) -> bool:
    """Whether this user may put nothing into a folder that is there."""
    return folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK)


def _owner(home: Path) -> str:
    try:
        return home.owner()
    except (OSError, KeyError):  # no such folder, or a number without a name
        return "root"

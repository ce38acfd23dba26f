"""What Qt needs of a Linux system, and the one command that brings it."""

from __future__ import annotations

import ctypes
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["command", "missing"]

# shared library -> package on Debian and Ubuntu, on Fedora and Rocky, on Arch, on SUSE
_NEEDED = {
    "libEGL.so.1": ("libegl1", "mesa-libEGL", "libglvnd", "Mesa-libEGL1"),
    "libGL.so.1": ("libgl1", "mesa-libGL", "libglvnd", "Mesa-libGL1"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon", "libxkbcommon", "libxkbcommon0"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs", "dbus", "libdbus-1-3"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig", "fontconfig", "fontconfig"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2", "glib2", "libglib-2_0-0"),
}
# Only a real window needs these; without a display they are no loss.
_NEEDED_FOR_X11 = {
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor",
                           "libxcb-cursor0"),
    "libxkbcommon-x11.so.0": ("libxkbcommon-x11-0", "libxkbcommon-x11", "libxkbcommon-x11",
                              "libxkbcommon-x11-0"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm", "xcb-util-wm", "libxcb-icccm4"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms",
                            "libxcb-keysyms1"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image", "xcb-util-image", "libxcb-image0"),
    "libxcb-render-util.so.0": ("libxcb-render-util0", "xcb-util-renderutil",
                                "xcb-util-renderutil", "libxcb-render-util0"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb", "libxcb", "libxcb-xkb1"),
}  # fmt: skip
_MANAGERS = (
    ("apt-get", "sudo apt-get install -y"),
    ("dnf", "sudo dnf install -y"),
    ("pacman", "sudo pacman -S --needed"),
    ("zypper", "sudo zypper install -y"),
)


def missing(
    *, display: bool, loads: Callable[[str], bool] | None = None, platform: str = sys.platform
) -> tuple[str, ...]:
    """Return the shared libraries that Qt needs and this Linux lacks.

    Parameters
    ----------
    display : bool
        A window will be shown, not only drawn into memory.
    loads : callable, str -> bool, optional
        Whether a library can be loaded.
    platform : str
        As ``sys.platform``; other systems bring what Qt needs.
    """
    if not platform.startswith("linux"):
        return ()
    works = _loads if loads is None else loads
    wanted = {**_NEEDED, **(_NEEDED_FOR_X11 if display else {})}
    return tuple(name for name in wanted if not works(name))


def command(names: tuple[str, ...], *, manager: str | None = None) -> str:
    """Return the one command that installs the packages of `names` on this system."""
    everything = {**_NEEDED, **_NEEDED_FOR_X11}
    for column, (program, start) in enumerate(_MANAGERS):
        if program == manager or (manager is None and shutil.which(program)):
            packages = sorted({everything[name][column] for name in names if name in everything})
            return f"{start} {' '.join(packages)}"
    return f"install with your package manager: {', '.join(names)}"


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True

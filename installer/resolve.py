"""DaVinci Resolve on this computer: where it is, which one, and where its scripts belong."""

from __future__ import annotations

import os
import plistlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from installer.places import PRODUCT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from installer.places import Places

__all__ = ["Found", "Tree", "find", "is_running", "trees"]

_TOLD = re.compile(r"DaVinci Resolve(?P<studio> Studio)?\s+(?P<version>\d{2}(\.\d+){1,2})")


@dataclass(frozen=True)
class Tree:
    """One ``Fusion`` folder from which a Resolve reads scripts.

    Parameters
    ----------
    fusion : Path
        The folder that holds ``Scripts``; need not exist yet.
    kind : str
        ``user``, ``system``, ``app store``, ``app store scripts`` or ``custom``.
    mailbox : Path
        Where this Resolve and the panel can both write.
    """

    fusion: Path
    kind: str
    mailbox: Path

    @property
    def whole(self) -> bool:
        """Whether effects and actions are read from here too, not only menu scripts."""
        return self.kind != "app store scripts"


@dataclass(frozen=True)
class Found:
    """What could be learned about Resolve without asking it.

    Parameters
    ----------
    program : Path or None
        Its program folder, None where it is not installed in a usual place.
    version, edition : str
        Empty where the files do not tell; the running Resolve does, through the link.
    """

    program: Path | None = None
    version: str = ""
    edition: str = ""

    def describe(self) -> str:
        """Return one line for the person."""
        if self.program is None:
            return "DaVinci Resolve was not found; clip files can be edited without it"
        name = " ".join(part for part in ("DaVinci Resolve", self.edition, self.version) if part)
        missing = "" if self.version else " (its version shows when it is connected)"
        return f"{name}{missing}"


def find(places: Places) -> Found:
    """Look for Resolve's program folder, version and edition."""
    if places.platform == "win32":
        return _find_windows(places)
    if places.platform == "darwin":
        return _find_mac(places)
    return _find_linux(places)


def trees(
    places: Places, *, custom: Sequence[Path] = (), all_users: bool = False
) -> tuple[Tree, ...]:
    """Return every place where the scripts belong.

    Parameters
    ----------
    places : Places
    custom : sequence of Path
        ``Fusion`` or ``Scripts`` folders that the person named; then only these.
    all_users : bool
        The folders of the whole computer instead of this person's; may need more rights.

    Returns
    -------
    tuple of Tree
        Empty where there is no sign of Resolve: nothing is written into thin air.
    """
    if custom:
        fusions = [path.parent if path.name == "Scripts" else path for path in custom]
        return tuple(Tree(path.absolute(), "custom", places.mailbox) for path in fusions)
    here = find(places).program is not None
    found: list[Tree] = []
    if places.platform == "win32":
        own, shared = places.roaming / PRODUCT, places.program_data / PRODUCT
        if all_users:
            found.append(Tree(shared / "Fusion", "system", places.mailbox))
        elif here or own.is_dir():
            found.append(Tree(own / "Support" / "Fusion", "user", places.mailbox))
    elif places.platform == "darwin":
        inside = Path("Library") / "Application Support"
        own = places.home / inside / PRODUCT
        if all_users:
            shared = places.system("/Library/Application Support") / PRODUCT
            found.append(Tree(shared / "Fusion", "system", places.mailbox))
        elif own.is_dir() or (here and not places.containers):
            found.append(Tree(own / "Fusion", "user", places.mailbox))
        for data in places.containers:
            box = data / inside / "FlowAnchor" / "mailbox"  # the sandbox sees nothing else
            found.append(Tree(data / inside / PRODUCT / "Fusion", "app store", box))
            found.append(Tree(data / inside / "Fusion", "app store scripts", box))
    else:
        own = places.home / ".local" / "share" / "DaVinciResolve"
        if all_users:
            shared = places.system("/home/resolve")
            shared = shared if shared.is_dir() else places.system("/opt/resolve")
            found.append(Tree(shared / "Fusion", "system", places.mailbox))
        elif here or own.is_dir():
            found.append(Tree(own / "Fusion", "user", places.mailbox))
    return tuple(found)


def _find_linux(places: Places) -> Found:
    for folder in (places.system("/opt/resolve"), places.system("/home/resolve")):
        if (folder / "bin" / "resolve").exists():
            texts = [folder / "docs" / "ReadMe.html", folder / "docs" / "ReadMe.txt"]
            own = places.home / ".local" / "share" / "DaVinciResolve" / "logs"
            logs = sorted(own.glob("*.txt")) + sorted(own.glob("*.log"))
            version, edition = _from_texts([*texts, *logs[:4]])
            return Found(folder, version, edition)
    return Found()


def _find_mac(places: Places) -> Found:
    applications = places.system("/Applications")
    for app in (
        applications / "DaVinci Resolve" / "DaVinci Resolve.app",
        applications / "DaVinci Resolve Studio.app",
        applications / "DaVinci Resolve.app",
    ):
        if not app.is_dir():
            continue
        try:
            with (app / "Contents" / "Info.plist").open("rb") as file:
                facts = plistlib.load(file)
        except (OSError, plistlib.InvalidFileException, ValueError):
            return Found(app)
        name = str(facts.get("CFBundleName", "")) + str(facts.get("CFBundleIdentifier", ""))
        edition = "Studio" if "Studio" in f"{name}{app.name}" else ""
        edition = "Free" if "Lite" in name else edition
        return Found(app, str(facts.get("CFBundleShortVersionString", "")), edition)
    return Found()


def _find_windows(places: Places) -> Found:
    programs = Path(places.env.get("PROGRAMFILES") or places.system(r"C:\Program Files"))
    folder = programs / PRODUCT
    if not (folder / "Resolve.exe").exists():
        return Found()
    version = _file_version(folder / "Resolve.exe")
    texts = sorted((places.program_data / PRODUCT / "Support").glob("*.txt"))[:4]
    told, edition = _from_texts(texts)
    return Found(folder, version or told, edition)


def _from_texts(paths: Sequence[Path]) -> tuple[str, str]:
    for path in paths:
        try:
            with path.open("rb") as file:
                text = file.read(65536).decode("utf-8", "replace")
        except OSError:
            continue
        if told := _TOLD.search(re.sub(r"<[^>]*>|&nbsp;", " ", text).replace("  ", " ")):
            return told["version"], "Studio" if told["studio"] else ""
    return "", ""


def _file_version(path: Path) -> str:
    if sys.platform != "win32":
        return ""
    import ctypes

    version = ctypes.windll.version
    length = version.GetFileVersionInfoSizeW(str(path), None)
    if not length:
        return ""
    data = ctypes.create_string_buffer(length)
    pointer, count = ctypes.c_void_p(), ctypes.c_uint()
    if not version.GetFileVersionInfoW(str(path), 0, length, data) or not version.VerQueryValueW(
        data, "\\", ctypes.byref(pointer), ctypes.byref(count)
    ):
        return ""
    words = ctypes.cast(pointer, ctypes.POINTER(ctypes.c_uint32))
    high, low = words[2], words[3]
    return f"{high >> 16}.{high & 0xFFFF}.{low >> 16}"


def is_running(platform: str = sys.platform) -> bool:
    """Return whether a Resolve runs on this computer now."""
    if platform.startswith("linux"):
        for entry in Path("/proc").glob("[0-9]*/exe"):
            try:
                if entry.readlink().as_posix().endswith("resolve/bin/resolve"):
                    return True
            except OSError:
                continue
        return False
    ask = (
        ["tasklist", "/FI", "IMAGENAME eq Resolve.exe", "/NH"]
        if platform == "win32"
        else ["ps", "-axo", "comm="]
    )
    try:
        done = subprocess.run(
            ask, capture_output=True, encoding="utf-8", errors="replace", timeout=10, check=False,
            stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    wanted = "Resolve.exe" if platform == "win32" else "MacOS/Resolve"
    return wanted in done.stdout

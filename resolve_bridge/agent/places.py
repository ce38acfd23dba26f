"""Where the mailbox and Fusion's preferences lie on each system."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from resolve_bridge.errors.link import MailboxError

_PRODUCT = Path("Blackmagic Design") / "DaVinci Resolve"


def mailbox_folders(
    env: Mapping[str, str] | None = None, platform: str = sys.platform
) -> tuple[Path, ...]:
    """Return the folders in which the agent looks for the panel, most likely first.

    Parameters
    ----------
    env : mapping, optional
        The process environment.
    platform : str
        As ``sys.platform``.

    Notes
    -----
    Resolve's Lua opens files through the ANSI code page on Windows, so a home with other letters
    moves the mailbox to the machine-wide data folder. The App Store edition sees only its own
    container, where its `HOME` points.
    """
    env = os.environ if env is None else env
    home = Path(env.get("HOME") or env.get("USERPROFILE") or Path.home())
    told = env.get("FLOWANCHOR_MAILBOX")
    found: list[Path] = [Path(told)] if told else []
    if platform == "win32":
        local = env.get("LOCALAPPDATA") or str(home / "AppData" / "Local")
        if local.isascii():
            found.append(Path(local) / "FlowAnchor" / "mailbox")
        shared = Path(env.get("PROGRAMDATA") or r"C:\ProgramData")
        found.append(shared / "FlowAnchor" / f"mailbox-{env.get('USERNAME', '')}")
    elif platform == "darwin":
        inside = Path("Library") / "Application Support" / "FlowAnchor" / "mailbox"
        found.append(home / inside)
        containers = home / "Library" / "Containers"
        found += [
            each / "Data" / inside
            for each in sorted(containers.glob("com.blackmagic-design.DaVinciResolve*"))
        ]
    else:
        told = env.get("XDG_DATA_HOME", "")
        # The specification: a half path is invalid. Resolve and panel start in different folders.
        data = Path(told) if told.startswith("/") else home / ".local" / "share"
        found.append(data / "FlowAnchor" / "mailbox")
    return tuple(found)


def preference_files(
    env: Mapping[str, str] | None = None, platform: str = sys.platform
) -> tuple[Path, ...]:
    """Return every ``Fusion.prefs`` that this user's Resolve may write."""
    env = os.environ if env is None else env
    home = Path(env.get("HOME") or env.get("USERPROFILE") or Path.home())
    if platform == "win32":
        roaming = Path(env.get("APPDATA") or home / "AppData" / "Roaming")
        roots = [roaming / _PRODUCT / "Support" / "Fusion"]
    elif platform == "darwin":
        inside = Path("Library") / "Application Support"
        roots = [home / inside / _PRODUCT / "Fusion"]
        for container in sorted(
            (home / "Library" / "Containers").glob("com.blackmagic-design.DaVinciResolve*")
        ):
            roots += [
                container / "Data" / inside / _PRODUCT / "Fusion",
                container / "Data" / inside / "Fusion",
            ]
    else:
        roots = [home / ".local" / "share" / "DaVinciResolve" / "Fusion"]
    return tuple(
        profile / "Fusion.prefs"
        for root in roots
        for profile in (sorted((root / "Profiles").glob("*")) or [root / "Profiles" / "Default"])
    )


def stamped(text: str, *, mailbox: Path, panel: Path | None = None) -> str:
    """Return the agent's text for one machine: where the mailbox is, and which panel to start.

    Raises
    ------
    ValueError
        A path that Lua's long brackets cannot hold.
    """
    for name, path in (("MAILBOX", mailbox), ("PANEL", panel)):
        if path is None:
            continue
        empty = f"local {name} = [==[]==]"
        written = f"{path}]==]"  # a path that ends like the bracket would close it early
        if empty not in text or written.index("]==]") != len(str(path)) or "\n" in str(path):
            raise ValueError(f"cannot write {name} into the agent")
        text = text.replace(empty, f"local {name} = [==[{path}]==]")
    return text


def private_folder(folder: Path) -> Path:
    """Create `folder` for this user alone and return it.

    Raises
    ------
    MailboxError
        It is a link, belongs to somebody else, or cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        facts = folder.lstat()
        ours = os.name != "posix" or facts.st_uid == os.getuid()
        if ours and os.name == "posix" and stat.S_IMODE(facts.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise MailboxError(
            folder=str(folder), reason=error.strerror or "it cannot be made", detail=repr(error)
        ) from error
    if not stat.S_ISDIR(facts.st_mode):
        raise MailboxError(folder=str(folder), reason="it is a link, not a folder")
    if not ours:
        raise MailboxError(folder=str(folder), reason="it belongs to another user")
    return folder

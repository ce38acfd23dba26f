"""Where the product, the mailbox and the system's menu lie on each system."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from installer.console import StepFailed

__all__ = ["PRODUCT", "Places"]

PRODUCT = Path("Blackmagic Design") / "DaVinci Resolve"
_ROOT = "FLOWANCHOR_SYSTEM_ROOT"  # stands before the system's own folders: a disk image, a test


@dataclass(frozen=True)
class Places:
    """The folders of one person on one computer.

    Parameters
    ----------
    platform : str
        As ``sys.platform``.
    env : mapping
        The process environment.
    """

    platform: str
    env: Mapping[str, str]

    @classmethod
    def here(cls) -> Places:
        """Return the places of this process."""
        return cls(platform=sys.platform, env=dict(os.environ))

    @property
    def home(self) -> Path:
        """The person's home."""
        told = self.env.get("HOME") or self.env.get("USERPROFILE")
        try:
            return Path(told) if told else Path.home()
        except RuntimeError as error:
            raise StepFailed(
                "Find the folders", "this user has no home folder, and HOME is not set",
                "Set HOME to a folder of yours and run this again.",
            ) from error  # fmt: skip

    @property
    def _share(self) -> Path:
        """Linux: where programs keep what belongs to this person."""
        return self._told_share or self.home / ".local" / "share"

    @property
    def _told_share(self) -> Path | None:
        told = self.env.get("XDG_DATA_HOME", "")
        # The specification: a half path is invalid. Resolve and panel start in different folders.
        return Path(told) if told.startswith("/") else None

    def system(self, path: str) -> Path:
        """Return a folder of the whole computer, below the override root if one is given."""
        root = self.env.get(_ROOT)
        return Path(root) / path.lstrip("/\\").replace(":", "") if root else Path(path)

    @property
    def roaming(self) -> Path:
        """Windows: ``%APPDATA%``."""
        return Path(self.env.get("APPDATA") or self.home / "AppData" / "Roaming")

    @property
    def program_data(self) -> Path:
        """Windows: ``%PROGRAMDATA%``."""
        given = self.env.get("PROGRAMDATA")
        return Path(given) if given else self.system(r"C:\ProgramData")

    @property
    def data(self) -> Path:
        """Where FlowAnchor keeps what belongs to this person."""
        if self.platform == "win32":
            local = self.env.get("LOCALAPPDATA") or str(self.home / "AppData" / "Local")
            return Path(local) / "FlowAnchor"
        if self.platform == "darwin":
            return self.home / "Library" / "Application Support" / "FlowAnchor"
        return self._share / "FlowAnchor"

    @property
    def folder(self) -> Path:
        """Where the product is installed unless told otherwise."""
        return self.data / "app"

    @property
    def models(self) -> Path:
        """Where downloaded models lie unless told otherwise."""
        given = self.env.get("FLOWANCHOR_MODELS")
        if given:
            return Path(given).expanduser()
        if self.platform == "darwin" and self._told_share is not None:
            return self._told_share / "FlowAnchor" / "models"  # the engine heeds it there too
        return self.data / "models"

    @property
    def caches(self) -> tuple[Path, ...]:
        """Where engine and panel keep what can be computed again, unless told otherwise."""
        own = self.env.get("FLOWANCHOR_CACHE")
        told = self.env.get("XDG_CACHE_HOME", "")
        if self.platform == "win32":
            local = Path(self.env.get("LOCALAPPDATA") or self.home / "AppData" / "Local")
            both = (local / "flowanchor" / "flowanchor" / "Cache", local / "FlowAnchor" / "Cache")
        elif self.platform == "darwin" and not told.startswith("/"):
            base = self.home / "Library" / "Caches"
            both = (base / "flowanchor", base / "FlowAnchor")
        else:
            base = Path(told) if told.startswith("/") else self.home / ".cache"
            both = (base / "flowanchor", base / "FlowAnchor")
        return (Path(own), both[1]) if own else both

    @property
    def mailbox(self) -> Path:
        """The folder through which panel and agent talk.

        Resolve's Lua opens files through the ANSI code page on Windows, so a home with other
        letters moves the mailbox to the machine-wide data folder.
        """
        told = self.env.get("FLOWANCHOR_MAILBOX")
        if told:
            return Path(told)
        if self.platform == "win32" and not str(self.data).isascii():
            return self.program_data / "FlowAnchor" / f"mailbox-{self.env.get('USERNAME', '')}"
        return self.data / "mailbox"

    @property
    def containers(self) -> tuple[Path, ...]:
        """The sandboxes of Resolve from the Mac App Store."""
        if self.platform != "darwin":
            return ()
        found = (self.home / "Library" / "Containers").glob("com.blackmagic-design.DaVinciResolve*")
        return tuple(sorted(each / "Data" for each in found))

    @property
    def menu_entry(self) -> Path:
        """What the person starts the panel from."""
        if self.platform == "win32":
            menu = self.roaming / "Microsoft" / "Windows" / "Start Menu" / "Programs"
            return menu / "FlowAnchor.lnk"
        if self.platform == "darwin":
            return self.home / "Applications" / "FlowAnchor.app"
        return self._share / "applications" / "flowanchor.desktop"

    @property
    def icon(self) -> Path:
        """Linux: the icon of the menu entry."""
        return self._share / "icons" / "hicolor" / "scalable" / "apps" / "flowanchor.svg"

"""Where the panel keeps what: lists, settings, pictures, logs, and the takes themselves."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

__all__ = ["HOME_VARIABLE", "Folders"]

HOME_VARIABLE: Final = "FLOWANCHOR_PANEL_HOME"
_NAME: Final = "FlowAnchor"


@dataclass(frozen=True)
class Folders:
    """All folders of one installation.

    Attributes
    ----------
    data : Path
        Lists of jobs and takes, settings, the instance lock.
    cache : Path
        Proxies and mattes for the viewer; may be deleted at any time.
    logs : Path
    takes : Path
        Where takes go unless the settings or the shot say otherwise.
    """

    data: Path
    cache: Path
    logs: Path
    takes: Path

    @classmethod
    def of_user(cls) -> Folders:
        """Return the folders of the person at work.

        `FLOWANCHOR_PANEL_HOME` puts all of them into one folder, for a portable panel. It is not
        the installation's folder (`FLOWANCHOR_HOME`): that one goes when the product goes.
        """
        home = os.environ.get(HOME_VARIABLE)
        if home:
            return cls.under(Path(home))
        return cls(
            data=platformdirs.user_data_path(_NAME, appauthor=False),
            cache=platformdirs.user_cache_path(_NAME, appauthor=False),
            logs=platformdirs.user_log_path(_NAME, appauthor=False),
            takes=platformdirs.user_videos_path() / _NAME,
        )

    @classmethod
    def under(cls, home: Path) -> Folders:
        """Return folders that all lie in `home`."""
        return cls(home / "data", home / "cache", home / "logs", home / "takes")

    @property
    def store(self) -> Path:
        """The list of jobs and takes."""
        return self.data / "panel.sqlite"

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.data / "settings.json"

    @property
    def proxies(self) -> Path:
        """8-bit pictures of shots and takes."""
        return self.cache / "proxies"

    @property
    def mattes(self) -> Path:
        """Mattes as the composite uses them, and those exported from Fusion."""
        return self.cache / "mattes"

    @property
    def host(self) -> Path:
        """The host child's own folder."""
        return self.data / "host"

    @property
    def renders(self) -> Path:
        """What Resolve rendered because a shot's file is not what its timeline shows."""
        return self.host / "renders"

    def make(self) -> None:
        """Make every folder.

        Raises
        ------
        OSError
            One cannot be made.
        """
        for folder in (self.data, self.logs, self.proxies, self.mattes, self.host):
            folder.mkdir(parents=True, exist_ok=True)

"""What the person asks of an installation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """The wishes of one command.

    Parameters
    ----------
    folder : Path
        Where the product goes.
    source : Path or None
        A checkout or wheel; None where the installer does not lie in one.
    wheels : Path or None
        Take every package from this folder, nothing from the network.
    tool : str
        ``auto``, ``uv`` or ``pip``.
    backend : str or None
        Build of torch; None chooses by the card.
    model : str
        ``auto``, ``none`` or an id.
    models_folder, import_models : Path or None
        Where models lie; a folder with model files to use.
    resolve, menu, try_edit : bool
        Put scripts into Resolve; make a menu entry; run the small edit.
    resolve_folders : tuple of Path
        ``Fusion`` or ``Scripts`` folders of Resolves in unusual places.
    all_users : bool
        Scripts for everybody on this computer.
    yes : bool
        Ask nothing.
    """

    folder: Path
    source: Path | None = None
    wheels: Path | None = None
    tool: str = "auto"
    backend: str | None = None
    model: str = "auto"
    models_folder: Path | None = None
    import_models: Path | None = None
    resolve: bool = True
    menu: bool = True
    try_edit: bool = True
    resolve_folders: tuple[Path, ...] = ()
    all_users: bool = False
    yes: bool = False

    def remembered(self) -> dict[str, Any]:
        """Return what later commands must know."""
        return {
            "resolve": self.resolve,
            "menu": self.menu,
            "resolve_folders": [str(each) for each in self.resolve_folders],
            "all_users": self.all_users,
            "models_folder": str(self.models_folder) if self.models_folder else None,
        }

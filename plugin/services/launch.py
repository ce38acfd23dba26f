"""What is started as a child, and in which surroundings: a command here, or one over ssh.

A panel that was started from Resolve's menu inherits Resolve's Python and library paths;
an engine that sees them loads the wrong libraries. They are dropped, and proxies are kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

__all__ = ["Launch", "cleaned_environment", "local_engine", "local_media", "remote_engine"]

_WORKER: Final = "flowanchor_engine.worker"
_DROPPED: Final = frozenset(
    {
        *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONPLATLIBDIR"),
        *("QT_PLUGIN_PATH", "QT_QPA_PLATFORM_PLUGIN_PATH", "QML_IMPORT_PATH"),
        *("QML2_IMPORT_PATH", "QT_QPA_FONTDIR", "QT_QPA_PLATFORMTHEME"),
    }
)
# A person's own entries stay: some systems need them to find the graphics driver.
_LIBRARY_PATHS: Final = frozenset(
    {
        *("LD_LIBRARY_PATH", "LD_PRELOAD"),
        *("DYLD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "DYLD_FRAMEWORK_PATH"),
    }
)
_HOST_WORDS: Final = ("resolve", "blackmagic", "fusion")


def cleaned_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the surroundings for a child.

    Parameters
    ----------
    environment : mapping
        Usually `os.environ`. Names are compared without case, as Windows does.
    """
    kept: dict[str, str] = {}
    for name, value in environment.items():
        plain = name.upper()
        if plain in _DROPPED:
            continue
        if plain in _LIBRARY_PATHS:
            value = os.pathsep.join(_foreign(value.split(os.pathsep)))
            if not value:
                continue
        kept[name] = value
    kept["PYTHONUTF8"] = "1"
    return kept


def _foreign(folders: Iterable[str]) -> list[str]:
    return [f for f in folders if f and not any(word in f.lower() for word in _HOST_WORDS)]


@dataclass(frozen=True)
class Launch:
    """A command to run as a child.

    Attributes
    ----------
    program : str
    arguments : tuple of str
    folder : Path
        The working directory.
    added : mapping of str to str
        Variables on top of the cleaned environment.
    remote : bool
        Whether the work happens on another computer.
    """

    program: str
    arguments: tuple[str, ...] = ()
    folder: Path = field(default_factory=lambda: _root())
    added: Mapping[str, str] = field(default_factory=dict)
    remote: bool = False

    def environment(self) -> dict[str, str]:
        """Return the child's whole environment."""
        return {**cleaned_environment(os.environ), **self.added}

    def with_variables(self, **variables: str) -> Self:
        """Return the same command with more variables."""
        return replace(self, added={**self.added, **variables})


def _root() -> Path:
    """Where the packages lie, so that a checkout that is not installed works too."""
    return Path(__file__).resolve().parents[2]


def local_engine(
    *, python: str | None = None, mock: str | None = None, idle_s: float | None = None
) -> Launch:
    """Return the engine on this computer.

    Parameters
    ----------
    python : str, optional
        The interpreter of the engine's environment; this one if left out.
    mock : str, optional
        Play this script (``-``: the built-in one) and load no model.
    idle_s : float, optional
        Free the model after so long without a job, if it is not told to before.
    """
    played = () if mock is None else ("--mock", mock)
    idle = () if idle_s is None else ("--idle-s", f"{idle_s:g}")
    return Launch(python or sys.executable, ("-m", _WORKER, *played, *idle))


def local_media(*, python: str | None = None) -> Launch:
    """Return the media end on this computer: pictures, mattes and models, no device lock."""
    return Launch(python or sys.executable, ("-m", _WORKER, "--media"))


def remote_engine(host: str, *, command: Sequence[str] = ("flowanchor-engine",)) -> Launch:
    """Return an engine on another computer, by ssh; it speaks the same lines.

    Clips, mattes and results need the same paths there.

    Raises
    ------
    ValueError
        `host` is no host name (it would be read as an option or as several words).
    """
    if not host or host.startswith("-") or any(c.isspace() or not c.isprintable() for c in host):
        raise ValueError(f"{host!r} is not the name of a computer")
    options = ("-T", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=15")
    return Launch("ssh", (*options, "--", host, *command, "--stdio"), remote=True)

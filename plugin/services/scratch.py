"""A child's own folder for temporary files, so that a killed one leaves nothing behind."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import psutil

__all__ = ["Scratch", "sweep"]

_log = logging.getLogger(__name__)
_PREFIX: Final = "flowanchor-panel-"


class Scratch:
    """A folder below the system's own; `clear` it after every end of the child."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def variables(self) -> dict[str, str]:
        """Make the folder and return what tells a child to use it."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        here = str(self._folder)
        return {"TMPDIR": here, "TEMP": here, "TMP": here}

    def clear(self) -> None:
        """Remove the folder with all that is in it."""
        folder, self._folder = self._folder, None
        if folder is not None:
            _remove(folder)


def sweep() -> tuple[Path, ...]:
    """Remove what panels that are gone left behind; call it under the panel's lock."""
    gone = []
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = path.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            _remove(path)
            gone.append(path)
    return tuple(gone)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        _log.warning("%s stays behind: %s", folder, error)

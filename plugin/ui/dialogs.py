"""The only modal boxes of the panel: choosing files and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Protocol

from PySide6.QtWidgets import QFileDialog, QWidget

from plugin.locale import tr

__all__ = ["CLIPS", "STILLS", "Ask", "FileDialogs", "is_clip"]

CLIPS: Final = ("mov", "mp4", "m4v", "mxf", "mkv", "avi", "webm")
STILLS: Final = ("png", "tif", "tiff", "exr", "dpx", "jpg", "jpeg")


def is_clip(path: str) -> bool:
    """Return whether a file looks like something that can be opened as a clip."""
    return Path(path).suffix.lower().lstrip(".") in (*CLIPS, *STILLS)


class Ask(Protocol):
    """Asks the person for a path; '' where the person thinks better of it."""

    def clip(self, start: str) -> str:
        """Choose a clip."""
        ...

    def matte(self, start: str) -> str:
        """Choose a matte: a clip, an image sequence or a still."""
        ...

    def folder(self, start: str) -> str:
        """Choose a folder."""
        ...

    def save(self, start: str) -> str:
        """Choose a file to write."""
        ...


class FileDialogs:
    """The system's own dialogs."""

    def __init__(self, owner: QWidget) -> None:
        self._owner = owner

    def _file(self, title: str, start: str, kinds: str) -> str:
        patterns = " ".join(f"*.{ending}" for ending in (*CLIPS, *STILLS))
        filters = f"{kinds} ({patterns});;{tr('dialog.all_files')} (*)"
        path, _ = QFileDialog.getOpenFileName(self._owner, title, start, filters)
        return path

    def clip(self, start: str) -> str:
        """Choose a clip."""
        return self._file(tr("dialog.open_clip"), start, tr("dialog.clips"))

    def matte(self, start: str) -> str:
        """Choose a matte: a clip, an image sequence or a still."""
        return self._file(tr("dialog.load_matte"), start, tr("dialog.mattes"))

    def folder(self, start: str) -> str:
        """Choose a folder."""
        return QFileDialog.getExistingDirectory(self._owner, tr("dialog.folder"), start)

    def save(self, start: str) -> str:
        """Choose a file to write."""
        path, _ = QFileDialog.getSaveFileName(self._owner, tr("dialog.save_take"), start)
        return path

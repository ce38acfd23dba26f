"""Photograph all states in one language at the scale of this process."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QEventLoop, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from plugin import theme
from plugin.gallery.stage import Stage
from plugin.gallery.states import STATES, State
from plugin.locale import set_language

if TYPE_CHECKING:
    from PySide6.QtGui import QPixmap

__all__ = ["photograph", "shoot"]

log = logging.getLogger(__name__)
SETTLE_MS = 220  # layouts, and the throttled highlighter of the texts


def settle(milliseconds: int = SETTLE_MS) -> None:
    """Let layouts and timers come to rest."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def photograph(state: State, folder: Path) -> QPixmap:
    """Return the picture of a state."""
    stage = Stage(folder, state.parts)
    try:
        widget: QWidget = state.bring(stage)
        if state.size is not None:
            widget.resize(*state.size)
        elif not widget.isWindow() or widget.windowTitle() == "":
            widget.adjustSize()
        widget.show()
        settle()
        return widget.grab()
    finally:
        stage.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def shoot(out: Path, language: str, only: str = "") -> int:
    """Write a PNG per state; returns 0."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    theme.apply(app)
    set_language(language)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for state in STATES:
            if state.name.startswith(only):
                photograph(state, Path(folder)).save(str(out / f"{state.name}.png"))
    return 0

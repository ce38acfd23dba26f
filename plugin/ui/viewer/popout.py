"""The viewer in its own window: the same core, so the same frame, mode and zoom."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.state.keys import Keymap
from plugin.theme import metrics
from plugin.ui.base import follow
from plugin.ui.viewer.core import Core
from plugin.ui.viewer.viewer import Viewer

__all__ = ["PopOut"]


class PopOut(QWidget):
    """Opens and closes with `ViewerState.popped_out`; F11 fills the screen, Esc goes back."""

    def __init__(self, core: Core, *, keymap: Keymap | None = None) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.core = core
        self.setWindowTitle(tr("viewer.window"))
        self.viewer = Viewer(core, keymap=keymap, parent=self)
        column = QVBoxLayout(self)
        margin = metrics().gap
        column.setContentsMargins(margin, margin, margin, margin)
        column.addWidget(self.viewer)
        self.setFocusProxy(self.viewer)
        follow(self, core.state.popped_out, self._on_popped)

    def _on_popped(self, out: bool) -> None:
        if out and not self.isVisible():
            self._place()
            self.show()
            self.raise_()
            self.activateWindow()
            self.viewer.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        elif not out and self.isVisible():
            self.hide()

    def _place(self) -> None:
        """Open at the clip's own size, or what the screen has room for."""
        if self.testAttribute(Qt.WidgetAttribute.WA_Resized):
            return  # where the person left it
        shot = self.core.book.shot.value
        width, height = shot.size if shot is not None else (1280, 720)
        room = self.screen().availableSize() * 0.9
        around = self.sizeHint() - self.viewer.canvas.sizeHint()
        ratio = self.devicePixelRatioF()
        wanted = QSize(round(width / ratio), round(height / ratio)) + around
        self.resize(wanted.boundedTo(room).expandedTo(self.minimumSizeHint()))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F11:
            if self.isFullScreen():
                self.showNormal()
            else:
                self.showFullScreen()
        elif event.key() == Qt.Key.Key_Escape:
            if self.isFullScreen():
                self.showNormal()
            else:
                self.core.state.popped_out.set(False)
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        self.core.state.popped_out.set(False)
        event.accept()

"""What all windows share: title, margins, Esc closes, never larger than the screen."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from plugin.theme import metrics
from plugin.ui.taborder import chain_tabs

__all__ = ["Window", "scrolled"]


class Window(QWidget):
    """A window of its own that blocks nothing."""

    def __init__(self, title: str, owner: QWidget, *, size: tuple[int, int] = (460, 520)) -> None:
        super().__init__(owner, Qt.WindowType.Window)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._wanted = size
        space = metrics()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(space.margin, space.margin, space.margin, space.margin)
        self.column.setSpacing(space.space(2))

    @override
    def sizeHint(self) -> QSize:
        wanted = QSize(metrics().px(self._wanted[0]), metrics().px(self._wanted[1]))
        return wanted.boundedTo(self.screen().availableSize() * 0.9)

    def present(self) -> None:
        """Show the window before all others."""
        if not self.isVisible():
            self.resize(self.sizeHint().expandedTo(self.minimumSizeHint()))
        self.show()
        self.raise_()
        self.activateWindow()

    @override
    def focusNextPrevChild(self, next: bool) -> bool:
        chain_tabs(self)
        return super().focusNextPrevChild(next)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)


def scrolled(page: QWidget) -> QScrollArea:
    """Return a page that scrolls where it is higher than its place."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    page.setProperty("role", "page")
    area.setWidget(page)
    return area

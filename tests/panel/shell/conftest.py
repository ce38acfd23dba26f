"""A panel on mock data, with every service action noted instead of done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from plugin.gallery.stage import Stage
from plugin.ui.panel import Panel


class Answers:
    """Answers for the file dialogs, and which of them were asked."""

    def __init__(self) -> None:
        self.path = ""
        self.asked: list[str] = []

    def clip(self, start: str) -> str:
        self.asked.append("clip")
        return self.path

    def matte(self, start: str) -> str:
        self.asked.append("matte")
        return self.path

    def folder(self, start: str) -> str:
        self.asked.append("folder")
        return self.path

    def save(self, start: str) -> str:
        self.asked.append("save")
        return self.path


class TestStage(Stage):
    """A stage whose dialogs are answered by the test."""

    __test__ = False

    def __init__(self, folder: Path, parts: dict[str, bool]) -> None:
        super().__init__(folder, parts)
        self.answers = Answers()

    @property
    def panel(self) -> Panel:
        if self._panel is None:
            self._panel = Panel(
                self.model, self.actions, self.desk, self.book, ask=lambda _: self.answers
            )
        return self._panel

    def show(self, width: int = 420, height: int = 1360) -> Panel:
        """Show the panel at a size, with its layout at rest."""
        self.panel.resize(width, height)
        self.panel.show()
        for _ in range(6):
            QApplication.processEvents()
        return self.panel

    @property
    def names(self) -> list[str]:
        """Service actions that were asked for."""
        return [name for name, _ in self.ran]


@pytest.fixture
def stages(qapp: QApplication, tmp_path: Path) -> Iterator[Callable[..., TestStage]]:
    made: list[TestStage] = []

    def make(**parts: bool) -> TestStage:
        stage = TestStage(tmp_path, parts)
        made.append(stage)
        return stage

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(stages: Callable[..., TestStage]) -> TestStage:
    return stages()


def texts(widget: QWidget) -> list[str]:
    """Return everything that is written in a widget and can be seen."""
    from PySide6.QtWidgets import QAbstractButton, QLabel

    found = [w for w in widget.findChildren(QLabel) if w.isVisibleTo(widget)]
    pressed = [w for w in widget.findChildren(QAbstractButton) if w.isVisibleTo(widget)]
    return [w.text() for w in (*found, *pressed) if w.text()]


def tab_round(window: QWidget) -> list[QWidget]:
    """Return the widgets that Tab visits from the first to the last, pressed one by one."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from plugin.ui.taborder import reading_order

    reading_order(window)[0].setFocus()
    visited: list[QWidget] = []
    while (focus := window.focusWidget()) is not None and focus not in visited:
        visited.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    return visited


def check_reading_order(window: QWidget, *, but: tuple[str, ...] = ()) -> list[QWidget]:
    """Check that Tab reaches named controls only, each below or right of the one before."""
    from itertools import pairwise

    visited = tab_round(window)
    assert visited
    for widget in visited:
        assert widget.accessibleName(), f"{widget!r} has no name"
    from PySide6.QtWidgets import QScrollArea

    def scroll_of(widget: QWidget) -> QWidget:
        each = widget.parentWidget()
        while each is not None and not isinstance(each, QScrollArea):
            each = each.parentWidget()
        return each or window

    for first, second in pairwise(visited):
        if {first.accessibleName(), second.accessibleName()} & set(but):
            continue
        if scroll_of(first) is not scroll_of(second):  # what scrolls is read as a whole
            continue
        a, b = (w.mapTo(window, w.rect().center()) for w in (first, second))
        same_line = abs(a.y() - b.y()) < (first.height() + second.height()) / 4
        right = b.x() > a.x() if same_line else b.y() > a.y()
        assert right, f"Tab goes from {first.accessibleName()} to {second.accessibleName()}"
    return visited

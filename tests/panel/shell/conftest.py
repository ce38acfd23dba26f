"""A panel on mock data, with every service action noted instead of done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from plugin.gallery.states import Stage
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

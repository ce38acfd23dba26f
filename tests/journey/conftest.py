"""Journeys end as panel tests do: no process, timer or temporary file may be left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from plugin import locale
from plugin.app import Application
from plugin.control.folders import Folders
from tests.journey.desk import Desk, Journey, NoDialogs, private
from tests.panel.conftest import _nothing_dangles, _strict_words, qapp  # noqa: F401


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Folders of an installation that nobody has used yet."""
    for name, value in private(tmp_path).items():
        monkeypatch.setenv(name, value)
    made = Folders.under(tmp_path / "panel")
    made.make()
    return made


@pytest.fixture
def sit_down(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Return ``sit_down(edition, version)``: a Resolve with its agent running."""
    made: list[Desk] = []

    def start(edition: str = "free", version: str = "21.1") -> Desk:
        desk = Desk(tmp_path, edition, version)
        made.append(desk)
        desk.open_resolve()
        desk.click()
        return desk

    yield start
    for desk in made:
        desk.close()


@pytest.fixture
def open_panel(
    qapp: QApplication,  # noqa: F811
    qtbot: Any,
    folders: Folders,
    sit_down: Callable[..., Desk],
) -> Iterator[Callable[[Desk], Journey]]:
    """Return ``open_panel(desk)``; whatever runs is ended after the test."""
    running: list[Application] = []

    def start(desk: Desk) -> Journey:
        application = Application(folders, desk.launches(folders), language="en", ask=NoDialogs)
        running.append(application)
        application.show()
        here = Journey(application, desk, qtbot)
        here.until(lambda: application.started)
        here.until(lambda: here.model.engine.value.phase == "ready", seconds=120)
        application.panel.show_work()  # a start for the first time ends with another page
        here.until(lambda: len(here.model.models))
        return here

    yield start
    for application in running:
        if not application.closed:
            application.close()
    locale.set_language("en")

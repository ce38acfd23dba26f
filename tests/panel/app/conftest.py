"""A running panel with real children, in folders of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from plugin import locale
from plugin.app import Application
from plugin.control.folders import Folders
from plugin.control.suite import Launches
from plugin.services.launch import Launch
from tests.doubles.gate import Gate
from tests.journey.desk import Desk

FIRST = Path(__file__).resolve().parents[3] / "plugin" / "data"


class Asked:
    """Answers the file dialogs: takes are saved into a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.saved: list[str] = []

    def __call__(self, owner: QWidget) -> Asked:
        return self

    def clip(self, start: str) -> str:
        return ""

    def matte(self, start: str) -> str:
        return ""

    def folder(self, start: str) -> str:
        return ""

    def save(self, start: str) -> str:
        self.saved.append(str(self.home / Path(start).name))
        return self.saved[-1]


class Running:
    """An application under test and the waiting that its tests need."""

    def __init__(self, application: Application, qtbot: Any, asked: list[str]) -> None:
        self.application = application
        self.asked = asked
        self.suite = application.suite
        self.panel = application.panel
        self.model = application.suite.model
        self._qtbot = qtbot

    def until(self, condition: Callable[[], object], *, seconds: float = 60) -> None:
        """Run the event loop until something is true; else say what the panel says."""

        def told() -> None:
            assert condition(), (
                self.model.messages.current.value,
                self.model.why_not.value,
                self.model.engine.value,
                [(j.state, j.phase, j.done, j.total, j.attempts) for j in self.model.queue.jobs],
                self.suite.engine.last_lines[-12:],
            )

        self._qtbot.waitUntil(told, timeout=int(seconds * 1000))

    def said(self) -> str:
        """Return the key of what the panel says."""
        message = self.model.messages.current.value
        return message.key if message is not None else ""

    def open(self, path: Path) -> None:
        """Open a clip and wait for all its pictures."""
        from plugin.ui.actions import Target

        self.suite.actions.run("open_file", Target(path=str(path)))
        self.until(lambda: self.model.shot.shot.value and self.suite.book.shot.value)
        shot = self.model.shot.shot.value
        assert shot is not None
        self.until(lambda: self.suite.book.ready.value == shot.frames)

    def write(self, now: str, wanted: str) -> None:
        """Fill in both texts and wait for the engine's reading of them."""
        self.model.prompts.now.set(now)
        self.model.prompts.wanted.set(wanted)
        self.until(lambda: self.model.prompts.verdict.value is not None)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Folders of an installation that nobody has used yet."""
    for name, folder in (
        ("FLOWANCHOR_CACHE", "engine-cache"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_DATA_HOME", "share"),
    ):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("FLOWANCHOR_TIMINGS", str(tmp_path / "timings.json"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    made = Folders.under(tmp_path / "panel")
    made.make()
    return made


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The bundled shot in a folder of the person's own."""
    return Path(shutil.copytree(FIRST, tmp_path / "rushes"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A Resolve with its agent running, for `Running` panels whose host child looks at it."""
    made = Desk(tmp_path, "free", "21.1")
    made.open_resolve()
    made.click()
    yield made
    made.close()


@pytest.fixture
def launch(qapp: QApplication, qtbot: Any, folders: Folders) -> Iterator[Callable[..., Running]]:
    """Start panels; whatever runs is ended after the test."""
    running: list[Application] = []

    def start(
        *,
        mock: str | None = None,
        host: Launch | None = None,
        gate: Gate | None = None,
        ready: bool = True,
        **options: Any,
    ) -> Running:
        launches = Launches.usual(folders, mock=mock)
        if gate is not None:
            engine = launches.engine.with_variables(**gate.variables)
            launches = replace(launches, engine=engine)
        if host is not None:
            launches = replace(launches, host=host)
        ask = Asked(folders.data.parent)
        application = Application(folders, launches, language="en", ask=ask, **options)
        running.append(application)
        application.show()
        here = Running(application, qtbot, ask.saved)
        here.until(lambda: application.started)
        if ready:
            here.until(lambda: here.model.engine.value.phase == "ready")
            here.until(lambda: len(here.model.models))
        application.panel.show_work()  # the first run's page comes after the first paint
        return here

    yield start
    for application in running:
        if not application.closed:
            application.close()
    locale.set_language("en")
    assert os.environ["QT_QPA_PLATFORM"] == "offscreen"

"""Settings that reach beyond the panel: its language and look, and where the engine looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin import locale
from plugin.control.folders import Folders
from plugin.control.suite import Launches
from plugin.services.settings import Settings
from plugin.theme import metrics
from plugin.ui.panel import Panel
from tests.panel.app.conftest import Running

Start = Callable[..., Running]


def menu_of(panel: Panel) -> list[str]:
    """What the menu of the wanted text offers, less the keys."""
    menu = panel.prompts.wanted.createStandardContextMenu()
    texts = [action.text().partition("\t")[0] for action in menu.actions()]
    menu.deleteLater()
    return texts


@pytest.mark.slow
def test_language_and_size_of_text_change_while_it_runs(
    launch: Start, qtbot: Any, first: Path
) -> None:
    here = launch(mock="-")
    here.open(first / "first.mp4")
    here.write("a cyan ball", "a pink ball")
    before = here.application.panel
    listeners = len(here.model.shot.shot.changed)
    here.suite.desk.change(language="de", text_px=16)
    here.until(lambda: here.application.panel is not before)
    after = here.application.panel
    assert locale.language() == "de"
    assert after.act.edit.text() == "Umsetzen"
    assert "&Kopieren" in menu_of(after), "Qt's own words too"
    assert metrics().px(10) > 10
    assert here.model.prompts.wanted.value == "a pink ball"
    assert after.prompts.wanted.toPlainText() == "a pink ball"
    qtbot.wait(50)
    assert len(here.model.shot.shot.changed) == listeners, "the old window listens no more"
    here.suite.actions.run("make_edit")  # the buttons' functions belong to the new window
    here.suite.desk.change(language="en", text_px=12)
    here.until(lambda: here.application.panel is not after)
    assert here.application.panel.act.edit.text() == "Make the edit"
    assert "&Copy" in menu_of(here.application.panel)


def test_folders_and_a_remote_engine_reach_the_children(tmp_path: Path) -> None:
    folders = Folders.under(tmp_path)
    plain = Launches.usual(folders)
    assert "FLOWANCHOR_MODELS" not in plain.engine.added
    wished = Settings(models_folder="/models", cache_folder="/cache")
    both = Launches.usual(folders, wished)
    for launch in (both.engine, both.media):
        assert launch.environment()["FLOWANCHOR_MODELS"] == "/models"
        assert launch.environment()["FLOWANCHOR_CACHE"] == "/cache"
    remote = Launches.usual(folders, Settings(remote_engine="gpubox"))
    assert remote.engine.remote
    assert not remote.media.remote


@pytest.mark.slow
def test_another_models_folder_is_taken_at_once(launch: Start, tmp_path: Path) -> None:
    here = launch()
    pid = here.suite.engine.pid
    here.suite._own = True  # as an installed panel, which chooses its own children
    here.suite.desk.change(models_folder=str(tmp_path / "elsewhere"))
    here.until(lambda: here.suite.engine.pid not in (0, pid))
    here.until(lambda: here.model.engine.value.phase == "ready")
    here.until(lambda: len(here.model.models))


@pytest.mark.slow
def test_lists_on_a_network_drive_are_said(launch: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.services.places.on_network", lambda folder: True)
    here = launch(mock="-")
    assert "network drive" in here.panel.message.text.text()

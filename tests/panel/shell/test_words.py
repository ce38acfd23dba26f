"""In another language nothing is said in English that has words of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from plugin.gallery import mock
from plugin.locale import load
from plugin.state.links import EngineState
from plugin.ui.desk import Download, WiringLine
from plugin.ui.parts import error_words
from plugin.ui.phrases import tags
from plugin.ui.windows.models import download_words
from plugin.ui.windows.wiring import WiringView
from tests.panel.shell.conftest import TestStage

Speak = Callable[[str], None]
ENGLISH = "The disk D: is full (4 GB needed)."


def test_the_engines_own_words_are_for_those_who_speak_english(speak: Speak) -> None:
    failed = Download("m", "failed", code="disk", sentence=ENGLISH)
    for language, said in (("en", ENGLISH), ("de", load("de").texts["error.disk"])):
        speak(language)
        assert error_words("disk", ENGLISH) == said
        assert download_words(failed) == said
    assert error_words("of_a_newer_engine", ENGLISH) == load("de").texts["error.internal"]


def test_a_step_of_the_wiring_test_that_failed(stage: TestStage, speak: Speak) -> None:
    speak("de")
    view = WiringView(stage.desk)
    stage.desk.wiring.set(
        (
            WiringLine("engine", "ok", "0.1.0, RTX 4090", 0.6),
            WiringLine("edit", "fail", ENGLISH, 0.2, "disk"),
            WiringLine("place", "fail", "30 s", 30.0, "time_out"),
        )
    )
    first, second, third = (row.text.text().splitlines()[-1] for row in view.rows())
    assert (first, third) == ("0.1.0, RTX 4090", "30 s")
    assert second == load("de").texts["error.disk"]
    view.deleteLater()


def test_the_state_of_the_engine_and_the_first_edit(stage: TestStage, speak: Speak) -> None:
    speak("de")
    said = load("de").texts
    stage.model.engine.set(EngineState("crashed", code="driver", sentence="The driver stopped."))
    stage.desk.tried.set(Download("m", "failed", code="ram", sentence="Out of memory."))
    panel = stage.show()
    panel.windows.open("log")
    panel.show_first_run()
    labels = [
        label for each in QApplication.topLevelWidgets() for label in each.findChildren(QLabel)
    ]
    shown = {line for label in labels for line in label.text().splitlines()}
    assert said["error.driver"] in shown
    assert said["error.ram"] in shown
    assert not {"The driver stopped.", "Out of memory."} & shown


@pytest.mark.parametrize(
    ("told", "german"),
    [
        ("Rec.709 limited", "Rec.709 begrenzt"),
        ("Rec.2020 full, PQ", "Rec.2020 voll, PQ"),
        ("RGB, scene-linear", "RGB, szenenlinear"),
        ("grey", "Grau"),
        ("Fullerton Log", "Fullerton Log"),
    ],
)
def test_colour_tags(told: str, german: str, speak: Speak, stage: TestStage) -> None:
    assert tags(told) == told
    speak("de")
    assert tags(told) == german
    stage.model.open_shot(mock.shot(id="b", tags=told))
    assert german.replace(" ", "\N{NO-BREAK SPACE}") in stage.show().shot.facts.text()

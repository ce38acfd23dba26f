"""A card that another program fills: what the panel says and what its two buttons do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton

from plugin.ui.parts import sentence_of
from tests.panel.app.conftest import Running

CARD = {"need_mb": 9000, "total_mb": 12288, "program": "Resolve"}


def script(folder: Path, *free_mb: int, **card: Any) -> str:
    path = folder / "script.json"
    acts = [{"busy": {**CARD, **card, "free_mb": list(free_mb)}}, {"wait_s": 0.2}, {"result": {}}]
    path.write_text(json.dumps({"run": acts}))
    return str(path)


def begin(here: Running, first: Path) -> None:
    """Ask for an edit and wait until the card is found full."""
    here.open(first / "first.mp4")
    here.model.matte.use_whole()
    here.write("a cyan ball", "a pink ball")
    here.until(lambda: here.model.can_run.value)
    here.panel.act.edit.click()
    here.until(lambda: here.model.messages.current.value is not None)


def press(here: Running, label: str) -> None:
    """Press the button of the message line that says so."""
    strip = here.panel.message

    def found() -> list[QAbstractButton]:
        seen = [each for each in strip.findChildren(QAbstractButton) if each.isVisible()]
        return [each for each in seen if each.text() == label]

    here.until(found)
    found()[0].click()


def test_the_panel_waits_until_the_card_is_free(
    launch: Callable[..., Running], tmp_path: Path, first: Path, speak: Callable[[str], None]
) -> None:
    here = launch(mock=script(tmp_path, 1000, 2000, 11000))
    here.suite.engine.room._pause.setInterval(200)
    begin(here, first)
    message = here.model.messages.current.value
    assert message is not None
    assert [button.action for button in message.buttons] == ["wait_free", "try_anyway"]
    assert sentence_of(message) == "Resolve is using 11.0 GB of this card."
    press(here, "Wait until free")
    assert here.model.messages.current.value is None
    job = here.model.queue.jobs[0]
    assert (job.state, job.note) == ("waiting", "say.queue.card_taken")
    here.until(lambda: here.model.queue.jobs[0].state == "done")
    speak("de")
    assert sentence_of(message) == "Resolve belegt 11,0 GB dieser Grafikkarte."


@pytest.mark.parametrize("program", ["Resolve", ""])
def test_the_edit_is_tried_anyway(
    launch: Callable[..., Running],
    tmp_path: Path,
    first: Path,
    speak: Callable[[str], None],
    program: str,
) -> None:
    here = launch(mock=script(tmp_path, 1000, program=program))
    begin(here, first)
    message = here.model.messages.current.value
    assert message is not None
    press(here, "Try anyway")
    here.until(lambda: here.model.queue.jobs[0].state == "done")
    assert len(here.model.takes.all) == 1
    speak("de")
    who = program or "Ein anderes Programm"
    assert sentence_of(message) == f"{who} belegt 11,0 GB dieser Grafikkarte."


@pytest.mark.parametrize(
    ("code", "german"),
    [
        (
            "vram",
            "Der Grafikspeicher reicht nicht aus: etwa 11,8 GB werden gebraucht, 9,6 GB waren ",
        ),
        (
            "ram",
            "Der Arbeitsspeicher reicht nicht aus: etwa 11,8 GB werden gebraucht, 9,6 GB waren ",
        ),
    ],
)
def test_too_little_memory_is_said_with_its_numbers(
    launch: Callable[..., Running],
    tmp_path: Path,
    first: Path,
    speak: Callable[[str], None],
    code: str,
    german: str,
) -> None:
    path = tmp_path / "script.json"
    words = "About 11.8 GB are needed and 9.6 GB were free."
    end = {"type": "error", "code": code, "user_message": words, "hint": ["save_memory"]}
    values = {"need_mb": 12083, "free_mb": 9830}
    path.write_text(json.dumps({"run": [{"event": {**end, "values": values}}]}))
    here = launch(mock=str(path))
    begin(here, first)
    message = here.model.messages.current.value
    assert message is not None
    assert sentence_of(message) == words
    speak("de")
    assert sentence_of(message) == f"{german}frei."

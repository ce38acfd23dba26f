"""'Test the wiring' tells the truth about every step and leaves nothing behind."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from flowanchor_engine.request import EditRequest
from plugin.services.launch import Launch
from plugin.services.wiring import OnError, WiringTest
from tests.panel.services.actors import program
from tests.panel.services.stage import played


class Timeline:
    """A host that can fail at a step."""

    def __init__(self, fails: str = "", *, mute: str = "") -> None:
        self.fails = fails
        self.mute = mute
        self.calls: list[str] = []
        self.placed: list[bytes] = []

    def _do(self, name: str, on_done: Callable[[], object], on_error: OnError) -> None:
        self.calls.append(name)
        if self.mute == name:
            return
        if self.fails == name:
            on_error("place_unconfirmed", "Not confirmed.", ("try_again",))
        else:
            on_done()

    def read(self, on_done: Callable[[], object], on_error: OnError) -> None:
        self._do("read", on_done, on_error)

    def place(
        self, file: Path, request: EditRequest, on_done: Callable[[], object], on_error: OnError
    ) -> None:
        self.placed.append(file.read_bytes())
        self._do("place", on_done, on_error)

    def undo(self, on_done: Callable[[], object], on_error: OnError) -> None:
        self.placed.pop()
        self._do("undo", on_done, on_error)


def run(
    qtbot: QtBot, folder: Path, made: list[WiringTest] | None = None, **given: Any
) -> WiringTest:
    clip = folder / "clip.mov"
    clip.write_bytes(b"pictures" * 1000)
    before = set(Path(tempfile.gettempdir()).iterdir())
    test = WiringTest(clip, **given)
    if made is not None:
        made.append(test)
    test.start()
    qtbot.waitUntil(lambda: test.passed.value is not None, timeout=60_000)
    assert set(Path(tempfile.gettempdir()).iterdir()) == before
    assert clip.read_bytes() == b"pictures" * 1000
    return test


def told(test: WiringTest) -> list[tuple[str, str]]:
    assert all(step.seconds is not None and step.seconds >= 0 for step in test.steps)
    return [(step.name, step.verdict) for step in test.steps]


def test_file_to_file(qtbot: QtBot, tmp_path: Path) -> None:
    test = run(qtbot, tmp_path)
    assert told(test) == [("engine", "ok"), ("edit", "ok"), ("write", "ok")]
    assert test.passed.value is True
    assert "mock" in test.steps[0].detail


def test_with_a_host_it_places_and_takes_back(qtbot: QtBot, tmp_path: Path) -> None:
    host = Timeline()
    test = run(qtbot, tmp_path, host=host)
    assert [name for name, verdict in told(test) if verdict == "ok"] == [
        *("engine", "read", "edit", "write", "place", "undo")
    ]
    assert test.passed.value is True
    assert host.calls == ["read", "place", "undo"]
    assert host.placed == []


@pytest.mark.parametrize(
    ("fails", "steps"),
    [
        ("read", ["engine", "read"]),
        ("place", ["engine", "read", "edit", "write", "place", "undo"]),
        ("undo", ["engine", "read", "edit", "write", "place", "undo"]),
    ],
)
def test_a_host_that_fails_is_named(
    qtbot: QtBot, tmp_path: Path, fails: str, steps: list[str]
) -> None:
    test = run(qtbot, tmp_path, host=Timeline(fails))
    assert [step.name for step in test.steps] == steps
    assert test.passed.value is False
    (failed,) = (step for step in test.steps if step.verdict == "fail")
    assert (failed.name, failed.code, failed.detail) == (
        *(fails, "place_unconfirmed"),
        "Not confirmed.",
    )


def test_a_host_that_does_not_answer(qtbot: QtBot, tmp_path: Path) -> None:
    class Mute(Timeline):
        def read(self, on_done: Callable[[], object], on_error: OnError) -> None:
            super().read(on_done, on_error)
            made[0]._limit.start(300)  # of this step alone: engines may take their time

    made: list[WiringTest] = []
    test = run(qtbot, tmp_path, host=Mute(mute="read"), made=made)
    assert told(test)[-1] == ("read", "fail")
    assert test.steps[-1].code == "time_out"


@pytest.mark.parametrize(
    ("script", "step", "code"),
    [
        ([{"event": {"type": "error", "code": "vram", "user_message": "x"}}], "edit", "vram"),
        ([{"exit": 137}], "edit", "ram"),
        ([{"result": {"sha256": "0" * 64}}], "write", "output"),
    ],
)
def test_an_engine_that_fails_is_named(
    qtbot: QtBot, tmp_path: Path, script: list[dict[str, Any]], step: str, code: str
) -> None:
    test = run(qtbot, tmp_path, launch=played(tmp_path, script))
    assert test.passed.value is False
    assert (test.steps[-1].name, test.steps[-1].verdict, test.steps[-1].code) == (
        step,
        "fail",
        code,
    )


@pytest.mark.parametrize(
    ("launch", "code"),
    [
        (Launch("/nowhere/python"), "engine_missing"),
        (program("hear(); say({**greeting, 'protocol': 2}); stay()", greet=False), "version"),
    ],
)
def test_an_engine_that_cannot_start_is_named(
    qtbot: QtBot, tmp_path: Path, launch: Launch, code: str
) -> None:
    test = run(qtbot, tmp_path, launch=launch)
    assert told(test) == [("engine", "fail")]
    assert test.steps[0].code == code


def test_closed_in_the_middle(qtbot: QtBot, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mov"
    clip.write_bytes(b"pictures")
    test = WiringTest(clip, launch=played(tmp_path, [{"wait_s": 60}]))
    test.start()
    qtbot.waitUntil(lambda: len(test.steps) == 2, timeout=60_000)
    test.close()
    assert test.passed.value is None
    assert list(Path(tempfile.gettempdir()).iterdir()) == []

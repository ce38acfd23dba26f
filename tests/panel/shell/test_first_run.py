"""The first run: every step says what it knows, can be left, and can be done again."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from plugin.gallery import mock
from plugin.gallery.windows import CHECKS, WIRING
from plugin.state.links import EngineState
from plugin.ui.desk import CheckLine, Download
from plugin.ui.firstrun import STEPS, FirstRun
from plugin.ui.firstrun.choice import fitting
from tests.panel.shell.conftest import TestStage, check_reading_order


@pytest.fixture
def run(stage: TestStage) -> FirstRun:
    stage.desk.free_bytes.set(120_000_000_000)
    panel = stage.show()
    panel.show_first_run()
    return panel.first_run


def step(run: FirstRun, name: str) -> Any:
    run.show_step(name)
    QApplication.processEvents()
    return run.steps[name]


def test_three_clicks_lead_through_and_back(run: FirstRun) -> None:
    assert run.step == "hello"
    assert not run.back.isVisible()
    run.next.click()
    run.next.click()
    assert run.step == "choose"
    run.back.click()
    assert run.step == "check"
    assert run.back.isVisible()


def test_hello_promises_what_holds(run: FirstRun) -> None:
    said = " ".join(label.text() for label in run.steps["hello"].findChildren(type(run.heading)))
    assert "Nothing is uploaded. No account. No telemetry." in said


def test_check_looks_by_itself_once_and_again_when_asked(stage: TestStage, run: FirstRun) -> None:
    check = step(run, "check")
    assert stage.names == ["check_system"]
    stage.desk.checked.set(CHECKS)
    assert [row.verdict for row in check.rows()] == ["ok", "ok", "warn", "fail", "running"]
    assert not run.next.isEnabled()
    stage.desk.checked.set(CHECKS[:-1])
    assert run.next.isEnabled()
    step(run, "check")
    assert stage.names == ["check_system"]
    check.again.click()
    assert stage.names == ["check_system", "check_system"]


def test_a_check_line_offers_what_helps(stage: TestStage, run: FirstRun) -> None:
    check = step(run, "check")
    stage.desk.checked.set(CHECKS)
    stage.answers.path = "/big/disk"
    check.findChild(object, "action:other_folder").click()
    assert stage.desk.settings.value.takes_folder == "/big/disk"


def test_without_resolve_one_goes_on(stage: TestStage, run: FirstRun) -> None:
    step(run, "check")
    stage.desk.checked.set((CheckLine("host", "warn", "check.host.none"),))
    assert run.next.isEnabled()


@pytest.mark.parametrize(
    ("memory_mb", "best"), [(0, "demo"), (8192, "wan2.1-1.3b"), (24_564, "wan2.1-14b")]
)
def test_the_fitting_model_is_the_largest_the_card_holds(memory_mb: int, best: str) -> None:
    found = fitting(mock.MODELS, EngineState("ready", memory_total_mb=memory_mb))
    assert found is not None
    assert found.id == best


def test_choose_preselects_and_the_person_decides(stage: TestStage, run: FirstRun) -> None:
    stage.model.engine.set(mock.ready_engine(memory_total_mb=8192))
    stage.model.model_id.set("demo")
    choose = step(run, "choose")
    assert stage.model.model_id.value == "wan2.1-1.3b"
    cards = {card.info.id: card for card in choose.choices()}
    assert cards["wan2.1-1.3b"].isChecked()
    assert cards["wan2.1-1.3b"].recommended
    QTest.mouseClick(cards["wan2.1-14b"], Qt.MouseButton.LeftButton)
    assert stage.model.model_id.value == "wan2.1-14b"
    step(run, "check")
    step(run, "choose")
    assert stage.model.model_id.value == "wan2.1-14b"


def test_too_little_room_stops_the_way(stage: TestStage, run: FirstRun) -> None:
    choose = step(run, "choose")
    stage.model.model_id.set("wan2.1-14b")
    assert run.next.isEnabled()
    stage.desk.free_bytes.set(81_000_000_000)  # holds it, without the headroom
    assert not run.next.isEnabled()
    assert "96.0 GB needed" in choose.room.text()
    stage.model.model_id.set("wan2.1-1.3b")  # is here already
    assert run.next.isEnabled()


def away(stage: TestStage) -> None:
    stage.model.models.set(info.model_copy(update={"installed": False}) for info in mock.MODELS)


def test_get_begins_by_itself_and_can_pause_and_go_on(stage: TestStage, run: FirstRun) -> None:
    away(stage)
    stage.model.model_id.set("wan2.1-1.3b")
    get = step(run, "get")
    assert (stage.ran[-1][0], stage.ran[-1][1].model) == ("download_model", "wan2.1-1.3b")
    assert not run.next.isEnabled()
    load = Download("wan2.1-1.3b", "running", 6_400_000_000, 17_500_000_000, 11.8e6, 940)
    stage.desk.downloads.set({"wan2.1-1.3b": load})
    assert get.said.text() == "6.4 GB of 17.5 GB  12 MB/s  15:40 left"
    get.findChild(object, "action:pause_model").click()
    assert stage.names[-1] == "pause_model"
    stage.desk.downloads.set({"wan2.1-1.3b": Download("wan2.1-1.3b", "paused", 6, 17)})
    QApplication.processEvents()
    get.findChild(object, "action:download_model").click()
    assert stage.names[-1] == "download_model"
    step(run, "choose")
    step(run, "get")
    assert stage.names.count("download_model") == 2  # what was begun is not begun twice
    stage.model.models.set(mock.MODELS)
    assert run.next.isEnabled()
    assert get.said.text() == "The model is here and checked."


def test_a_failed_download_names_itself_and_offers_ways(stage: TestStage, run: FirstRun) -> None:
    away(stage)
    get = step(run, "get")
    failed = Download("wan2.1-1.3b", "failed", 6, 17, code="net")
    stage.desk.downloads.set({"wan2.1-1.3b": failed})
    assert get.said.text() == "No connection to the download server."
    QApplication.processEvents()
    offered = {w.objectName() for w in get.findChildren(type(run.next)) if w.isVisibleTo(get)}
    assert {"action:download_model", "action:use_existing_files", "action:copy_report"} <= offered


def test_try_tests_the_wiring_then_shows_the_measured_time(stage: TestStage, run: FirstRun) -> None:
    trial = step(run, "try")
    assert stage.names == ["test_wiring"]
    stage.desk.wiring.set(WIRING)
    assert [row.verdict for row in trial.wiring.rows()] == ["ok", "ok", "ok", "fail"]
    trial.findChild(object, "action:try_shot").click()
    assert stage.names[-1] == "try_shot"
    stage.desk.tried.set(Download("m", "running", 7, 23))
    assert trial.said.text() == "Editing 7/23"
    stage.desk.tried.set(Download("m", "running", 23, 23, left_s=372))
    assert trial.said.text() == "It works. 81 frames take about 6 min 10 s here."
    stage.desk.tried.set(Download("m", "failed", code="vram"))
    assert trial.said.text() == "Not enough graphics memory."


def test_later_and_begin_both_lead_to_work(stage: TestStage, run: FirstRun) -> None:
    run.next.click()
    run.later.click()
    assert stage.panel.pages.currentIndex() == 0
    assert not stage.desk.settings.value.first_run_done
    stage.panel.show_first_run()
    step(run, "done")
    assert run.next.text() == "Begin"
    run.next.click()
    assert stage.panel.pages.currentIndex() == 0
    assert stage.desk.settings.value.first_run_done


def test_every_step_is_named_and_in_reading_order(stage: TestStage, run: FirstRun) -> None:
    stage.desk.checked.set(CHECKS)
    stage.desk.wiring.set(WIRING)
    for name in STEPS:
        step(run, name)
        check_reading_order(stage.panel)

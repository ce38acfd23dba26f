"""The queue list: what rows say, how they move, and what they offer."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from plugin.state.errors import BUTTONS
from plugin.ui.queue.view import QueueList
from tests.panel.shell.conftest import TestStage


@pytest.fixture
def filled(stage: TestStage) -> TestStage:
    for seed in (1, 2, 3):
        stage.model.seed.set(seed)
        stage.model.seed_locked.set(True)
        stage.model.submit()
    return stage


def order(stage: TestStage) -> list[int]:
    return [job.seed for job in stage.model.queue.jobs]


def rows(stage: TestStage) -> list[int]:
    return [row.job.seed for row in stage.panel.queue.jobs_rows()]


def start(stage: TestStage) -> str:
    name = stage.model.queue.jobs[0].id
    stage.model.queue.start(name)
    stage.model.queue.progress(name, "edit", 12, 23, 130)
    return name


def drag(queue: QueueList, row: int, to_y: int) -> None:
    widget = queue.jobs_rows()[row]
    middle = widget.rect().center()
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, pos=middle)
    for y in (middle.y() + 30, to_y - widget.y()):
        QTest.mouseMove(widget, QPoint(middle.x(), y))
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=QPoint(middle.x(), middle.y()))


def test_an_empty_queue_is_not_shown(stage: TestStage) -> None:
    panel = stage.show()
    assert not panel.queue.isVisible()
    stage.model.submit()
    assert panel.queue.isVisible()


def test_rows_speak_of_real_units_and_of_when_they_start(filled: TestStage) -> None:
    panel = filled.show()
    start(filled)
    first, second, third = panel.queue.jobs_rows()
    assert (first.status.text(), first.left.text()) == ("Editing 12/23", "2:10 left")
    assert second.status.text() == "waiting, starts in about 2:10"
    assert third.status.text() == "waiting, starts in about 8:50"
    assert panel.queue.count.text() == "1 running, 2 waiting"


def test_no_start_is_promised_while_paused_or_unknown(filled: TestStage) -> None:
    panel = filled.show()
    name = start(filled)
    filled.model.queue.pause()
    assert panel.queue.jobs_rows()[1].status.text() == "waiting"
    filled.model.queue.resume()
    filled.model.queue.progress(name, "load", 0, 8, None)
    assert panel.queue.jobs_rows()[1].status.text() == "waiting"


def test_progress_is_told_at_quarters_only(filled: TestStage) -> None:
    panel = filled.show()
    name = start(filled)
    bar = panel.queue.jobs_rows()[0].progress
    told = set()
    for done in range(24):
        filled.model.queue.progress(name, "edit", done, 23, 1)
        told.add(bar.told_percent())
    assert told == {0, 25, 50, 75, 100}


def test_dragging_a_row_changes_the_order(filled: TestStage) -> None:
    panel = filled.show()
    last = panel.queue.jobs_rows()[-1]
    drag(panel.queue, 0, last.geometry().bottom() + 40)
    assert order(filled) == [2, 3, 1] == rows(filled)
    drag(panel.queue, 2, 1)
    assert order(filled) == [1, 2, 3] == rows(filled)


def test_a_short_press_moves_nothing(filled: TestStage) -> None:
    panel = filled.show()
    QTest.mouseClick(panel.queue.jobs_rows()[0], Qt.MouseButton.LeftButton)
    assert order(filled) == [1, 2, 3]


def test_a_running_job_keeps_its_place(filled: TestStage) -> None:
    panel = filled.show()
    start(filled)
    drag(panel.queue, 0, 400)
    assert order(filled) == [1, 2, 3]


def test_alt_up_and_down_move_and_keep_the_keyboard(filled: TestStage) -> None:
    panel = filled.show()
    panel.queue.focus_job(filled.model.queue.jobs[2].id)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    QApplication.processEvents()
    assert order(filled) == [1, 3, 2] == rows(filled)
    focus = QApplication.focusWidget()
    assert focus is panel.queue.jobs_rows()[1]
    QTest.keyClick(focus, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert order(filled) == [1, 2, 3]


def test_arrows_go_from_row_to_row(filled: TestStage) -> None:
    panel = filled.show()
    panel.queue.focus_job(filled.model.queue.jobs[0].id)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Down)
    assert QApplication.focusWidget() is panel.queue.jobs_rows()[1]
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up)
    assert QApplication.focusWidget() is panel.queue.jobs_rows()[0]


def test_stop_takes_a_waiting_job_out_and_asks_for_a_running_one(filled: TestStage) -> None:
    panel = filled.show()
    name = start(filled)
    panel.queue.jobs_rows()[1].stop_button.click()
    assert filled.model.queue.jobs[1].state == "stopped"
    assert filled.names == []
    panel.queue.jobs_rows()[0].stop_button.click()
    assert filled.ran[-1][0] == "stop_job"
    assert filled.ran[-1][1].job == name
    assert panel.queue.jobs_rows()[0].status.text() == "Stopping…"
    assert not panel.queue.jobs_rows()[0].stop_button.isEnabled()


def test_stop_all_is_there_for_two_and_stops_everything(filled: TestStage) -> None:
    panel, queue = filled.show(), filled.model.queue
    name = start(filled)
    assert panel.queue.all.isVisible()
    panel.queue.all.click()
    assert [job.state for job in queue.jobs] == ["running", "stopped", "stopped"]
    assert queue.jobs[0].stopping
    assert [(action, target.job) for action, target in filled.ran] == [("stop_job", name)]
    assert not panel.queue.all.isVisible(), "one that stops is not stopped again"
    queue.stopped(name)
    assert [row.buttons()[0].objectName() for row in panel.queue.jobs_rows()] == (
        ["action:start_again"] * 3
    )
    panel.queue.jobs_rows()[1].buttons()[0].click()
    assert not panel.queue.all.isVisible(), "a single one has its own button"
    panel.queue.jobs_rows()[0].buttons()[0].click()
    assert panel.queue.all.isVisible()
    del filled.ran[:]
    panel.queue.all.click()
    assert not queue.waiting
    assert not filled.ran, "nothing runs, so nobody has to be asked"


def test_delete_stops_the_row_with_the_keyboard(filled: TestStage) -> None:
    panel = filled.show()
    panel.queue.focus_job(filled.model.queue.jobs[1].id)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Delete)
    assert [job.state for job in filled.model.queue.jobs] == ["waiting", "stopped", "waiting"]


def test_force_stop_is_offered_only_after_ten_seconds(filled: TestStage) -> None:
    panel = filled.show()
    name = start(filled)
    row = panel.queue.jobs_rows()[0]
    row.stop_button.click()
    assert row._force_timer.interval() == 10_000
    assert row._force_timer.isActive()
    assert not row.force.isVisible()
    row._force_timer.timeout.emit()
    assert row.force.isVisible()
    row.force.click()
    assert (filled.ran[-1][0], filled.ran[-1][1].job) == ("force_stop", name)
    filled.model.queue.stopped(name)
    assert not row.force.isVisible()
    assert not row._force_timer.isActive()


def test_pause_resume_and_clear(filled: TestStage) -> None:
    panel = filled.show()
    queue = filled.model.queue
    panel.queue.pause.click()
    assert queue.paused.value
    assert panel.queue.pause.text() == "Resume"
    assert panel.queue.count.text() == "3 waiting, paused"
    panel.queue.pause.click()
    assert not queue.paused.value
    assert not panel.queue.clear.isVisible()
    queue.cancel(queue.jobs[0].id)
    panel.queue.clear.click()
    assert order(filled) == [2, 3]


def test_a_failed_row_offers_what_helps_and_every_button_acts(stage: TestStage) -> None:
    panel = stage.show()
    ran: list[str] = []
    stage.actions.ran.connect(lambda pair: ran.append(pair[0]))
    queue = stage.model.queue
    for code in sorted(BUTTONS):
        queue.remove([job.id for job in queue.jobs])
        stage.model.submit()
        name = start(stage)
        queue.fail(name, code, "It went wrong.", (), "native", ("line 1",))
        row = panel.queue.jobs_rows()[0]
        assert row.status.text() == "It went wrong."
        buttons = row.buttons()
        offered = [button.objectName().partition(":")[2] for button in buttons]
        assert len(offered) <= 2, code
        del ran[:]
        for button in buttons:
            button.click()
        assert ran == offered, code


def test_a_stopped_row_starts_again_with_its_seed(filled: TestStage) -> None:
    panel = filled.show()
    filled.model.queue.cancel(filled.model.queue.jobs[0].id)
    panel.queue.jobs_rows()[0].buttons()[0].click()
    assert [job.state for job in filled.model.queue.jobs] == ["waiting"] * 3
    assert order(filled) == [2, 3, 1]


def entry(stage: TestStage, row: int, key: str) -> Callable[[], None]:
    queue = stage.panel.queue
    menu = queue.menu_for(queue.jobs_rows()[row].job.id)
    action = next(item for item in menu.actions() if item.objectName() == key)
    assert action.isEnabled(), key
    return action.trigger


def test_row_menu(filled: TestStage) -> None:
    filled.show()
    queue = filled.model.queue
    entry(filled, 2, "queue.to_front")()
    assert order(filled) == [3, 1, 2]
    entry(filled, 0, "queue.duplicate")()
    assert order(filled) == [3, 1, 2, 4]
    queue.cancel(queue.jobs[0].id)
    entry(filled, 0, "queue.retry")()
    assert order(filled) == [1, 2, 4, 3]
    entry(filled, 0, "queue.copy_recipe")()
    copied = json.loads(QGuiApplication.clipboard().text())
    assert copied == dict(queue.jobs[0].request)
    filled.model.prompts.wanted.set("something else")
    entry(filled, 0, "queue.edit_again")()
    assert "leather" in filled.model.prompts.wanted.value
    queue.cancel(queue.jobs[0].id)
    entry(filled, 0, "queue.remove")()
    assert order(filled) == [2, 4, 3]


def test_show_log_shows_the_jobs_last_lines(filled: TestStage) -> None:
    panel = filled.show()
    name = start(filled)
    filled.model.queue.fail(name, "driver", "The driver stopped.", (), "", ("last words",))
    entry(filled, 0, "queue.show_log")()
    window = panel.windows.get("details")
    assert window.isVisible()
    assert "last words" in window.text.toPlainText()  # type: ignore[attr-defined]


def test_what_was_interrupted_says_so(filled: TestStage) -> None:
    panel = filled.show()
    name = start(filled)
    filled.model.queue.engine_died(name, "It died.")
    assert panel.queue.jobs_rows()[0].status.text().startswith("The engine was restarted.")


def test_what_starts_at_once_promises_no_wait(filled: TestStage) -> None:
    panel = filled.show()
    assert panel.queue.jobs_rows()[0].status.text() == "waiting"
    assert panel.queue.jobs_rows()[1].status.text() == "waiting, starts in about 6:40"

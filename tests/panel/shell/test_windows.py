"""Settings, keys, models, report, licences, help and log."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from plugin.gallery import mock
from plugin.gallery.stage import LOG
from plugin.gallery.windows import WIRING
from plugin.ui.desk import Download
from plugin.ui.windows.about import licence_of
from plugin.ui.windows.settings import PAGES
from tests.panel.shell.conftest import TestStage, check_reading_order


def window(stage: TestStage, name: str) -> Any:
    opened = stage.show().windows.open(name)
    QApplication.processEvents()
    return opened


def test_escape_closes_and_it_opens_again(stage: TestStage) -> None:
    settings = window(stage, "settings")
    QTest.keyClick(settings, Qt.Key.Key_Escape)
    assert not settings.isVisible()
    assert stage.panel.windows.open("settings") is settings
    assert settings.isVisible()


def test_settings_change_the_desk_at_once_and_follow_it(stage: TestStage) -> None:
    settings = window(stage, "settings")
    settings.language.set_value("de")
    settings.theme.set_value("contrast")
    settings.text_px.set_value(14)
    settings.on_top.click()
    settings.previews.click()
    settings.save_memory.click()
    settings.idle.set_value(25.0)
    settings.idle.value_changed.emit(25.0)
    settings.remote.setText(" ann@render ")
    settings.remote.editingFinished.emit()
    kept = stage.desk.settings.value
    assert (kept.language, kept.theme, kept.text_px) == ("de", "contrast", 14)
    assert (kept.on_top, kept.previews, kept.save_memory) == (True, False, True)
    assert (kept.idle_unload_minutes, kept.remote_engine) == (25, "ann@render")
    assert stage.model.save_memory.value
    stage.desk.change(theme="dark", save_memory=False)
    assert settings.theme.value() == "dark"
    assert not settings.save_memory.value()
    assert not stage.model.save_memory.value


def test_folders_are_chosen_and_given_back(stage: TestStage) -> None:
    settings = window(stage, "settings")
    settings._ask = stage.answers
    stage.answers.path = "/media/takes"
    shown, choose, back = settings.folders["takes_folder"]
    assert not back.isEnabled()
    choose.click()
    assert stage.desk.settings.value.takes_folder == "/media/takes"
    assert shown.text() == "/media/takes"
    back.click()
    assert stage.desk.settings.value.takes_folder == ""
    assert shown.text() == "beside the media"


def test_every_page_can_be_reached_with_the_keyboard(stage: TestStage) -> None:
    settings = window(stage, "settings")
    settings.show_page("look")
    for i, name in enumerate(PAGES):
        assert settings.pages.currentIndex() == PAGES.index(name) == i
        QTest.keyClick(settings.list, Qt.Key.Key_Down)


def test_the_wiring_test_shows_its_lines(stage: TestStage) -> None:
    settings = window(stage, "settings")
    settings.show_page("check")
    button = settings.findChild(object, "action:test_wiring")
    button.click()
    assert stage.names == ["test_wiring"]
    stage.desk.wiring.set(WIRING)
    rows = settings.wiring.rows()
    assert [row.verdict for row in rows] == ["ok", "ok", "ok", "fail"]
    assert "0.6 s" in rows[0].text.text()
    assert "did not confirm" in rows[-1].text.text()


def test_models_can_be_got_paused_resumed_checked_and_removed(stage: TestStage) -> None:
    settings = window(stage, "settings")
    settings.show_page("models")
    page = settings.models

    def offered(name: str) -> dict[str, Any]:
        return {button.text(): button for button in page.card(name).buttons()}

    assert list(offered("wan2.1-1.3b")) == ["Verify", "Remove"]
    assert list(offered("demo")) == ["Use", "Verify"]
    assert list(offered("wan2.1-14b")) == ["Get", "Use existing files…"]
    offered("wan2.1-14b")["Get"].click()
    assert (stage.ran[-1][0], stage.ran[-1][1].model) == ("download_model", "wan2.1-14b")
    load = Download("wan2.1-14b", "running", 10_000_000_000, 69_000_000_000, 11.8e6, 300)
    stage.desk.downloads.set({"wan2.1-14b": load})
    card = page.card("wan2.1-14b")
    assert card.said.text() == "10.0 GB of 69.0 GB  12 MB/s  5:00 left"
    offered("wan2.1-14b")["Pause"].click()
    assert stage.ran[-1][0] == "pause_model"
    stage.desk.downloads.set({"wan2.1-14b": Download("wan2.1-14b", "paused", 10, 69)})
    assert "Resume" in offered("wan2.1-14b")
    stage.desk.downloads.set({"wan2.1-14b": Download("wan2.1-14b", "failed", 10, 69, code="net")})
    assert card.said.text() == "No connection to the download server."
    offered("wan2.1-1.3b")["Verify"].click()
    offered("wan2.1-1.3b")["Remove"].click()
    assert stage.names[-2:] == ["verify_model", "remove_model"]
    offered("demo")["Use"].click()
    assert stage.model.model_id.value == "demo"


# ---- keys ----------------------------------------------------------------------------------


def test_a_pressed_key_becomes_the_key(stage: TestStage) -> None:
    settings = window(stage, "settings")
    settings.show_page("keys")
    line = settings.keys.line("dice")
    line.field.setFocus()
    QTest.keyClick(line.field, Qt.Key.Key_G, Qt.KeyboardModifier.ControlModifier)
    assert stage.desk.keymap.keys("dice") == ("Ctrl+G",)
    assert stage.desk.settings.value.keys == {"dice": ["Ctrl+G"]}
    assert line.reset.isEnabled()
    line.reset.click()
    assert stage.desk.keymap.keys("dice") == ("Ctrl+D",)
    QTest.keyClick(line.field, Qt.Key.Key_Backspace)
    assert stage.desk.keymap.keys("dice") == ()
    settings.keys.all.click()
    assert stage.desk.settings.value.keys == {}


def test_a_conflict_is_said_on_both_sides(stage: TestStage) -> None:
    settings = window(stage, "settings")
    settings.show_page("keys")
    settings.keys.set_key("dice", "Ctrl+R")
    for name, other in (("dice", "Reread the shot"), ("reread", "New seed")):
        line = settings.keys.line(name)
        assert line.note.isVisibleTo(settings)
        assert other in line.note.text()
    settings.keys.set_key("dice", "Ctrl+D")
    assert not settings.keys.line("reread").note.isVisibleTo(settings)


def test_a_key_that_types_is_refused_with_its_reason(stage: TestStage) -> None:
    settings = window(stage, "settings")
    settings.show_page("keys")
    settings.keys.set_key("make_edit", "E")
    assert stage.desk.keymap.keys("make_edit")[0] == "Ctrl+Return"
    assert settings.keys.line("make_edit").note.text() == "A key that types needs Ctrl or Alt here."


def test_a_changed_key_works_at_once(stage: TestStage) -> None:
    panel = stage.show()
    panel.act.test.setFocus()
    stage.desk.keymap.set("make_edit", ("Ctrl+M",))
    QTest.keyClick(panel.act.test, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)
    assert len(stage.model.queue.jobs) == 1
    QTest.keyClick(panel.act.test, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert len(stage.model.queue.jobs) == 1


# ---- report, about, help, log ----------------------------------------------------------------


def test_the_report_is_read_before_it_is_copied(stage: TestStage) -> None:
    report = window(stage, "report")
    assert mock.CLIP not in report.text.toPlainText()
    assert mock.WANTED not in report.text.toPlainText()
    report.options["names"].click()
    assert mock.CLIP in report.text.toPlainText()
    assert mock.WANTED not in report.text.toPlainText()
    report.options["prompts"].click()
    assert mock.WANTED in report.text.toPlainText()
    report.copy.click()
    assert QGuiApplication.clipboard().text() == report.text.toPlainText()
    assert report.copied.text() == "Copied."


def test_a_long_report_is_cut(stage: TestStage) -> None:
    stage.desk.report = lambda _: "x" * 70_000
    report = window(stage, "report")
    assert len(report.text.toPlainText()) == 60_000


def test_about_shows_installed_versions_and_licences(stage: TestStage) -> None:
    about = window(stage, "about")
    assert "GNU GENERAL PUBLIC LICENSE" in about.text.toPlainText()
    about.choice.set_value("numpy")
    assert metadata.version("numpy") in about.text.toPlainText()
    about.choice.set_value("font")
    assert "SIL OPEN FONT LICENSE" in about.text.toPlainText().upper()
    assert licence_of("no-such-package") == ""
    assert len(licence_of("numpy")) > 500


def test_help_goes_to_its_passages(stage: TestStage) -> None:
    page = window(stage, "help")
    QApplication.processEvents()
    assert page.area.verticalScrollBar().value() == 0
    page.show_topic("limits")
    low = page.area.verticalScrollBar().value()
    assert low > 0
    page.show_topic("mattes")
    assert 0 < page.area.verticalScrollBar().value() < low
    page.show_topic("")
    assert page.area.verticalScrollBar().value() == 0


def test_the_log_is_shown_and_read_again(stage: TestStage) -> None:
    log = window(stage, "log")
    assert log.text.toPlainText() == LOG
    assert log.state.text().splitlines() == [
        "Engine: Ready",
        "Graphics: RTX 4090",
        "Memory: 11.2 of 24.0 GB",
        "Resolve Studio 21.1",
    ]
    stage.desk.log = lambda: "new line"
    log.reload.click()
    assert log.text.toPlainText() == "new line"
    log.copy.click()
    assert QGuiApplication.clipboard().text().endswith("new line")


@pytest.mark.parametrize("name", ["settings", "report", "about", "help", "log", "details"])
def test_every_window_is_named_and_in_reading_order(stage: TestStage, name: str) -> None:
    opened = window(stage, name)
    if name != "settings":
        check_reading_order(opened)
        return
    for page in PAGES:
        opened.show_page(page)
        QApplication.processEvents()
        # The list stands beside the page: its middle is lower than the page's first rows.
        check_reading_order(opened, but=("Pages of the settings",))

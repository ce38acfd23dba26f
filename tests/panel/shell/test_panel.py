"""The whole: size, fit, keys, dropped files, pages, language, and that nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from plugin import theme
from plugin.gallery.sheet import write_sheet
from plugin.gallery.states import STATES
from plugin.state.messages import Button
from plugin.state.observable import Observable, ObservableList, Signal
from plugin.ui.base import Eliding, Switch
from tests.panel.shell.conftest import TestStage, check_reading_order, tab_round

CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def cut(window: QWidget) -> Iterator[str]:
    """Yield texts that are wider than their place, or that reach beyond the window."""
    for widget in window.findChildren(QWidget):
        if not widget.isVisibleTo(window) or isinstance(widget, Eliding | Switch):
            continue
        plain = isinstance(widget, QLabel) and not widget.wordWrap() and not widget.pixmap()
        text = widget.text() if plain or isinstance(widget, QAbstractButton) else ""
        if not text:
            continue
        wide = widget.fontMetrics().horizontalAdvance(text)
        if wide > widget.width() + 1:
            yield f"“{text}” is {wide} px wide in {widget.width()} px"
        right = widget.mapTo(window, QPoint(widget.width(), 0)).x()
        if right > window.width():
            yield f"“{text}” ends at {right} of {window.width()} px"


@pytest.mark.parametrize("language", ["en", "de", "xx"])
def test_370_px_holds_every_word(
    stages: Callable[..., TestStage], speak: Callable[[str], None], language: str
) -> None:
    speak(language)
    stage = stages()
    stage.takes(3, test=True)
    stage.model.submit()
    panel = stage.show(370, 1800)
    assert panel.width() == 370
    right = panel.act.time.mapTo(panel, panel.act.time.rect().topRight()).x()
    assert right < 370
    assert panel.act.time.width() >= 100
    assert list(cut(panel)) == []
    stage.model.host.set(type(stage.model.host.value)("closed"))
    stage.model.open_shot(None)
    QApplication.processEvents()
    assert list(cut(panel)) == []


@pytest.mark.parametrize("language", ["en", "de", "xx"])
def test_large_text_fits_in_a_panel_that_grows_with_it(
    stages: Callable[..., TestStage],
    speak: Callable[[str], None],
    qapp: QApplication,
    language: str,
) -> None:
    speak(language)
    theme.apply(qapp, font_px=16)
    try:
        panel = stages().show(round(370 * 16 / 12), 1800)
        assert list(cut(panel)) == []
    finally:
        theme.apply(qapp)


def test_every_control_is_named_and_tab_goes_in_reading_order(stage: TestStage) -> None:
    stage.takes(2)
    stage.model.submit()
    panel = stage.show(420, 1700)
    stage.model.messages.say(
        "say.range.how", buttons=(Button("limit_range", "button.limit_range"),)
    )
    stage.model.submit()  # what comes later has its place all the same
    QApplication.processEvents()
    visited = check_reading_order(panel)
    for part in (panel.viewer.canvas, panel.matte.change, panel.act.edit, panel.footer.help):
        assert part in visited
    rows = panel.queue.jobs_rows()
    assert rows[0] in visited
    assert rows[1] not in visited  # arrows go there


def test_tab_reaches_the_main_button_where_it_belongs(stage: TestStage) -> None:
    panel = stage.show(420, 700)
    visited = [widget for widget in tab_round(panel) if panel.isAncestorOf(widget)]
    at = visited.index(panel.act.test)
    assert panel.how.isAncestorOf(visited[at - 1])
    assert visited[at + 1] is panel.act.edit


def test_the_main_button_stays_in_sight(stage: TestStage) -> None:
    stage.takes(3)
    panel = stage.show(420, 700)
    viewport = panel.area.viewport()
    bar = panel.area.verticalScrollBar()
    assert bar.maximum() > 0
    assert panel.act.geometry().bottom() == viewport.height() - 1
    bar.setValue(bar.maximum())
    QApplication.processEvents()
    place = panel._column.place.mapTo(viewport, QPoint(0, 0)).y()
    assert panel.act.y() == place
    assert panel.act.parentWidget() is viewport


def test_a_small_screen_keeps_viewer_and_button(stage: TestStage) -> None:
    panel = stage.show(370, 600)
    assert panel.height() == 600
    assert panel.viewer.canvas.isVisible()
    assert panel.act.edit.visibleRegion().boundingRect().height() > 0


# ---- keys ----------------------------------------------------------------------------------


def test_window_keys(stage: TestStage) -> None:
    stage.takes(2)
    panel = stage.show()
    wanted = panel.prompts.wanted
    wanted.setFocus()
    QTest.keyClick(wanted, Qt.Key.Key_Return, CTRL)
    QTest.keyClick(wanted, Qt.Key.Key_Return, CTRL | SHIFT)
    assert [job.kind for job in stage.model.queue.jobs] == ["edit", "test"]
    assert "\n" not in stage.model.prompts.wanted.value
    QTest.keyClick(wanted, Qt.Key.Key_R, CTRL)
    assert stage.names == ["reread"]
    stage.answers.path = "/media/clip.mov"
    QTest.keyClick(wanted, Qt.Key.Key_O, CTRL)
    assert stage.names == ["reread", "open_file"]
    stage.model.strengths.where.set(80)
    QTest.keyClick(wanted, Qt.Key.Key_0, CTRL)
    assert stage.model.strengths.where.value == 50
    QTest.keyClick(wanted, Qt.Key.Key_L, CTRL)
    assert stage.model.seed_locked.value
    QTest.keyClick(wanted, Qt.Key.Key_E, CTRL)
    assert panel.how.expert.value()
    QTest.keyClick(wanted, Qt.Key.Key_Period, CTRL)
    assert stage.model.queue.paused.value
    QTest.keyClick(wanted, Qt.Key.Key_F, CTRL)
    assert panel.takes.search.hasFocus()


def test_single_letters_type_in_texts(stage: TestStage) -> None:
    panel = stage.show()
    stage.model.prompts.now.set("")
    stage.model.prompts.wanted.set("")
    panel.prompts.wanted.setFocus()
    QTest.keyClicks(panel.prompts.wanted, "smbdfijklo 12345")
    assert stage.model.prompts.wanted.value == "smbdfijklo 12345"
    assert stage.names == []
    assert stage.model.viewer.mode.value == "after"


# ---- files dropped -------------------------------------------------------------------------


def dropped(panel: QWidget, *paths: str) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    spot, copy = QPoint(50, 50), Qt.DropAction.CopyAction
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(spot, copy, data, buttons, keys)
    enter.ignore()
    QApplication.sendEvent(panel, enter)
    if enter.isAccepted():
        QApplication.sendEvent(panel, QDropEvent(spot.toPointF(), copy, data, buttons, keys))
    return enter.isAccepted()


def test_a_dropped_clip_is_opened(stage: TestStage) -> None:
    panel = stage.show()
    assert dropped(panel, "/media/notes.txt", "/media/clip.MOV")
    assert [(name, target.path) for name, target in stage.ran] == [("open_file", "/media/clip.MOV")]
    assert not dropped(panel, "/media/notes.txt")
    panel.show_first_run()
    assert dropped(panel, "/media/a.mp4")
    assert panel.pages.currentIndex() == 0


# ---- language, end -------------------------------------------------------------------------


def test_a_panel_built_anew_speaks_the_other_language(
    stage: TestStage, speak: Callable[[str], None]
) -> None:
    assert stage.show().act.edit.text() == "Make the edit"
    stage.close()
    speak("de")
    panel = stage.show()
    assert panel.act.edit.text() == "Umsetzen"
    assert panel.matte.header.text() == "Maske"


def signals_of(thing: object, seen: set[int]) -> Iterator[Signal[Any]]:
    if id(thing) in seen or not hasattr(thing, "__dict__"):
        return
    seen.add(id(thing))
    for value in vars(thing).values():
        if isinstance(value, Signal):
            yield value
        elif isinstance(value, Observable | ObservableList):
            yield value.changed
        elif type(value).__module__.startswith("plugin.state"):
            yield from signals_of(value, seen)


def test_a_closed_panel_leaves_no_ear_at_the_model(stage: TestStage) -> None:
    heard = [len(signal) for signal in signals_of(stage.model, set())]
    assert len(heard) > 60
    stage.takes(2)
    stage.model.submit()
    panel = stage.show()
    for name in panel.windows.names:
        panel.windows.open(name)
    assert [len(signal) for signal in signals_of(stage.model, set())] != heard
    del panel
    stage.close()
    for _ in range(3):
        QApplication.sendPostedEvents(None, 52)  # deferred deletes
        QApplication.processEvents()
    assert [len(signal) for signal in signals_of(stage.model, set())] == heard


# ---- the gallery ---------------------------------------------------------------------------


def test_gallery_names_are_unique() -> None:
    names = [state.name for state in STATES]
    assert len(names) == len(set(names)) > 60


@pytest.mark.slow
def test_the_gallery_writes_pictures_at_its_scale_and_a_sheet(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "plugin.gallery", str(tmp_path / "out"), "--only", "narrow"]
    command += ["--language", "xx", "--scale", "200"]
    surroundings = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run(command, check=True, timeout=120, env=surroundings, capture_output=True)
    picture = QImage(str(tmp_path / "out" / "xx-200" / "narrow.png"))
    assert (picture.width(), picture.height()) == (740, 1800)
    sheet = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert 'src="xx-200/narrow.png"' in sheet


def test_the_sheet_shows_every_picture(tmp_path: Path) -> None:
    for name in ("en-100", "de-200"):
        (tmp_path / name).mkdir()
        QImage(4, 4, QImage.Format.Format_RGB32).save(str(tmp_path / name / "ready.png"))
    text = write_sheet(tmp_path).read_text(encoding="utf-8")
    assert text.count("<img") == 2
    assert text.count("<h2") == 1

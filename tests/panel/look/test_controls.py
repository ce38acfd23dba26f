"""Choices, buttons, switches, sections, messages and progress."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from plugin.theme import theme
from plugin.ui.base import (
    Button,
    ChipButton,
    Choice,
    Combo,
    Eliding,
    FlowLayout,
    IconButton,
    MessageStrip,
    ProgressBar,
    Row,
    Section,
    Segmented,
    SliderTrack,
    Switch,
)
from tests.panel.look.hands import by_keys, picture, shown, switches, wheel

Key = Qt.Key


def test_segments_by_mouse_and_arrows(qtbot: QtBot) -> None:
    choice = shown(qtbot, Segmented("Quality", switches(), "Draft is quick."))
    told: list[str] = []
    choice.value_changed.connect(told.append)
    qtbot.mouseClick(choice.button("standard"), Qt.MouseButton.LeftButton)
    assert choice.value() == "standard"
    by_keys(choice.button("standard"))
    qtbot.keyClick(choice.button("standard"), Key.Key_Right)
    assert choice.value() == "fine"
    assert told == ["standard", "fine"]
    names = [choice.button(value).accessibleName() for value in ("draft", "standard", "fine")]
    assert names == ["Quality: Draft", "Quality: Standard", "Quality: Fine"]
    assert choice.button("draft").toolTip() == "Draft is quick."
    with pytest.raises(ValueError, match="none"):
        choice.set_value("none")


def test_tab_stops_once_at_a_segmented_choice(qtbot: QtBot, tab_order: Any) -> None:
    window = QWidget()
    column = QVBoxLayout(window)
    choice = Segmented("Quality", switches())
    choice.set_value("standard")
    column.addWidget(choice)
    column.addWidget(Button("After"))
    shown(qtbot, window)
    assert [widget.accessibleName() for widget in tab_order(window)] == [
        "Quality: Standard",
        "After",
    ]


def test_combo_keeps_its_value_among_new_choices_and_ignores_the_wheel(qtbot: QtBot) -> None:
    combo = shown(qtbot, Combo("Quality", switches()))
    combo.set_value("fine")
    told: list[str] = []
    combo.value_changed.connect(told.append)
    combo.set_choices([Choice("fine", "Fine"), Choice("best", "Best")])
    assert combo.value() == "fine"
    assert told == []
    assert not wheel(combo, up=False)
    assert combo.value() == "fine"
    combo.set_choices([Choice("best", "Best")])
    assert told == ["best"]


def test_switch_by_mouse_and_space(qtbot: QtBot) -> None:
    switch = shown(qtbot, Switch("Invert", "Edit outside."))
    off = picture(switch)
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton, pos=QPoint(60, switch.height() // 2))
    assert switch.value() is True
    assert picture(switch) != off
    qtbot.keyClick(switch, Key.Key_Space)
    assert switch.value() is False
    assert switch.accessibleName() == "Invert"
    assert switch.accessibleDescription() == "Edit outside."


def test_icon_button_shows_that_it_is_down_by_shape(qtbot: QtBot) -> None:
    lock = shown(
        qtbot, IconButton("unlock", "Lock seed", checkable=True, checked_picture="lock"), 30
    )
    up = picture(lock)
    qtbot.keyClick(lock, Key.Key_Space)
    assert lock.value() is True
    assert picture(lock) != up
    assert lock.accessibleName() == lock.toolTip() == "Lock seed"


@pytest.mark.parametrize(
    "make",
    [
        lambda: [IconButton("play", "Play")] * 2,
        lambda: [Switch("Invert")] * 2,
        lambda: [ChipButton("red")] * 2,
        lambda: [SliderTrack(reference=50)] * 2,
        lambda: (section := Section("Expert", collapsible=True), section.header),
        lambda: (choice := Segmented("Q", switches()), choice.button("draft")),
    ],
    ids=["icon", "switch", "chip", "slider", "section", "segment"],
)
def test_the_ring_comes_with_the_keyboard_not_with_the_mouse(qtbot: QtBot, make: Any) -> None:
    holder = QWidget()
    whole, control = make()
    QVBoxLayout(holder).addWidget(whole)
    shown(qtbot, holder)
    holder.activateWindow()
    control.setFocus(Qt.FocusReason.MouseFocusReason)
    QApplication.processEvents()
    assert control.hasFocus()
    assert not control.ring_shown()
    plain = picture(control)
    control.clearFocus()
    control.setFocus(Qt.FocusReason.TabFocusReason)
    assert control.ring_shown()
    ringed = picture(control)
    assert ringed != plain
    focus = theme().focus
    seen = {
        ringed.pixelColor(x, y).name()
        for x in range(ringed.width())
        for y in range(ringed.height())
    }
    assert focus in seen


@pytest.mark.parametrize("state", ["off", "on"])
def test_a_disabled_control_looks_disabled(qtbot: QtBot, state: str) -> None:
    for control in (Switch("Invert"), IconButton("lock", "Lock", checkable=True)):
        shown(qtbot, control)
        control.set_value(state == "on")
        enabled = picture(control)
        control.setEnabled(False)
        assert picture(control) != enabled


def test_section_opens_and_closes_by_keys(qtbot: QtBot) -> None:
    section = shown(qtbot, Section("Expert", "Exact numbers.", collapsible=True))
    section.add(QLabel("inside"))
    assert section.body.isVisible()
    qtbot.keyClick(section.header, Key.Key_Left)
    assert not section.body.isVisible()
    qtbot.keyClick(section.header, Key.Key_Return)
    assert section.body.isVisible()
    qtbot.mouseClick(section.header, Qt.MouseButton.LeftButton)
    assert section.value() is False


def test_a_fixed_section_is_no_stop_for_tab(qtbot: QtBot, tab_order: Any) -> None:
    section = Section("How")
    section.add(Button("Inside"))
    shown(qtbot, section)
    assert [widget.accessibleName() for widget in tab_order(section)] == ["Inside"]


def test_flow_breaks_lines_and_lets_hidden_ones_out(qtbot: QtBot) -> None:
    holder = QWidget()
    flow = FlowLayout(holder, spacing=4)
    buttons = [Button(f"word {n}") for n in range(6)]
    for button in buttons:
        flow.addWidget(button)
    shown(qtbot, holder, 200)
    narrow, wide = flow.heightForWidth(120), flow.heightForWidth(1000)
    assert narrow > 2 * wide
    holder.resize(150, 300)
    QApplication.processEvents()
    for first, second in itertools.pairwise(buttons):
        assert not first.geometry().intersects(second.geometry())
        assert second.geometry().right() <= 150
    buttons[0].hide()
    QApplication.processEvents()
    assert buttons[1].pos() == QPoint(0, 0)


def test_eliding_asks_for_all_its_room_and_gives_it_up(qtbot: QtBot) -> None:
    label = shown(qtbot, Eliding("A012_C004_0812_a_long_name.mov"), 80)
    assert label.elided()
    label.resize(label.sizeHint())
    assert not label.elided()
    assert label.minimumSizeHint().width() < label.sizeHint().width()


def test_row_keeps_its_parts_in_line(qtbot: QtBot) -> None:
    left, right = Button("Left"), Button("Right")
    row = shown(qtbot, Row(left, None, right), 300)
    assert row.sizeHint().height() >= left.sizeHint().height()
    middle = {part.geometry().center().y() for part in (left, right)}
    assert len(middle) == 1
    assert right.geometry().right() >= 298


def test_message_strip_says_one_thing_with_at_most_two_buttons(qtbot: QtBot) -> None:
    strip = shown(qtbot, MessageStrip())
    strip.clear_message()
    assert not strip.isVisible()
    pressed: list[str] = []
    strip.pressed.connect(pressed.append)
    strip.show_message("Out of memory.", "error", [("save", "Save memory"), ("range", "Range")])
    assert strip.isVisible()
    assert strip.accessibleName() == "Out of memory."
    buttons = strip.findChildren(Button)
    assert [button.text() for button in buttons] == ["Save memory", "Range"]
    qtbot.mouseClick(buttons[1], Qt.MouseButton.LeftButton)
    assert pressed == ["range"]
    strip.show_message("Placed.", "done", [("undo", "Undo")])
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [button.text() for button in strip.findChildren(Button)] == ["Undo"]
    with qtbot.waitSignal(strip.dismissed):
        qtbot.mouseClick(strip.close_button, Qt.MouseButton.LeftButton)
    with pytest.raises(ValueError, match="two"):
        strip.show_message("x", buttons=[("a", "a"), ("b", "b"), ("c", "c")])


def test_message_text_is_never_markup(qtbot: QtBot) -> None:
    strip = shown(qtbot, MessageStrip())
    strip.show_message("<b>clip</b>.mov")
    assert strip.text.textFormat() == Qt.TextFormat.PlainText


def test_progress_announces_quarters_only(qtbot: QtBot) -> None:
    bar = shown(qtbot, ProgressBar("Editing"))
    said: list[str] = []
    for done in range(24):
        bar.set_progress(done, 23, f"Editing {done}/23")
        text = bar.accessibleDescription()
        if not said or said[-1] != text:
            said.append(text)
    assert said == ["0 percent", "25 percent", "50 percent", "75 percent", "100 percent"]


def test_progress_shows_what_was_reported_and_nothing_else(qtbot: QtBot) -> None:
    bar = shown(qtbot, ProgressBar("Editing"))
    bar.set_progress(0, 0, "Loading")
    assert bar.fraction() == 0
    assert bar.told_percent() == -1
    empty = picture(bar)
    qtbot.wait(80)
    assert picture(bar) == empty
    bar.set_progress(12, 23, "Loading")
    assert bar.fraction() == pytest.approx(12 / 23)
    assert picture(bar) != empty
    bar.set_progress(99, 23)
    assert bar.fraction() == 1

"""Every control: by mouse, by keys, by model, and as it is read aloud."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QFocusEvent, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from plugin.state.observable import Observable
from plugin.theme import theme
from plugin.ui.base import (
    Button,
    ChipButton,
    Choice,
    Combo,
    Eliding,
    FlowLayout,
    IconButton,
    LabelledSlider,
    MessageStrip,
    NumberField,
    ProgressBar,
    Row,
    Section,
    Segmented,
    SliderTrack,
    Switch,
    bind,
    follow,
    listen,
)

Key = Qt.Key


def shown(qtbot: QtBot, widget: Any, width: int = 320) -> Any:
    qtbot.addWidget(widget)
    widget.resize(width, max(24, widget.sizeHint().height()))
    widget.show()
    return widget


def by_keys(widget: QWidget) -> None:
    """Give a widget the focus as Tab does; offscreen windows are never active by themselves."""
    widget.window().activateWindow()
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()


def picture(widget: QWidget) -> QImage:
    return widget.grab().toImage()


def wheel(widget: QWidget, up: bool = True) -> bool:
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120 if up else -120),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


# ---- bind ---------------------------------------------------------------------------------------


def switches() -> list[Choice[str]]:
    return [Choice("draft", "Draft"), Choice("standard", "Standard"), Choice("fine", "Fine")]


CONTROLS: list[tuple[Any, Any, Any]] = [
    (lambda: LabelledSlider("Where"), 50.0, 62.0),
    (lambda: NumberField("Grow", unit=" px"), 0.0, 8.0),
    (lambda: Switch("Invert"), False, True),
    (lambda: IconButton("lock", "Lock", checkable=True), False, True),
    (lambda: Segmented("Quality", switches()), "draft", "fine"),
    (lambda: Combo("Quality", switches()), "draft", "fine"),
    (lambda: Section("Expert", collapsible=True), True, False),
]


@pytest.mark.parametrize(("make", "first", "second"), CONTROLS)
def test_bound_values_go_both_ways_and_echo_once(
    qtbot: QtBot, make: Any, first: Any, second: Any
) -> None:
    control = shown(qtbot, make())
    value = Observable(second)
    told: list[Any] = []
    value.changed.connect(told.append)
    bind(value, control)
    assert control.value() == second
    assert told == []
    if isinstance(control, NumberField):
        typed(qtbot, control, str(first))
    else:
        control.set_value(first)  # as a person does: the signal comes from the widget
    assert value.value == first
    value.set(second)
    assert control.value() == second
    assert told == [first, second]


@pytest.mark.parametrize(("make", "first", "second"), CONTROLS)
def test_a_destroyed_control_lets_its_value_go(
    qtbot: QtBot, make: Any, first: Any, second: Any
) -> None:
    value = Observable(first)
    control = make()
    bind(value, control)
    assert len(value.changed) == 1
    control.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert len(value.changed) == 0
    value.set(second)  # nobody is called who is gone


class Even(Observable[float]):
    """A model that rounds to even numbers."""

    def set(self, value: float) -> None:
        super().set(float(round(value / 2) * 2))


def test_what_the_model_rounds_is_shown_rounded(qtbot: QtBot) -> None:
    value = Even(50.0)
    slider = shown(qtbot, LabelledSlider("Preserve"))
    bind(value, slider)
    slider.set_value(53)
    assert value.value == 52
    assert slider.value() == 52
    assert slider.number.text() == "52"
    value.set(40)
    slider.set_value(41)  # rounds to what it was: the model is silent, the widget goes back
    assert value.value == 40
    assert slider.value() == 40


def test_bind_can_be_ended(qtbot: QtBot) -> None:
    value = Observable(value=False)
    switch = shown(qtbot, Switch("Invert"))
    connection = bind(value, switch)
    connection.disconnect()
    connection.disconnect()
    switch.set_value(True)
    assert value.value is False
    value.set(True)
    value.set(False)
    assert switch.value() is True


def test_follow_and_listen_end_with_their_owner(qtbot: QtBot) -> None:
    value = Observable(1)
    told: list[int] = []
    owner = QWidget()
    follow(owner, value, told.append)
    listen(owner, value.changed, told.append)
    value.set(2)
    assert told == [1, 2, 2]
    owner.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    value.set(3)
    assert told == [1, 2, 2]
    assert len(value.changed) == 0
    gc.collect()


# ---- slider and number --------------------------------------------------------------------------


@pytest.fixture
def slider(qtbot: QtBot) -> LabelledSlider:
    made: LabelledSlider = shown(
        qtbot, LabelledSlider("Where", "How tightly.", low="loose", high="exact")
    )
    return made


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (Key.Key_Up, 51), (Key.Key_Right, 51), (Key.Key_Down, 49), (Key.Key_Left, 49),
        (Key.Key_PageUp, 60), (Key.Key_PageDown, 40), (Key.Key_Home, 0), (Key.Key_End, 100),
    ],
)  # fmt: skip
def test_slider_keys(qtbot: QtBot, slider: LabelledSlider, key: Qt.Key, value: float) -> None:
    qtbot.keyClick(slider.track, key)
    assert slider.value() == value
    assert slider.number.text() == str(value)


def test_slider_by_mouse(qtbot: QtBot, slider: LabelledSlider) -> None:
    track = slider.track
    end = QPoint(track.width() - 1, track.height() // 2)
    qtbot.mouseClick(track, Qt.MouseButton.LeftButton, pos=end)
    assert slider.value() == 100
    qtbot.mousePress(track, Qt.MouseButton.LeftButton, pos=end)
    qtbot.mouseMove(track, QPoint(round(track.x_of(25)), end.y()))
    qtbot.mouseRelease(track, Qt.MouseButton.LeftButton, pos=end)
    assert slider.value() == pytest.approx(25, abs=1)
    qtbot.mouseDClick(track, Qt.MouseButton.LeftButton, pos=end)
    assert slider.value() == 50


def test_holding_the_handle_off_its_middle_does_not_move_it(
    qtbot: QtBot, slider: LabelledSlider
) -> None:
    track = slider.track
    spot = QPoint(round(track.x_of(50)) + 3, track.height() // 2)
    qtbot.mousePress(track, Qt.MouseButton.LeftButton, pos=spot)
    qtbot.mouseRelease(track, Qt.MouseButton.LeftButton, pos=spot)
    assert slider.value() == 50


def test_scrolling_past_a_slider_changes_nothing(slider: LabelledSlider) -> None:
    slider.track.clearFocus()  # a window gives the focus to its first control
    assert not wheel(slider.track)
    assert not wheel(slider.number)
    assert slider.value() == 50
    by_keys(slider.track)
    assert wheel(slider.track)
    assert slider.value() > 50


def test_the_way_from_the_reference_is_in_the_accent(slider: LabelledSlider) -> None:
    def accented() -> int:
        image = picture(slider.track)
        accent = theme().accent
        return sum(
            image.pixelColor(x, y).name() == accent
            for x in range(image.width())
            for y in range(image.height())
        )

    assert accented() == 0
    slider.set_value(80)
    assert accented() > 20


def test_about_is_read_with_a_star_and_the_handle_stays(slider: LabelledSlider) -> None:
    slider.set_about(62.4, "Numbers were typed.")
    assert slider.number.text() == "62*"
    assert slider.number.property("state") == "away"
    assert slider.number.toolTip() == "Numbers were typed."
    assert slider.value() == 50
    assert slider.track.value() == 50
    slider.set_about(None)
    assert slider.number.text() == "50"
    assert slider.number.property("state") == ""


def test_typing_over_a_star_is_a_position(qtbot: QtBot, slider: LabelledSlider) -> None:
    slider.set_about(62)
    by_keys(slider.number)
    slider.number.selectAll()
    qtbot.keyClicks(slider.number, "70")
    qtbot.keyClick(slider.number, Key.Key_Return)
    assert slider.value() == 70


def test_slider_is_named_for_those_who_hear_it(slider: LabelledSlider) -> None:
    assert slider.track.accessibleName() == "Where"
    assert slider.track.accessibleDescription() == "loose – exact. How tightly."
    assert slider.number.accessibleName() == "Where"
    assert slider.label.buddy() is slider.track


@pytest.fixture
def field(qtbot: QtBot) -> NumberField:
    made: NumberField = shown(
        qtbot, NumberField("β", "Words.", maximum=1, decimals=2, step=0.01, page=0.1)
    )
    made.set_value(0.3)
    return made


def typed(qtbot: QtBot, field: NumberField, text: str, key: Qt.Key = Key.Key_Return) -> None:
    by_keys(field)
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, key)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.48", 0.48), ("0,48", 0.48), (".5", 0.5), ("7", 1.0), ("-1", 0.0), ("0.123", 0.12)],
)
def test_typed_numbers_are_fitted(
    qtbot: QtBot, field: NumberField, text: str, value: float
) -> None:
    typed(qtbot, field, text)
    assert field.value() == value
    assert field.text() == f"{value:.2f}"


@pytest.mark.parametrize("text", ["x", "", "--"])
def test_what_is_no_number_is_given_back(qtbot: QtBot, field: NumberField, text: str) -> None:
    by_keys(field)
    field.selectAll()
    qtbot.keyClick(field, Key.Key_Delete)
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Key.Key_Return)
    assert field.value() == 0.3
    assert field.text() == "0.30"


def test_escape_gives_back_and_leaving_takes(qtbot: QtBot, field: NumberField) -> None:
    typed(qtbot, field, "0.9", Key.Key_Escape)
    assert field.value() == 0.3
    typed(qtbot, field, "0.9", Key.Key_Left)
    QApplication.sendEvent(field, QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.TabFocusReason))
    assert field.value() == 0.9


@pytest.mark.parametrize(
    ("key", "value"),
    [(Key.Key_Up, 0.31), (Key.Key_Down, 0.29), (Key.Key_PageUp, 0.4), (Key.Key_PageDown, 0.2)],
)
def test_number_keys(qtbot: QtBot, field: NumberField, key: Qt.Key, value: float) -> None:
    told: list[float] = []
    field.value_changed.connect(told.append)
    qtbot.keyClick(field, key)
    assert field.value() == value
    assert told == [value]


def test_the_model_does_not_disturb_typing(qtbot: QtBot, field: NumberField) -> None:
    by_keys(field)
    field.selectAll()
    qtbot.keyClicks(field, "0.7")
    field.set_value(0.5)
    assert field.text() == "0.7"
    qtbot.keyClick(field, Key.Key_Return)
    assert field.value() == 0.7


def test_numbers_wear_their_unit_and_their_language(
    qtbot: QtBot, speak: Any, field: NumberField
) -> None:
    grow = shown(qtbot, NumberField("Grow", maximum=256, unit=" px"))
    grow.set_value(8)
    assert grow.text() == "8 px"
    typed(qtbot, grow, "12 px")
    assert grow.value() == 12
    speak("de")
    field.set_value(0.25)
    assert field.text() == "0,25"
    share = shown(qtbot, NumberField("Skipped", decimals=1, unit=" %", trim=True))
    share.set_value(8.0)
    assert share.text() == "8 %"
    share.set_value(8.3)
    assert share.text() == "8,3 %"


# ---- choices, buttons, switch -------------------------------------------------------------------


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


# ---- sections and layouts -----------------------------------------------------------------------


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


# ---- messages and progress ----------------------------------------------------------------------


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

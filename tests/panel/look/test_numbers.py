"""Sliders and typed numbers: by mouse, by keys, by model, and as they are read aloud."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from plugin.theme import theme
from plugin.ui.base import (
    LabelledSlider,
    NumberField,
)
from tests.panel.look.hands import by_keys, picture, shown, typed, wheel

Key = Qt.Key


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

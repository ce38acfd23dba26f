"""A value and its control stay equal, and let each other go."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from plugin.state.observable import Observable
from plugin.ui.base import (
    Combo,
    IconButton,
    LabelledSlider,
    NumberField,
    Section,
    Segmented,
    Switch,
    bind,
    follow,
    listen,
)
from tests.panel.look.hands import shown, switches, typed

Key = Qt.Key


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

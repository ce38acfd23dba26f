"""Sliders, quality, seed, place and the expert numbers, on the real model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from flowanchor_engine.protocol import Estimated, ModelInfo
from flowanchor_engine.request import MethodSettings
from plugin.state.session import PanelModel
from plugin.ui.how import HowSection, LinkedNumber

LEFT = Qt.MouseButton.LeftButton
NUMBERS = ("beta1", "beta2", "tau", "gamma", "guidance_target", "guidance_source", "steps",
           "skip_share", "shift")  # fmt: skip


@pytest.fixture
def how(qtbot: QtBot, filled: PanelModel) -> HowSection:
    made = HowSection(filled)
    qtbot.addWidget(made)
    made.expert.set_value(True)
    made.resize(396, made.sizeHint().height())
    made.show()
    made.activateWindow()
    return made


def enter(qtbot: QtBot, number: LinkedNumber, text: str) -> None:
    number.field.setFocus()
    number.field.selectAll()
    qtbot.keyClicks(number.field, text)
    qtbot.keyClick(number.field, Qt.Key.Key_Return)


@pytest.mark.parametrize("name", ["where", "strength", "preserve"])
def test_each_slider_moves_its_own_numbers(
    qtbot: QtBot, filled: PanelModel, how: HowSection, name: str
) -> None:
    before = filled.strengths.settings()
    slider = how.strengths.sliders[name]  # type: ignore[index]
    qtbot.keyClick(slider.track, Qt.Key.Key_End)
    assert filled.strengths.slider(name).value == 100  # type: ignore[arg-type]
    after = filled.strengths.settings()
    moved = {f for f in MethodSettings.model_fields if getattr(before, f) != getattr(after, f)}
    assert (
        moved
        == {
            "where": {"beta1", "beta2", "tau"},
            "strength": {"gamma", "guidance_target"},
            "preserve": {"skip_share"},
        }[name]
    )
    qtbot.mouseDClick(slider.track, LEFT)
    assert filled.strengths.settings() == before


def test_preserve_rests_at_whole_steps_and_says_which(
    qtbot: QtBot, filled: PanelModel, how: HowSection
) -> None:
    assert how.strengths.skipped.text() == "2 of 25 skipped"
    slider = how.strengths.sliders["preserve"]
    slider.set_value(56)
    steps = filled.strengths.skipped.value[0]
    assert slider.value() == filled.strengths.preserve.value
    assert how.strengths.skipped.text() == f"{steps} of 25 skipped"
    qtbot.mouseClick(how.quality.button("draft"), LEFT)
    assert how.strengths.skipped.text().endswith("of 12 skipped")


@pytest.mark.parametrize(("quality", "steps"), [("draft", 12), ("standard", 25), ("fine", 40)])
def test_quality_sets_the_steps_alone(
    qtbot: QtBot, filled: PanelModel, how: HowSection, quality: str, steps: int
) -> None:
    before = filled.strengths.settings()
    qtbot.mouseClick(how.quality.button(quality), LEFT)
    assert filled.strengths.settings() == before.model_copy(update={"steps": steps})
    assert how.expert.numbers["steps"].field.text() == str(steps)


def test_seed_is_typed_locked_and_diced(qtbot: QtBot, filled: PanelModel, how: HowSection) -> None:
    assert how.seed.text() == "4217"
    how.seed.setFocus()
    how.seed.selectAll()
    qtbot.keyClicks(how.seed, "17")
    qtbot.keyClick(how.seed, Qt.Key.Key_Return)
    assert filled.seed.value == 17
    qtbot.mouseClick(how.lock, LEFT)
    assert filled.seed_locked.value is True
    qtbot.mouseClick(how.dice, LEFT)
    assert filled.seed.value == 4217
    assert how.seed.text() == "4217"
    filled.seed.set(2**31 - 1)
    assert how.seed.text() == str(2**31 - 1)


def test_takes_and_place(qtbot: QtBot, filled: PanelModel, how: HowSection) -> None:
    how.takes.set_value(4)
    assert filled.takes_wanted.value == 4
    for kind in ("frame", "take", "patch"):
        qtbot.mouseClick(how.place.button(kind), LEFT)
        assert filled.delivery_kind.value == kind
    assert "alpha" in how.place.button("patch").toolTip()


# ---- expert -------------------------------------------------------------------------------------


def test_the_drawer_is_closed_at_first_and_opens(qtbot: QtBot, filled: PanelModel) -> None:
    how = HowSection(filled)
    qtbot.addWidget(how)
    how.show()
    assert not how.expert.body.isVisible()
    with qtbot.waitSignal(how.expert_toggled):
        how.toggle_expert()
    assert how.expert.body.isVisible()
    assert how.expert.summary.text() == "all at their sliders"
    how.expert.open_at("size")
    assert how.expert.size_combo.hasFocus() or not how.isActiveWindow()


def test_linked_numbers_show_what_is_derived_in_grey(filled: PanelModel, how: HowSection) -> None:
    assert set(how.expert.numbers) == set(NUMBERS)
    shown = {name: how.expert.numbers[name].field.text() for name in NUMBERS}
    assert shown == {
        "beta1": "0.30", "beta2": "0.30", "tau": "0.60", "gamma": "1.00",
        "guidance_target": "10.0", "guidance_source": "5.0", "steps": "25",
        "skip_share": "8 %", "shift": "5.0",
    }  # fmt: skip
    for number in how.expert.numbers.values():
        assert number.field.property("state") == "linked"
        assert not number.relink_button.isVisible()
    how.strengths.sliders["where"].set_value(0)
    assert how.expert.numbers["beta1"].field.text() == "0.05"
    assert how.expert.numbers["beta1"].field.property("state") == "linked"


@pytest.mark.parametrize("name", NUMBERS)
def test_typing_unlinks_a_number_and_its_button_links_it_again(
    qtbot: QtBot, filled: PanelModel, how: HowSection, name: str
) -> None:
    before = filled.strengths.settings()
    number = how.expert.numbers[name]
    typed = {"steps": "30", "skip_share": "20", "gamma": "1.4", "shift": "3"}.get(name, "0.7")
    enter(qtbot, number, typed)
    value = getattr(filled.strengths.settings(), name)
    assert value == pytest.approx(float(typed) / (100 if name == "skip_share" else 1))
    assert number.field.property("state") == "away"
    assert number.relink_button.isVisible()
    assert how.expert.relink_all.isVisible()
    assert how.expert.summary.text() == "1 number typed"
    qtbot.mouseClick(number.relink_button, LEFT)
    assert filled.strengths.settings() == before
    assert number.field.property("state") == "linked"
    assert not number.relink_button.isVisible()
    assert not how.expert.relink_all.isVisible()


def test_a_slider_with_a_typed_number_reads_about(
    qtbot: QtBot, filled: PanelModel, how: HowSection
) -> None:
    enter(qtbot, how.expert.numbers["gamma"], "1.4")
    slider = how.strengths.sliders["strength"]
    about = filled.strengths.about_strength.value
    assert about is not None
    assert slider.number.text() == f"{about:.0f}*"
    assert "typed" in slider.number.toolTip()
    assert slider.value() == 50
    qtbot.mouseClick(how.expert.relink_all, LEFT)
    assert slider.number.text() == "50"


def test_nothing_moves_sideways_when_a_number_is_typed(
    qtbot: QtBot, filled: PanelModel, how: HowSection
) -> None:
    QApplication.processEvents()
    before = [how.expert.numbers[name].geometry() for name in NUMBERS]
    enter(qtbot, how.expert.numbers["gamma"], "1.4")
    QApplication.processEvents()
    after = [how.expert.numbers[name].geometry() for name in NUMBERS]
    assert [r.left() for r in before] == [r.left() for r in after]


def test_reset_is_offered_away_from_home_and_goes_there(
    qtbot: QtBot, filled: PanelModel, how: HowSection
) -> None:
    assert not how.reset_button.isEnabled()
    how.strengths.sliders["where"].set_value(80)
    enter(qtbot, how.expert.numbers["shift"], "3")
    filled.strengths.switches.set((("noise", "shared"),))
    qtbot.mouseClick(how.quality.button("fine"), LEFT)
    assert how.reset_button.isEnabled()
    qtbot.mouseClick(how.reset_button, LEFT)
    assert filled.strengths.settings() == filled.strengths.reference.value
    assert not how.reset_button.isEnabled()
    assert [s.value() for s in how.strengths.sliders.values()] == [50, 50, 50]
    assert how.quality.value() == "standard"


def test_other_switches_of_a_recipe_are_said(filled: PanelModel, how: HowSection) -> None:
    assert not how.expert.switched.isVisible()
    filled.strengths.switches.set((("noise", "shared"),))
    assert how.expert.switched.isVisible()
    assert "noise = shared" in how.expert.switched.text()


def test_switches_reach_the_request(qtbot: QtBot, filled: PanelModel, how: HowSection) -> None:
    expert = how.expert
    assert expert.keep_original.value() is True
    for switch, observable in (
        (expert.keep_original, filled.keep_original),
        (expert.match_edge, filled.match_edge),
        (expert.save_memory, filled.save_memory),
    ):
        before = observable.value
        switch.click()
        assert observable.value is not before


def test_lists_offer_what_there_is(qtbot: QtBot, filled: PanelModel, how: HowSection) -> None:
    expert = how.expert
    sizes = [expert.size_combo.itemText(i) for i in range(expert.size_combo.count())]
    assert sizes == ["832 × 480", "640 × 352", "416 × 256"] or sizes[0] == "832 × 480"
    expert.size_combo.setCurrentIndex(2)
    assert filled.size.value is not None
    assert filled.size.value[0] % 16 == filled.size.value[1] % 16 == 0
    for combo, observable in (
        (expert.crop_combo, filled.crop),
        (expert.precision_combo, filled.precision),
        (expert.codec_combo, filled.codec),
    ):
        for index in range(combo.count()):
            combo.setCurrentIndex(index)
            assert combo.value() == observable.value
    big = ModelInfo(
        id="wan21-14b", name="Wan2.1 14B", family="wan2.1", installed=True,
        width=1280, height=720, vram_mb=24576,
    )  # fmt: skip
    absent = ModelInfo(id="x", name="Absent", family="wan2.1")
    filled.models.set((*filled.models.value, big, absent))
    names = [expert.model_combo.itemText(i) for i in range(expert.model_combo.count())]
    assert names == ["Embedded", "Wan2.1 14B"]
    expert.model_combo.setCurrentIndex(1)
    assert filled.model_id.value == "wan21-14b"
    assert "24 GB" in expert.cost.text()
    assert expert.size_combo.itemText(0) == "1280 × 720"


def test_the_cost_is_that_of_the_settings(
    qtbot: QtBot, filled: PanelModel, how: HowSection
) -> None:
    assert how.expert.cost.text().startswith("23 steps × 4 passes = 92 passes")
    assert "8 GB" in how.expert.cost.text()
    qtbot.mouseClick(how.quality.button("draft"), LEFT)
    assert how.expert.cost.text().startswith("11 steps × 4 passes = 44 passes")
    filled.estimate.set(
        Estimated(id=1, forwards=92, forwards_cached=46, s_per_forward=1.0, total_s=92, windows=3)
    )
    assert "3 windows" in how.expert.cost.text()
    assert "46 of them from the cache" in how.expert.cost.text()


def test_names_and_reading_order(
    qtbot: QtBot, filled: PanelModel, how: HowSection, check_access: Callable[[QWidget], None]
) -> None:
    filled.strengths.gamma.value.set(1.4)
    QApplication.processEvents()
    check_access(how)


def test_no_state_lasts_beyond_the_section(qtbot: QtBot, filled: PanelModel) -> None:
    watched = (
        filled.seed.changed, filled.strengths.where.changed, filled.models.changed,
        filled.strengths.changed, filled.size.changed,
    )  # fmt: skip
    before = [len(signal) for signal in watched]
    how = HowSection(filled)
    how.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [len(signal) for signal in watched] == before

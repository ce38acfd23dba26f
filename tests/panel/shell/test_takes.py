"""The takes strip: choosing, comparing, starring, finding, placing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from plugin.state.links import HostState
from plugin.state.messages import Button
from plugin.state.takes import UnderWay
from tests.panel.shell.conftest import TestStage

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def filled(stage: TestStage) -> TestStage:
    stage.takes(3, test=True)
    stage.show()
    return stage


def test_no_takes_says_where_they_will_be(stage: TestStage) -> None:
    panel = stage.show()
    assert panel.takes.empty.isVisible()
    assert panel.takes.empty.text() == "Takes of this shot appear here."
    assert not panel.takes.search.isVisible()


def test_takes_stand_in_groups_of_one_recipe(filled: TestStage) -> None:
    groups = filled.model.takes.groups()
    assert [take.id for take in filled.panel.takes.visible_takes()] == [
        take.id for _, takes in groups for take in takes
    ]
    one, two = filled.panel.takes.tile("take-1"), filled.panel.takes.tile("take-2")
    assert one.parentWidget() is two.parentWidget()
    assert one.parentWidget() is not filled.panel.takes.tile("take-3").parentWidget()


def test_a_click_chooses_and_ctrl_click_adds_a_second(filled: TestStage) -> None:
    strip = filled.panel.takes
    QTest.mouseClick(strip.tile("take-1"), LEFT, NONE, QPoint(20, 30))
    assert filled.model.takes.selected.value == ("take-1",)
    QTest.mouseClick(
        strip.tile("take-3"), LEFT, Qt.KeyboardModifier.ControlModifier, QPoint(20, 30)
    )
    assert filled.model.takes.selected.value == ("take-1", "take-3")
    assert "chosen" in strip.tile("take-3").accessibleName()
    QTest.mouseClick(strip.tile("take-2"), LEFT, NONE, QPoint(20, 30))
    assert filled.model.takes.selected.value == ("take-2",)


def test_star_by_click_and_by_key(filled: TestStage) -> None:
    strip = filled.panel.takes
    tile = strip.tile("take-1")
    QTest.mouseClick(tile, LEFT, NONE, QPoint(tile.width() - 8, 8))
    assert filled.model.takes.get("take-1").starred
    assert "starred" in tile.accessibleName()
    strip.choose("take-1")
    strip.tile("take-1").setFocus()
    QTest.keyClick(strip.tile("take-1"), Qt.Key.Key_S)
    assert not filled.model.takes.get("take-1").starred


def test_enter_and_double_click_place(filled: TestStage) -> None:
    strip = filled.panel.takes
    strip.choose("take-1")
    strip.tile("take-1").setFocus()
    QTest.keyClick(strip.tile("take-1"), Qt.Key.Key_Return)
    assert [(name, target.take) for name, target in filled.ran] == [("place", "take-1")]
    QTest.mouseDClick(strip.tile("take-3"), LEFT, NONE, QPoint(20, 30))
    assert filled.ran[-1][1].take == "take-3"


def test_a_test_cannot_be_placed_and_says_why(filled: TestStage) -> None:
    strip = filled.panel.takes
    assert "indication" in strip.tile("take-test").accessibleName()
    strip.place("take-test")
    assert filled.names == []
    assert "indication" in filled.panel.message.text.text()
    place = next(a for a in strip.menu_for("take-test").actions() if a.objectName() == "take.place")
    assert not place.isEnabled()


def test_arrows_go_from_take_to_take(filled: TestStage) -> None:
    strip = filled.panel.takes
    names = [take.id for take in strip.visible_takes()]
    strip.choose(names[0])
    strip.tile(names[0]).setFocus()
    QTest.keyClick(strip.tile(names[0]), Qt.Key.Key_Right)
    assert QApplication.focusWidget() is strip.tile(names[1])
    assert filled.model.takes.selected.value == (names[1],)


def test_search_and_starred_only(filled: TestStage) -> None:
    strip = filled.panel.takes
    QTest.keyClicks(strip.search, "dark")
    assert [take.id for take in strip.visible_takes()] == ["take-3"]
    QTest.keyClicks(strip.search, " nothing")
    assert strip.visible_takes() == []
    assert strip.empty.text() == "No take has these words."
    assert strip.search.isVisible()
    strip.search.clear()
    strip.only.click()
    assert [take.id for take in strip.visible_takes()] == ["take-2"]


def test_return_in_the_search_field_places_nothing(filled: TestStage) -> None:
    strip = filled.panel.takes
    strip.choose("take-1")
    strip.search.setFocus()
    QTest.keyClick(strip.search, Qt.Key.Key_Return)
    QTest.keyClick(strip.search, Qt.Key.Key_S)
    QTest.keyClick(strip.search, Qt.Key.Key_Delete)
    assert filled.names == []
    assert strip.search.text() == "s"


def entry(stage: TestStage, name: str, key: str) -> Callable[[], None]:
    menu = stage.panel.takes.menu_for(name)
    action = next(item for item in menu.actions() if item.objectName() == key)
    assert action.isEnabled(), key
    return action.trigger


def test_menu_of_a_take(filled: TestStage) -> None:
    model = filled.model
    for key, action in (
        ("take.place", "place"),
        ("take.reveal", "reveal_file"),
        ("take.delete", "delete_take"),
    ):
        entry(filled, "take-1", key)()
        assert (filled.ran[-1][0], filled.ran[-1][1].take) == (action, "take-1")
    entry(filled, "take-2", "take.undo")()
    assert filled.ran[-1][0] == "undo_place"
    entry(filled, "take-1", "take.copy_recipe")()
    recipe = json.loads(QGuiApplication.clipboard().text())
    assert recipe == dict(model.takes.get("take-1").request)
    entry(filled, "take-1", "take.star")()
    assert model.takes.get("take-1").starred


def test_a_takes_settings_and_text_come_back(filled: TestStage) -> None:
    model = filled.model
    before = model.strengths.settings()
    model.strengths.where.set(90)
    model.prompts.wanted.set("something else")
    entry(filled, "take-1", "take.only_prompt")()
    assert "leather" in model.prompts.wanted.value
    assert model.strengths.settings() != before
    entry(filled, "take-1", "take.use_settings")()
    assert model.strengths.settings() == before


def test_same_settings_new_seed_makes_another_edit(filled: TestStage) -> None:
    model = filled.model
    model._random_seed = lambda: 99
    entry(filled, "take-1", "take.same_new_seed")()
    (job,) = model.queue.jobs
    assert job.seed == 99
    assert job.request["prompts"] == model.takes.get("take-1").request["prompts"]


def test_without_resolve_a_take_is_saved(filled: TestStage) -> None:
    filled.model.host.set(HostState("closed"))
    keys = [item.objectName() for item in filled.panel.takes.menu_for("take-1").actions()]
    assert "take.save_as" in keys
    assert "take.place" not in keys


def test_delete_key_deletes(filled: TestStage) -> None:
    strip = filled.panel.takes
    strip.choose("take-1")
    strip.tile("take-1").setFocus()
    QTest.keyClick(strip.tile("take-1"), Qt.Key.Key_Delete)
    assert [(name, target.take) for name, target in filled.ran] == [("delete_take", "take-1")]


def entries(stage: TestStage, name: str) -> dict[str, tuple[str, bool]]:
    menu = stage.panel.takes.menu_for(name)
    return {a.objectName(): (a.text(), a.isEnabled()) for a in menu.actions() if a.objectName()}


def test_a_take_that_is_being_placed_says_so_and_no_other_is(filled: TestStage) -> None:
    strip, takes, messages = filled.panel.takes, filled.model.takes, filled.model.messages
    takes.placed("take-3", "item", {})
    before = strip.tile("take-1").grab().toImage()
    messages.say("say.take.ready", buttons=(Button("place", "button.place", "take-3"),),
                 about="take-3", number=3, title="red")  # fmt: skip
    offered = filled.panel.message._named["place"]
    assert offered.isEnabled()

    takes.under_way.set(UnderWay("take-1", "place"))
    assert strip.tile("take-1").accessibleName().startswith("Take 1, Placing…")
    assert strip.tile("take-1").grab().toImage() != before
    assert "Placing" not in strip.tile("take-3").accessibleName()
    assert not offered.isEnabled()
    mine, other = entries(filled, "take-1"), entries(filled, "take-3")
    assert mine["take.place"] == ("Placing…", False)
    assert mine["take.delete"][1] is False
    assert mine["take.use_settings"][1] is True
    assert other["take.place"] == ("Place", False)
    assert other["take.undo"] == ("Undo placing", False)
    assert other["take.delete"][1] is True
    # A message that comes meanwhile offers it neither, until it is over.
    messages.say("say.place.placed", buttons=(Button("undo_place", "button.undo_place", "take-3"),),
                 about="take-3", number=3, track="V2")  # fmt: skip
    assert not filled.panel.message._named["undo_place"].isEnabled()

    takes.under_way.set(None)
    assert strip.tile("take-1").accessibleName().startswith("Take 1")
    assert "Placing" not in strip.tile("take-1").accessibleName()
    assert filled.panel.message._named["undo_place"].isEnabled()
    assert entries(filled, "take-1")["take.place"] == ("Place", True)


@pytest.mark.parametrize(
    ("step", "entry", "said"),
    [("undo", "take.undo", "Taking off…"), ("save", "take.save_as", "Saving…")],
)
def test_the_entry_that_is_done_says_what_it_does(
    filled: TestStage, step: str, entry: str, said: str
) -> None:
    filled.model.host.set(HostState("closed"))
    filled.model.takes.under_way.set(UnderWay("take-1", step))  # type: ignore[arg-type]
    found = entries(filled, "take-1")
    assert found[entry] == (said, False)
    assert [name for name, (text, _) in found.items() if text == said] == [entry]
    assert said in filled.panel.takes.tile("take-1").accessibleName()

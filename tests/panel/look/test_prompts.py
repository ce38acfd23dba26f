"""The two texts, their marks, the chips and the checks, on the real model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QMimeData, Qt
from PySide6.QtGui import QTextLayout
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from plugin.state.keys import Keymap
from plugin.state.observable import ObservableList
from plugin.state.session import PanelModel
from plugin.theme import theme
from plugin.ui.prompts import PromptEdit, PromptsSection, now_marks, utf16, wanted_marks
from tests.panel.look.conftest import NOW, WANTED, attention, read

Key = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def section(qtbot: QtBot, model: PanelModel) -> PromptsSection:
    made = PromptsSection(model.prompts, model.checks)
    qtbot.addWidget(made)
    made.resize(396, 300)
    made.show()
    return made


def marked(edit: PromptEdit) -> dict[str, str]:
    """Return what is painted, by word, as Qt will draw it."""
    found: dict[str, str] = {}
    block = edit.document().begin()
    layout: QTextLayout = block.layout()
    for piece in layout.formats():
        form = piece.format
        raw = block.text().encode("utf-16-le")
        word = raw[2 * piece.start : 2 * (piece.start + piece.length)].decode("utf-16-le")
        look = []
        if form.fontUnderline():
            look.append("underlined")
        if form.fontStrikeOut():
            look.append("struck")
        if form.foreground().color().name() == theme().accent:
            look.append("accent")
        found[word] = " ".join(look)
    return found


def write(qtbot: QtBot, edit: PromptEdit, text: str) -> None:
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClicks(edit, text)


def test_typing_reaches_the_model_and_back(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    write(qtbot, section.now, NOW)
    assert model.prompts.now.value == NOW
    model.prompts.wanted.set(WANTED)
    assert section.wanted.value() == WANTED
    model.prompts.wanted.set("")
    assert section.wanted.toPlainText() == ""


def test_changed_words_are_underlined_and_replaced_ones_struck(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    model.prompts.now.set(NOW)
    model.prompts.wanted.set(WANTED)
    qtbot.waitUntil(lambda: bool(marked(section.wanted) and marked(section.now)), timeout=60000)
    assert marked(section.wanted) == {"red": "underlined accent", "leather": "underlined accent"}
    assert marked(section.now) == {"grey": "struck"}


def test_a_word_that_no_longer_drives_loses_the_accent_not_the_line(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection
) -> None:
    filled.prompts.toggle(filled.prompts.chips[0])
    section.wanted.highlight_now()
    assert marked(section.wanted)["red"] == "underlined"
    filled.prompts.toggle(filled.prompts.chips[2])  # jacket: drives, but did not change
    section.wanted.highlight_now()
    assert marked(section.wanted)["jacket"] == "accent"


def test_brackets_are_shown_quietly(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    model.prompts.now.set("a red car")
    model.prompts.wanted.set("a red [car]")
    section.wanted.highlight_now()
    assert section.wanted.toPlainText() == "a red [car]"
    assert {"[", "]"} <= set(marked(section.wanted))


def test_marks_fall_on_their_words_behind_letters_of_two_units(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    model.prompts.now.set("a 🎬 film, a grey car")
    model.prompts.wanted.set("a 🎬 film, a red car")
    section.wanted.highlight_now()
    section.now.highlight_now()
    assert marked(section.wanted) == {"red": "underlined accent"}
    assert marked(section.now) == {"grey": "struck"}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.integers(0, 30))
def test_utf16_counts_like_qt(text: str, index: int) -> None:
    index = min(index, len(text))
    assert utf16(text, index) == sum(1 + (ord(letter) > 0xFFFF) for letter in text[:index])


@settings(max_examples=100, deadline=None)
@given(st.text("ab []\n", max_size=20), st.text("ab []\n", max_size=20))
def test_marks_lie_within_their_text(now: str, wanted: str) -> None:
    for mark in wanted_marks(now, wanted, (), answered=False):
        assert 0 <= mark.start < mark.stop <= len(wanted)
    for mark in now_marks(now, wanted, ()):
        assert 0 <= mark.start < mark.stop <= len(now)
    assert not [m for m in wanted_marks(wanted, wanted, (), answered=False) if m.changed]


def test_highlighting_waits_a_moment_and_happens_once(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    model.prompts.now.set("a grey car")
    section.wanted.highlight_now()
    model.prompts.wanted.set("a red car")
    model.prompts.wanted.set("a red bus")
    assert section.wanted.marks_shown() == ()
    qtbot.waitUntil(lambda: len(section.wanted.marks_shown()) == 2, timeout=60000)


def test_the_field_grows_from_one_line_to_four(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    heights = []
    for words in (1, 12, 24, 36, 80):
        model.prompts.now.set(" ".join(["word and more"] * words)[: 60 * words])
        QApplication.processEvents()
        heights.append((section.now.lines_shown(), section.now.height()))
    lines = [line for line, _ in heights]
    assert lines[0] == 1
    assert lines[-1] == 4
    assert lines == sorted(lines)
    assert heights[-1][1] > heights[0][1]
    model.prompts.now.set("short")
    QApplication.processEvents()
    assert section.now.lines_shown() == 1


def test_lines_are_counted_before_anything_is_painted(qtbot: QtBot, filled: PanelModel) -> None:
    section = PromptsSection(filled.prompts)
    qtbot.addWidget(section)
    section.resize(600, 400)
    section.show()
    QApplication.processEvents()
    assert section.wanted.lines_shown() == 1
    section.resize(260, 400)
    for _ in range(3):  # sections within sections; nothing is painted by this
        QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    counted = section.wanted.lines_shown(), section.wanted.height()
    assert counted == (2, section.wanted.heightForWidth(section.wanted.width()))
    QApplication.processEvents()
    assert (section.wanted.lines_shown(), section.wanted.height()) == counted
    short = section.wanted.heightForWidth(2000)
    assert short < counted[1]


def test_tab_leaves_the_field_and_return_is_the_window_s(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    section.activateWindow()
    section.now.setFocus()
    qtbot.keyClick(section.now, Key.Key_Tab)
    assert section.wanted.hasFocus()
    qtbot.keyClick(section.wanted, Key.Key_Return)
    assert "\n" not in model.prompts.wanted.value


def test_pasting_makes_one_paragraph(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    paste = QMimeData()
    paste.setText("a man\n  in a\tjacket\r\n")
    section.now.insertFromMimeData(paste)
    assert model.prompts.now.value == "a man in a jacket"


def test_wanted_starts_as_a_copy_of_now(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    model.prompts.now.set(NOW)
    section.activateWindow()
    section.wanted.setFocus()
    QApplication.processEvents()
    assert section.wanted.toPlainText() == NOW
    section.wanted.undo()
    assert section.wanted.toPlainText() == ""


def test_alt_up_and_down_walk_through_earlier_texts(
    qtbot: QtBot, model: PanelModel, section: PromptsSection
) -> None:
    for text in ("first", "second"):
        model.prompts.wanted.set(text)
        model.prompts.remember()
    model.prompts.wanted.set("typing")
    seen = []
    for key in (Key.Key_Up, Key.Key_Up, Key.Key_Down, Key.Key_Down):
        qtbot.keyClick(section.wanted, key, ALT)
        seen.append(section.wanted.toPlainText())
    assert seen == ["second", "first", "second", "typing"]


def test_history_keys_are_the_person_s(qtbot: QtBot, model: PanelModel) -> None:
    keymap = Keymap()
    section = PromptsSection(model.prompts, keymap=keymap)
    qtbot.addWidget(section)
    model.prompts.wanted.set("earlier")
    model.prompts.remember()
    model.prompts.wanted.set("")
    keymap.set("prompt_older", ["Ctrl+Up"])
    qtbot.keyClick(section.wanted, Key.Key_Up, ALT)
    assert section.wanted.toPlainText() == ""
    qtbot.keyClick(section.wanted, Key.Key_Up, Qt.KeyboardModifier.ControlModifier)
    assert section.wanted.toPlainText() == "earlier"


def test_a_key_marks_the_word_at_the_caret(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection
) -> None:
    section.edit_wanted("street")
    qtbot.keyClick(section.wanted, Key.Key_Space, ALT)
    assert "street" in [chip.text for chip in filled.prompts.chips if chip.state == "drive"]


def test_edit_wanted_goes_to_the_word_that_is_named(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection
) -> None:
    section.edit_wanted("leather")
    assert section.wanted.textCursor().selectedText() == "leather"
    section.edit_wanted("windbreaker")
    assert not section.wanted.textCursor().hasSelection()


# ---- chips --------------------------------------------------------------------------------------


def test_chips_say_their_state_by_shape_word_and_tooltip(
    filled: PanelModel, section: PromptsSection
) -> None:
    names = [chip.accessibleName() for chip in section.chips.chips()]
    assert names == ["red: drives", "leather: drives", "jacket: neutral"]
    tip = section.chips.chips()[0].toolTip()
    assert "Click: drives, neutral." in tip
    assert "Read as: re · d" in tip


@pytest.mark.parametrize("how", ["click", "space"])
def test_pressing_a_chip_changes_its_part_and_keeps_the_focus(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection, how: str
) -> None:
    section.activateWindow()
    chip = section.chips.chips()[2]
    before = chip.grab().toImage()
    chip.setFocus(Qt.FocusReason.TabFocusReason)
    if how == "click":
        qtbot.mouseClick(chip, Qt.MouseButton.LeftButton)
    else:
        qtbot.keyClick(chip, Key.Key_Space)
    assert filled.prompts.chips[2].state == "drive"
    assert chip.accessibleName() == "jacket: drives"
    assert chip.hasFocus()
    assert chip.grab().toImage() != before


def test_shapes_tell_the_states_apart_without_colour(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection
) -> None:
    filled.prompts.keep_offered.set(True)
    pictures = set()
    for _ in range(3):
        chip = section.chips.chips()[2]
        image = chip.grab().toImage()
        side = range(4, 20)
        grounds = [image.pixelColor(x, 11).lightness() for x in range(4, 6)]
        shape = tuple(
            abs(image.pixelColor(x, y).lightness() - grounds[0]) > 40 for y in side for x in side
        )
        pictures.add(shape)
        filled.prompts.toggle(filled.prompts.chips[2])
    assert len(pictures) == 3


def test_fewer_words_leave_fewer_chips(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection
) -> None:
    section.activateWindow()
    section.chips.chips()[2].setFocus()
    filled.prompts.wanted.set("a man in a red jacket walks across a wet street")
    read(filled, "red")
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [chip.text() for chip in section.chips.chips()] == ["red"]
    filled.prompts.wanted.set("")
    assert section.chips.chips() == ()


def test_after_a_run_a_bar_and_a_sentence_say_what_a_word_did(
    filled: PanelModel, section: PromptsSection
) -> None:
    chip = section.chips.chips()[0]
    plain = chip.grab().toImage()
    attention(filled, red=0.1, jacket=0.9)
    red, _, jacket = section.chips.chips()
    assert red.grab().toImage() != plain
    assert "10 % of its attention" in red.toolTip()
    assert "little effect" in red.toolTip()
    assert "Also acting here." in jacket.toolTip()


def test_pointing_at_a_chip_is_told(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection
) -> None:
    told: list[object] = []
    section.chips.pointed.connect(told.append)
    chip = section.chips.chips()[1]
    QApplication.sendEvent(chip, QEvent(QEvent.Type.Enter))
    QApplication.sendEvent(chip, QEvent(QEvent.Type.Leave))
    assert [getattr(each, "text", None) for each in told] == ["leather", None]


def test_mark_words_goes_to_the_first_chip_or_into_the_text(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection
) -> None:
    section.activateWindow()
    section.mark_words()
    assert section.chips.chips()[0].hasFocus()
    filled.prompts.wanted.set("")
    section.mark_words()
    assert section.wanted.hasFocus()


# ---- checks -------------------------------------------------------------------------------------


def test_describe_is_offered_only_where_a_model_can(qtbot: QtBot, section: PromptsSection) -> None:
    assert not section.describe_button.isVisible()
    section.set_describe(True)
    with qtbot.waitSignal(section.describe_asked):
        qtbot.mouseClick(section.describe_button, Qt.MouseButton.LeftButton)


def test_no_checks_take_no_room(section: PromptsSection) -> None:
    assert not section.checks.isVisible()


def test_a_check_says_its_sentence_and_offers_what_settles_it(
    qtbot: QtBot, filled: PanelModel, section: PromptsSection
) -> None:
    filled.strengths.strength.set(90)
    filled.strengths.preserve.set(90)
    line = section.checks
    assert line.isVisible()
    assert "40" in line.text.text()
    asked: list[str] = []
    section.action_asked.connect(asked.append)
    qtbot.mouseClick(line.button, Qt.MouseButton.LeftButton)
    assert asked == ["lower_preserve"]
    attention(filled, red=0.1)
    assert line.more.text() == "+1"
    assert "red" in line.accessibleName()
    filled.strengths.preserve.set(40)
    filled.strengths.strength.set(50)
    assert not line.button.isVisible()
    assert line.sign.isVisible()


def test_names_and_reading_order(
    qtbot: QtBot,
    filled: PanelModel,
    section: PromptsSection,
    check_access: Callable[[QWidget], None],
) -> None:
    check_access(section)


def test_no_state_lasts_beyond_the_section(qtbot: QtBot, model: PanelModel) -> None:
    before = len(model.prompts.chips.changed), len(model.prompts.now.changed)
    section = PromptsSection(model.prompts, ObservableList())
    section.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert (len(model.prompts.chips.changed), len(model.prompts.now.changed)) == before
    model.prompts.now.set("a")

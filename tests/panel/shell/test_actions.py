"""Every action has a doer, and what the panel does by itself really happens."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from flowanchor_engine.request import MatteShape
from plugin.locale import load
from plugin.state import errors
from plugin.state.keys import ACTIONS as KEYS
from plugin.state.messages import Message
from plugin.ui.actions import ACTIONS, PANEL, SERVICE, Actions, Target, UnknownActionError
from tests.panel.shell.conftest import TestStage


def failed(stage: TestStage, code: str = "vram") -> str:
    stage.model.submit()
    queue = stage.model.queue
    name = queue.jobs[-1].id
    queue.start(name)
    queue.fail(name, code, "It went wrong.")
    return name


def press(stage: TestStage, action: str, target: Target | None = None) -> None:
    stage.actions.run(action, target or Target())
    QApplication.processEvents()


def test_every_button_that_can_be_shown_has_a_doer(stage: TestStage) -> None:
    stage.show()
    shown = {name for names in errors.BUTTONS.values() for name in names}
    shown |= errors._HINTS_ONLY | errors._MESSAGES
    shown |= {action.name for action in KEYS.values() if action.scope == "window"}
    assert sorted(shown - set(ACTIONS)) == []
    # There is no caption model, and a newer panel is fetched by the person: both stay hidden.
    assert stage.actions.missing() == ("describe", "update_panel")
    for code, names in errors.BUTTONS.items():
        assert any(stage.actions.can(name) for name in names), code


def test_the_panel_alone_does_all_that_is_its_own(stage: TestStage) -> None:
    stage.actions = Actions()
    panel = stage.panel
    assert set(panel.commands.missing()) == set(SERVICE)
    assert not set(PANEL) & set(SERVICE)


def test_an_unknown_name_is_refused_where_it_is_used() -> None:
    actions = Actions()
    with pytest.raises(UnknownActionError):
        actions.provide("make_coffee", print)
    with pytest.raises(UnknownActionError):
        actions.run("reread")
    assert not actions.can("reread")


def test_the_application_goes_before_the_panel(stage: TestStage) -> None:
    ran: list[Target] = []
    stage.actions.provide("make_edit", ran.append)
    stage.show().act.edit.click()
    assert len(ran) == 1
    assert len(stage.model.queue.jobs) == 0


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_action_that_a_button_may_carry_has_words(language: str) -> None:
    texts = load(language).texts
    named = {name for names in errors.BUTTONS.values() for name in names} | errors._HINTS_ONLY
    assert [name for name in sorted(named) if not texts.get(f"button.{name}")] == []


# ---- what buttons of errors really do ------------------------------------------------------


def test_save_memory_changes_the_engines_preset_and_tries_again(stage: TestStage) -> None:
    panel = stage.show()
    name = failed(stage)
    buttons = panel.queue.jobs_rows()[0].buttons()
    assert [b.text() for b in buttons] == ["Save memory (slower)", "Set range"]
    revision = stage.model.revision.value
    buttons[0].click()
    assert stage.model.save_memory.value
    assert stage.desk.settings.value.save_memory
    assert stage.model.revision.value > revision
    assert stage.model.queue.get(name).state == "waiting"


def test_set_range_gives_the_range_the_keyboard_and_says_how(stage: TestStage) -> None:
    panel = stage.show()
    press(stage, "set_range")
    assert panel.viewer.transport.scrub.hasFocus()
    assert "I and O" in panel.message.text.text()
    stage.model.viewer.mark_in(20)
    stage.model.viewer.mark_out(40)
    panel.message.pressed.emit("limit_range")
    assert stage.model.viewer.edit_range.value == (20, 41)
    assert stage.model.request().source.frames == 21
    press(stage, "whole_shot")
    assert stage.model.request().source.frames == 81


def test_fix_puts_the_caret_on_the_word(stage: TestStage) -> None:
    panel = stage.show()
    press(stage, "edit_wanted", Target(text="leather"))
    assert panel.prompts.wanted.hasFocus()
    assert panel.prompts.wanted.textCursor().selectedText() == "leather"
    press(stage, "mark_words")
    assert QApplication.focusWidget() is panel.prompts.chips.chips()[0]


def test_numbers_that_errors_ask_for(stage: TestStage) -> None:
    panel, strengths = stage.show(), stage.model.strengths
    strengths.preserve.set(90)
    press(stage, "lower_preserve")
    lowered = strengths.preserve.value
    strengths.preserve.set(40)  # snaps to whole steps
    assert lowered == strengths.preserve.value < 90
    strengths.strength.set(90)
    press(stage, "lower_guidance")
    assert strengths.strength.value == 50
    strengths.where.set(10)
    press(stage, "reset_strengths")
    assert strengths.settings() == strengths.reference.value
    press(stage, "change_size")
    assert panel.how.expert.value()
    assert panel.how.expert.combos["size"].hasFocus()
    press(stage, "expert")
    assert not panel.how.expert.value()
    name = failed(stage, "latents_nonfinite")
    press(stage, "full_precision", Target(job=name))
    assert stage.model.precision.value == "fp32"
    assert stage.model.queue.get(name).state == "waiting"


def test_place_as_another_kind(stage: TestStage) -> None:
    stage.show()
    press(stage, "place_frame")
    assert stage.model.delivery_kind.value == "frame"
    press(stage, "place_patch")
    assert stage.model.delivery_kind.value == "patch"
    press(stage, "choose_codec")
    assert stage.model.codec.value == "prores4444"


def test_seed_actions(stage: TestStage) -> None:
    stage.show()
    stage.model._random_seed = lambda: 7
    press(stage, "dice")
    assert stage.model.seed.value == 7
    press(stage, "lock_seed")
    assert stage.model.seed_locked.value


def test_matte_actions(stage: TestStage, tmp_path: object) -> None:
    panel, matte = stage.show(), stage.model.matte
    press(stage, "invert_matte")
    assert matte.invert.value
    press(stage, "matte_luma")
    assert matte.channel.value == "luma"
    matte.start.set(4)
    press(stage, "set_matte_start")
    assert matte.start.value == 0
    press(stage, "whole_picture")
    assert matte.origin.value == "whole"
    stage.answers.path = "/media/mattes/m.mov"
    press(stage, "load_matte")
    assert (matte.origin.value, matte.path.value) == ("file", "/media/mattes/m.mov")
    assert stage.desk.settings.value.last_matte_folder == "/media/mattes"
    press(stage, "clip_alpha")
    assert (matte.origin.value, matte.channel.value) == ("alpha", "alpha")
    press(stage, "draw_lasso")
    assert panel.core.tool.value == "lasso"
    press(stage, "draw_matte")
    assert panel.core.tool.value == "box"
    panel.core.shape_drawn.emit(MatteShape(kind="box", frame=12, points=((0.1, 0.1), (0.4, 0.6))))
    assert (matte.origin.value, matte.key_frames()) == ("drawn", (12,))
    press(stage, "test_at_matte")
    start, stop = stage.model.viewer.range.value
    assert start <= 12 < stop
    assert stage.model.viewer.frame.value == 12
    press(stage, "clear_marks")
    assert stage.model.viewer.range.value == (36, 45)
    press(stage, "show_frame", Target(frame=70))
    assert stage.model.viewer.frame.value == 70


def test_a_dialog_left_without_a_choice_changes_nothing(stage: TestStage) -> None:
    stage.show()
    settings = stage.desk.settings.value
    for action in ("load_matte", "open_clip", "other_folder", "use_existing_files"):
        press(stage, action)
    assert stage.names == []
    assert stage.desk.settings.value == settings
    assert stage.model.matte.origin.value == "fusion"
    assert stage.answers.asked == ["matte", "clip", "folder", "folder"]


def test_files_that_are_chosen_go_on(stage: TestStage) -> None:
    panel = stage.show()
    stage.answers.path = "/media/new/clip.mov"
    panel.shot.open.click()
    assert (stage.ran[-1][0], stage.ran[-1][1].path) == ("open_file", "/media/new/clip.mov")
    assert stage.desk.settings.value.last_clip_folder == "/media/new"
    stage.answers.path = "/media/takes"
    press(stage, "other_folder")
    assert stage.desk.settings.value.takes_folder == "/media/takes"
    assert panel.message.text.text() == "New takes go to /media/takes."
    stage.answers.path = "/models/wan"
    press(stage, "use_existing_files", Target(model="wan2.1-14b"))
    name, target = stage.ran[-1]
    assert (name, target.model, target.path) == ("import_model", "wan2.1-14b", "/models/wan")


def test_work_actions(stage: TestStage) -> None:
    stage.show()
    queue = stage.model.queue
    name = failed(stage)
    press(stage, "skip_job", Target(job=name))
    assert len(queue.jobs) == 0
    name = failed(stage)
    press(stage, "start_again", Target(job=name))
    assert queue.jobs[0].state == "waiting"
    press(stage, "pause_queue")
    assert queue.paused.value
    press(stage, "resume_queue")
    assert not queue.paused.value
    stage.model.prompts.wanted.set("something else")
    press(stage, "edit_again", Target(job=name))
    assert "leather" in stage.model.prompts.wanted.value


def test_retry_of_a_take_makes_its_job_again(stage: TestStage) -> None:
    stage.takes(1)
    stage.show()
    name = failed(stage)
    take = stage.model.takes.get("take-1")
    stage.model.takes._write(type(take)(**{**vars(take), "job": name}))
    press(stage, "retry_job", Target(take="take-1"))
    assert stage.model.queue.get(name).state == "waiting"


@pytest.mark.parametrize(
    ("action", "window"),
    [
        ("settings", "settings"),
        ("choose_model", "settings"),
        ("shortcuts", "settings"),
        ("copy_report", "report"),
        ("about", "about"),
        ("help", "help"),
        ("show_me", "help"),
        ("show_how", "help"),
        ("use_menu_link", "help"),
        ("engine_details", "log"),
        ("show_log", "details"),
        ("details", "details"),
    ],
)
def test_windows_open(stage: TestStage, action: str, window: str) -> None:
    panel = stage.show()
    press(stage, action, Target(details="words") if action == "details" else None)
    assert panel.windows.get(window).isVisible()
    assert not panel.windows.get(window).isModal()


def test_details_are_those_of_the_message(stage: TestStage) -> None:
    panel = stage.show()
    stage.model.messages.show(Message("error.vram", sentence="No room.", details="[vram] 9.6"))
    assert panel.message.details == "[vram] 9.6"
    panel.message.pressed.emit("details")
    window = panel.windows.get("details")
    assert window.text.toPlainText() == "[vram] 9.6"  # type: ignore[attr-defined]
    stage.model.messages.dismiss()
    press(stage, "details")
    assert window.text.toPlainText() == "[vram] 9.6"  # type: ignore[attr-defined]


def test_find_takes_goes_to_the_search_field(stage: TestStage) -> None:
    stage.takes(2)
    panel = stage.show()
    press(stage, "find_takes")
    assert panel.takes.search.hasFocus()

"""Shot, header, matte, action row, message line and footer: what stands in each place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from flowanchor_engine.protocol import Estimated, MatteDone
from flowanchor_engine.request import MatteShape
from plugin.gallery import mock
from plugin.gallery.scene import FRAMES
from plugin.locale import load
from plugin.state.errors import BUTTONS, message_of
from plugin.state.links import EngineState, HostState
from plugin.state.messages import Button, Message
from plugin.ui.desk import MatteOffer
from plugin.ui.foot import ActionRow
from plugin.ui.notice import Notice
from plugin.ui.shot import Header
from tests.panel.shell.conftest import TestStage

# ---- shot and header -----------------------------------------------------------------------


def test_the_shot_is_told_in_two_lines(stage: TestStage) -> None:
    row = stage.show().shot
    assert row.name.text() == "A012_C004_0812.mov"
    assert row.place.text() == "V1   01:02:11:04 – 01:02:14:13"
    facts = row.facts.text().replace("\N{NO-BREAK SPACE}", " ")
    assert facts.split("   ") == ["81 frames", "24 fps", "1920×1080", "Rec.709"]
    assert row.how.text() == "The clip you selected."


def test_the_shot_says_how_it_was_found_and_what_is_odd(stage: TestStage) -> None:
    row = stage.show().shot
    stage.model.open_shot(mock.shot(id="b", how="under_playhead", warnings=("It is rotated.",)))
    assert row.how.text() == "The clip under the playhead."
    assert row.warnings.isVisible()
    assert row.warnings.text() == "It is rotated."
    stage.model.open_shot(mock.shot(id="c", warnings=("track_locked", "rotated")))
    said = row.warnings.text().splitlines()
    assert said == [load("en").texts[f"say.note.{name}"] for name in ("track_locked", "rotated")]


def test_reread_asks_for_it(stage: TestStage) -> None:
    stage.show().shot.reread.click()
    assert stage.names == ["reread"]


@pytest.mark.parametrize(
    "phase", ["off", "starting", "ready", "busy", "stopping", "crashed", "mismatch", "no_engine"]
)
def test_the_dot_tells_each_state_by_shape_and_word(stage: TestStage, phase: str) -> None:
    header = Header(stage.model, stage.actions)
    stage.model.engine.set(EngineState(phase, device="RTX 4090"))  # type: ignore[arg-type]
    words = load("en").texts[f"engine.{phase}"]
    assert header.dot.text() == words
    assert words in header.dot.accessibleName()
    assert header.device.text() == "RTX 4090"
    assert not header.dot.grab().isNull()


def test_states_of_trouble_differ_from_ready_without_colour(stage: TestStage) -> None:
    header = Header(stage.model, stage.actions)
    shapes = {}
    for phase in ("off", "ready", "stopping", "crashed"):
        stage.model.engine.set(EngineState(phase))  # type: ignore[arg-type]
        shapes[phase] = header.dot.look[0]
    assert len(set(shapes.values())) == 4


def test_a_click_on_the_dot_shows_the_details(stage: TestStage) -> None:
    panel = stage.show()
    panel.header.dot.click()
    assert panel.windows.get("log").isVisible()


# ---- empty states --------------------------------------------------------------------------


def notice_of(notice: Notice) -> tuple[str, list[str]]:
    QApplication.processEvents()
    assert notice.isVisible()
    return notice.sentence.text(), [button.text() for button in notice.buttons()]


@pytest.mark.parametrize(
    ("kind", "sentence", "buttons", "asked"),
    [
        ("closed", "Open a project in Resolve, or open a clip file.",
         ["Look again", "Open a clip…"], "look_again"),
        ("no_link", "In Resolve: Workspace > Scripts > FlowAnchor.",
         ["Show me", "Open a clip…"], ""),
        ("silent", "Resolve does not answer. A dialog may be open there.",
         ["Try again", "Open a clip…"], "try_again"),
        ("restarted", "Resolve was restarted. Start FlowAnchor there again.",
         ["Show me", "Open a clip…"], ""),
        ("old", "The link in Resolve is older. Start it there again.",
         ["Install link again", "Show me"], "repair_link"),
        ("none", "Open a clip file to begin.", ["Open a clip…"], ""),
        ("ready", "Select a clip on the timeline.",
         ["Clip under playhead", "Open a clip…"], "use_playhead"),
    ],
)  # fmt: skip
def test_without_a_shot(
    stages: Callable[..., TestStage], kind: str, sentence: str, buttons: list[str], asked: str
) -> None:
    stage = stages(with_shot=False)
    stage.model.host.set(HostState(kind))  # type: ignore[arg-type]
    panel = stage.show()
    assert notice_of(panel.shot.notice) == (sentence, buttons)
    assert panel.shot.open.isVisible() == ("Open a clip…" not in buttons)
    stage.answers.path = "/media/clip.mov"
    for button in panel.shot.notice.buttons():
        button.click()
    if asked:
        assert stage.names[0] == asked
    if "Open a clip…" in buttons:
        assert stage.names[-1] == "open_file"
    if "Show me" in buttons:
        assert panel.windows.get("help").topic == "link"  # type: ignore[attr-defined]


def test_shots_that_need_a_word(stage: TestStage) -> None:
    panel, model = stage.show(), stage.model
    model.open_shot(mock.shot(id="t", kind="title"))
    sentence, _buttons = notice_of(panel.shot.notice)
    assert sentence == "Only video clips can be edited. Render it in place first."
    panel.shot.notice.buttons()[0].click()
    assert panel.windows.get("help").topic == "render"  # type: ignore[attr-defined]
    model.open_shot(mock.shot(id="r", retimed=True))
    assert notice_of(panel.shot.notice) == (
        "This clip is retimed. The retimed frames will be used.",
        [],
    )
    model.open_shot(mock.shot(id="s", frames=4))
    assert notice_of(panel.shot.notice) == ("At least 5 frames are needed.", [])
    assert not panel.act.edit.isEnabled()
    model.open_shot(mock.shot(id="l", frames=193))
    assert notice_of(panel.shot.notice) == ("193 frames, 3 windows.", ["Set range"])
    panel.shot.notice.buttons()[0].click()
    assert panel.focusWidget() is panel.viewer.transport.scrub  # the help window is in front


def test_without_a_matte(stages: Callable[..., TestStage]) -> None:
    stage = stages(with_matte=False)
    panel = stage.show()
    sentence, buttons = notice_of(panel.matte.notice)
    assert sentence == "Draw a mask on this clip in Fusion. A rough one is fine."
    assert buttons == ["Open Fusion page", "Load a matte…", "Whole picture"]
    panel.matte.notice.buttons()[0].click()
    assert stage.names == ["open_fusion"]
    panel.matte.notice.buttons()[2].click()
    assert stage.model.matte.origin.value == "whole"
    assert not panel.matte.grow.isVisible()
    stage.model.open_shot(mock.shot(id="f", how="file"))
    sentence, buttons = notice_of(panel.matte.notice)
    assert sentence == "Load a matte: a clip, image sequence or still."
    assert buttons[0] == "Load a matte…"


def test_a_matte_that_is_empty_or_full(stage: TestStage) -> None:
    panel, matte = stage.show(), stage.model.matte
    shares = tuple(0.0 if i < 12 else 0.05 for i in range(FRAMES))
    matte.take(
        MatteDone(job="m", seq=1, path="p", coverage=shares, empty_frames=tuple(range(3, 15)))
    )
    assert notice_of(panel.matte.notice) == (
        "The matte is empty on 12 of 81 frames.",
        ["Show frame"],
    )
    panel.matte.notice.buttons()[0].click()
    assert stage.model.viewer.frame.value == 3
    matte.take(MatteDone(job="m", seq=2, path="p", coverage=(1.0,) * FRAMES))
    assert notice_of(panel.matte.notice)[0] == "The matte covers the whole picture."
    matte.take(
        MatteDone(
            job="m", seq=3, path="p", coverage=(0.0,) * FRAMES, empty_frames=tuple(range(FRAMES))
        )
    )
    assert notice_of(panel.matte.notice)[0] == "The matte is empty on every frame."


def test_no_engine_offers_the_first_run(stage: TestStage) -> None:
    panel = stage.show()
    stage.model.engine.set(EngineState("no_engine"))
    assert panel.message.text.text() == "One download and you are ready."
    assert not panel.message.close_button.isVisible()
    panel.message.pressed.emit("set_up")
    assert panel.pages.currentWidget() is panel.first_run
    stage.model.engine.set(mock.ready_engine())
    panel.show_work()
    assert not panel.message.isVisible()


# ---- matte ---------------------------------------------------------------------------------


def test_matte_controls_change_the_state(stage: TestStage) -> None:
    section, matte = stage.show().matte, stage.model.matte
    assert section.name.text() == "Polygon1 (Fusion)"
    assert section.coverage.text() == "81/81 frames   6.2 % of picture"
    section.grow.set_value(20)
    section.feather.set_value(30)
    section.smooth.set_value(3)
    section.invert.click()
    spec = matte.spec()
    assert (spec.grow_px, spec.feather_px, spec.smooth_frames, spec.invert) == (20, 30, 3, True)
    section.grow.reset()
    assert matte.grow_px.value == 8
    matte.feather_px.set(5)
    assert section.feather.value() == 5


def test_change_menu_offers_what_there_is(stage: TestStage) -> None:
    section = stage.show().matte
    stage.desk.matte_offers.set(
        (MatteOffer("Polygon1"), MatteOffer("Magic", usable=False, reason="It cannot be read."))
    )
    section.fill_menu()
    entries = {action.objectName(): action for action in section.menu.actions()}
    assert entries["fusion:Polygon1"].isEnabled()
    assert not entries["fusion:Magic"].isEnabled()
    assert not entries["clip_alpha"].isEnabled()
    entries["fusion:Polygon1"].trigger()
    assert (stage.ran[-1][0], stage.ran[-1][1].text) == ("fusion_mask", "Polygon1")
    entries["channel:alpha"].trigger()
    assert stage.model.matte.channel.value == "alpha"
    stage.model.shot.facts.set(mock.facts().model_copy(update={"alpha": True}))
    section.fill_menu()
    next(a for a in section.menu.actions() if a.objectName() == "clip_alpha").trigger()
    assert stage.model.matte.origin.value == "alpha"


def test_a_drawn_matte_is_tracked_and_shows_where_it_is_lost(stage: TestStage) -> None:
    section, matte = stage.show().matte, stage.model.matte
    matte.clear()
    matte.draw(MatteShape(kind="box", frame=30, points=((0.1, 0.1), (0.4, 0.6))))
    assert section.name.text() == "1 drawn shape"
    assert section.track.isVisible()
    section.track.click()
    assert matte.track.value
    stage.desk.matte_progress.set((34, FRAMES))
    assert section.progress.isVisible()
    assert section.progress.fraction() == pytest.approx(34 / FRAMES)
    stage.desk.matte_progress.set((0, 0))
    assert not section.progress.isVisible()
    drift = tuple(i / 80 for i in range(FRAMES))
    matte.take(MatteDone(job="m", seq=1, path="p", coverage=(0.1,) * FRAMES, drift=drift))
    assert section.drift.isVisible()
    assert section.drift.lost == tuple(range(41, 81))
    assert "40 frames" in section.drift.accessibleDescription()
    QTest.mouseClick(
        section.drift, Qt.MouseButton.LeftButton, pos=QPoint(section.drift.width() - 2, 5)
    )
    assert stage.model.viewer.frame.value == 80
    section.drift.setFocus()
    QTest.keyClick(section.drift, Qt.Key.Key_Left)
    assert stage.model.viewer.frame.value == 79
    section.fill_menu()
    next(a for a in section.menu.actions() if a.objectName() == "erase_last").trigger()
    assert matte.origin.value == "none"


# ---- action row, message line, footer -------------------------------------------------------


def test_the_buttons_put_work_into_the_queue(stage: TestStage) -> None:
    panel = stage.show()
    panel.act.edit.click()
    panel.act.test.click()
    assert [job.kind for job in stage.model.queue.jobs] == ["edit", "test"]
    assert panel.act.test.text() == "Test 9 frames"
    stage.model.viewer.mark_in(10)
    stage.model.viewer.mark_out(20)
    assert panel.act.test.text() == "Test 11 frames"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "first run: unknown"), (400.0, "about 6 min 40 s"), (38.0, "about 38 s")],
)
def test_time_is_measured_or_unknown(stage: TestStage, seconds: float | None, said: str) -> None:
    row = ActionRow(stage.model, stage.actions)
    stage.model.estimate.set(
        Estimated(id=2, forwards=92, forwards_cached=46, s_per_forward=None, total_s=seconds)
    )
    assert row.time.text() == said


def test_long_work_shows_its_end(stage: TestStage) -> None:
    row = ActionRow(stage.model, stage.actions)
    stage.model.takes_wanted.set(4)
    assert row.time.text().startswith("ready about ")


def test_what_keeps_an_edit_from_being_made_is_said(stage: TestStage) -> None:
    row = ActionRow(stage.model, stage.actions)
    assert row.edit.isEnabled()
    stage.model.prompts.wanted.set("")
    assert not row.edit.isEnabled()
    assert row.time.text() == "Say what you want to see."


def test_every_error_has_a_sentence_and_buttons_that_act(stage: TestStage) -> None:
    panel = stage.show()
    ran: list[str] = []
    stage.actions.ran.connect(lambda pair: ran.append(pair[0]))
    for code in BUTTONS:
        stage.model.messages.show(message_of(code, "", (), "detail", handled=stage.actions.can))
        assert panel.message.isVisible(), code
        assert panel.message.text.text() == load("en").texts[f"error.{code}"], code
        names = list(panel.message._targets)
        assert 1 <= len(names) <= 2, code
        for name in names:
            del ran[:]
            panel.message.pressed.emit(name)
            assert ran == [name], code
            panel.show_work()


def test_a_message_speaks_of_its_job(stage: TestStage) -> None:
    panel = stage.show()
    stage.model.submit()
    name = stage.model.queue.jobs[0].id
    stage.model.messages.show(
        Message("error.driver", buttons=(Button("try_again", "button.try_again", name),))
    )
    panel.message.pressed.emit("try_again")
    assert stage.ran[-1][1].job == name
    panel.message.close_button.click()
    assert stage.model.messages.current.value is None
    assert not panel.message.isVisible()


def test_the_engines_own_words_are_shown_where_they_are_understood(
    stage: TestStage, speak: Callable[[str], None]
) -> None:
    panel = stage.show()
    message = message_of("vram", "Needed 11.8, had 9.6 GB.", (), "")
    stage.model.messages.show(message)
    assert panel.message.text.text() == "Needed 11.8, had 9.6 GB."
    stage.model.messages.dismiss()
    speak("de")
    stage.model.messages.show(message)
    assert panel.message.text.text() == "Der Grafikspeicher reicht nicht aus."


def test_footer(stage: TestStage) -> None:
    panel = stage.show()
    assert panel.footer.memory.text() == "11.2/24 GB"
    stage.model.engine.set(EngineState("off"))
    assert not panel.footer.memory.isVisible()
    assert panel.footer.saved.text() == "saved"
    stage.desk.saved.set(False)
    assert panel.footer.saved.text() == "saving…"
    panel.footer.settings.click()
    panel.footer.help.click()
    assert panel.windows.get("settings").isVisible()
    assert panel.windows.get("help").isVisible()

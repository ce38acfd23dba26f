"""An editor's day in Resolve: select, write, edit, tweak, place three ways, undo; every fright."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from PySide6.QtCore import QTimer

from plugin.services.proxies import ProxyReader
from tests.journey.desk import CUT_IN, FIRST, FRAMES, LEFT, Desk, Journey, truth_of
from tests.journey.hands import DRIVER, STEP, PanelProcess, surroundings

pytestmark = pytest.mark.slow

SAID = json.loads((FIRST / "first.json").read_text())
ROOT = Path(__file__).resolve().parents[2]
START = 86400 + CUT_IN


def saved(take: Any) -> int:
    """Passes through the model that the cache made unnecessary."""
    return int(json.loads(Path(take.recipe).read_text())["result"]["forwards_saved"])


@pytest.mark.parametrize(
    ("edition", "version"), [("free", "21.1"), ("studio", "21.1"), ("studio", "18.5")]
)
def test_from_the_selected_clip_to_the_timeline_and_back(
    edition: str,
    version: str,
    sit_down: Callable[..., Desk],
    open_panel: Callable[[Desk], Journey],
) -> None:
    desk = sit_down(edition, version)
    before = desk.double.state()
    here = open_panel(desk)
    model = here.model

    # Nobody has touched the panel yet.
    here.see_the_shot()
    host = model.host.value
    assert host.studio == (edition == "studio")
    assert host.version.startswith(version)
    shot = model.shot.shot.value
    assert shot is not None
    assert (shot.name, shot.track, shot.frames) == ("A012_C004.mov", "V1", FRAMES)
    assert (shot.start, shot.timecode_in) == (LEFT, "01:00:00:10")
    assert shot.how == ("under_playhead" if version == "18.5" else "selected")
    assert (model.matte.origin.value, model.matte.label.value) == ("fusion", "Polygon1")
    matte = ProxyReader(here.suite.book.matte.value.frames.folder)  # type: ignore[union-attr]
    for number, ball in enumerate(truth_of()):
        drawn = matte.frame(number) > 127
        inside = cv2.resize(ball, drawn.shape[::-1], interpolation=cv2.INTER_AREA) > 127
        assert drawn[inside].all(), f"the polygon follows the ball, frame {number}"
        assert drawn.mean() < 3 * inside.mean()
    assert desk.changed(before) == [], "looking changes nothing"

    # Make the edit, then tweak twice: the seed is held, so the source side is known by then.
    here.prepare(SAID["now"], SAID["wanted"])
    model.delivery_kind.set("patch")
    patch = here.edit()
    model.strengths.where.set(70)
    model.delivery_kind.set("frame")
    frame = here.edit()
    model.strengths.strength.set(60)
    model.delivery_kind.set("take")
    take = here.edit()
    assert saved(frame) > 0
    assert saved(take) > 0, "the second and the third run found the source side in the cache"
    assert [each.number for each in (patch, frame, take)] == [1, 2, 3]
    assert desk.changed(before) == [], "an edit is not a placing"

    # All three ways back, each as the editor sees it on the timeline.
    others = {item.id for item in desk.items()}
    placed = {}
    for each in (patch, frame):
        placed[each.id] = here.place(each)
        new = [item for item in desk.items() if item.id == placed[each.id].placed]
        assert len(new) == 1
        assert (new[0].start, new[0].duration, new[0].left) == (START, FRAMES, 0)
        assert Path(desk.double.files.real(new[0].media.path)) == Path(each.file)
        assert new[0].media.alpha == (each.delivery == "patch")
        assert new[0].nodes[0].gain == (1.2, 1.0, 0.8), "the grade lies on it too"
    here.place(take)
    assert len(desk.item.takes) == 2
    assert (desk.item.start, desk.item.duration) == (START, FRAMES)
    assert others <= {item.id for item in desk.items()}
    one = here.model.shot.shot.value
    assert one is not None
    assert one.id == shot.id, "what was placed on top is not taken for the shot"

    # The same once more is no second one.
    count = len(desk.items())
    here.act("place", take=patch.id)
    here.until(lambda: not here.suite.placing.busy.value)
    assert len(desk.items()) == count

    for each in (frame, take, patch):
        here.undo(each)
    assert desk.changed(before) == []
    assert desk.untouched()
    assert len(model.takes.all) == 3, "takes stay in the list"
    assert all(Path(each.file).is_file() for each in model.takes.all)
    assert desk.double.calls.unknown() == []


# Frights ------------------------------------------------------------------------------------


def begun(desk: Desk, open_panel: Callable[[Desk], Journey]) -> Journey:
    """A panel whose edit is under way, until the desk's gate is opened."""
    here = open_panel(desk)
    here.prepare(SAID["now"], SAID["wanted"])
    desk.gate.hold("edit", done=STEP)
    here.panel.act.edit.click()
    here.until(lambda: here.model.queue.running and here.model.queue.running.done >= STEP)
    return here


def taken(here: Journey) -> Any:
    here.until(lambda: len(here.model.takes.all) == 1, seconds=240)
    return here.model.takes.all[0]


def test_the_engine_is_killed_during_the_edit(
    sit_down: Callable[..., Desk], open_panel: Callable[[Desk], Journey]
) -> None:
    desk = sit_down()
    before = desk.double.state()
    here = begun(desk, open_panel)
    os.kill(here.suite.engine.pid, signal.SIGKILL)
    desk.gate.let_go()
    take = taken(here)
    assert here.model.queue.jobs[0].attempts == 1
    here.place(take)
    assert desk.changed(before) != []
    here.undo(take)
    assert desk.changed(before) == []
    assert desk.untouched()


@pytest.mark.parametrize("call", ["ImportMedia", "AppendToTimeline", "AddMarker"])
def test_the_link_dies_while_a_take_is_placed(
    call: str, sit_down: Callable[..., Desk], open_panel: Callable[[Desk], Journey]
) -> None:
    desk = sit_down()
    before = desk.double.state()
    here = open_panel(desk)
    here.prepare(SAID["now"], SAID["wanted"])
    take = here.edit()
    pid = here.suite.host.pid
    owner = {"AddMarker": "TimelineItem"}.get(call, "MediaPool")
    desk.double.on(f"{owner}.{call}", lambda _: os.kill(pid, signal.SIGKILL))
    here.act("place", take=take.id)
    said = here.model.messages.history
    here.until(lambda: here.said() == "say.host.recovered")
    assert said[1].key == "error.host_child"
    assert here.suite.host.pid not in (0, pid)
    assert here.model.host.value.ready
    assert not here.model.takes.get(take.id).placed  # type: ignore[union-attr]
    assert desk.changed(before) == [], "nothing half placed"
    again = here.model.messages.current.value.buttons  # type: ignore[union-attr]
    assert [button.action for button in again] == ["place"]
    here.act("place", text=again[0].payload)
    here.until(lambda: here.model.takes.get(take.id).placed)  # type: ignore[union-attr]
    track = [each for each in desk.double.timeline.tracks["video"] if each.name == "FlowAnchor"]
    assert [len(each.items) for each in track] == [1], "once, not twice"
    here.undo(take)
    assert desk.changed(before) == []
    assert desk.untouched()


def test_resolve_is_closed_during_the_edit_and_comes_back(
    sit_down: Callable[..., Desk], open_panel: Callable[[Desk], Journey]
) -> None:
    desk = sit_down()
    before = desk.double.state()
    here = begun(desk, open_panel)
    desk.close_resolve()
    here.until(lambda: here.model.host.value.kind == "closed")
    desk.gate.let_go()
    take = taken(here)
    copy = desk.tmp / "without Resolve.mov"
    here.suite.ask_save = lambda _: str(copy)  # the button reads "Save as..." now
    here.act("place", take=take.id)
    here.until(lambda: here.said() == "say.place.saved")
    assert copy.read_bytes() == Path(take.file).read_bytes()
    assert not here.suite.placing.busy.value

    desk.reopen_resolve()
    desk.click()
    here.until(lambda: here.model.host.value.kind == "ready")
    here.until(lambda: here.model.takes.get(take.id) is not None)
    here.place(take)
    here.undo(take)
    assert desk.changed(before) == []


def test_the_shot_moves_and_the_take_follows(
    sit_down: Callable[..., Desk], open_panel: Callable[[Desk], Journey]
) -> None:
    desk = sit_down()
    here = begun(desk, open_panel)
    desk.item.start += 40
    moved = desk.double.state()
    desk.gate.let_go()
    take = taken(here)
    here.act("place", take=take.id)
    here.until(lambda: here.said() == "error.host_changed")
    assert desk.changed(moved) == []
    message = here.model.messages.current.value
    assert message is not None
    assert [button.action for button in message.buttons] == ["place_new_position", "keep_in_list"]
    here.act("place_new_position", text=message.buttons[0].payload)
    here.until(lambda: here.model.takes.get(take.id).placed)  # type: ignore[union-attr]
    new = next(
        item
        for item in desk.items()
        if item.id == here.model.takes.get(take.id).placed  # type: ignore[union-attr]
    )
    assert (new.start, new.duration) == (START + 40, FRAMES)
    here.undo(take)
    assert desk.changed(moved) == []


def test_a_panel_that_closes_wants_no_matte_any_more(
    sit_down: Callable[..., Desk], open_panel: Callable[[Desk], Journey]
) -> None:
    here = open_panel(sit_down())
    here.see_the_shot()
    here.suite.mattes.read()  # its answer comes while the children are ended
    here.application.close()
    here.model.matte.use_file("late.png")
    assert not any(timer.isActive() for timer in here.suite.mattes.findChildren(QTimer))


def test_a_test_is_no_take_for_the_timeline(
    sit_down: Callable[..., Desk], open_panel: Callable[[Desk], Journey]
) -> None:
    desk = sit_down()
    before = desk.double.state()
    here = open_panel(desk)
    here.prepare(SAID["now"], SAID["wanted"])
    here.until(lambda: here.model.can_test.value)
    here.panel.act.test.click()
    test = taken(here)
    assert test.kind == "test"
    here.act("place", take=test.id)
    here.until(lambda: here.said() == "say.place.test")
    assert not here.suite.placing.busy.value
    assert desk.changed(before) == []


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "all deleted here"])
def test_a_placed_clip_alone_opens_its_shot_as_it_was(
    kept: bool, sit_down: Callable[..., Desk], open_panel: Callable[[Desk], Journey]
) -> None:
    desk = sit_down()
    here = open_panel(desk)
    here.prepare(SAID["now"], SAID["wanted"])
    here.model.strengths.where.set(70)
    take = here.place(here.edit())
    wish = take.request_hash
    matte = Path(take.request["matte"]["path"])

    # Somebody else's work in between.
    here.write("a cyan ball", "a green ball")
    here.model.strengths.reset()
    here.model.seed.set(99)
    if not kept:
        for picture in matte.parent.iterdir():
            picture.unlink()
        here.model.takes.delete([take.id])

    placed = next(item for item in desk.items() if item.id == take.placed)
    desk.cut.select(placed)
    here.until(lambda: here.said() == "say.recipe.found")
    shot = here.model.shot.shot.value
    assert shot is not None
    assert shot.id == placed.id
    here.act("use_recipe")
    here.until(lambda: here.model.shot.shot.value.id == desk.item.id)  # type: ignore[union-attr]
    here.until(lambda: here.model.prompts.wanted.value == SAID["wanted"])
    here.until(lambda: here.model.can_run.value)
    again = here.model.request()
    assert here.model.matte.label.value == "Polygon1"
    assert again.key("result") == wish, "a mask that is drawn again is the same one"
    assert matte.is_file()
    assert here.model.seed_locked.value


@pytest.mark.parametrize(("edition", "version"), [("free", "21.1"), ("studio", "18.5")])
def test_the_panel_is_killed_during_the_edit_and_nothing_is_lost(
    edition: str, version: str, sit_down: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = sit_down(edition, version)
    before = desk.double.state()
    box = {"FLOWANCHOR_MAILBOX": str(desk.box), "PYTHONPATH": str(ROOT)}
    env = surroundings(desk.double.home, desk.gate, **box)
    command = [sys.executable, str(DRIVER), "--home", str(tmp_path / "panel"), "--language", "en"]
    with PanelProcess(command, env, tmp_path) as panel:
        panel.see_the_shot(FRAMES)
        panel.do("write", **SAID)
        first = panel.edit()
        item = panel.place(first[0])
        panel.do("where", value=70)
        desk.gate.hold("edit", done=STEP)
        panel.press_edit()
        panel.until(lambda now: now["done"] >= STEP)
        panel.kill()
    desk.gate.let_go()
    with PanelProcess(command, env, tmp_path) as panel:
        now = panel.until(lambda now: now.get("engine") == "ready")
        assert now["paused"]
        assert [(state, attempts) for _, state, attempts in now["jobs"]][-1] == ("waiting", 1)
        # The shot, which nobody asked for, clears the line as soon as it is there.
        assert ["say.queue.interrupted", ["resume_queue"]] in now["told"]
        now = panel.see_the_shot(FRAMES)
        assert now["paused"], "nothing runs before it is asked to"
        assert next(take for take in now["takes"] if take[0] == first[0])[2] == item
        panel.do("act", name="resume_queue")
        now = panel.until(lambda now: len(now["takes"]) == 2, seconds=240)
        second = next(take for take in now["takes"] if take[0] != first[0])
        assert Path(second[1]).is_file()
        assert Path(second[1]) != Path(first[1])
        panel.place(second[0])
        panel.undo(first[0])
        panel.undo(second[0])
        assert panel.close() == 0
    assert desk.changed(before) == []
    assert desk.untouched()
    written = {path for path in Path(first[1]).parent.iterdir() if path.is_file()}
    assert not [path for path in written if ".tmp" in path.name or ".part" in path.name], written

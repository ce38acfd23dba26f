"""What the panel is told about Resolve and the link, in every turn they can take."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin.services.host import HostService
from plugin.state.links import HostState
from tests.panel.host.test_conversation import taken
from tests.panel.host.world import AGENT, Ask, Reply, World, film, ready


class Story:
    """Every state that was told, in order."""

    def __init__(self, service: HostService, qtbot: Any) -> None:
        self.service = service
        self.qtbot = qtbot
        self.states: list[HostState] = []
        service.state.changed.connect(self.states.append)

    def wait(self, kind: str, seconds: float = 60) -> HostState:
        self.qtbot.waitUntil(
            lambda: self.service.state.value.kind == kind, timeout=round(seconds * 1000)
        )
        return self.service.state.value

    @property
    def kinds(self) -> list[str]:
        return [state.kind for state in self.states]

    @property
    def turns(self) -> list[str]:
        """The kinds in order, less the silences of a machine that has no time."""
        heard = [kind for kind in self.kinds if kind != "silent"]
        return [kind for kind, _ in itertools.groupby(heard)]


SILENT_S = 1.2  # for the tests of silence; where it is none of the matter, nobody may be that late
PATIENT_S = 30.0


def quick(world: World, silent_s: float = PATIENT_S) -> World:
    world.options += ["--presence-s", "0.2", "--watch-s", "0.2", "--silent-s", str(silent_s)]
    return world


@pytest.fixture
def begin(make_world: Callable[..., World], qtbot: Any) -> Callable[..., tuple[World, Story]]:
    def start(
        *args: Any,
        opened: bool = True,
        click: bool = True,
        silent_s: float = PATIENT_S,
        **options: Any,
    ) -> Any:
        world = quick(make_world(*args, **options), silent_s)
        film(world)
        if opened:
            world.open_resolve()
        if opened and click:
            world.click()
        story = Story(world.service(), qtbot)
        return world, story

    return start


Begin = Callable[..., tuple[World, Story]]


def at_rest(qtbot: Any, count: Callable[[], int], quiet_ms: int) -> int:
    """Wait until nothing is counted for so long, and return the count: what ticks never rests."""
    stop = time.monotonic() + 60
    before = -1
    while (now := count()) != before:
        assert time.monotonic() < stop, "it ticks"
        before = now
        qtbot.wait(quiet_ms)
    return now


@pytest.mark.slow
@pytest.mark.parametrize("edition", ["free", "studio"])
def test_from_closed_to_ready_and_over_a_restart(begin: Begin, edition: str) -> None:
    world, story = begin(edition, "21.1", opened=False)
    closed = story.wait("closed")
    assert (closed.product, closed.version) == ("", "")
    world.open_resolve()
    story.service.look_again(lambda _: None, lambda *_: None)
    found = story.wait("no_link")
    assert (found.code, found.hint[0]) == ("no_link", "show_me")
    world.click()
    linked = story.wait("ready")
    assert linked.product == world.double.product
    assert linked.version.startswith("21.1")
    assert linked.studio is (edition == "studio")
    world.close_resolve()
    story.wait("closed")
    world.reopen_resolve()
    story.wait("restarted")
    world.click()
    story.wait("ready")
    assert story.turns == ["closed", "no_link", "ready", "closed", "restarted", "ready"]


def test_resolve_that_opens_by_itself_is_noticed(begin: Begin) -> None:
    world, story = begin("free", "20.3", opened=False)
    story.wait("closed")
    world.open_resolve()
    story.wait("no_link")


def test_a_call_that_hangs_is_silence_and_its_end_is_the_way_back(begin: Begin, qtbot: Any) -> None:
    world, story = begin("free", "20.3", silent_s=SILENT_S)
    story.wait("ready")
    world.double.faults.hang.add("GetCurrentVideoItem")
    silent = story.wait("silent")
    assert (silent.code, silent.hint) == ("host_silent", ("try_again", "open_clip"))
    assert silent.version.startswith("20.3"), "who is silent is still known"
    at_rest(qtbot, lambda: len(story.states), 1500)  # it is said once
    assert story.service.state.value.kind == "silent"
    world.double.release()
    story.wait("ready")
    assert set(story.kinds) <= {"ready", "silent"}, "it is nothing worse"


def test_a_dialog_is_told_from_an_empty_resolve(begin: Begin) -> None:
    world, story = begin("free", "20.3")
    story.wait("ready")
    world.double.modal = "Upgrade to Studio"
    told = story.wait("silent")  # without anybody's patience running out
    assert told.code == "host_dialog"
    world.double.dismiss()
    story.wait("ready")


def answered_in_vain(world: World) -> bool:
    """Whether an answer to calls, not to a look, could not be written down."""
    values = [call.args[-1] for call in world.double.calls.of("SetPrefs") if call.result is False]
    texts = [bytes.fromhex(value.partition(":")[2]) for value in values]
    return any(b'"v":[' in text for text in texts)


@pytest.mark.slow
def test_under_a_dialog_the_sandbox_is_silent_once_something_is_asked(
    begin: Begin, reply: Callable[[], Reply], qtbot: Any
) -> None:
    """There, not even an answer can be written down; nothing is asked before anybody needs it."""
    world, story = begin("free", "21.1", silent_s=SILENT_S)
    story.wait("ready")
    qtbot.waitUntil(lambda: story.service.shot.value is not None, timeout=60000)
    world.double.modal = "Upgrade to Studio"
    asked = reply()
    story.service.read_shot(asked.done, asked.error)
    told = story.wait("silent")
    assert told.code == "host_silent"
    qtbot.waitUntil(lambda: answered_in_vain(world), timeout=60000)
    world.double.dismiss()
    assert asked.fail()[0] == "host_silent"
    again = reply()
    story.service.read_shot(again.done, again.error)
    assert again.wait().name == "A012_C004.mov"
    story.wait("ready")


def test_an_empty_resolve_is_no_dialog(begin: Begin, qtbot: Any) -> None:
    world, story = begin("free", "20.3")
    story.wait("ready")
    qtbot.waitUntil(lambda: story.service.seen.value.item_id != "", timeout=60000)
    world.double.project.current = None
    qtbot.waitUntil(lambda: story.service.seen.value.timeline_id == "", timeout=60000)
    assert story.service.state.value.kind == "ready"
    assert story.service.seen.value.project_id != ""


def test_an_old_link_is_named(begin: Begin, tmp_path: Path) -> None:
    world, story = begin("free", "20.3", click=False)
    text = AGENT.read_text(encoding="utf-8")
    older = tmp_path / "old.lua"
    older.write_text(
        text.replace("local PROTOCOL = 1", "local PROTOCOL = 0").replace("1.0.0", "0.9.0"),
        encoding="utf-8",
    )
    lua = world.double.lua_runtime(environment={"FLOWANCHOR_MAILBOX": str(world.box)})
    lua.start(older)
    world.agents.append(lua)
    old = story.wait("old")
    assert (old.code, old.hint) == ("link_old", ("repair_link", "show_me"))
    world.click()
    story.wait("ready")


def test_a_second_click_is_not_felt(begin: Begin, ask: Ask, qtbot: Any) -> None:
    world, story = begin("free", "21.1")
    story.wait("ready")
    story.states.clear()
    shot = ask(story.service.read_shot)
    first = world.agents[0]
    world.click()
    qtbot.waitUntil(lambda: not first.running, timeout=60000)
    qtbot.wait(600)
    assert ask(story.service.read_shot) == shot
    assert story.kinds == []


@pytest.mark.parametrize("watched", [True, False])
def test_whatever_is_asked_after_a_second_click_is_answered_by_the_new_loop(
    begin: Begin, ask: Ask, reply: Callable[[], Reply], qtbot: Any, watched: bool
) -> None:
    """Each command is the first to meet the loop that took over."""
    world, story = begin("free", "21.1")
    service = story.service
    story.wait("ready")
    story.states.clear()
    qtbot.waitUntil(lambda: service.shot.value is not None, timeout=60000)
    service.watch(watched)

    def click_again() -> None:
        last = world.agents[-1]
        world.click()
        qtbot.waitUntil(lambda: not last.running, timeout=60000)

    click_again()
    shot = ask(service.read_shot)
    before = world.double.state()
    click_again()
    unmasked = reply()
    service.list_masks(shot, unmasked.done, unmasked.error)
    assert unmasked.fail()[0] == "no_mask"
    click_again()
    extract = ask(service.make_extract, shot)
    click_again()
    placed = ask(service.place, shot, taken(extract, world.tmp / "takes", "patch"))
    click_again()
    ask(service.show_placed, placed.placement)
    click_again()
    assert ask(service.source_of, placed.placement).item_id == shot.item_id
    click_again()
    ask(service.undo, placed.placement)
    assert world.changed(before) == []
    assert story.kinds == []


def test_a_loop_that_ended_is_silence_until_the_next_click(begin: Begin) -> None:
    world, story = begin("free", "20.3", silent_s=SILENT_S)
    story.wait("ready")
    world.agents[0].stop()
    story.wait("silent")
    world.click()
    story.wait("ready")


@pytest.mark.slow
def test_a_command_that_hangs_ends_in_the_bridges_time_out(
    begin: Begin, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world, story = begin("free", "20.3", silent_s=SILENT_S)
    story.wait("ready")
    qtbot.waitUntil(lambda: story.service.shot.value is not None, timeout=60000)
    world.double.faults.hang.add("GetLeftOffset")
    asked = reply()
    story.service.read_shot(asked.done, asked.error)
    code, sentence, hint = asked.fail()
    assert (code, hint[0]) == ("host_silent", "try_again")
    assert sentence.endswith(".")
    assert story.service.state.value.kind == "silent"
    world.double.release()
    story.wait("ready")
    again = reply()
    story.service.read_shot(again.done, again.error)
    assert again.wait().name == "A012_C004.mov"


def test_nothing_is_asked_of_resolve_while_nobody_looks(begin: Begin, qtbot: Any) -> None:
    world, story = begin("free", "20.3")
    story.wait("ready")
    qtbot.waitUntil(lambda: story.service.shot.value is not None, timeout=60000)
    story.service.watch(False)
    count = at_rest(qtbot, lambda: len(world.double.calls.of("GetCurrentVideoItem")), 1500)
    story.service.watch(True)
    qtbot.waitUntil(
        lambda: len(world.double.calls.of("GetCurrentVideoItem")) > count, timeout=60000
    )


def test_the_studio_road_needs_no_click(
    begin: Begin, make_world: Callable[..., World], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.bridge.host.links import helper_for

    world = quick(make_world("studio", "21.1"))
    film(world)
    with helper_for(world.double, world.tmp) as helper:
        monkeypatch.setenv("RESOLVE_SCRIPT_API", str(world.tmp / "api"))
        monkeypatch.setenv("FLOWANCHOR_DOUBLE", helper._env["FLOWANCHOR_DOUBLE"])
        world.open_resolve()
        service = ready(world, qtbot)
        assert service.state.value.studio
        qtbot.waitUntil(lambda: service.shot.value is not None, timeout=60000)
        assert service.shot.value is not None
        assert service.shot.value.name == "A012_C004.mov"
        service.close()


def test_the_sandbox_writes_its_preferences_only_when_something_happens(
    begin: Begin, ask: Ask, qtbot: Any
) -> None:
    """Free 21.1 answers through the preferences; nothing may tick there."""
    world, story = begin("free", "21.1")
    story.wait("ready")
    qtbot.waitUntil(lambda: story.service.shot.value is not None, timeout=60000)
    at_rest(qtbot, lambda: len(world.double.calls.of("SavePrefs")), 4000)
    assert story.service.state.value.kind == "ready"
    world.cut.playhead(24)
    qtbot.waitUntil(
        lambda: (
            story.service.shot.value is not None and story.service.shot.value.name == "B002.mov"
        ),
        timeout=60000,
    )
    ask(story.service.read_shot)

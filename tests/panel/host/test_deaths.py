"""The child is killed, Resolve dies, the panel goes: nothing half placed, nobody left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from plugin.services.host_process import HostProcess
from tests.panel.host.test_conversation import taken
from tests.panel.host.world import Ask, Reply, World, film, ready


@pytest.mark.parametrize(
    ("at", "after"),
    [
        ("MediaPool.ImportMedia", False),
        ("MediaPool.ImportMedia", True),
        ("Timeline.AddTrack", True),
        ("MediaPool.AppendToTimeline", False),
        ("MediaPool.AppendToTimeline", True),
        ("TimelineItem.AddMarker", True),
    ],
    ids=lambda value: str(value).rpartition(".")[2],
)
def test_a_child_killed_while_placing_leaves_nothing_half_placed(
    at: str,
    after: bool,
    make_world: Callable[..., World],
    ask: Ask,
    reply: Callable[[], Reply],
    qtbot: Any,
) -> None:
    world = make_world("free", "20.3")
    item = film(world)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    shot = ask(service.read_shot)
    result = taken(ask(service.make_extract, shot), world.tmp / "takes", "patch")
    before = world.double.state()
    recovered: list[str] = []
    service.recovered.connect(recovered.append)
    killed = service.pid
    world.double.on(at, lambda _double: os.kill(killed, signal.SIGKILL), after=after)
    asked = reply()
    service.place(shot, result, asked.done, asked.error)
    code, sentence, hint = asked.fail()
    assert (code, hint) == ("host_child", ("try_again",))
    assert sentence.endswith(".")
    qtbot.waitUntil(lambda: bool(recovered), timeout=60000)
    assert service.pid not in (0, killed)
    assert service.state.value.kind == "ready"
    assert recovered == [""]
    assert world.changed(before) == []
    placed = ask(service.place, shot, result)
    assert placed.placement.source_item == item.id
    ask(service.undo, placed.placement)
    assert world.changed(before) == []


def test_a_child_that_dies_twice_is_not_started_for_ever(
    make_world: Callable[..., World], ask: Ask, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world("free", "20.3")
    film(world)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    first = service.pid
    told: list[bool] = []
    service.state.changed.connect(lambda state: told.append(state.ready))
    os.kill(first, signal.SIGKILL)
    qtbot.waitUntil(lambda: service.pid not in (0, first) and bool(told), timeout=60000)
    assert not told[0], "the new one has not met Resolve yet"
    second = service.pid
    qtbot.waitUntil(lambda: service.state.value.kind == "ready", timeout=60000)
    os.kill(second, signal.SIGKILL)
    qtbot.waitUntil(lambda: service.state.value.code == "host_child", timeout=60000)
    assert (service.state.value.kind, service.pid) == ("none", 0)
    assert service.state.value.hint == ("look_again", "open_clip")
    refused = reply()
    service.read_shot(refused.done, refused.error)
    assert refused.fail()[0] == "host_child"
    ask(service.look_again)
    qtbot.waitUntil(lambda: service.state.value.kind == "ready", timeout=60000)
    assert ask(service.read_shot).name == "A012_C004.mov"


def test_resolve_that_dies_while_placing_is_taken_up_again(
    make_world: Callable[..., World], ask: Ask, reply: Callable[[], Reply], qtbot: Any
) -> None:
    world = make_world("free", "20.3")
    film(world)
    world.options += ["--presence-s", "0.2"]
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    shot = ask(service.read_shot)
    result = taken(ask(service.make_extract, shot), world.tmp / "takes", "patch")
    before = world.double.state()

    def fall(double: Any) -> None:
        assert world.process is not None
        world.process.kill()
        world.process.wait()
        double.die()

    world.double.on("MediaPool.AppendToTimeline", fall, after=True)
    asked = reply()
    service.place(shot, result, asked.done, asked.error)
    code, _, hint = asked.fail()
    assert (code, hint[0]) == ("host_lost", "place_now")
    qtbot.waitUntil(lambda: service.state.value.kind == "closed", timeout=60000)
    world.close_resolve()
    world.reopen_resolve()
    world.click()
    qtbot.waitUntil(lambda: service.state.value.kind == "ready", timeout=60000)
    assert world.changed(before) == []
    placed = ask(service.place, shot, result)
    ask(service.undo, placed.placement)
    assert world.changed(before) == []


def test_closing_leaves_no_process_and_may_be_repeated(
    make_world: Callable[..., World], qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A child on a busy machine is not killed for being slow: it has to take its leave here.
    monkeypatch.setattr(HostProcess.close, "__defaults__", (60_000,))
    world = make_world("free", "20.3")
    film(world)
    world.open_resolve()
    world.click()
    service = ready(world, qtbot)
    family = [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]
    service.close()
    service.close()
    assert service.pid == 0
    assert not any(process.is_running() for process in family)
    assert service.state.value.kind == "none"
    assert not (world.box / "session.lua").exists()

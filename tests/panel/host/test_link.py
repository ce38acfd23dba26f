"""The link's threads speak in one order: what came later is said later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugin.services import host_presence
from plugin.services.host_events import LinkChanged, Seen
from plugin.services.host_link import Link, Rhythm
from plugin.services.host_presence import Presence
from resolve_bridge.host import HostInfo, Watch
from resolve_bridge.turns import Turns

LATE_S = 0.5  # whoever could overtake had so long for it


class Resolve:
    """A host that has been met."""

    def __init__(self) -> None:
        self.info = HostInfo(
            "agent", "DaVinci Resolve", "20.3", studio=False, link="1", recovered=False
        )
        self.is_linked = True
        self.waits_s = 0.0
        self.turn = Turns()

    def watch(self, *, timeout_s: float) -> Watch:
        return Watch("project", "timeline", "item", picked=True)

    def close(self) -> None:
        pass


class Held:
    """Takes messages; one kind of them is not written down before it may."""

    def __init__(self, held: Callable[[Any], bool]) -> None:
        self.said: list[Any] = []
        self.reached, self.go = threading.Event(), threading.Event()
        self._held = held

    def __call__(self, message: Any) -> None:
        if self._held(message):
            self.reached.set()
            assert self.go.wait(60)
        self.said.append(message)


def linked(tmp_path: Path, push: Held) -> tuple[Link, Resolve]:
    rhythm = Rhythm(pulse_s=0.01, silent_s=1.0)
    link = Link(tmp_path, push, names=("nobody-is-called-so",), rhythm=rhythm)
    link._host = resolve = Resolve()  # type: ignore[assignment]
    return link, resolve


def test_an_end_of_silence_is_not_overtaken_by_the_silence(tmp_path: Path) -> None:
    push = Held(lambda message: message.kind == "silent")
    link, resolve = linked(tmp_path, push)
    resolve.waits_s = 2.0
    link._pulse.start()
    assert push.reached.wait(60)
    resolve.waits_s = 0.0
    answered = threading.Thread(target=link.fine)
    answered.start()
    answered.join(LATE_S)
    push.go.set()
    answered.join()
    link.stop(stop_agent=False)
    link._pulse.join()
    assert [message.kind for message in push.said] == ["silent", "ready"]


def test_what_is_seen_is_said_before_anybody_elses_answer(tmp_path: Path) -> None:
    """A read that takes a pick would else be followed by the news of that pick."""
    push = Held(lambda message: isinstance(message, Seen))
    link, resolve = linked(tmp_path, push)
    looking = threading.Thread(target=link._look_once)
    looking.start()
    assert push.reached.wait(60)

    def read() -> None:
        with resolve.turn:
            push.said.append("the shot with its pick")

    reading = threading.Thread(target=read)
    reading.start()
    reading.join(LATE_S)
    push.go.set()
    for thread in (looking, reading):
        thread.join()
    link.stop(stop_agent=False)
    first, *others = push.said
    assert isinstance(first, LinkChanged)
    assert others == [
        Seen(project_id="project", timeline_id="timeline", item_id="item", picked=True),
        "the shot with its pick",
    ]


def test_what_was_seen_by_a_link_that_is_gone_is_not_said(tmp_path: Path) -> None:
    push = Held(lambda message: False)
    link, resolve = linked(tmp_path, push)

    def watch(*, timeout_s: float) -> Watch:
        link._host = None  # a command has noticed that it is gone
        return Watch("project", "timeline", "item", picked=False)

    resolve.watch = watch  # type: ignore[method-assign]
    link._watch_once()
    assert push.said == []


def test_an_older_look_is_not_believed_over_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, go = threading.Event(), threading.Event()

    def is_running(_names: object) -> bool:
        if seen.is_set():
            return False  # it has been closed since
        seen.set()
        assert go.wait(60)
        return True

    monkeypatch.setattr(host_presence, "is_running", is_running)
    presence = Presence(lambda: None)
    older, newer = (threading.Thread(target=presence.look) for _ in range(2))
    older.start()
    assert seen.wait(60)
    newer.start()
    newer.join(LATE_S)
    go.set()
    for thread in (older, newer):
        thread.join()
    assert not presence.present

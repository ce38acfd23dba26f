"""Whom the agent answers, what it refuses, and that it does nothing unasked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bridge.agent.hand import Hand, film, lua_of
from tests.bridge.host.links import AGENT, agent_link
from tests.doubles.resolve import LuaHost


@pytest.fixture
def hand(tmp_path: Path) -> Any:
    # Only the script's own waits let time pass: no question gets stale while this process rests.
    double, _cut, _item = film("free", "20.3", tmp_path, speed=0.001)
    made = Hand(tmp_path / "box", double)
    lua = lua_of(double, made.box)
    lua.start(AGENT, stepped=True)
    yield made, lua
    lua.stop()


def test_a_good_request_is_answered_once(hand: tuple[Hand, LuaHost]) -> None:
    by_hand, lua = hand
    identity = by_hand.ask()
    assert by_hand.answered(lua, identity)
    by_hand.drop(identity)
    assert not by_hand.answered(lua, identity), "a request that still lies there is not repeated"


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "b" * 64},
        {"token": None},
        {"seq": 0},
        {"seq": "x"},
        {"expires": 0},
        {"expires": None},
        {"id": "short"},
        {"id": "../../../../etc/passwd-and-more"},
    ],
    ids=str,
)
def test_foreign_stale_and_malformed_requests_are_not_answered(
    hand: tuple[Hand, LuaHost], changes: dict[str, Any]
) -> None:
    by_hand, lua = hand
    before = set(by_hand.box.iterdir())
    by_hand.answered(lua, by_hand.ask(**changes))
    assert set(by_hand.box.iterdir()) - before <= {by_hand.box / "request.lua"}
    assert by_hand.answered(lua, by_hand.ask()), "and the agent still lives"


def test_a_pick_is_told_until_its_answer_was_read(hand: tuple[Hand, LuaHost]) -> None:
    """Whoever gives a question up may do so while it is being answered."""
    by_hand, lua = hand

    def told(identity: str) -> str | None:
        assert by_hand.answered(lua, identity)
        [reply] = by_hand.box.glob(f"reply-{identity}.*")
        found = json.loads(reply.read_bytes().partition(b"\n")[2]).get("pick")
        by_hand.drop(identity)
        return found

    assert told(by_hand.ask(read="")) is None
    app = by_hand.double.fusion_app()
    app.SetData("FlowAnchor.pick", "1\tPolygon1\t1\tabc")
    lost = by_hand.ask(read="")
    assert told(lost) == "1\tPolygon1\t1\tabc"
    again = by_hand.ask(read="", op="watch", seen={"project": "?"})
    assert told(again) == "1\tPolygon1\t1\tabc", "the first answer was not read"
    assert told(by_hand.ask(read=again)) is None
    assert told(by_hand.ask(read=again)) is None
    app.SetData("FlowAnchor.pick", "1\tEllipse1\t1\tabc")
    assert told(by_hand.ask()) == "1\tEllipse1\t1\tabc"
    assert told(by_hand.ask()) is None, "who does not tell what was read hears it once"


def test_what_is_meant_for_an_older_loop_is_not_carried_out(hand: tuple[Hand, LuaHost]) -> None:
    by_hand, lua = hand
    calls = len(by_hand.double.calls.of("Resolve.GetCurrentPage"))
    step = {"on": "resolve", "call": "GetCurrentPage", "args": [], "n": 0}
    other = {"agent": "another", "agent_started": 0}
    assert by_hand.answered(lua, by_hand.ask(op="calls", steps=[step], **other)), "who is here now"
    assert len(by_hand.double.calls.of("Resolve.GetCurrentPage")) == calls
    by_hand.answered(lua, by_hand.ask(agent="another", agent_started=2**40))
    assert not lua.running, "a newer loop is spoken to: this one leaves"


def test_a_replayed_request_is_not_answered(hand: tuple[Hand, LuaHost]) -> None:
    by_hand, lua = hand
    first = by_hand.ask()
    assert by_hand.answered(lua, first)
    old = (by_hand.box / "request.lua").read_bytes()
    assert by_hand.answered(lua, by_hand.ask())
    by_hand.drop(first)
    (by_hand.box / "request.lua").write_bytes(old)
    assert not by_hand.answered(lua, first)


def test_a_panel_that_began_meanwhile_is_no_replay(hand: tuple[Hand, LuaHost]) -> None:
    """Its first question has a lower number than the last of the panel before it."""
    by_hand, lua = hand
    for _ in range(3):
        assert by_hand.answered(lua, by_hand.ask())
    by_hand.token = "b" * 64
    by_hand.write("session.lua", {"protocol": 1, "token": by_hand.token, "panel": 2})
    by_hand.answered(lua, by_hand.ask(token="c" * 64))  # a late one of somebody else
    by_hand.number = 0
    assert by_hand.answered(lua, by_hand.ask(id="d" * 32))


@pytest.mark.parametrize(
    "text",
    [
        b"return {id=",
        b"return os.time()",
        b"return {id=tostring({})}",
        b"while_is_no_loop",
        b"return 1",
        b"\x1bLJ\x02\x00",
        b"",
        b"error('x')",
    ],
)
def test_a_request_is_data_and_nothing_else(hand: tuple[Hand, LuaHost], text: bytes) -> None:
    by_hand, lua = hand
    (by_hand.box / "request.lua").write_bytes(text)
    lua.step(5)
    assert by_hand.answered(lua, by_hand.ask())


@pytest.mark.parametrize(
    "code", ["os.execute('x')", "fusion:SetData('mine', 1)", "resolve:OpenPage('color')"]
)
def test_nothing_in_a_request_is_carried_out(hand: tuple[Hand, LuaHost], code: str) -> None:
    by_hand, lua = hand
    (by_hand.box / "request.lua").write_text(f"{code} return {{}}")
    lua.step(5)
    assert by_hand.double.spawned == []
    assert "mine" not in by_hand.double.data
    assert by_hand.double.page == "edit"


def test_unknown_operations_and_methods_are_refused(tmp_path: Path) -> None:
    double, _cut, _item = film("studio", "21.1", tmp_path)
    with agent_link(double, tmp_path) as link:
        transport = link.host._need_session().transport
        answer = transport.request("execute", {"code": "return 1"}, timeout_s=20)
        assert not answer["ok"]
        for on, method in (("resolve", "Quit"), ("manager", "DeleteProject"), ("_G", "print")):
            step = {"on": on, "call": method, "args": [], "n": 0}
            answer = transport.request("calls", {"steps": [step]}, timeout_s=20)
            assert "not allowed" in answer["v"][0]["e"]
    assert not double.dead


def test_it_answers_nothing_but_requests(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "21.1", tmp_path)
    Hand(tmp_path / "box", double)
    with lua_of(double, tmp_path / "box") as lua:
        lua.start(AGENT, stepped=True)
        lua.step()  # it claims the loop
        calls = len(double.calls)
        lua.step(200)
        new = {call.name for call in double.calls[calls:]}
    assert new <= {"Fusion.GetData"}, "idle, it only looks whether a newer loop has taken over"
    assert double.spawned == []


def test_it_polls_fast_while_busy_and_slowly_when_idle(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "21.1", tmp_path, speed=0.001)
    Hand(tmp_path / "box", double)
    waits: list[float] = []
    with lua_of(double, tmp_path / "box") as lua:
        lua.on_wait = waits.append
        lua.start(AGENT, stepped=True)
        lua.step(150)
        double.clock.skip(700)
        lua.step(5)
    assert waits[0] == 0.05
    assert waits[149] == 0.25
    assert waits[-1] == 0.5

"""Two loops of the agent at once: the newer stays, and no answer is lost or given twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from resolve_bridge.errors.link import HostRestartedError
from tests.bridge.agent.hand import Hand, film, lua_of
from tests.bridge.host.links import AGENT, LONG_S, agent_link
from tests.doubles.resolve import LuaHost


def test_a_second_click_replaces_the_first(tmp_path: Path) -> None:
    double, _cut, item = film("free", "21.1", tmp_path)
    with agent_link(double, tmp_path) as link:
        assert link.lua is not None
        assert link.mailbox is not None
        with lua_of(double, link.mailbox) as second:
            second.start(AGENT)
            link.lua.join()  # the first ends by itself
            for _ in range(2):  # not the silence of a time-out; and whoever asks next hears it too
                with pytest.raises(HostRestartedError):
                    link.host.shot()
            link.host.connect(timeout_s=LONG_S)
            assert link.host.shot().item_id == item.id
            link.host.close()
            second.join()


class Prefs(Hand):
    """Reads answers where the sandbox writes them."""

    def answered(self, lua: LuaHost, identity: str) -> bool:
        lua.step(8)
        return self.holds(identity)

    def holds(self, identity: str) -> bool:
        return f'"{identity}:' in self.double.prefs_path.read_text("utf-8")

    def overwrite(self) -> None:
        """Another script saves over the one value that there is."""
        app = self.double.fusion_app()
        app.SetPrefs("Global.FlowAnchorReply", "")
        app.SavePrefs()


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[tuple[Prefs, LuaHost]]:
    """Free 21.1, in which two loops have only one place for their answers."""
    double, _cut, _item = film("free", "21.1", tmp_path, speed=0.001)
    made = Prefs(tmp_path / "box", double)
    with lua_of(double, made.box) as lua:
        lua.start(AGENT, stepped=True)
        lua.step()  # it claims the loop
        yield made, lua


def test_a_loop_that_was_replaced_leaves_the_others_answer(sandbox: tuple[Prefs, LuaHost]) -> None:
    by_hand, first = sandbox
    assert by_hand.answered(first, by_hand.ask())  # so the first has something to clear away
    with lua_of(by_hand.double, by_hand.box) as second:
        second.start(AGENT, stepped=True)
        identity = by_hand.ask()
        assert by_hand.answered(second, identity)
        while first.step():
            pass
        assert by_hand.holds(identity), "nobody has read it yet"
        (by_hand.box / "request.lua").unlink()
        second.step(2)
        assert not by_hand.holds(identity), "the one who is there clears away"


def test_a_loop_that_was_replaced_answers_nothing(sandbox: tuple[Prefs, LuaHost]) -> None:
    by_hand, first = sandbox
    with lua_of(by_hand.double, by_hand.box) as second:
        second.start(AGENT, stepped=True)
        second.step()
        identity = by_hand.ask(op="hello")
        first.step()
        first.join()
        assert not by_hand.holds(identity)
        assert by_hand.answered(second, identity)


def test_who_says_stop_reads_that_it_was_heard(sandbox: tuple[Prefs, LuaHost]) -> None:
    by_hand, lua = sandbox
    identity = by_hand.ask(op="stop")
    assert by_hand.answered(lua, identity), "not cleared away before it was read"
    (by_hand.box / "request.lua").unlink()
    assert not lua.step()
    assert not by_hand.holds(identity)


def test_an_end_does_not_wait_for_ever_for_a_reader(sandbox: tuple[Prefs, LuaHost]) -> None:
    by_hand, lua = sandbox
    identity = by_hand.ask(op="stop")
    assert by_hand.answered(lua, identity)
    assert not lua.step(110), "five seconds of 0.05 each"
    assert not by_hand.holds(identity)


def test_an_answer_that_was_lost_is_given_again(sandbox: tuple[Prefs, LuaHost]) -> None:
    """It is not carried out again, not given for ever, and not once somebody has read it."""
    by_hand, lua = sandbox
    step = {"on": "resolve", "call": "GetCurrentPage", "args": [], "n": 0}
    identity = by_hand.ask(op="calls", steps=[step])
    assert by_hand.answered(lua, identity)
    by_hand.overwrite()
    lua.step(20)
    assert by_hand.holds(identity)
    assert len(by_hand.double.calls.of("Resolve.GetCurrentPage")) == 1
    saves = len(by_hand.double.calls.of("Fusion.SavePrefs"))
    lua.step(1000)
    assert len(by_hand.double.calls.of("Fusion.SavePrefs")) - saves < 8
    by_hand.overwrite()
    lua.step(100)
    assert not by_hand.holds(identity), "the question has expired"
    again = by_hand.ask()
    assert by_hand.answered(lua, again)
    (by_hand.box / "request.lua").unlink()
    lua.step(100)
    assert not by_hand.holds(again)

"""Mailbox and agent: whom it answers, what it refuses, and what it leaves."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lupa.luajit21 as lupa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolve_bridge.agent import lua_text
from resolve_bridge.agent.mailbox import Mailbox
from resolve_bridge.agent.places import (
    mailbox_folders,
    preference_files,
    private_folder,
    stamped,
)
from resolve_bridge.agent_host import find_agent
from resolve_bridge.call import Ref, Session
from resolve_bridge.errors.link import (
    HostLostError,
    HostRestartedError,
    HostSilentError,
    LinkOldError,
    MailboxError,
    ModalError,
    NoLinkError,
    StaleObjectError,
    TwoHostsError,
)
from resolve_bridge.find import open_timeline
from resolve_bridge.shot import Chosen
from tests.bridge.host.links import AGENT, SPEED, agent_link
from tests.doubles.resolve import MATRIX, Double, LuaHost

TOOL = AGENT.with_name("FlowAnchorTool.lua")


def film(edition: str, version: str, tmp: Path, **options: Any) -> tuple[Double, Any, Any]:
    double = Double(edition, version, home=tmp / "home", **{"speed": SPEED, **options})
    project = double.build("Film", rate="24", size=(64, 36))
    clip = project.video("A001.mov", frames_count=48)
    cut = project.timeline("Cut", start="01:00:00:00", video=2)
    item = cut.put(clip, at=10, left=5, frames_count=12)
    cut.playhead(12)
    return double, cut, item


# Text in, JSON out ------------------------------------------------------------------------------

plain = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(min_size=1, max_size=8), inner, min_size=1, max_size=4),
    max_leaves=12,
)  # fmt: skip


def as_python(value: Any) -> Any:
    if lupa.lua_type(value) != "table":
        return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
    items = {as_python(key): as_python(item) for key, item in value.items()}
    if set(items) == set(range(1, len(items) + 1)):
        return [items[index] for index in range(1, len(items) + 1)]
    return items


@settings(max_examples=300, deadline=None)
@given(plain)
def test_lua_reads_what_python_wrote(value: Any) -> None:
    runtime = lupa.LuaRuntime(encoding=None)
    assert as_python(runtime.eval(lua_text.dumps(value).encode())) == value


@pytest.mark.parametrize("value", [object(), {1.5: 2}, {True: 1}, b"x", {("a",): 1}])
def test_only_plain_data_is_written(value: Any) -> None:
    with pytest.raises(TypeError):
        lua_text.dumps(value)


@pytest.mark.parametrize("edition", ["free", "studio"])
@pytest.mark.parametrize(
    "name",
    ["ünïcode – “quotes”", 'back\\slash "quote"', "tab\tnewline\n\x01\x7f", "日本語 🎬", "]]==]--"],
)
def test_any_name_comes_through(edition: str, name: str, tmp_path: Path) -> None:
    double, _cut, item = film(edition, "21.1", tmp_path)
    item.name = name
    with agent_link(double, tmp_path) as link:
        assert link.host.shot().name == name


def test_bytes_that_are_no_text_do_not_break_the_answer(tmp_path: Path) -> None:
    text = AGENT.read_text(encoding="utf-8")
    start, stop = text.index("local ESCAPES"), text.index("local function json_number")
    runtime = lupa.LuaRuntime(encoding=None)
    quote = runtime.execute(text[start:stop].encode() + b"\nreturn json_string")
    assert quote(b"a\xffb\xc3") == '"a\ufffdb\ufffd"'.encode()
    assert quote("é\U0001f3ac".encode()) == '"é\U0001f3ac"'.encode()
    assert quote(b"\xed\xa0\x80") == '"\ufffd\ufffd\ufffd"'.encode()


# Paging -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("edition", "version"), [("free", "21.1"), ("free", "18.5")])
def test_long_answers_come_in_pages(edition: str, version: str, tmp_path: Path) -> None:
    double, cut, _item = film(edition, version, tmp_path)
    media = double.project.all_media()[0]
    for index in range(60):
        cut.put(media, at=100 + index, frames_count=1).name = "é" * 40
    with agent_link(double, tmp_path, page_bytes=1500) as link:
        session = link.host._need_session()
        opened = open_timeline(session)
        batch = session.batch()
        items = batch.call(opened.timeline, "GetItemListInTrack", "video", 1)
        names = batch.call(items, "GetName")
        batch.run()
    assert len(names.value) == 61
    assert names.value[1:] == ["é" * 40] * 60


def test_no_page_outgrows_the_preferences(tmp_path: Path) -> None:
    double, cut, _item = film("free", "21.1", tmp_path)
    media = double.project.all_media()[0]
    for index in range(900):
        cut.put(media, at=100 + index, frames_count=1)
    sizes: list[int] = []
    double.on("Fusion.SavePrefs", lambda d: None)
    with agent_link(double, tmp_path) as link:
        double.on(
            "Fusion.SavePrefs",
            lambda d: sizes.append(len(str(d.prefs.get("Global", {}).get("FlowAnchorReply", "")))),
        )
        session = link.host._need_session()
        opened = open_timeline(session)
        items = session.call(opened.timeline, "GetItemListInTrack", "video", 1)
    assert len(items) == 901
    assert max(sizes) < 192 * 1024


def test_resolve_gets_its_turn_within_a_long_request(tmp_path: Path) -> None:
    double, cut, _item = film("free", "21.1", tmp_path)
    media = double.project.all_media()[0]
    for index in range(900):
        cut.put(media, at=100 + index, frames_count=1)
    with agent_link(double, tmp_path) as link:
        session = link.host._need_session()
        opened = open_timeline(session)
        items = session.call(opened.timeline, "GetItemListInTrack", "video", 1)
        assert link.lua is not None
        inside: list[float] = []
        link.lua.on_wait = inside.append
        batch = session.batch()
        for item in items[:390]:
            batch.call(item, "GetName")
        batch.run()
    assert inside.count(0.001) >= 2, "the interface runs between the calls, not only after them"


# Who is answered --------------------------------------------------------------------------------


def lua_of(double: Double, box: Path) -> LuaHost:
    return double.lua_runtime(environment={"FLOWANCHOR_MAILBOX": str(box)})


class Hand:
    """Writes requests by hand."""

    def __init__(self, box: Path, double: Double) -> None:
        self.box = private_folder(box)
        self.double = double
        self.token = "a" * 64
        self.number = 0
        self.write("session.lua", {"protocol": 1, "token": self.token, "panel": 1})

    def write(self, name: str, value: dict[str, Any]) -> None:
        (self.box / name).write_bytes(lua_text.chunk(value))

    def ask(self, **changes: Any) -> str:
        self.number += 1
        request = {
            "token": self.token,
            "id": f"{self.number:032x}",
            "seq": self.number,
            "expires": int(self.double.clock.now()) + 30,
            "op": "ping",
            **changes,
        }
        self.write("request.lua", request)
        return str(request["id"])

    def answered(self, lua: LuaHost, identity: str) -> bool:
        lua.step(8)
        return any(self.box.glob(f"reply-{identity}.*"))

    def drop(self, identity: str) -> None:
        for path in self.box.glob(f"reply-{identity}.*"):
            path.unlink()


@pytest.fixture
def hand(tmp_path: Path) -> Any:
    double, _cut, _item = film("free", "20.3", tmp_path)
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


# Take-over, loss, silence -----------------------------------------------------------------------


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
            link.host.connect()
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


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoLinkError) as caught:
        Mailbox(tmp_path / "box").connect(timeout_s=0.2)
    assert "Workspace > Scripts > FlowAnchor" in caught.value.user_message


def test_a_closed_resolve_is_told_from_a_silent_one(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "20.3", tmp_path)
    with agent_link(double, tmp_path) as link:
        double.faults.hang.add("GetCurrentTimeline")
        session = link.host._need_session()
        with pytest.raises(HostSilentError):
            session.call("project", "GetCurrentTimeline", timeout_s=0.5)
        double.release()
        double.die()
        with pytest.raises(HostLostError):
            session.call("project", "GetName", timeout_s=20)


def test_a_dialog_is_recognised(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "20.3", tmp_path)
    with agent_link(double, tmp_path) as link:
        double.modal = "Upgrade to Studio"
        with pytest.raises(ModalError):
            link.host.shot()
        double.dismiss()
        assert link.host.shot().name == "A001.mov"
        double.modal = "Upgrade to Studio"
        with pytest.raises(ModalError):
            link.host.connect()
        double.dismiss()
        link.host.connect()


def test_the_mailbox_that_the_agent_reads_is_found(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "21.1", tmp_path, speed=1.0)
    box = tmp_path / "container" / "mailbox"
    folders = [tmp_path / "usual" / "mailbox", box]
    with lua_of(double, box) as lua:
        lua.start(AGENT)
        host = find_agent(
            tmp_path / "work", folders=folders, preferences=[double.prefs_path], timeout_s=4.0
        )
        try:
            assert host.name == "agent"
            assert list(folders[0].iterdir()) == []
        finally:
            host.close()
        lua.join()
    with pytest.raises(NoLinkError):
        find_agent(tmp_path / "work", folders=folders, preferences=[], timeout_s=0.1)


def test_two_resolves_are_noticed(tmp_path: Path) -> None:
    first, _cut, _item = film("studio", "20.3", tmp_path)
    second, _cut, _item = film("free", "19.1", tmp_path / "second")
    box = tmp_path / "box"
    mailbox = Mailbox(box, clock=lambda: time.time() + 1e6, alive=lambda _pid: True)
    with lua_of(first, box) as one, lua_of(second, box) as two:
        one.start(AGENT)
        two.start(AGENT)
        with pytest.raises(TwoHostsError):
            mailbox.connect(timeout_s=20)


def test_an_older_link_is_said(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "20.3", tmp_path)
    old = tmp_path / "FlowAnchor.lua"
    old.write_text(AGENT.read_text("utf-8").replace("local PROTOCOL = 1", "local PROTOCOL = 0"))
    mailbox = Mailbox(tmp_path / "box", clock=lambda: double.clock.now() + 999)
    with lua_of(double, tmp_path / "box") as lua:
        lua.start(old)
        with pytest.raises(LinkOldError):
            mailbox.connect(timeout_s=20)


def test_a_new_panel_takes_the_running_agent_over(tmp_path: Path) -> None:
    double, _cut, item = film("free", "20.3", tmp_path)
    with agent_link(double, tmp_path) as link:
        assert link.mailbox is not None
        again = Session(Mailbox(link.mailbox, clock=lambda: double.clock.now() + 999))
        assert open_timeline(again).ref.timeline_name == "Cut"
        with pytest.raises(HostSilentError):
            link.host._need_session().call("project", "GetName", timeout_s=0.4)
        link.host._transport = again.transport
        assert item.name == "A001.mov"


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "21.1", tmp_path)
    before = double.state()
    with agent_link(double, tmp_path) as link:
        link.host.shot()
        box = link.mailbox
    assert box is not None
    assert list(box.iterdir()) == []
    after = double.state()
    assert after["projects"] == before["projects"]
    assert "FlowAnchorReply" not in str(after["prefs"])
    assert after["data"].get("FlowAnchor", {}) == {}


def test_handles_do_not_outlive_a_reset(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "21.1", tmp_path)
    with agent_link(double, tmp_path) as link:
        session = link.host._need_session()
        old = open_timeline(session).timeline
        open_timeline(session)
        with pytest.raises(StaleObjectError):
            session.call(old, "GetName")
        with pytest.raises(StaleObjectError):
            session.call(Ref("9.9", "timeline", ""), "GetName")


def test_fabricated_methods_are_gated_by_version(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "20.3", tmp_path)
    double.faults.fabricated = True
    with agent_link(double, tmp_path) as link:
        link.host.shot()
    assert double.calls.of("GetSelectedClips", "GetType", "GetSpeed", "IsStudio") == []


# Places, doors, the panel -----------------------------------------------------------------------


def test_the_mailbox_is_the_users_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "box")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    assert stat.S_IMODE(private_folder(folder).stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(MailboxError):
        private_folder(tmp_path / "link")
    (tmp_path / "file").write_text("x")
    with pytest.raises(MailboxError):
        private_folder(tmp_path / "file")


def test_two_sessions_share_no_token(tmp_path: Path) -> None:
    Mailbox(tmp_path / "box")
    first = (tmp_path / "box" / "session.lua").read_bytes()
    Mailbox(tmp_path / "box")
    assert (tmp_path / "box" / "session.lua").read_bytes() != first


def test_places_follow_the_system() -> None:
    home = {"HOME": "/home/anna"}
    assert mailbox_folders(home, "linux") == (Path("/home/anna/.local/share/FlowAnchor/mailbox"),)
    windows = {"LOCALAPPDATA": "C:/Users/anna/AppData/Local", "USERNAME": "anna"}
    assert "AppData" in str(mailbox_folders(windows, "win32")[0])
    greek = {"LOCALAPPDATA": "C:/Users/Άννα/AppData/Local", "USERNAME": "anna"}
    assert all(str(folder).isascii() for folder in mailbox_folders(greek, "win32"))
    assert preference_files(home, "linux")[0].name == "Fusion.prefs"


@pytest.mark.parametrize(("edition", "version"), MATRIX)
def test_the_panel_is_started_where_the_edition_allows(
    edition: str, version: str, tmp_path: Path
) -> None:
    # Only the script's own waits let time pass.
    double, _cut, _item = film(edition, version, tmp_path, speed=0.001)
    text = stamped(
        AGENT.read_text("utf-8"), mailbox=tmp_path / "box", panel=Path("/opt/flow anchor/panel")
    )
    script = tmp_path / "FlowAnchor.lua"
    script.write_text(text, encoding="utf-8")
    Hand(tmp_path / "box", double)
    with double.lua_runtime() as lua:
        lua.start(script, stepped=True)
        lua.step(30)
        assert double.spawned == [], "first it waits for a panel that is already there"
        lua.step(60)
        started = [command for _how, command in double.spawned]
    if edition == "free" and version == "21.1":
        assert started == []
    else:
        assert len(started) == 1
        assert "'/opt/flow anchor/panel'" in started[0]
        assert "-u PYTHONHOME" in started[0]


def test_a_path_that_could_break_out_is_not_stamped(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="PANEL"):
        stamped(AGENT.read_text("utf-8"), mailbox=tmp_path, panel=Path("/a]==] os.exit() --"))
    with pytest.raises(ValueError, match="PANEL"):  # closes the bracket early
        stamped(AGENT.read_text("utf-8"), mailbox=tmp_path, panel=Path("/a]=="))


@pytest.mark.parametrize(("edition", "version"), MATRIX)
def test_the_fusion_door_opens_that_clip_with_that_mask(
    edition: str, version: str, tmp_path: Path
) -> None:
    double, _cut, item = film(edition, version, tmp_path)
    proxy = double.proxy(item)
    proxy.AddFusionComp()
    tool = proxy.GetFusionCompByIndex(1).AddTool("PolylineMask", 1, 1)
    name = tool.GetAttrs()["TOOLS_Name"]
    double.page = "fusion"
    with agent_link(double, tmp_path) as link:
        assert not link.host.watch().picked
        with double.lua_runtime(tool=(double.comp_handle(item), name)) as door:
            door.run_file(TOOL)
            assert door.printed == []
        assert link.host.watch().picked
        shot = link.host.shot()
        assert (shot.pick, shot.pick_comp, shot.chosen) == (name, 1, Chosen.FUSION)
        assert shot.item_id == item.id
        assert link.host.shot().pick == "", "a pick counts once"


def test_the_doors_do_nothing_where_nothing_is(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "21.1", tmp_path)
    with double.lua_runtime() as lua:
        lua.run_file(TOOL)  # no tool
    assert double.state()["data"] == {}
    assert os.listdir(tmp_path) == ["home"]

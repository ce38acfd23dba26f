"""The panel's end of the mailbox: found, private, and honest about who is not there."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge.agent.mailbox import Mailbox
from resolve_bridge.agent.places import mailbox_folders, preference_files, private_folder
from resolve_bridge.agent_host import find_agent
from resolve_bridge.call import Ref, Session
from resolve_bridge.errors.link import (
    HostLostError,
    HostSilentError,
    LinkOldError,
    MailboxError,
    ModalError,
    NoLinkError,
    StaleObjectError,
    TwoHostsError,
)
from resolve_bridge.find import open_timeline
from resolve_bridge.transport import Hello
from tests.bridge.agent.hand import film, lua_of
from tests.bridge.host.links import AGENT, LONG_S, SPEED, agent_link


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoLinkError) as caught:
        Mailbox(tmp_path / "box").connect(timeout_s=0.2)
    assert "Workspace > Scripts > FlowAnchor" in caught.value.user_message


class Answered(Mailbox):
    """What it asks is answered at once; then this process rests for longer than it would wait."""

    rests_s = 0.1

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        super()._write(name, value)
        if name == "request.lua":
            told = json.dumps({"agent": "a", "ok": True, "v": value["op"]})
            reply = self._folder / f"reply-{value['id']}.a"
            reply.write_text(f"{value['id']} 1 1\n{told}")
            time.sleep(self.rests_s)


def linked(box: Path) -> Answered:
    mailbox = Answered(box)
    mailbox._hello = Hello(
        "a", "1", 1, "file", 0, None, "DaVinci Resolve", (21, 1), frozenset(), frozenset()
    )
    return mailbox


def test_an_answer_that_lies_there_is_not_too_late(tmp_path: Path) -> None:
    assert linked(tmp_path / "box").request("ping", {}, timeout_s=0.01)["v"] == "ping"


def test_an_answer_that_came_before_it_was_called_off_counts(tmp_path: Path) -> None:
    """It may carry what somebody picked in Fusion, which the agent gives once."""
    mailbox = linked(tmp_path / "box")
    found = mailbox.wait("watch", {}, timeout_s=60, called_off=lambda: True)
    assert found is not None
    assert found["v"] == "watch"
    assert list((tmp_path / "box").iterdir()) == [tmp_path / "box" / "session.lua"]


class Hurried(Mailbox):
    """Calls a question off just when its answer is about to come, and never sees that."""

    gives_up = False

    def _await(self, identity: str, *more: Any) -> list[tuple[int, int, bytes]]:
        if not self.gives_up:
            return super()._await(identity, *more)
        self.gives_up = False
        end = time.monotonic() + LONG_S
        while not list(self._folder.glob(f"reply-{identity}.*[!p]")):
            assert time.monotonic() < end
            time.sleep(0.01)
        raise HostSilentError(detail=identity)


def test_a_pick_is_not_lost_with_a_question_that_was_given_up(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "20.3", tmp_path)
    mailbox = Hurried(
        tmp_path / "box",
        clock=lambda: double.clock.now() + LONG_S * SPEED,
        alive=lambda _pid: True,  # a number that the double made up
        farewell_s=LONG_S / 2,
    )
    with lua_of(double, tmp_path / "box") as lua:
        lua.start(AGENT)
        mailbox.connect(timeout_s=LONG_S)
        double.fusion_app().SetData("FlowAnchor.pick", "1\tPolygon1\t1\tabc")
        mailbox.gives_up = True
        with pytest.raises(HostSilentError):
            mailbox.request("ping", {}, timeout_s=LONG_S)
        assert double.fusion_app().GetData("FlowAnchor.pick") == "", "the agent has told it"
        assert mailbox.picks() == ()
        for told in (("1\tPolygon1\t1\tabc",), ()):
            mailbox.request("ping", {}, timeout_s=LONG_S)
            assert mailbox.picks() == told
        mailbox.close()
        lua.join()


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
            link.host.connect(timeout_s=LONG_S)
        double.dismiss()
        link.host.connect(timeout_s=LONG_S)


def test_the_mailbox_that_the_agent_reads_is_found(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "21.1", tmp_path, speed=1.0)
    double.pid = os.getpid()  # one that lives
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
            assert isinstance(host._transport, Mailbox)
            host._transport._farewell_s = LONG_S / 2
        finally:
            host.close()
        lua.join()
    with pytest.raises(NoLinkError):
        find_agent(tmp_path / "work", folders=folders, preferences=[], timeout_s=0.1)


class Crowded(Mailbox):
    """Looks for answers once two have come: which of them is the first is nobody's promise."""

    def _await(self, identity: str, *more: Any) -> list[tuple[int, int, bytes]]:
        end = time.monotonic() + LONG_S
        while len([p for p in self._folder.glob("reply-*") if p.suffix != ".tmp"]) < 2:
            assert time.monotonic() < end
            time.sleep(0.01)
        return super()._await(identity, *more)


def test_two_resolves_are_noticed(tmp_path: Path) -> None:
    first, _cut, _item = film("studio", "20.3", tmp_path)
    second, _cut, _item = film("free", "19.1", tmp_path / "second")
    box = tmp_path / "box"
    mailbox = Crowded(box, clock=lambda: time.time() + 1e6, alive=lambda _pid: True)
    with lua_of(first, box) as one, lua_of(second, box) as two:
        one.start(AGENT)
        two.start(AGENT)
        with pytest.raises(TwoHostsError):
            mailbox.connect(timeout_s=LONG_S)


def test_an_older_link_is_said(tmp_path: Path) -> None:
    double, _cut, _item = film("free", "20.3", tmp_path)
    old = tmp_path / "FlowAnchor.lua"
    old.write_text(AGENT.read_text("utf-8").replace("local PROTOCOL = 1", "local PROTOCOL = 0"))
    mailbox = Mailbox(tmp_path / "box", clock=lambda: double.clock.now() + LONG_S * SPEED)
    with lua_of(double, tmp_path / "box") as lua:
        lua.start(old)
        with pytest.raises(LinkOldError):
            mailbox.connect(timeout_s=LONG_S)


def test_a_new_panel_takes_the_running_agent_over(tmp_path: Path) -> None:
    double, _cut, item = film("free", "20.3", tmp_path)
    with agent_link(double, tmp_path) as link:
        assert link.mailbox is not None
        box = Mailbox(
            link.mailbox,
            clock=lambda: double.clock.now() + LONG_S * SPEED,
            alive=lambda _pid: True,
            farewell_s=LONG_S / 2,
        )
        again = Session(box, timeout_s=LONG_S)
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

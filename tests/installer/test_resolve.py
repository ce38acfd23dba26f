"""Where Resolve is, where its scripts go, and what is stamped into them."""

from __future__ import annotations

import plistlib
import re
from pathlib import Path

import lupa.luajit21 as lupa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer import computer, resolve, scripts
from installer.console import StepFailed
from installer.places import PRODUCT, Places
from resolve_bridge.agent import places as bridge_places
from tests.installer.little import ROOT
from tests.installer.systems import mac, windows

AGENT = ROOT / "resolve_bridge" / "agent"


def test_windows_scripts_go_into_roaming_once(tmp_path: Path) -> None:
    places = windows(tmp_path)
    assert resolve.trees(places) == ()
    program = tmp_path / "Program Files" / PRODUCT
    program.mkdir(parents=True)
    (program / "Resolve.exe").write_bytes(b"MZ")
    (tree,) = resolve.trees(places)
    support = places.roaming / "Blackmagic Design" / "DaVinci Resolve" / "Support"
    assert tree.fusion == support / "Fusion"
    assert "Roaming/Roaming" not in tree.fusion.as_posix()
    (shared,) = resolve.trees(places, all_users=True)
    assert shared.fusion == tmp_path / "ProgramData" / PRODUCT / "Fusion"


def test_the_app_store_edition_gets_its_own_mailbox_and_both_script_folders(tmp_path: Path) -> None:
    places = mac(tmp_path)
    data = places.home / "Library" / "Containers" / "com.blackmagic-design.DaVinciResolveLite"
    (data / "Data").mkdir(parents=True)
    found = resolve.trees(places)
    inside = data / "Data" / "Library" / "Application Support"
    assert [t.fusion for t in found] == [inside / PRODUCT / "Fusion", inside / "Fusion"]
    assert {t.mailbox for t in found} == {inside / "FlowAnchor" / "mailbox"}
    agent = {n: (AGENT / n).read_text() for n in scripts._FILES}
    wanted = scripts.wanted(found, agent, version="9.8", panel=Path("/x/panel"))
    names = [each.path.relative_to(inside).as_posix() for each in wanted]
    assert "Fusion/Scripts/Utility/FlowAnchor.lua" in names
    assert not any(n.startswith(("Fusion/Config", "Fusion/Templates")) for n in names)
    boxes = bridge_places.mailbox_folders(places.env, "darwin")
    assert {t.mailbox for t in found} < set(boxes)


def test_both_mac_editions_beside_each_other_get_scripts(tmp_path: Path) -> None:
    places = mac(tmp_path)
    (places.home / "Library" / "Application Support" / PRODUCT).mkdir(parents=True)
    (places.home / "Library/Containers/com.blackmagic-design.DaVinciResolve/Data").mkdir(
        parents=True
    )
    kinds = [tree.kind for tree in resolve.trees(places)]
    assert kinds == ["user", "app store", "app store scripts"]


def test_version_and_edition_are_read_where_the_files_tell(tmp_path: Path) -> None:
    places = mac(tmp_path)
    app = tmp_path / "root" / "Applications" / "DaVinci Resolve" / "DaVinci Resolve.app"
    (app / "Contents").mkdir(parents=True)
    (app / "Contents" / "Info.plist").write_bytes(
        plistlib.dumps({"CFBundleShortVersionString": "21.1.1", "CFBundleName": "Resolve"})
    )
    assert resolve.find(places).version == "21.1.1"
    linux = Places("linux", places.env)
    opt = tmp_path / "root" / "opt" / "resolve"
    (opt / "bin").mkdir(parents=True)
    (opt / "bin" / "resolve").touch()
    found = resolve.find(linux)
    assert found.program == opt
    assert found.version == ""
    assert "shows when it is connected" in found.describe()
    (opt / "docs").mkdir()
    (opt / "docs" / "ReadMe.html").write_text("<b>DaVinci Resolve Studio</b>&nbsp;18.1.4")
    assert resolve.find(linux).describe() == "DaVinci Resolve Studio 18.1.4"
    (old, *_) = tuple(computer._resolve(linux))
    assert old.level == "bad"
    assert "18.5" in old.action


@pytest.mark.parametrize("user", ["anna", "Jörg", "花子"])
def test_the_mailbox_is_where_the_panel_looks(tmp_path: Path, user: str) -> None:
    for places in (
        windows(tmp_path, user),
        mac(tmp_path),
        Places("linux", {"HOME": f"/home/{user}"}),
        Places("linux", {"HOME": "/home/a", "XDG_DATA_HOME": "/data"}),
        Places("linux", {"HOME": "/home/a", "FLOWANCHOR_MAILBOX": "/box"}),
    ):
        assert places.mailbox == bridge_places.mailbox_folders(places.env, places.platform)[0]


paths = st.text(
    st.characters(blacklist_characters="\n\r\0", blacklist_categories=["Cs"]), min_size=1
).map(lambda text: Path("/" + text))


@given(mailbox=paths, panel=paths)
def test_the_stamped_agent_is_the_bridges_and_reads_back_in_lua(mailbox: Path, panel: Path) -> None:
    text = (AGENT / "FlowAnchor.lua").read_text(encoding="utf-8")
    if any(f"{path}]==]".index("]==]") != len(str(path)) for path in (mailbox, panel)):
        with pytest.raises(StepFailed):
            scripts.stamp(text, version="1.2.3", mailbox=mailbox, panel=panel)
        return
    stamped = scripts.stamp(text, version="1.2.3", mailbox=mailbox, panel=panel)
    theirs = bridge_places.stamped(text, mailbox=mailbox, panel=panel)
    versions = re.compile('local VERSION = "[^"]*"')
    assert stamped == versions.sub('local VERSION = "1.2.3"', theirs, count=1)
    lua = lupa.LuaRuntime()
    heads = [
        n for n in stamped.split("\n") if n.startswith(("local MAIL", "local PAN", "local VER"))
    ]
    assert len(heads) == 3
    read = lua.execute("\n".join(heads) + "\nreturn {VERSION, MAILBOX, PANEL}")
    assert [read[1], read[2], read[3]] == ["1.2.3", str(mailbox), str(panel)]
    lua.eval("function(text) assert(loadstring(text)) end")(stamped)


def test_the_scripts_never_go_where_fusion_starts_things(tmp_path: Path) -> None:
    agent = {n: (AGENT / n).read_text() for n in scripts._FILES}
    for kind in ("user", "app store", "app store scripts", "custom"):
        tree = resolve.Tree(tmp_path, kind, tmp_path / "box")
        for each in scripts.wanted([tree], agent, version="1", panel=Path("/p")):
            parts = each.path.relative_to(tmp_path).parts
            assert parts[:2] in {
                ("Scripts", "Utility"), ("Scripts", "Tool"), ("Templates", "Edit"),
                ("Config", "FlowAnchor.fu"),
            }  # fmt: skip
            assert each.path.suffix != ".scriptlib"

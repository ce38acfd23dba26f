"""The doors in the double: they start the panel, pick a mask, and do nothing without reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resolve_bridge.agent.places import stamped
from resolve_bridge.shot import Chosen
from tests.bridge.agent.hand import Hand, film
from tests.bridge.host.links import AGENT, agent_link
from tests.doubles.resolve import MATRIX

TOOL = AGENT.with_name("FlowAnchorTool.lua")


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

"""The doors beside the menu: well-formed, silent, and nothing without a purpose."""

from __future__ import annotations

import re
from pathlib import Path

import lupa.luajit21 as lupa
import pytest

from resolve_bridge.find import Pick
from resolve_bridge.fusion import comp_text

AGENT = Path(__file__).parents[3] / "resolve_bridge" / "agent"


@pytest.mark.parametrize("name", ["FlowAnchor.lua", "FlowAnchorTool.lua"])
def test_scripts_compile_as_plain_lua(name: str) -> None:
    import lupa.lua51 as plain

    text = (AGENT / name).read_text(encoding="utf-8")
    for runtime in (plain.LuaRuntime(), lupa.LuaRuntime()):
        runtime.compile(text)
    assert text.isascii()


def test_the_macro_is_a_macro_and_its_button_is_lua() -> None:
    table = comp_text.read(AGENT / "FlowAnchor.setting")
    assert table is not None
    text = (AGENT / "FlowAnchor.setting").read_text(encoding="utf-8")
    assert text.count("MacroOperator") == 1
    code = re.search(r'BTNCS_Execute = "(.*)",', text)
    assert code is not None
    lupa.LuaRuntime().compile(code[1].replace("\\\\", "\\"))


def test_the_action_is_lua() -> None:
    text = (AGENT / "FlowAnchor.fu").read_text(encoding="utf-8")
    code = re.search(r"_Lua \[=\[(.*?)\]=\]", text, re.DOTALL)
    assert code is not None
    lupa.LuaRuntime().compile(code[1])
    assert 'CONTROL_SHIFT_A = "FlowAnchor_Pick{}"' in text
    assert "Menus" not in text, "menus are not shown to work in Resolve"


@pytest.mark.parametrize(
    ("text", "pick"),
    [
        ("1\tPolygon1\t2\tabc", Pick("Polygon1", 2, "abc")),
        ("1\tPolygon1\t0\t", Pick("Polygon1", 0, "")),
        ("1\t*\t0\tabc", Pick("", 0, "abc")),
        ("2\tPolygon1\t0\t", None),
        ("1\t\t0\t", None),
        ("", None),
        ("1\tname", None),
    ],
)
def test_picks_are_read_or_ignored(text: str, pick: Pick | None) -> None:
    assert Pick.read(text) == pick


def test_everything_inside_resolve_names_no_machine_and_no_network() -> None:
    for path in AGENT.glob("FlowAnchor*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"socket|http|/home/|/Users/|fusion:Execute|FinalizeTake", text), path

"""What may be asked of Resolve: one list in both languages, nothing the vendor does not have."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import lupa.luajit21 as lupa
import pytest

from resolve_bridge.allowed import METHODS, OPERATIONS
from resolve_bridge.editions import SINCE
from tests.doubles.resolve import signatures
from tests.doubles.resolve.versions import SINCE as TABLE
from tests.doubles.resolve.versions import YOUNGER_THAN_STUB

BRIDGE = Path(__file__).parents[3] / "resolve_bridge"
AGENT = BRIDGE / "agent" / "FlowAnchor.lua"
OWNERS = {
    "resolve": "Resolve",
    "manager": "ProjectManager",
    "project": "Project",
    "pool": "MediaPool",
    "folder": "Folder",
    "media": "MediaPoolItem",
    "timeline": "Timeline",
    "item": "TimelineItem",
}
FUSION = {
    # Fusion's own scripting manual; the Resolve stubs leave these two classes empty.
    "GetData", "SetData", "SetPrefs", "SavePrefs", "GetAttrs", "FindTool", "AddTool", "StartUndo",
    "EndUndo", "Render", "SetInput", "SaveSettings", "LoadSettings", "Delete",
}  # fmt: skip
LUA = {"find", "sub", "byte", "gsub", "match", "write", "close", "rep", "ShellExecuteA", "cdef"}


def lua_methods() -> dict[str, dict[str, str]]:
    text = AGENT.read_text(encoding="utf-8")
    body = re.search(r"^local METHODS = (\{.*?^\})", text, re.DOTALL | re.MULTILINE)
    assert body is not None
    table: Any = lupa.LuaRuntime().eval(body[1])
    return {kind: dict(methods.items()) for kind, methods in table.items()}


def test_both_languages_allow_the_same() -> None:
    assert lua_methods() == METHODS


def test_both_languages_know_the_same_operations() -> None:
    text = AGENT.read_text(encoding="utf-8")
    listed = re.search(r"operations = \{([^}]*)\}", text)
    assert listed is not None
    assert tuple(re.findall(r'"(\w+)"', listed[1])) == OPERATIONS


@pytest.mark.parametrize(
    ("kind", "method"),
    [(kind, method) for kind, methods in METHODS.items() for method in methods if kind != "comp"],
)
def test_every_method_is_the_vendors(kind: str, method: str) -> None:
    owner = OWNERS[kind]
    assert signatures.known(owner, method) or f"{owner}.{method}" in YOUNGER_THAN_STUB


def test_the_version_gates_are_the_tables() -> None:
    gates = {f"{OWNERS[kind]}.{name}": since for (kind, name), since in SINCE.items()}
    wanted = {
        f"{OWNERS[kind]}.{name}": tuple(int(p) for p in TABLE[f"{OWNERS[kind]}.{name}"].split("."))
        for kind, methods in METHODS.items()
        if kind != "comp"
        for name in methods
        if TABLE.get(f"{OWNERS[kind]}.{name}", "18.1") not in ("18.1", "18.5")
    }
    assert gates == wanted


@pytest.mark.parametrize("name", ["FlowAnchor.lua", "FlowAnchorTool.lua", "FlowAnchor.fu"])
def test_the_lua_calls_nothing_else(name: str) -> None:
    text = re.sub(
        r"--\[\[.*?\]\]|--[^\n]*", "", (BRIDGE / "agent" / name).read_text("utf-8"), flags=re.S
    )
    called = set(re.findall(r":(\w+)\(", text))
    stubs = {method for owner in OWNERS.values() for method in signatures.methods(owner)}
    assert called <= stubs | FUSION | LUA, called - stubs - FUSION - LUA


def test_the_python_names_no_method_outside_the_list() -> None:
    """Every literal method name handed to the wrapper is on the list."""
    allowed = {method for methods in METHODS.values() for method in methods}
    seen: set[str] = set()
    for path in BRIDGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("call", "must") and len(node.args) > 1:
                method = node.args[1]
                if isinstance(method, ast.Constant):
                    seen.add(str(method.value))
    assert len(seen) > 70
    assert seen <= allowed, seen - allowed


def test_the_helper_calls_fusion_only_as_its_manual_has_it() -> None:
    text = (BRIDGE / "remote_ops.py").read_text(encoding="utf-8")
    called = set(re.findall(r"\.([A-Z]\w+)\(", text))
    stubs = {method for owner in OWNERS.values() for method in signatures.methods(owner)}
    assert called <= stubs | FUSION | {"Operations"}


@pytest.mark.parametrize(
    "method",
    ["FinalizeTake", "ReplaceClip", "DeleteProject", "Quit", "SetCurrentDatabase", "LoadProject"],
)
def test_what_cannot_be_undone_cannot_be_asked(method: str) -> None:
    assert all(method not in methods for methods in METHODS.values())

"""Text on the road: plain data into Lua, any name out as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lupa.luajit21 as lupa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolve_bridge.agent import lua_text
from tests.bridge.agent.hand import film
from tests.bridge.host.links import AGENT, agent_link

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

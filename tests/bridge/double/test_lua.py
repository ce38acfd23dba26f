"""Behaviour 7 and the Lua half of 1-9: the globals of each edition, tables, waiting, prefs."""

from __future__ import annotations

import threading
import time

import pytest

from tests.doubles.resolve import MATRIX, Double

SANDBOX = {
    "_G", "_VERSION", "app", "assert", "bit", "bmd", "collectgarbage", "coroutine", "dofile",
    "error", "fu", "fusion", "getfenv", "getmetatable", "ipairs", "loadfile", "loadstring",
    "lpeg", "math", "next", "os", "pairs", "pcall", "print", "rawequal", "rawget", "rawset",
    "resolve", "select", "setfenv", "setmetatable", "string", "table", "tonumber", "tostring",
    "type", "unpack", "xpcall",
}  # fmt: skip


@pytest.mark.parametrize(("edition", "version"), MATRIX)
def test_07_the_sandbox_has_exactly_its_globals_and_the_others_have_all(make, edition, version):
    lua = make(edition, version).double.lua_runtime()
    if (edition, version) == ("free", "21.1"):
        assert lua.globals() == SANDBOX
        absent = "io os.execute os.remove os.rename require package ffi debug arg bmd.readfile"
        for name in (absent + " bmd.writefile bmd.readdir jit python").split():
            assert lua.eval(name.split(".")[0] if "." not in name else name) is None, name
        assert set(lua.eval("os").keys()) == {
            "clock", "date", "difftime", "getenv", "time", "tmpname",
        }  # fmt: skip
    else:
        assert lua.globals() > SANDBOX
        for name in [
            "io.open",
            "os.execute",
            "os.rename",
            "require",
            "package",
            "ffi",
            "debug",
            "bmd.readfile",
        ]:
            assert lua.eval(name) is not None, name
    assert lua.eval("python") is None
    assert lua.eval("getmetatable(_G) ~= nil") is True
    assert lua.eval("_VERSION") == "Lua 5.1"


def test_07_print_is_muted_in_the_sandbox_only(make):
    muted = make("free", "21.1").double.lua_runtime()
    muted.execute("print('hello')")
    assert muted.printed == []
    heard = make("free", "21.0.4").double.lua_runtime()
    heard.execute("print('hello', 2)")
    assert heard.printed == ["hello\t2"]


def test_01_unknown_names_are_nil_and_calling_them_is_an_error(make):
    lua = make("free", "21.1").double.lua_runtime()
    assert lua.eval("resolve.NoSuch == nil") is True
    message = lua.execute("local ok, e = pcall(function() resolve:NoSuch() end) return e")
    assert "NoSuch" in message
    assert "nil value" in message
    assert lua.eval("type(resolve)") == "userdata"
    bare = lua.execute("return (pcall(resolve.GetProductName))")
    assert bare is False  # a dot where a colon belongs


def test_03_proxies_are_new_and_unequal_in_lua_too(make):
    lua = make().double.lua_runtime()
    assert lua.eval("resolve:GetProjectManager() == resolve:GetProjectManager()") is False


def test_09_tables_count_from_one_and_carry_flags(make):
    scene = make("free", "21.1")
    scene.clip.AddMarker(4, "Blue", "", "", 1, "")
    lua = scene.double.lua_runtime()
    lua.execute("""
      tl = resolve:GetProjectManager():GetCurrentProject():GetCurrentTimeline()
      items = tl:GetItemListInTrack("video", 1)
    """)
    assert lua.eval("#items") == 1
    assert lua.eval("items[1]:GetName()") == "A001.mov"
    assert lua.eval("type(items.__flags)") == "number"
    assert lua.eval("items[1]:GetMarkers()[4].color") == "Blue"
    assert lua.eval("type(items[1]:GetMarkers()[4].__flags)") == "number"
    count = lua.execute("local n = 0 for _ in pairs(items) do n = n + 1 end return n")
    assert count == 2  # the item and the flags
    assert lua.eval("tl:GetItemListInTrack('video', 9) == nil") is True
    kind = lua.execute("local place = items[1]:GetTrackTypeAndIndex() return place[1] .. place[2]")
    assert kind == "video1"


def test_a_table_of_lua_arrives_as_list_or_dict(make, tmp_path):
    scene = make("free", "21.1")
    lua = scene.double.lua_runtime()
    lua.execute("""
      project = resolve:GetProjectManager():GetCurrentProject()
      project:GetMediaPool():ImportMedia({"/nowhere/a.mov", "/nowhere/b.mov"})
      project:SetRenderSettings({CustomName = "x", MarkIn = 86400})
    """)
    assert scene.double.calls.of("ImportMedia")[-1].args == (["/nowhere/a.mov", "/nowhere/b.mov"],)
    assert scene.double.calls.of("SetRenderSettings")[-1].args == (
        {"CustomName": "x", "MarkIn": 86400},
    )


def test_07_prefs_are_saved_atomically_as_a_new_file(make):
    scene = make("free", "21.1")
    lua = scene.double.lua_runtime()
    path = scene.double.prefs_path
    assert lua.execute("return fusion:SetPrefs('Global.Reply', '7:7b7d')") is True
    assert not path.exists()
    assert lua.eval("fusion:SavePrefs() == nil") is True
    first = path.stat()
    assert '\tReply = "7:7b7d",' in path.read_text()
    assert first.st_mode & 0o777 == 0o666
    lua.execute("fusion:SetPrefs('Global.Reply', '8:\"q\\\\') fusion:SavePrefs()")
    assert path.stat().st_ino != first.st_ino
    assert lua.execute("return loadstring('return ' .. ...)().Global.Reply", path.read_text()) == (
        '8:"q\\'
    )
    lua.execute("fusion:SetPrefs('Global.Reply', nil) fusion:SavePrefs()")
    assert "Reply" not in path.read_text()
    assert [p.name for p in path.parent.iterdir()] == ["Fusion.prefs"]


def test_07_prefs_carry_192_kib_and_no_more(make):
    scene = make("free", "21.1")
    lua = scene.double.lua_runtime()
    lua.execute("fusion:SetPrefs('Global.A', string.rep('a', 192 * 1024)) fusion:SavePrefs()")
    assert "A = " in scene.double.prefs_path.read_text()
    lua.execute("fusion:SetPrefs('Global.B', string.rep('b', 192 * 1024 + 1)) fusion:SavePrefs()")
    assert "B = " not in scene.double.prefs_path.read_text()


LOOP = """
local token = tostring({})
fusion:SetData("Test.loop", token)
local rounds = 0
while fusion:GetData("Test.loop") == token do
  rounds = rounds + 1
  bmd.wait(0.05)
end
return rounds
"""


def test_07_a_second_click_takes_over_through_shared_data(make, tmp_path):
    double = make("free", "21.1", speed=20).double
    script = tmp_path / "loop.lua"
    script.write_text(LOOP)
    with double.lua_runtime() as first, double.lua_runtime() as second:
        first.start(script)
        wait_for(lambda: first.waits > 2)
        second.start(script)
        assert first.join() >= 2  # ended by itself
        assert second.running
    assert not second.running


def test_a_stepped_script_moves_only_when_told(make, tmp_path):
    double = make("free", "21.1").double
    script = tmp_path / "steps.lua"
    script.write_text("for n = 1, 3 do fusion:SetData('n', n) bmd.wait(10) end return 'done'")
    lua = double.lua_runtime()
    began = double.clock.now()
    lua.start(script, stepped=True)
    assert double.data == {}
    assert lua.step() is True
    assert double.data["n"] == 1
    time.sleep(0.02)
    assert double.data["n"] == 1
    lua.step(2)
    assert double.data["n"] == 3
    lua.step()
    assert lua.join() == "done"
    assert double.clock.now() - began >= 30  # the waits were skipped, not slept


def test_work_can_be_done_inside_every_wait(make):
    lua = make("free", "21.1").double.lua_runtime()
    seen = []
    lua.on_wait = seen.append
    lua.execute("bmd.wait(0.001) bmd.wait(0.002)")
    assert seen == [0.001, 0.002]


def test_a_loop_stops_when_told_and_when_resolve_dies(make, tmp_path):
    double = make("free", "21.1").double
    script = tmp_path / "forever.lua"
    script.write_text("while true do bmd.wait(0.001) end")
    lua = double.lua_runtime().start(script)
    wait_for(lambda: lua.waits > 0)
    lua.stop()
    assert not lua.running
    other = double.lua_runtime().start(script)
    wait_for(lambda: other.waits > 0)
    double.die()
    other.join()
    assert not other.running


def test_the_main_thread_and_a_script_share_one_resolve(make, tmp_path):
    scene = make("free", "21.1", speed=50)
    script = tmp_path / "busy.lua"
    script.write_text(
        "local tl = resolve:GetProjectManager():GetCurrentProject():GetCurrentTimeline() "
        "while true do tl:SetTrackName('video', 1, 'lua') bmd.wait(0.001) end"
    )
    with scene.double.lua_runtime() as lua:
        lua.start(script)
        wait_for(lambda: lua.waits > 3)
        for _ in range(50):
            assert scene.timeline.GetTrackName("video", 1) in ("lua", "Video 1")
        assert threading.active_count() >= 2


def test_what_a_script_starts_is_only_noted(make):
    scene = make("free", "20.3")
    lua = scene.double.lua_runtime()
    lua.execute("os.execute('panel --now') require('ffi').C.system('panel')")
    lua.execute("require('ffi').load('shell32').ShellExecuteA(nil, 'open', 'p.exe', nil, nil, 1)")
    assert [how for how, _ in scene.double.spawned] == [
        "os.execute", "ffi.C.system", "ffi.ShellExecuteA",
    ]  # fmt: skip


def test_files_open_where_io_exists_and_text_is_read_by_loadfile_everywhere(make, tmp_path):
    request = tmp_path / "request.lua"
    request.write_text("return { op = 'ping', id = 3 }")
    for version in ("21.0.4", "21.1"):
        lua = make("free", version).double.lua_runtime()
        text = "local f = loadfile(...) setfenv(f, {}) local t = f() return t.op .. t.id"
        assert lua.execute(text, str(request)) == "ping3"
        assert lua.execute("return loadfile(...) == nil", str(tmp_path / "none.lua")) is True
    lua = make("free", "21.0.4").double.lua_runtime()
    lua.execute("local f = io.open(..., 'w') f:write('hi') f:close()", str(tmp_path / "o.txt"))
    assert (tmp_path / "o.txt").read_text() == "hi"


def test_windows_lua_cannot_open_a_path_that_is_not_ascii(tmp_path):
    home = tmp_path / "Zoë"
    home.mkdir()
    (home / "r.lua").write_text("return 1")
    double = Double("free", "21.1", home=home, platform="windows")
    assert double.lua_runtime().execute("return loadfile(...) == nil", str(home / "r.lua")) is True
    linux = Double("free", "21.1", home=home)
    assert linux.lua_runtime().execute("return loadfile(...)()", str(home / "r.lua")) == 1


def test_the_tool_door_gets_comp_and_tool(make):
    from tests.bridge.double.conftest import POLYGON

    scene = make("free", "20.3")
    scene.cut.mask(scene.item, POLYGON)
    comp = scene.double.comp_handle(scene.item)
    lua = scene.double.lua_runtime(tool=(comp, "Polygon1"))
    assert lua.eval("tool.Name .. tool.ID") == "Polygon1PolylineMask"
    assert lua.eval("comp:FindTool('MediaOut1').Name") == "MediaOut1"
    lua.execute("fusion:SetData('FlowAnchor.pick', tool.Name)")
    assert scene.double.lua_runtime().eval("fusion:GetData('FlowAnchor.pick')") == "Polygon1"


def test_a_hidden_comp_refuses_to_save_and_another_carries_data(make, tmp_path):
    lua = make("free", "21.1").double.lua_runtime()
    target = str(tmp_path / "out.comp")
    text = "local c = fu:NewComp(true, false, ...) c:SetData('a', 'b') return c:Save('{}')"
    assert lua.execute(text.replace("{}", target), True) is False
    assert lua.execute(text.replace("{}", target), False) is True
    assert 'a = "b"' in (tmp_path / "out.comp").read_text()


def wait_for(condition, limit=60.0):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_the_console_keeps_ffi_where_scripts_have_none(make):
    double = make("free", "21.1").double
    assert double.lua_runtime().eval("ffi") is None
    assert double.lua_runtime(door="console").eval("ffi.os") == "Linux"


def test_comp_is_a_global_on_the_fusion_page_only(make):
    scene = make("free", "20.3")
    scene.cut.mask(scene.item, "E = EllipseMask { Inputs = { } }", "E")
    scene.cut.playhead(12)
    assert scene.double.lua_runtime().eval("comp") is None
    scene.resolve.OpenPage("fusion")
    lua = scene.double.lua_runtime()
    assert lua.eval("comp:FindTool('E').ID") == "EllipseMask"
    assert lua.eval("fusion:GetCurrentComp():FindTool('E').Name") == "E"


def test_reading_the_ui_manager_on_free_brings_the_dialog(make):
    double = make("free", "21.1").double
    lua = double.lua_runtime()
    assert lua.eval("fu.UIManager == nil") is True
    assert lua.eval("resolve:GetProductName()") is False
    double.dismiss()
    assert lua.eval("resolve:GetProductName()") == "DaVinci Resolve"


def test_a_script_dies_with_resolve_in_the_middle_of_a_call(make, tmp_path):
    double = make("free", "21.1").double
    script = tmp_path / "calls.lua"
    script.write_text("while true do pcall(function() resolve:GetVersion() end) bmd.wait(0) end")
    double.faults.die_after = 5
    lua = double.lua_runtime().start(script)
    lua.join()
    assert double.dead
    assert not lua.running

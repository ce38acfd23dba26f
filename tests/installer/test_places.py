"""Installer, panel, engine and the agent inside Resolve look for the same folders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime
from platformdirs.macos import MacOS
from platformdirs.unix import Unix

from installer.packages import pip_settings
from installer.places import Places
from resolve_bridge.agent.places import mailbox_folders
from tests.installer.little import ROOT, Desk, installed

AGENT = ROOT / "resolve_bridge" / "agent" / "FlowAnchor.lua"
# What a shell may have made of the variable: nothing, whole paths, half ones.
TOLD = [None, "", "/data", "/data with spaces", "share", "./share", "../up", "~/share", "C:share"]


def asked(env: dict[str, str]) -> list[str]:
    """Where the agent looks, by its own code."""
    text = AGENT.read_text(encoding="utf-8")
    start = text.index("local function mailbox_places()")
    body = text[start : text.index("\nend\n", start) + 5]
    lua = LuaRuntime()
    lua.globals().os = lua.table(getenv=env.get)
    places = lua.execute(f'local MAILBOX = ""\n{body}\nreturn mailbox_places()')
    return list(places.values())


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_everybody_means_the_same_folders(
    monkeypatch: pytest.MonkeyPatch, platform: str, told: str | None
) -> None:
    env = {"HOME": "/home/anna"} | ({} if told is None else {"XDG_DATA_HOME": told})
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    places = Places(platform, env)
    library = (MacOS if platform == "darwin" else Unix)("FlowAnchor", appauthor=False)
    assert places.models == library.user_data_path / "models"
    assert mailbox_folders(env, platform)[0] == places.mailbox
    assert str(places.mailbox) in asked(env)
    for path in (places.mailbox, places.models, places.folder, places.menu_entry, places.icon):
        assert path.is_absolute()


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_caches_are_where_engine_and_panel_keep_them(
    monkeypatch: pytest.MonkeyPatch, platform: str, told: str | None
) -> None:
    env = {"HOME": "/home/anna"} | ({} if told is None else {"XDG_CACHE_HOME": told})
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    library = MacOS if platform == "darwin" else Unix
    engine = library("flowanchor").user_cache_path
    panel = library("FlowAnchor", appauthor=False).user_cache_path
    assert Places(platform, env).caches == (engine, panel)
    own = {**env, "FLOWANCHOR_CACHE": "/fast/cache"}
    assert Places(platform, own).caches == (Path("/fast/cache"), panel)


def test_uninstalling_says_which_caches_stay(desk: Desk, checkout: Path) -> None:
    installed(desk, checkout)
    cache = desk.home / ".cache" / "flowanchor"
    (cache / "tensors").mkdir(parents=True)
    (desk.home / ".cache" / "FlowAnchor").mkdir()  # empty: not worth a word
    done = desk.run(checkout, "uninstall", "--yes")
    assert f"a cache stays: {cache} (may be deleted at any time)" in done.stdout
    assert done.stdout.count("a cache stays") == 1
    assert cache.is_dir()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_the_agent_never_looks_where_resolve_happens_to_stand(told: str) -> None:
    home = {"HOME": "/home/anna"}
    found = asked({**home, "XDG_DATA_HOME": told})
    assert all(each.startswith("/") for each in found)
    ours = mailbox_folders({**home, "XDG_DATA_HOME": told}, "linux")
    assert {Path(re.sub("/+", "/", str(each))) for each in ours} <= {
        Path(re.sub("/+", "/", each)) for each in found
    }


def test_a_half_path_hides_no_settings_of_pip(tmp_path: Path) -> None:
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = https://own/\n")
    found = pip_settings({"HOME": str(tmp_path), "XDG_CONFIG_HOME": "conf"})
    assert found["index-url"] == "https://own/"

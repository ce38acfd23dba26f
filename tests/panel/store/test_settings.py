"""Settings: whole or not at all, unknown fields kept, damaged files put aside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plugin.services.settings import (
    SCHEMA,
    Settings,
    WindowPlace,
    load_settings,
    save_settings,
)
from plugin.state.errors import SettingsError


def test_they_come_back_with_what_a_younger_panel_wrote(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "settings.json"
    assert load_settings(path) == Settings()
    settings = Settings(language="de", takes_wanted=4, keys={"star": ["Q"]})
    settings.places["1920x1080"] = WindowPlace(x=-5, y=0, width=420, height=900)
    save_settings(path, settings)
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["schema"] == SCHEMA
    data["hologram"] = {"on": True}
    data["places"]["1920x1080"]["monitor"] = "left"
    path.write_text(json.dumps(data), encoding="utf-8")
    again = load_settings(path)
    assert again.places["1920x1080"].x == -5
    again.language = "en"
    save_settings(path, again)
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert (kept["hologram"], kept["language"]) == ({"on": True}, "en")
    assert kept["places"]["1920x1080"]["monitor"] == "left"
    assert [p.name for p in path.parent.iterdir()] == ["settings.json"]


def test_a_value_that_does_not_fit_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"takes_wanted": 3, "gain": "loud", "language": "de"}))
    assert load_settings(path) == Settings(language="de")


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", b""])
def test_a_damaged_file_is_put_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    assert load_settings(path) == Settings()
    assert (tmp_path / "settings.damaged-1.json").read_bytes() == content
    assert not path.exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError) as caught:
        save_settings(tmp_path / "file" / "settings.json", Settings())
    assert caught.value.code == "settings"


def test_a_value_out_of_range_is_refused_at_once() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="gain"):
        settings.gain = 99

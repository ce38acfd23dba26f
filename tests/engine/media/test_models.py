"""Models through the media end: listed, downloaded, checked, imported, removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowanchor_engine import models
from flowanchor_engine.request import MethodSettings
from tests.engine.media.conftest import Media, check_laws
from tests.engine.models.conftest import SMALL, save_pipeline
from tests.engine.models.fake_hub import FakeHub, serve


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random model in diffusers' layout."""
    return save_pipeline(tmp_path_factory.mktemp("repositories") / "small")


@pytest.fixture(scope="module")
def running() -> Iterator[FakeHub]:
    with serve() as server:
        yield server


@pytest.fixture
def hub(running: FakeHub, checkpoint: Path) -> FakeHub:
    running.forget()
    running.repositories = {str(models.entry(SMALL).repository): checkpoint}
    return running


@pytest.fixture
def end(hub: FakeHub, tmp_path: Path) -> Iterator[Media]:
    environ = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_OFFLINE": "0",
        "FLOWANCHOR_MODELS": str(tmp_path / "models"),
    }
    with Media(tmp_path, **environ) as media:
        media.hello()
        yield media
        assert media.close() == 0


def listed(end: Media) -> dict[str, dict[str, object]]:
    end.send("models")
    reply = end.wait("models")
    assert reply["free_bytes"] > 0
    return {model["id"]: model for model in reply["models"]}


def test_all_models_are_listed_with_their_numbers(end: Media, tmp_path: Path) -> None:
    found = listed(end)
    assert list(found) == [entry.id for entry in models.entries()]
    for entry in models.entries():
        told = found[entry.id]
        assert MethodSettings.model_validate(told["method"]) == entry.settings()
        assert (told["width"], told["height"]) == (entry.width, entry.height)
        assert told["window_frames"] == entry.frames_max
        assert told["licence"]
        assert told["installed"] == (entry.id == "demo")
        assert not told["partial"]
    assert found["demo"]["vram_mb"] == 0
    assert found["wan2.1-1.3b"]["vram_mb"] == 6 * 1024
    weights = models.folder("demo")
    assert found["demo"]["folder"] == str(weights)
    assert found["demo"]["size_bytes"] == sum(
        path.stat().st_size for path in weights.rglob("*") if path.is_file()
    )


def test_a_download_is_cancelled_continued_checked_and_removed(
    end: Media, hub: FakeHub, checkpoint: Path, tmp_path: Path
) -> None:
    shard = next(checkpoint.glob("transformer/*00001*.safetensors"))
    name = f"transformer/{shard.name}"
    hub.faults.stall[name] = 100_000
    end.send("get_model", job="one", model=SMALL)
    assert hub.stalled.wait(240)
    end.send("cancel", job="one")
    end.send("status")
    end.wait("status")  # the stop was heard
    hub.go_on.set()
    assert end.wait_end("one")["type"] == "cancelled"
    check_laws(end.of("one"))
    state = listed(end)[SMALL]
    assert (state["installed"], state["partial"]) == (False, True)

    before = {item.name for item in hub.asked}
    hub.forget()
    hub.repositories = {str(models.entry(SMALL).repository): checkpoint}
    end.send("get_model", job="two", model=SMALL)
    done = end.wait_end("two")
    assert done["type"] == "model_done", done
    home = tmp_path / "models" / SMALL
    assert done["folder"] == str(home)
    told = [event for event in end.of("two") if event["type"] == "phase"]
    assert {event["phase"] for event in told} == {"download"}
    assert told[-1]["done"] == told[-1]["total"] > 100_000  # bytes
    # What was there is not fetched again.
    assert {item.name for item in hub.asked} & before == {name}
    assert all(item.start for item in hub.asked if item.name == name)
    state = listed(end)[SMALL]
    assert (state["installed"], state["partial"]) == (True, False)
    assert state["folder"] == str(home)

    end.send("verify_model", job="check", model=SMALL)
    assert end.wait_end("check")["size_bytes"] == state["size_bytes"]
    damaged = home / "vae" / "diffusion_pytorch_model.safetensors"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    end.send("verify_model", job="bad", model=SMALL)
    failed = end.wait_end("bad")
    assert (failed["code"], failed["hint"]) == ("model_damaged", ["download_model"])
    end.send("get_model", job="repair", model=SMALL)
    assert end.wait_end("repair")["type"] == "model_done"
    end.send("verify_model", job="again", model=SMALL)
    assert end.wait_end("again")["type"] == "model_done"

    end.send("remove_model", job="gone", model=SMALL)
    assert end.wait_end("gone")["size_bytes"] > 0
    assert not home.exists()
    assert not listed(end)[SMALL]["installed"]


def test_own_files_are_imported(end: Media, checkpoint: Path, tmp_path: Path) -> None:
    end.send("import_model", job="a", model="mine", folder=str(checkpoint), copy_files=True)
    done = end.wait_end("a")
    assert done["type"] == "model_done", done
    assert (done["model"], done["folder"]) == ("mine", str(tmp_path / "models" / "mine"))
    assert {e["phase"] for e in end.of("a") if e["type"] == "phase"} == {"write"}
    mine = listed(end)["mine"]
    assert mine["installed"]
    assert mine["family"] == "wan2.1-t2v"
    assert mine["good_for"] == f"Imported from {mine['origin']}."
    assert mine["origin"] == str(checkpoint)
    assert (mine["width"], mine["height"], mine["window_frames"]) == (832, 480, 81)
    assert MethodSettings.model_validate(mine["method"]) == MethodSettings()
    end.send("words", now="a red cube", wanted="a blue cube", model="mine")
    assert end.wait("words")["token_count"] > 0
    (tmp_path / "models" / "mine" / "vae" / "config.json").unlink()
    assert listed(end)["mine"]["partial"]
    end.send("import_model", job="b", model="mine", folder=str(checkpoint))
    assert end.wait_end("b")["code"] == "model_exists"
    end.send("remove_model", job="c", model="mine")
    assert end.wait_end("c")["type"] == "model_done"
    assert "mine" not in listed(end)


def test_what_cannot_be_is_one_coded_error(end: Media, hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    cases = [
        ("get_model", {"model": "wan9"}, "model_missing"),
        ("get_model", {"model": "demo"}, "model_exists"),
        ("get_model", {"model": "wan2.1-14b"}, "model_missing"),  # the server does not have it
        ("verify_model", {"model": SMALL}, "model_missing"),
        ("import_model", {"model": "x", "folder": str(tmp_path / "no")}, "model_missing"),
        ("import_model", {"model": "x", "folder": str(tmp_path / "nothing")}, "model_incomplete"),
        ("remove_model", {"model": "demo"}, "model_foreign"),
        ("remove_model", {"model": SMALL}, "model_missing"),
        ("remove_model", {"model": "../x"}, "request"),
    ]
    for number, (kind, fields, code) in enumerate(cases):
        end.send(kind, job=f"{number}", **fields)
        assert end.wait_end(f"{number}").get("code") == code, (kind, fields)
        check_laws(end.of(f"{number}"))


def test_a_model_folder_that_is_damaged_is_still_listed(end: Media, tmp_path: Path) -> None:
    home = tmp_path / "models" / "odd"
    home.mkdir(parents=True)
    (home / "flowanchor-model.json").write_text("{")
    shutil.copy(home / "flowanchor-model.json", home / "x.json")
    odd = listed(end)["odd"]
    assert (odd["installed"], odd["partial"]) == (False, True)
    (home / "flowanchor-model.json").write_text(json.dumps({"schema": "other"}))
    assert not listed(end)["odd"]["installed"]

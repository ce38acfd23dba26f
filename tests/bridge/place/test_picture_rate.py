"""Pictures opened as a file: their rate is that of their edit, or it is said that nobody knows."""

from __future__ import annotations

import json
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from flowanchor_engine import record
from resolve_bridge.picture_rate import picture_rate
from resolve_bridge.placement import Delivery, Placement
from resolve_bridge.saved import keep_recipe
from resolve_bridge.shot import Note
from resolve_bridge.standalone import StandaloneHost
from tests.bridge.place.pictures import write

NTSC = Fraction(24000, 1001)


def engine_recipe(folder: Path, rate: object = "24000/1001", video: str = "") -> Path:
    """What the engine leaves beside a result."""
    path, _ = record.beside(folder)
    result = {"video": video or folder.name, "frames": 6, "rate": rate}
    path.write_text(json.dumps({"schema": record.RECIPE_SCHEMA, "result": result}))
    return path


def shot_of(path: Path) -> Any:
    return StandaloneHost(path.parent / "results").shot(item_id=str(path))


@pytest.mark.parametrize("name", ["take", "A012 v1.2 - red jacket - t3"])
def test_a_take_has_the_rate_of_its_recipe(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / name, range(6))
    engine_recipe(folder)
    for opened in (folder, folder / "take.0003.png"):
        shot = shot_of(opened)
        assert (shot.frame_rate, shot.timeline.rate, shot.notes) == (NTSC, NTSC, ())


def test_without_a_recipe_it_is_said_that_24_is_assumed(tmp_path: Path) -> None:
    shot = shot_of(write(tmp_path / "take", range(6)))
    assert (shot.frame_rate, shot.notes) == (24, (Note.RATE_ASSUMED,))


@pytest.mark.parametrize(
    "rate", [None, "", "0/1", "-24/1", "24/0", "many", [24], "1000000/1", {"n": 24}]
)
def test_a_recipe_that_gives_no_rate_is_none(rate: object, tmp_path: Path) -> None:
    folder = write(tmp_path / "take", range(6))
    engine_recipe(folder, rate)
    assert shot_of(folder).notes == (Note.RATE_ASSUMED,)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"result": []}', "\xff"])
def test_a_file_that_is_no_recipe_is_none(text: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "take", range(6))
    record.beside(folder)[0].write_bytes(text.encode("latin-1"))
    assert picture_rate(sorted(folder.iterdir())) is None


def test_the_recipe_of_another_take_is_not_taken(tmp_path: Path) -> None:
    folder = write(tmp_path / "take", range(6))
    engine_recipe(folder, video="take before it was renamed")
    assert shot_of(folder).notes == (Note.RATE_ASSUMED,)


def test_the_request_beside_a_saved_take_gives_the_rate_of_its_shot(tmp_path: Path) -> None:
    folder = write(tmp_path / "take", range(6))
    placement = Placement(
        key="k", delivery=Delivery.FRAME, project_id="", timeline_id="", source_item="clip",
        item_id=str(folder), track=0, track_made=False, start=0, stop=6, media_id="",
        path=str(folder), folder_id="", folder_made=False, media_made=False,
    )  # fmt: skip
    keep_recipe(folder, placement, json.dumps({"source": {"path": "p.[1-6].png", "rate": None}}))
    assert shot_of(folder).notes == (Note.RATE_ASSUMED,), "its file says it, not the request"
    keep_recipe(folder, placement, json.dumps({"source": {"path": "p.[1-6].png", "rate": "25/1"}}))
    assert (shot_of(folder).frame_rate, shot_of(folder).notes) == (25, ())


def test_openexr_pictures_may_say_it_themselves(tmp_path: Path) -> None:
    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return f"{name}\0{kind}\0".encode() + struct.pack("<I", len(value)) + value

    folder = tmp_path / "camera"
    folder.mkdir()
    window = attribute("dataWindow", "box2i", struct.pack("<4i", 0, 0, 63, 35))
    spoken = attribute("framesPerSecond", "rational", struct.pack("<iI", 60000, 1001))
    for number in range(6):
        head = b"\x76\x2f\x31\x01\x02\0\0\0" + window + spoken + b"\0"
        (folder / f"a.{number:04d}.exr").write_bytes(head)
    assert (shot_of(folder).frame_rate, shot_of(folder).notes) == (Fraction(60000, 1001), ())
    engine_recipe(folder, "25/1")
    assert shot_of(folder).frame_rate == 25, "a take is what its edit says"
    for each in folder.iterdir():
        each.write_bytes(each.read_bytes()[: -len(spoken) - 1 + 30])
    record.beside(folder)[0].unlink()
    assert shot_of(folder).notes == (Note.RATE_ASSUMED,), "cut in the middle of it"

"""The matte that is shown is the matte that an edit composites with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from flowanchor_engine.clip import session
from flowanchor_engine.clip.crop import ModelFrame
from flowanchor_engine.progress import Silent
from flowanchor_engine.request import EditRequest
from tests.doubles.gate import Gate
from tests.engine.clip.film import Film, write
from tests.engine.media.conftest import Media, Shoot, check_laws, frames_of, header_of

BOX = {"kind": "box", "frame": 0, "points": [[0.3, 0.3], [0.6, 0.7]]}
FILM = Film("m.mp4", "libx264", frames=9, size=(256, 144))


def request_of(clip: Path, **matte: Any) -> dict[str, Any]:
    return {
        "schema": "flowanchor.EditRequest.1",
        "source": {"path": str(clip)},
        "matte": {"shapes": [BOX], **matte} if "path" not in matte else matte,
        "prompts": {"now": "", "wanted": ""},
    }


def alphas(data: dict[str, Any]) -> np.ndarray:
    """Composite alpha as an edit with the embedded model would use it."""
    request = EditRequest.load(data)
    with session.prepare(request, Silent(), ModelFrame(96, 96, 16)) as working:
        found = []
        for number in range(working.count):
            full = np.zeros((working.facts.height, working.facts.width), np.float32)
            part = working.border.at(number)
            if part is not None:
                tall, wide = part.values.shape
                full[part.y : part.y + tall, part.x : part.x + wide] = part.values
            found.append(full)
    return np.stack(found)


@pytest.mark.parametrize(
    "matte",
    [
        {},
        {"grow_px": 60.0, "feather_px": 0.0},
        {"grow_px": -40.0, "feather_px": 90.0},
        {"invert": True},
        {"track": True, "smooth_frames": 2},
    ],
    ids=str,
)
def test_it_is_the_edits_own(
    media: Media, shoot: Shoot, tmp_path: Path, matte: dict[str, Any]
) -> None:
    data = request_of(shoot(FILM), **matte)
    out, job = tmp_path / "p", str(tmp_path)
    media.send("matte", job=job, request=data, out=str(out))
    done = media.wait_end(job)
    assert done["type"] == "matte_done", done
    truth = alphas(data)
    header = header_of(out)
    assert (header.channels, header.width, header.height, header.ready) == (1, 256, 144, 9)
    assert np.array_equal(frames_of(out)[..., 0], np.rint(truth * 255).astype(np.uint8))
    assert np.allclose(done["coverage"], truth.mean(axis=(1, 2)), atol=1e-5)
    assert len(done["drift"]) == (9 if matte.get("track") else 0)
    assert all(0 <= value <= 1 for value in done["drift"])
    check_laws(media.of(job))


def test_a_small_one_is_the_large_one_made_small(
    media: Media, shoot: Shoot, tmp_path: Path
) -> None:
    data = request_of(shoot(FILM))
    media.send("matte", job="small", request=data, out=str(tmp_path / "p"), max_height=72)
    media.wait_end("small")
    shown = frames_of(tmp_path / "p")[..., 0]
    assert shown.shape == (9, 72, 128)
    large = np.rint(alphas(data) * 255).astype(np.uint8)
    for one, other in zip(shown, large, strict=True):
        assert np.array_equal(one, cv2.resize(other, (128, 72), interpolation=cv2.INTER_AREA))


def test_a_crop_bounds_it(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    data = request_of(shoot(FILM), grow_px=200.0, feather_px=200.0)
    data["working"] = {"crop": "zoom"}
    media.send("matte", job="crop", request=data, out=str(tmp_path / "p"))
    assert media.wait_end("crop")["type"] == "matte_done"
    truth = np.rint(alphas(data) * 255).astype(np.uint8)
    assert np.array_equal(frames_of(tmp_path / "p")[..., 0], truth)


def test_without_a_matte_everything_may_change(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    data = request_of(shoot(FILM)) | {"matte": None}
    media.send("matte", job="none", request=data, out=str(tmp_path / "p"))
    assert media.wait_end("none")["coverage"] == [1.0] * 9


def test_empty_frames_and_files(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    from flowanchor_engine.clip import sequence
    from flowanchor_engine.clip.planes import Picture, PixelFormat

    folder = tmp_path / "mattes"
    folder.mkdir()
    for number in range(9):
        grey = np.zeros((144, 256), np.uint8)
        if number not in (0, 1, 6, 7, 8):
            grey[40:80, 60:120] = 255
        picture = Picture((grey,), PixelFormat.of("gray"))
        sequence.write_image(folder / f"m_{number:03d}.png", picture)
    data = request_of(shoot(FILM), path=str(folder), grow_px=0.0, feather_px=0.0)
    media.send("matte", job="empty", request=data, out=str(tmp_path / "p"))
    done = media.wait_end("empty")
    assert done["empty_frames"] == [0, 1, 6, 7, 8]
    assert any("empty on 5 of 9" in note for note in done["notes"])
    # Changed pictures of the matte are seen, an equal request is not made again.
    inode = (tmp_path / "p" / "frames.raw").stat().st_ino
    media.send("matte", job="empty2", request=data, out=str(tmp_path / "p"))
    assert media.wait_end("empty2")["coverage"] == done["coverage"]
    assert (tmp_path / "p" / "frames.raw").stat().st_ino == inode
    full = Picture((np.full((144, 256), 255, np.uint8),), PixelFormat.of("gray"))
    sequence.write_image(folder / "m_000.png", full)
    media.send("matte", job="empty3", request=data, out=str(tmp_path / "p"))
    assert media.wait_end("empty3")["coverage"][0] == 1.0


def read_before(events: list[dict[str, Any]], kind: str) -> set[int]:
    """How many frames were told to be read before an event of a type."""
    at = [event["type"] for event in events].index(kind)
    return {event["done"] for event in events[:at] if event["type"] == "phase"}


def test_moving_grow_and_feather_does_not_track_again(shoot: Shoot, tmp_path: Path) -> None:
    film = Film("t.mp4", "libx264", frames=60, size=(640, 360), options={"preset": "ultrafast"})
    clip = write(tmp_path / film.name, film)
    with Media(tmp_path) as end:
        end.hello()
        for number, grow in enumerate((4.0, 30.0, 60.0)):
            data = request_of(clip, track=True, grow_px=grow)
            end.send("matte", job=f"{number}", request=data, out=str(tmp_path / "p"))
            assert end.wait_end(f"{number}")["type"] == "matte_done"
        first, *later = [read_before(end.of(job), "proxy_opened") for job in "012"]
        assert max(first) == 60  # the whole clip, to track in it
        assert later == [{0}, {0}]
        assert end.close() == 0


def test_cancel_while_tracking(shoot: Shoot, tmp_path: Path, gate: Gate) -> None:
    clip = shoot(Film("long.mp4", "libx264", frames=193, options={"g": "12", "bf": "2"}))
    gate.hold("read", done=1)
    with Media(tmp_path, gate) as end:
        end.hello()
        data = request_of(clip, track=True)
        end.send("matte", job="a", request=data, out=str(tmp_path / "p"))
        while not end.wait("phase", job="a")["done"]:
            pass
        end.send("cancel", job="a")
        assert end.wait_end("a")["type"] == "cancelled"
        assert not (tmp_path / "p").exists()
        assert end.close() == 0


def test_bad_mattes_are_one_coded_error(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    clip = shoot(FILM)
    wrong = write(tmp_path / "w.mp4", Film("w", "libx264", frames=3, size=(256, 144)))
    shape = write(tmp_path / "s.mp4", Film("s", "libx264", frames=9, size=(96, 96)))
    cases: list[tuple[dict[str, Any], str]] = [
        (request_of(clip, path="/nowhere.png"), "matte_missing"),
        (request_of(clip, path=str(wrong)), "matte_mismatch"),
        (request_of(clip, path=str(shape)), "matte_mismatch"),
        (request_of(clip, shapes=[{**BOX, "points": [[2, 2], [3, 3]]}]), "matte_empty"),
        ({**request_of(clip), "source": {"path": "/nowhere.mp4"}}, "clip_missing"),
        ({**request_of(clip), "working": {"width": 100}}, "size"),
        ({"schema": "flowanchor.EditRequest.9"}, "request"),
    ]
    for number, (data, code) in enumerate(cases):
        media.send("matte", job=f"bad{number}", request=data, out=str(tmp_path / "p"))
        assert media.wait_end(f"bad{number}").get("code") == code, data
    assert not (tmp_path / "p").exists()


def test_drift_grows_where_the_object_hides(media: Media, tmp_path: Path) -> None:
    from fractions import Fraction

    from flowanchor_engine.clip.plain import write_rgb
    from tests.engine.clip.scenes import Scene, render

    scene = Scene("circle", seed=3, frames=17)
    pictures, masks = render(scene, hidden=range(8, 13))
    clip = write_rgb(pictures, tmp_path / "s.mp4", size=(240, 160), rate=Fraction(24))
    rows, columns = np.nonzero(masks[0] > 127)
    box = [
        [columns.min() / 240, rows.min() / 160],
        [(columns.max() + 1) / 240, (rows.max() + 1) / 160],
    ]
    data = request_of(clip, shapes=[{**BOX, "points": box}], track=True)
    media.send("matte", job="drift", request=data, out=str(tmp_path / "p"))
    drift = media.wait_end("drift")["drift"]
    assert drift[0] == 0
    assert max(drift[8:]) > 0.5 > np.median(drift[1:8])

"""Previews of a running edit follow the frame that the person looks at."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.engine.conftest import FilmedShot
from tests.engine.media.conftest import Media
from tests.engine.worker.conversation import Engine


def preview(engine: Engine, job: str) -> dict[str, Any]:
    """Return the next preview."""
    event = engine.wait("preview", "result", job=job)
    assert event["type"] == "preview"
    return event


def picture(engine: Engine, job: str) -> tuple[dict[str, Any], np.ndarray]:
    """Return the next preview that is still there to be read, and its pixels, RGB."""
    while True:
        event = preview(engine, job)
        with contextlib.suppress(FileNotFoundError):  # the two latest are kept
            data = np.frombuffer(Path(event["path"]).read_bytes(), np.uint8)
            pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
            assert pixels is not None
            return event, pixels[..., ::-1]


@pytest.mark.slow
def test_the_real_engine_shows_the_watched_frame(filmed: FilmedShot, tmp_path: Path) -> None:
    request = filmed.request(steps=200, noise_averages=12).dump()  # time enough, however quick
    sources = filmed.shot.frames

    def nearest(picture: np.ndarray) -> int:
        small = [cv2.resize(frame, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
                 for frame in sources]  # fmt: skip
        far = [np.abs(picture.astype(float) - each).mean() for each in small]
        return int(np.argmin(far))

    with Engine(tmp_path) as engine:
        assert "preview.frame" in engine.hello()["features"]
        engine.send("run", job="a", request=request, out=str(tmp_path / "a.mp4"), preview_frame=0)
        first = preview(engine, "a")
        assert (first["step"], first["frame"], first["start"], first["stop"]) == (1, 0, 0, 1)
        assert first["share"] == [0.0, 0.0, 1.0, 1.0]
        shown, seen = picture(engine, "a")
        assert nearest(seen) <= 1
        for wish, told in ((8, (8, 5, 9)), (2, (2, 1, 5)), (4000, (8, 5, 9))):
            number = engine.send("watch", job="a", frame=wish)
            engine.wait("accepted", id=number)
            event, seen = picture(engine, "a")
            if event["frame"] == shown["frame"]:
                event, seen = picture(engine, "a")  # its step had ended before the wish came
            assert (event["frame"], event["start"], event["stop"]) == told
            assert abs(nearest(seen) - min(wish, 8)) <= 3
            shown = event
        engine.send("cancel", job="a")
        assert engine.wait_end("a")["type"] == "cancelled"
        number = engine.send("watch", job="a", frame=1)
        assert engine.wait("refused", id=number)["code"] == "protocol"  # it has ended

        request = filmed.request().dump()
        engine.send("run", job="b", request=request, out=str(tmp_path / "b.mp4"), preview_frame=0)
        engine.send("run", job="c", request=request, out=str(tmp_path / "c.mp4"))
        assert preview(engine, "b")["frame"] == 0
        watched = engine.wait_end("b")
        assert preview(engine, "c")["frame"] == 4  # nobody said: the middle
        other = engine.wait_end("c")
        assert (watched["type"], other["type"]) == ("result", "result")
        assert watched["sha256"] == other["sha256"]  # watching decides no pixel
        assert other["forwards_saved"] > watched["forwards_saved"]  # nor any key
        assert engine.close() == 0
    assert not list(tmp_path.glob("flowanchor-*"))


@pytest.mark.slow
def test_a_crop_says_where_its_picture_lies(filmed: FilmedShot, tmp_path: Path) -> None:
    request = filmed.request().dump()
    request["working"]["crop"] = "zoom"
    with Engine(tmp_path) as engine:
        engine.hello()
        engine.send("run", job="a", request=request, out=str(tmp_path / "a.mp4"))
        event = engine.wait("preview", job="a")
        left, top, right, bottom = event["share"]
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert (right - left) * (bottom - top) < 0.9
        seen = np.argwhere(filmed.shot.mask[event["frame"]])
        (y0, x0), (y1, x1) = seen.min(axis=0) / 96, (seen.max(axis=0) + 1) / 96
        assert left <= x0
        assert x1 <= right
        assert top <= y0
        assert y1 <= bottom
        assert engine.wait_end("a")["type"] == "result"
        assert engine.close() == 0


def test_the_mock_follows_too(tmp_path: Path) -> None:
    clip = tmp_path / "clip.bin"
    clip.write_bytes(b"pictures")
    request = {"source": {"path": str(clip), "frames": 9}}
    acts = [
        {"hold": str(tmp_path / "none")},  # a wait for an answer passes previews over
        {"preview": {"step": 1}},
        {"hold": str(tmp_path / "one")},
        {"preview": {"step": 2}},
        {"preview": {"step": 3}},
        {"preview": {"step": 4, "frame": 1}},
        {"wait_s": 600},
    ]
    script = tmp_path / "script.json"
    script.write_text(json.dumps(acts))
    (tmp_path / "none").touch()
    (tmp_path / "one").touch()
    with Engine(tmp_path, "--mock", str(script)) as engine:
        assert "preview.frame" in engine.hello()["features"]
        number = engine.send("watch", job="a", frame=1)
        refused = engine.wait("refused", id=number)
        assert (refused["code"], "“a”" in refused["user_message"]) == ("protocol", True)
        engine.send("run", job="a", request=request, out="o", preview_frame=6)
        engine.send("run", job="b", request=request, out="o", preview_frame=0)
        engine.wait("accepted", id=engine.send("watch", job="b", frame=3))  # while it waits
        (tmp_path / "none").unlink()
        assert preview(engine, "a")["frame"] == 6
        engine.wait("accepted", id=engine.send("watch", job="a", frame=100))
        (tmp_path / "one").unlink()
        told = preview(engine, "a")
        assert (told["frame"], told["start"], told["stop"]) == (8, 5, 9)
        preview(engine, "a")
        event, _ = picture(engine, "a")
        assert event["frame"] == 1  # the script has the last word
        engine.send("cancel", job="a")
        assert engine.wait_end("a")["type"] == "cancelled"
        assert preview(engine, "b")["frame"] == 3
        number = engine.send("watch", job="a", frame=1)
        assert engine.wait("refused", id=number)["code"] == "protocol"  # it has ended
        number = engine.send("watch", job="b", frame=-1)
        assert "not understood" in engine.wait("refused")["user_message"]
        engine.send("cancel", job="b")
        assert engine.wait_end("b")["type"] == "cancelled"
        assert engine.close() == 0


def test_an_end_without_previews_refuses(tmp_path: Path) -> None:
    with Media(tmp_path) as media:
        assert "preview.frame" not in media.hello()["features"]
        number = media.send("watch", job="a", frame=0)
        assert "not for" in media.wait("refused", id=number)["user_message"]
        assert media.close() == 0

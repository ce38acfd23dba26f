"""What a result changed, inside and outside: exact where it must be, honest elsewhere."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowanchor_engine.clip import session
from flowanchor_engine.clip.crop import ModelFrame
from flowanchor_engine.clip.plain import write_rgb
from flowanchor_engine.progress import Silent
from flowanchor_engine.request import EditRequest
from tests.engine.clip.film import Film
from tests.engine.media.conftest import Media, Shoot, check_laws, expected

SIZE = (256, 144)
FILM = Film("m.mov", "prores_ks", "yuv422p10le", frames=6, size=SIZE, options={"profile": "3"})
LOSSY = Film("m.mp4", "libx264", frames=6, size=SIZE)


def request_of(clip: Path, **more: Any) -> dict[str, Any]:
    shape = {"kind": "box", "points": [[0.3, 0.3], [0.6, 0.7]]}
    return {
        "schema": "flowanchor.EditRequest.1",
        "source": {"path": str(clip)},
        "matte": {"shapes": [shape], "grow_px": 40, "feather_px": 60},
        "prompts": {"now": "", "wanted": ""},
        **more,
    }


def delivered(data: dict[str, Any], out: Path) -> Path:
    """Deliver a flat red 'edit' of the request by the product's own hand."""
    request = EditRequest.load(data)
    with session.prepare(request, Silent(), ModelFrame(96, 96, 16)) as working:
        geometry = working.geometry
        red = np.zeros((working.count, geometry.model_height, geometry.model_width, 3), np.float32)
        red[...] = (0.8, -0.6, -0.6)
        return session.deliver(working, [red], request, out, Silent()).video


def measure(media: Media, job: str, data: dict[str, Any], result: Path) -> dict[str, Any]:
    media.send("measure", job=job, request=data, result=str(result))
    done = media.wait_end(job)
    check_laws(media.of(job))
    return done


def test_a_patch_changes_nothing_outside(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    data = request_of(shoot(FILM), delivery={"kind": "patch"})
    done = measure(media, "patch", data, delivered(data, tmp_path / "take"))
    assert done["outside"] == [0.0] * 6
    assert done["outside_max"] == [0] * 6
    assert min(done["inside"]) > 20
    assert min(done["inside_max"]) > 60


def test_a_frame_shows_its_codecs_loss(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    lossy = request_of(shoot(LOSSY), delivery={"kind": "frame", "codec": "h264"})
    done = measure(media, "lossy", lossy, delivered(lossy, tmp_path / "lossy"))
    assert 0 < max(done["outside"]) < 3
    assert max(done["outside_max"]) >= 1
    assert min(done["inside"]) > 20
    exact = request_of(shoot(LOSSY), delivery={"kind": "frame", "codec": "png16"})
    done = measure(media, "exact", exact, delivered(exact, tmp_path / "exact"))
    assert max(done["outside_max"]) <= 1  # RGB in 16 bits: no more than rounding
    assert max(done["outside"]) < 0.05


def test_numbers_are_those_of_the_pictures(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    clip = shoot(FILM)
    before = expected(clip, SIZE, 0, 6)
    after = before.copy()
    after[2, 60:80, 100:140] = 255 - after[2, 60:80, 100:140]
    after[4, 3, 5] = 0
    result = write_rgb(after, tmp_path / "r.mp4", size=SIZE, rate=Fraction(25), crf=0)
    seen = expected(result, SIZE, 0, 6)
    data = request_of(clip)
    done = measure(media, "numbers", data, result)
    with session.prepare(EditRequest.load(data), Silent(), ModelFrame(96, 96, 16)) as working:
        for number in range(6):
            inside = np.zeros((144, 256), bool)
            part = working.border.at(number)
            assert part is not None
            tall, wide = part.values.shape
            inside[part.y : part.y + tall, part.x : part.x + wide] = part.values > 0
            away = np.abs(seen[number].astype(int) - before[number])
            for name, where in (("inside", inside), ("outside", ~inside)):
                assert done[name][number] == pytest.approx(away[where].mean(), abs=0.02)
                assert abs(done[f"{name}_max"][number] - away[where].max()) <= 1


def test_an_untouched_copy_is_nothing(media: Media, shoot: Shoot) -> None:
    done = measure(media, "copy", request_of(shoot(FILM)), shoot(FILM))
    assert done["inside"] == done["outside"] == [0.0] * 6


def test_without_a_matte_there_is_no_outside(media: Media, shoot: Shoot) -> None:
    done = measure(media, "whole", request_of(shoot(FILM), matte=None), shoot(FILM))
    assert done["outside"] == [0.0] * 6
    assert done["outside_max"] == [0] * 6


def test_results_of_another_length_or_size_are_refused(
    media: Media, shoot: Shoot, tmp_path: Path
) -> None:
    short = shoot(Film("short.mp4", "libx264", frames=5, size=SIZE))
    small = shoot(Film("small.mp4", "libx264", frames=6, size=(128, 72)))
    data = request_of(shoot(FILM))
    assert measure(media, "short", data, short)["code"] == "clip_range"
    assert measure(media, "size", data, small)["code"] == "size"
    assert measure(media, "gone", data, tmp_path / "gone.mp4")["code"] == "clip_missing"

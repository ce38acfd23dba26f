"""Proxies hold exactly what the clip shows, appear whole, and survive what happens to them."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.doubles.gate import Gate
from tests.engine.clip import films
from tests.engine.clip.film import Film, write, write_images, write_webp
from tests.engine.media.conftest import (
    Media,
    Shoot,
    check_laws,
    expected,
    frames_of,
    header_of,
)

LONG = Film("long.mp4", "libx264", frames=193, options={"g": "12", "bf": "2"})
LARGE = Film("large.mp4", "libx264", frames=120, size=(1280, 720), options={"preset": "ultrafast"})
FIVE = replace(films.H264, name="five.mp4", frames=5)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal but for halves that were rounded to the other side."""
    away = np.abs(one.astype(int) - other)
    return away.max() <= 1 and (away > 0).mean() < 0.02


@pytest.mark.parametrize("film", [*films.VIDEOS, films.TURNED, FIVE], ids=lambda film: film.name)
def test_pixels_are_the_decoded_frames(
    media: Media, shoot: Shoot, tmp_path: Path, film: Film
) -> None:
    clip = shoot(film)
    out = tmp_path / "p"
    media.send("proxy", job=str(out), clip={"path": str(clip)}, out=str(out))
    done = media.wait_end(str(out))
    assert done["type"] == "proxy_done", done
    header = header_of(out)
    assert (header.ready, header.frames) == (film.frames, film.frames)
    assert header.width % 2 == header.height % 2 == 0
    assert header.stride % 4 == 0
    assert same(frames_of(out), expected(clip, (header.width, header.height), 0, film.frames))
    facts = done["facts"]
    assert facts["frames"] == film.frames
    assert facts["audio"] == (film.sound is not None)
    assert Fraction(facts["rate"]) == film.rate or film.times is not None
    check_laws(media.of(str(out)))


@pytest.mark.parametrize("film", [films.UNTAGGED, films.SD, films.FULL], ids=str)
def test_colour_facts_are_told(media: Media, shoot: Shoot, tmp_path: Path, film: Film) -> None:
    told = {
        "untagged.mp4": ("Rec.601 limited", 2),
        "sd.mov": ("Rec.601 limited", 0),
        "full.mp4": ("Rec.709 full", 0),
    }[film.name]
    out = tmp_path / "p"
    media.send("proxy", job=str(out), clip={"path": str(shoot(film))}, out=str(out))
    facts = media.wait_end(str(out))["facts"]
    assert (facts["tags"], len(facts["assumed"])) == told


def test_a_part_of_a_long_clip(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    clip = shoot(LONG)
    out = tmp_path / "p"
    asked = {"path": str(clip), "start": 150, "frames": 40}
    media.send("proxy", job="part", clip=asked, out=str(out))
    facts = media.wait_end("part")["facts"]
    assert (facts["start"], facts["frames"]) == (150, 40)
    assert same(frames_of(out), expected(clip, (96, 64), 150, 190))
    whole = tmp_path / "whole"
    media.send("proxy", job="whole", clip={"path": str(clip)}, out=str(whole))
    assert media.wait_end("whole")["facts"]["frames"] == 193
    assert np.array_equal(frames_of(whole)[150:190], frames_of(out))


def test_timecode_is_that_of_the_first_frame(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    clip = {"path": str(shoot(films.PRORES)), "start": 15}  # 00:59:59;20 drop-frame
    media.send("proxy", job="tc", clip=clip, out=str(tmp_path / "p"))
    facts = media.wait_end("tc")["facts"]
    assert facts["timecode"] == "01:00:00;05"
    assert facts["codec"].startswith("prores")


def test_a_large_clip_is_made_small_by_area(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    out = tmp_path / "p"
    asked = {"path": str(shoot(LARGE)), "frames": 12}
    media.send("proxy", job="small", clip=asked, out=str(out), max_height=361)
    media.wait_end("small")
    assert (header_of(out).width, header_of(out).height) == (640, 360)
    assert same(frames_of(out), expected(shoot(LARGE), (640, 360), 0, 12))


@pytest.mark.parametrize("suffix", [".png", ".exr", ".dpx"])
def test_image_sequences(media: Media, tmp_path: Path, suffix: str) -> None:
    files = write_images(tmp_path / "seq", suffix, 6)
    out = tmp_path / "p"
    media.send("proxy", job=suffix, clip={"path": str(files[0])}, out=str(out))
    assert media.wait_end(suffix)["facts"]["frames"] == 6
    assert same(frames_of(out), expected(files[0], (96, 64), 0, 6))


def test_an_animation(media: Media, tmp_path: Path) -> None:
    clip = write_webp(tmp_path / "a.webp", [40] * 5)
    media.send("proxy", job="webp", clip={"path": str(clip)}, out=str(tmp_path / "p"))
    assert media.wait_end("webp")["type"] == "proxy_done"
    assert same(frames_of(tmp_path / "p"), expected(clip, (96, 64), 0, 5))


def test_what_is_there_is_not_made_again(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    clip = tmp_path / "own.mp4"
    shutil.copyfile(shoot(films.H264), clip)
    out = tmp_path / "p"

    def ask(job: str, **clip_more: object) -> int:
        media.send("proxy", job=job, clip={"path": str(clip), **clip_more}, out=str(out))
        assert media.wait_end(job)["type"] == "proxy_done"
        check_laws(media.of(job))
        return (out / "frames.raw").stat().st_ino

    first = ask("again1")
    assert ask("again2") == first
    assert [e["type"] for e in media.of("again2")] == ["proxy_opened", "phase", "proxy_done"]
    assert ask("again3", start=3) != first  # another part
    second = ask("again4")
    os.utime(clip, ns=(1, 1))
    assert ask("again5") != second  # another file
    third = (out / "frames.raw").stat().st_ino
    (out / "proxy.json").write_text(
        (out / "proxy.json").read_text().replace('"ready":24', '"ready":7')
    )
    assert ask("again6") != third  # never finished


def test_frames_are_told_at_a_bearable_rate(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    clip = {"path": str(shoot(LARGE))}
    begun = time.monotonic()
    media.send("proxy", job="rate", clip=clip, out=str(tmp_path / "p"))
    media.wait_end("rate")
    took_s = time.monotonic() - begun  # never less than it took them to be told
    events = media.of("rate")
    kinds = [event["type"] for event in events]
    assert kinds[0] == "proxy_opened"
    heard = [event for event in events if event["type"] == "phase"]
    assert [event["done"] for event in heard] == sorted({event["done"] for event in heard})
    assert heard[-1]["done"] == heard[-1]["total"] == 120
    assert len(heard) <= 3 + took_s * 20


def test_frames_that_are_told_are_readable(shoot: Shoot, tmp_path: Path, gate: Gate) -> None:
    out = tmp_path / "p"
    truth = expected(shoot(LARGE), (1280, 720), 0, 4)
    gate.hold("read", done=1)
    with Media(tmp_path, gate) as end:
        end.hello()
        end.send("proxy", job="a", clip={"path": str(shoot(LARGE))}, out=str(out))
        end.wait("proxy_opened")
        header = header_of(out)
        assert header.ready == 0
        frames = np.memmap(out / "frames.raw", np.uint8, "r").reshape(120, 720, header.stride)
        gate.let_go()
        while end.wait("phase", "proxy_done")["type"] == "phase":
            done = int(end.seen[-1]["done"])
            seen = frames[min(done, 4) - 1].reshape(720, 1280, 3)
            assert same(seen, truth[min(done, 4) - 1])
        assert header_of(out).ready == 120
        assert end.close() == 0


def test_cancel_stops_at_once_and_the_next_one_is_whole(
    shoot: Shoot, tmp_path: Path, gate: Gate
) -> None:
    out = tmp_path / "p"
    clip = {"path": str(shoot(LARGE))}
    gate.hold("read", done=60)
    with Media(tmp_path, gate) as end:
        end.hello()
        end.send("proxy", job="a", clip=clip, out=str(out))
        end.send("proxy", job="b", clip=clip, out=str(tmp_path / "q"))
        end.wait("phase", job="a")
        end.send("cancel", job="b")
        assert end.wait_end("b")["at"] == "waiting"
        end.send("cancel", job="a")
        assert end.wait_end("a")["type"] == "cancelled"
        assert header_of(out).ready == 0
        assert not (tmp_path / "q").exists()
        gate.let_go()
        end.send("proxy", job="c", clip=clip, out=str(out))
        assert end.wait_end("c")["type"] == "proxy_done"
        assert header_of(out).ready == 120
        for job in "abc":
            check_laws(end.of(job))
        assert end.close() == 0


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_a_killed_writer_leaves_nothing_that_is_believed(
    shoot: Shoot, tmp_path: Path, gate: Gate
) -> None:
    out = tmp_path / "p"
    clip = {"path": str(shoot(LARGE))}
    gate.hold("read", done=60)
    for _ in range(3):
        with Media(tmp_path, gate) as end:
            end.hello()
            end.send("proxy", job="a", clip=clip, out=str(out))
            end.wait("phase", job="a")
            end.process.send_signal(signal.SIGKILL)
            end.process.wait(timeout=120)
        assert header_of(out).ready == 0
    (tmp_path / ".p.partial-999999").mkdir()  # of a writer killed before its rename
    with Media(tmp_path) as end:
        end.hello()
        end.send("proxy", job="a", clip=clip, out=str(out))
        assert end.wait_end("a")["type"] == "proxy_done"
        assert end.close() == 0
    assert header_of(out).ready == 120
    assert same(frames_of(out)[:4], expected(shoot(LARGE), (1280, 720), 0, 4))
    assert not list(tmp_path.glob(".p*"))


def test_a_replaced_proxy_is_not_called_ready(shoot: Shoot, tmp_path: Path, gate: Gate) -> None:
    """Two ends write the same folder: whoever was there first gives way."""
    out = tmp_path / "p"
    gate.hold("read", done=1)
    with Media(tmp_path, gate) as one, Media(tmp_path) as two:
        one.hello()
        two.hello()
        one.send("proxy", job="a", clip={"path": str(shoot(LARGE))}, out=str(out))
        one.wait("phase", job="a")
        two.send("proxy", job="b", clip={"path": str(shoot(FIVE))}, out=str(out))
        assert two.wait_end("b")["type"] == "proxy_done"
        gate.let_go()
        assert one.wait_end("a")["code"] == "output"
        assert one.close() == two.close() == 0
    assert (header_of(out).frames, header_of(out).ready) == (5, 5)
    assert same(frames_of(out), expected(shoot(FIVE), (96, 64), 0, 5))


def test_bad_input_is_one_coded_error(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    (tmp_path / "empty.mov").touch()
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").write_text("x")
    good = str(shoot(films.H264))
    cases: list[tuple[dict[str, object], str, str]] = [
        ({"path": "/nowhere.mp4"}, "p", "clip_missing"),
        ({"path": str(tmp_path / "text.mp4")}, "p", "clip_unreadable"),
        ({"path": str(tmp_path / "empty.mov")}, "p", "clip_unreadable"),
        ({"path": str(tmp_path / "a.braw")}, "p", "clip_missing"),
        ({"path": good, "start": 24}, "p", "clip_range"),
        ({"path": good, "frames": 25}, "p", "clip_range"),
        ({"path": good, "frames": 0}, "p", "request"),
        ({"way": good}, "p", "request"),
        ({"path": good}, "file", "output"),
        ({"path": good}, "full", "output"),
        ({"path": good}, "file/p", "output"),
    ]
    for number, (clip, out, code) in enumerate(cases):
        job = f"bad{number}"
        media.send("proxy", job=job, clip=clip, out=str(tmp_path / out))
        assert media.wait_end(job).get("code") == code, (clip, out)
        check_laws(media.of(job))
    assert not (tmp_path / "p").exists()
    assert (tmp_path / "full" / "precious.txt").is_file()
    assert not list(tmp_path.glob(".*"))


def test_a_cut_clip_is_named_as_such(media: Media, shoot: Shoot, tmp_path: Path) -> None:
    whole = shoot(films.PRORES).read_bytes()
    cut = tmp_path / "cut.mov"
    cut.write_bytes(whole[: len(whole) // 2])
    media.send("proxy", job="cut", clip={"path": str(cut)}, out=str(tmp_path / "p"))
    assert media.wait_end("cut")["code"] == "clip_unreadable"


# ---- over another clip --------------------------------------------------------------------


def test_alpha_is_laid_over_as_the_timeline_does(
    media: Media, shoot: Shoot, tmp_path: Path
) -> None:
    front, back = shoot(films.PRORES_4444), shoot(replace(films.H264, name="b.mp4"))
    media.send(
        "proxy",
        job="over",
        clip={"path": str(front)},
        over={"path": str(back)},
        out=str(tmp_path / "p"),
    )
    assert media.wait_end("over")["type"] == "proxy_done"
    from flowanchor_engine.clip.reader import open_clip

    above, below = expected(front, (96, 64), 0, 24), expected(back, (96, 64), 0, 24)
    with open_clip(front) as clip:
        planes = [clip.read(i).planes[-1] for i in range(24)]
        share = np.stack(planes)[..., None] / clip.facts.format.peak
    truth = above * share + below * (1 - share)
    assert np.abs(frames_of(tmp_path / "p") - truth).max() <= 2.01


def test_where_alpha_is_nothing_the_clip_below_is_unchanged(media: Media, tmp_path: Path) -> None:
    """Also at another size: a difference picture is black outside the patch."""
    from flowanchor_engine.clip.planes import PixelFormat
    from tests.engine.clip import film as making

    size = (256, 144)
    back = write(tmp_path / "back.mov", Film("b", "prores_ks", "yuv422p10le", size=size, frames=5))
    pixels = PixelFormat.of("yuva444p10le")
    plain = making.planes_of

    def holed(number: int, kind: PixelFormat, wh: tuple[int, int]) -> list[np.ndarray]:
        planes = plain(number, kind, wh)
        planes[-1][:] = 0
        planes[-1][40:90, 100:180] = kind.peak // 2
        planes[0][:] = kind.peak * 3 // 4
        return planes

    making.planes_of = holed
    try:
        film = Film(
            "f", "prores_ks", pixels.name, size=size, frames=5,
            options={"profile": "4", "alpha_bits": "16"},
        )  # fmt: skip
        front = write(tmp_path / "front.mov", film)
    finally:
        making.planes_of = plain
    for height in (144, 72, 100):
        pair = []
        for job, over in ((f"alone{height}", None), (f"laid{height}", {"path": str(back)})):
            out = tmp_path / job
            clip = front if over else back
            media.send(
                "proxy", job=job, clip={"path": str(clip)}, over=over, out=str(out),
                max_height=height,
            )  # fmt: skip
            assert media.wait_end(job)["type"] == "proxy_done"
            pair.append(frames_of(out).astype(int))
        scale = height / 144
        away = np.abs(pair[0] - pair[1]).max(axis=(0, 3))
        inside = np.zeros(away.shape, bool)
        rows = slice(int(40 * scale) - 1, int(90 * scale) + 2)
        inside[rows, int(100 * scale) - 1 : int(180 * scale) + 2] = True
        assert away[~inside].max() == 0
        assert away[int(65 * scale), int(140 * scale)] > 5


def test_over_needs_the_same_size_and_enough_frames(
    media: Media, shoot: Shoot, tmp_path: Path
) -> None:
    front = {"path": str(shoot(films.PRORES_4444))}
    for job, below, code in (
        ("size", films.DNXHR, "size"),
        ("short", FIVE, "clip_range"),
    ):
        media.send(
            "proxy", job=job, clip=front, over={"path": str(shoot(below))}, out=str(tmp_path / "p")
        )
        assert media.wait_end(job)["code"] == code
    assert not (tmp_path / "p").exists()

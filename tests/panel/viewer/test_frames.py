"""The cache, the reading of proxies, and what keeps the book in step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from plugin.services.proxies import ProxyReader
from plugin.ui.viewer import frames
from plugin.ui.viewer.frames import FrameCache, Prefetch, image_of, pixels_of, scaled_picture
from plugin.ui.viewer.pictures import Picture, word_of
from tests.panel.viewer.conftest import Chip, Desk, noise, painted, word, write_proxy


@pytest.mark.parametrize("pad", [0, 1, 7])
@pytest.mark.parametrize("width", [160, 157])
def test_frames_are_read_as_they_were_written(tmp_path: Path, pad: int, width: int) -> None:
    frames = noise(3, width=width, height=33, frames=4)
    reader = ProxyReader(write_proxy(tmp_path / "p", frames, pad=pad))
    for index in range(4):
        assert np.array_equal(reader.frame(index), frames[index])
        assert np.array_equal(pixels_of(image_of(reader.frame(index))), frames[index])
    mattes = ProxyReader(write_proxy(tmp_path / "m", frames[..., 0].copy(), pad=pad))
    assert np.array_equal(mattes.frame(2), frames[2, ..., 0])


def test_frames_are_views_of_the_file(tmp_path: Path) -> None:
    reader = ProxyReader(write_proxy(tmp_path / "p", noise(3, frames=2)))
    frame = reader.frame(1)
    assert not frame.flags.owndata
    assert not frame.flags.writeable


def test_a_chip_finds_its_word_though_the_text_has_moved() -> None:
    words = (word("red", 2), word("red", 20), word("coat", 30))
    assert word_of(words, Chip("red", 4, 7)) == 0
    assert word_of(words, Chip("Red", 18, 21)) == 1
    assert word_of(words, Chip("blue", 2, 6)) is None


def test_cache_never_holds_more_than_its_limit(qapp, tmp_path: Path) -> None:
    frames = noise(5, frames=12)
    picture = Picture("p", ProxyReader(write_proxy(tmp_path / "p", frames)))
    each = 160 * 90 * 4
    cache = FrameCache(limit_bytes=5 * each)
    for frame in (0, 1, 2, 3, 4, 0, 5, 6):
        cache.picture(picture, frame)
        assert cache.bytes == len(cache) * each <= 5 * each
    assert ("p", 0, None) in cache  # used again, so not the oldest
    assert ("p", 1, None) not in cache
    assert (cache.hits, cache.misses) == (1, 7)
    cache.clear()
    assert (cache.bytes, len(cache)) == (0, 0)


def test_one_picture_above_the_limit_is_held_alone(qapp) -> None:
    cache = FrameCache(limit_bytes=10)
    for name in ("a", "b"):
        cache.get((name,), lambda: QImage(10, 10, QImage.Format.Format_RGB32))
        assert len(cache) == 1


def test_scaling_keeps_the_mean_of_the_picture(qapp) -> None:
    frame = noise(9, width=640, height=360, frames=1)[0]
    small = pixels_of(scaled_picture(frame, (160, 90))).astype(float)
    assert np.abs(small.mean(axis=(0, 1)) - frame.mean(axis=(0, 1))).max() < 1
    assert small.std() < 0.4 * frame.std()  # every pixel counts, none is just left out


def test_neighbours_are_made_ahead_while_nothing_happens(qtbot: QtBot, desk: Desk) -> None:
    desk.state.mode.set("after")
    desk.state.go(10)
    painted(desk.canvas)
    qtbot.waitUntil(lambda: desk.core.prefetch.waiting == 0, timeout=60000)
    before = desk.core.cache.misses
    for frame in (11, 12, 9, 8):
        desk.state.go(frame)
        painted(desk.canvas)
        held = [key for key in desk.core.cache._images if key[0] == "Take 1"]
        assert frame in [key[1] for key in held]
        if frame in (11, 9):
            assert desk.core.cache.misses >= before


def test_two_views_take_turns_and_none_is_forgotten(qtbot: QtBot) -> None:
    prefetch = Prefetch()
    made: list[str] = []
    for owner in ("a", "b"):
        work = [lambda name=f"{owner}{n}": made.append(name) for n in range(2)]
        prefetch.plan(owner, work)
    qtbot.waitUntil(lambda: prefetch.waiting == 0, timeout=60000)
    assert made == ["a0", "b0", "a1", "b1"]


def test_nothing_is_begun_that_the_next_frame_would_wait_for(qtbot: QtBot) -> None:
    prefetch = Prefetch()
    prefetch.budget_ms = lambda: 1.0
    prefetch.plan("a", [lambda: pytest.fail("there was no time for it")])
    qtbot.wait(30)
    assert prefetch.waiting == 1
    prefetch.stop()


def test_a_machine_that_slept_does_not_end_the_making_ahead(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(frames.QElapsedTimer):  # type: ignore[name-defined, misc]
        def nsecsElapsed(self) -> int:  # noqa: N802
            return 3_600_000_000_000

    monkeypatch.setattr(frames, "QElapsedTimer", Slow)
    prefetch = Prefetch()
    made: list[int] = []
    prefetch.plan("a", [lambda n=n: made.append(n) for n in range(20)])  # type: ignore[misc]
    qtbot.waitUntil(lambda: prefetch.waiting == 0, timeout=60000)
    assert made == list(range(20))


def test_another_shot_lets_the_old_pictures_go(desk: Desk) -> None:
    painted(desk.canvas)
    assert len(desk.core.cache) > 0
    desk.core.prefetch.stop()
    desk.core.book.shot.set(None)
    assert len(desk.core.cache) == 0
    painted(desk.canvas)  # says that there is no shot

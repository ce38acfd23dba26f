"""The story as the pipeline sees it: lazy stacks, notes, reports and sheets."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from flowanchor_engine.clip import sheet
from flowanchor_engine.clip.reader import open_clip, probe
from flowanchor_engine.clip.session import Stack, deliver, prepare
from flowanchor_engine.progress import Phase, Silent
from flowanchor_engine.request import MatteSpec
from tests.engine.clip import film, films
from tests.engine.clip.film import Film
from tests.engine.clip.test_delivery import BOX, SMALL, _request, edit

if TYPE_CHECKING:
    from tests.engine.clip.conftest import Shoot


def test_stack_behaves_like_an_array() -> None:
    made: list[int] = []

    def make(number: int) -> np.ndarray:
        made.append(number)
        return np.full((2, 3), number, np.float32)

    stack = Stack(make, 5, (2, 3))
    assert not made
    assert (len(stack), stack.shape, stack.dtype) == (5, (5, 2, 3), np.float32)
    np.testing.assert_array_equal(stack[-1], np.full((2, 3), 4))
    np.testing.assert_array_equal(stack[1:4:2], np.asarray(stack)[1:4:2])
    assert made[:3] == [4, 1, 3]
    with pytest.raises(IndexError):
        stack[5]


def test_what_the_model_sees_is_in_range_and_lazy(shoot: Shoot) -> None:
    with prepare(_request(shoot(films.H264)), Silent(), SMALL) as working:
        assert working.frames.shape == (
            24,
            working.geometry.model_height,
            working.geometry.model_width,
            3,
        )
        one = working.frames[7]
        assert -1 <= one.min() < -0.3
        assert 0.3 < one.max() <= 1
        assert working.matte is not None
        matte = working.matte[0]
        assert matte.shape == one.shape[:2]
        # The model's matte is neither grown nor feathered.
        assert matte.mean() == pytest.approx(0.3 * 0.25, rel=0.1)


def test_without_a_matte_the_whole_frame_is_edited(shoot: Shoot, tmp_path: Path) -> None:
    request = _request(shoot(films.H264), matte=False, frames=2)
    with prepare(request, Silent(), SMALL) as working:
        assert working.matte is None
        assert working.matte_report is None
        done = deliver(working, [-working.frames[:]], request, tmp_path / "x", Silent())
    with open_clip(shoot(films.H264)) as a, open_clip(done.video) as b:
        one, two = a.read(1).planes[0].astype(int) * 4, b.read(1).planes[0].astype(int)
    assert np.abs(one - two).min(axis=1).mean() > 2


def test_keeping_the_original_can_be_switched_off(shoot: Shoot, tmp_path: Path) -> None:
    changed = []
    for keep in (True, False):
        done = edit(
            _request(shoot(films.PRORES), frames=1, keep_original=keep), tmp_path / str(keep)
        )
        with open_clip(shoot(films.PRORES)) as a, open_clip(done.video) as b:
            one, two = a.read(0).planes[0].astype(int), b.read(0).planes[0].astype(int)
        changed.append(float((np.abs(one - two) > 30).mean()))
    assert changed[0] < 0.4 < 0.8 < changed[1]


def test_edge_match_runs_through_a_delivery(shoot: Shoot, tmp_path: Path) -> None:
    request = _request(shoot(films.PRORES), frames=3, match_edge=True)
    with prepare(request, Silent(), SMALL) as working:
        shifted = np.clip(working.frames[:] + 0.15, -1, 1)
        done = deliver(working, [shifted], request, tmp_path / "x", Silent())
    with open_clip(shoot(films.PRORES)) as a, open_clip(done.video) as b:
        gap = b.read(2).planes[0].astype(int) - a.read(2).planes[0].astype(int)
    assert abs(np.median(gap[np.abs(gap) > 4]) if (np.abs(gap) > 4).any() else 0) < 25


class _Listener(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.phases: list[tuple[Phase, int, int]] = []

    def note(self, code: str, sentence: str) -> None:
        self.notes.append(sentence)

    def phase(self, phase: Phase, done: int, total: int) -> None:
        self.phases.append((phase, done, total))


def test_every_assumption_is_said(shoot: Shoot, tmp_path: Path) -> None:
    listener = _Listener()
    request = _request(shoot(films.UNTAGGED), frames=3, codec="h264")
    with prepare(request, listener, SMALL) as working:
        deliver(working, [working.frames[:]], request, tmp_path / "x", listener)
    assert any("BT.601" in note for note in listener.notes)
    assert any("video levels" in note for note in listener.notes)
    writes = [done for phase, done, _ in listener.phases if phase is Phase.WRITE]
    assert writes == [1, 2, 3]


def test_sheet_frames_show_before_after_and_matte(shoot: Shoot, tmp_path: Path) -> None:
    done = edit(_request(shoot(films.H264)), tmp_path / "x")
    assert [f.number for f in done.sheet] == [0, 8, 15, 23]
    frame = done.sheet[1]
    assert frame.before.shape == frame.after.shape == (film.HEIGHT, film.WIDTH, 3)
    assert frame.matte is not None
    changed = np.abs(frame.before.astype(int) - frame.after).max(axis=2) > 12
    assert changed[frame.matte > 200].mean() > 0.5
    assert not changed[:10].any()
    picture = sheet.edit_sheet(
        done.sheet,
        title="A sheet",
        now="now",
        wanted="wanted",
        truth=[f.before for f in done.sheet],
    )
    assert picture.shape[0] > 4 * 200
    assert picture.dtype == np.uint8
    sheet.save_sheet(picture, tmp_path / "sheet.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "sheet.png")), picture)


def test_patch_sheet_shows_the_patch_over_the_clip(shoot: Shoot, tmp_path: Path) -> None:
    done = edit(_request(shoot(films.H264), kind="patch"), tmp_path / "x")
    frame = done.sheet[0]
    assert np.abs(frame.before[:10].astype(int) - frame.after[:10]).max() <= 1
    assert np.abs(frame.before.astype(int) - frame.after).max() > 40


def test_memory_does_not_grow_with_the_clip(shoot: Shoot, tmp_path: Path) -> None:
    peaks = []
    for frames in (8, 64):
        recipe = Film(f"grow{frames}.mp4", "libx264", frames=frames, size=(192, 128))
        request = _request(shoot(recipe), codec="h264")
        tracemalloc.start()
        with prepare(request, Silent(), SMALL) as working:
            chunks = (working.frames[i : i + 4] for i in range(0, frames, 4))
            deliver(working, chunks, request, tmp_path / f"{frames}", Silent())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.25 * peaks[0]


def test_zoom_and_fast_deliver_at_the_clips_size(shoot: Shoot, tmp_path: Path) -> None:
    recipe = Film("large.mp4", "libx264", size=(384, 256), frames=5)
    for crop in ("fast", "zoom"):
        request = _request(shoot(recipe), crop=crop).model_copy(
            update={
                "matte": MatteSpec(
                    shapes=(BOX.model_copy(update={"points": ((0.4, 0.5), (0.5, 0.6))}),)
                )
            }
        )
        with prepare(request, Silent(), SMALL) as working:
            assert working.geometry.mode == crop
            assert working.geometry.width < 384
            done = deliver(working, [-working.frames[:]], request, tmp_path / crop, Silent())
        assert done.size == (384, 256)
        assert probe(done.video).width == 384

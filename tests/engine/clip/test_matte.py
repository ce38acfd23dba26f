"""Mattes from files and shapes: every rule is stated, and nothing is resolved silently."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from flowanchor_engine.clip import shapes
from flowanchor_engine.clip.matte import Mattes, _smooth, resolve
from flowanchor_engine.clip.reader import open_clip
from flowanchor_engine.errors import (
    MatteEmptyError,
    MatteMismatchError,
    MatteMissingError,
    MatteUnreadableError,
)
from flowanchor_engine.progress import Silent
from flowanchor_engine.request import MatteShape, MatteSpec
from tests.engine.clip import film, films
from tests.engine.clip.film import HEIGHT, WIDTH, Film

if TYPE_CHECKING:
    from tests.engine.clip.conftest import Shoot


def _matte(
    shoot: Shoot, spec: MatteSpec, recipe: Film = films.H264, *, start: int = 0, frames: int = 24
) -> Mattes:
    with open_clip(shoot(recipe)) as clip:
        return resolve(spec, clip, start=start, frames=frames, report=Silent())


def _still(path: Path, *, size: tuple[int, int] = (WIDTH, HEIGHT), mode: str = "L") -> Path:
    width, height = size
    picture = np.zeros((height, width), np.uint8)
    picture[height // 4 : height // 2, width // 4 : width // 2] = 255
    if mode == "RGBA":
        Image.fromarray(np.stack([np.full_like(picture, 200)] * 3 + [picture], axis=2)).save(path)
    else:
        Image.fromarray(picture).save(path)
    return path


def _moving(path: Path, frames: int, *, rate: int = 25, empty: tuple[int, ...] = ()) -> Path:
    """Write a matte video (lossless) whose box moves two pixels a frame."""
    import av

    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "gray"
        for i in range(frames):
            frame = av.VideoFrame(WIDTH, HEIGHT, "gray")
            picture = np.zeros((HEIGHT, frame.planes[0].line_size), np.uint8)
            if i not in empty:
                picture[20:40, 2 * i : 2 * i + 16] = 255
            np.frombuffer(frame.planes[0], np.uint8)[: picture.size] = picture.ravel()  # type: ignore[call-overload]
            frame.pts = i
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_a_still_serves_every_frame(shoot: Shoot, tmp_path: Path) -> None:
    found = _matte(shoot, MatteSpec(path=str(_still(tmp_path / "m.png"))))
    assert len(found) == 24
    assert set(found.boxes) == {(24, 16, 48, 32)}
    assert set(np.unique(found.at(7))) == {0, 255}
    assert any("still" in note for note in found.report.notes)


def test_alpha_is_preferred_where_it_says_something(shoot: Shoot, tmp_path: Path) -> None:
    path = _still(tmp_path / "m.png", mode="RGBA")
    assert _matte(shoot, MatteSpec(path=str(path))).boxes[0] == (24, 16, 48, 32)
    assert _matte(shoot, MatteSpec(path=str(path), channel="luma")).boxes[0] == (
        0,
        0,
        WIDTH,
        HEIGHT,
    )
    with pytest.raises(MatteMismatchError):
        _matte(shoot, MatteSpec(path=str(_still(tmp_path / "luma.png")), channel="alpha"))


def test_another_size_of_the_same_shape_is_scaled_and_reported(
    shoot: Shoot, tmp_path: Path
) -> None:
    found = _matte(
        shoot, MatteSpec(path=str(_still(tmp_path / "m.png", size=(2 * WIDTH, 2 * HEIGHT))))
    )
    assert found.boxes[0] == (24, 16, 48, 32)
    assert any("scaled" in note for note in found.report.notes)


def test_another_shape_is_refused_with_both_sizes(shoot: Shoot, tmp_path: Path) -> None:
    with pytest.raises(MatteMismatchError, match=r"64 x 64.*96 x 64"):
        _matte(shoot, MatteSpec(path=str(_still(tmp_path / "m.png", size=(64, 64)))))


def test_matte_frames_pair_with_the_shot_by_number(shoot: Shoot, tmp_path: Path) -> None:
    path = _moving(tmp_path / "m.mkv", 24, rate=30)
    found = _matte(shoot, MatteSpec(path=str(path)))
    assert [box[0] for box in found.boxes if box] == [2 * i for i in range(24)]
    assert any("paired by number" in note for note in found.report.notes)


def test_matte_of_another_rate_and_length_pairs_by_time(shoot: Shoot, tmp_path: Path) -> None:
    path = _moving(tmp_path / "m.mkv", 13, rate=12)
    recipe = Film("r24.mp4", "libx264", rate=Fraction(24))
    found = _matte(shoot, MatteSpec(path=str(path)), recipe)
    assert [box[0] for box in found.boxes if box] == [2 * (i // 2) for i in range(24)]
    assert any("by time" in note for note in found.report.notes)


def test_one_missing_frame_is_repeated_more_are_refused(shoot: Shoot, tmp_path: Path) -> None:
    recipe = Film("r25.mp4", "libx264", rate=Fraction(25))
    found = _matte(shoot, MatteSpec(path=str(_moving(tmp_path / "a.mkv", 23))), recipe)
    assert found.boxes[23] == found.boxes[22]
    assert any("repeated" in note for note in found.report.notes)
    with pytest.raises(MatteMismatchError, match="20 frames, the shot 24") as caught:
        _matte(shoot, MatteSpec(path=str(_moving(tmp_path / "b.mkv", 20))), recipe)
    assert "repeat_last" in caught.value.hint
    wished = MatteSpec(path=str(tmp_path / "b.mkv"), repeat_last=True)
    found = _matte(shoot, wished, recipe)
    assert found.boxes[19:] == (found.boxes[19],) * 5
    assert found.boxes[18] != found.boxes[19]


def test_matte_start_shifts_it(shoot: Shoot, tmp_path: Path) -> None:
    recipe = Film("r25.mp4", "libx264", rate=Fraction(25))
    path = _moving(tmp_path / "m.mkv", 30)
    found = _matte(shoot, MatteSpec(path=str(path), start=4), recipe, start=3, frames=10)
    assert [box[0] for box in found.boxes if box] == [2 * (i + 4) for i in range(10)]


def test_empty_frames_are_counted_and_empty_mattes_refused(shoot: Shoot, tmp_path: Path) -> None:
    recipe = Film("r25.mp4", "libx264", rate=Fraction(25))
    found = _matte(
        shoot, MatteSpec(path=str(_moving(tmp_path / "a.mkv", 24, empty=(3, 4)))), recipe
    )
    assert found.report.empty_frames == (3, 4)
    assert any("2 of 24" in note for note in found.report.notes)
    with pytest.raises(MatteEmptyError) as caught:
        _matte(
            shoot,
            MatteSpec(path=str(_moving(tmp_path / "b.mkv", 24, empty=tuple(range(24))))),
            recipe,
        )
    assert caught.value.code == "matte_empty"


def test_full_frame_matte_is_reported(shoot: Shoot) -> None:
    box = MatteShape(kind="box", points=((-0.5, -0.5), (1.5, 1.5)))
    found = _matte(shoot, MatteSpec(shapes=(box,)))
    assert found.report.coverage == (1.0,) * 24
    assert any("whole picture" in note for note in found.report.notes)


def test_missing_and_damaged_mattes_have_their_own_codes(shoot: Shoot, tmp_path: Path) -> None:
    with pytest.raises(MatteMissingError):
        _matte(shoot, MatteSpec(path=str(tmp_path / "none.png")))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    with pytest.raises(MatteUnreadableError):
        _matte(shoot, MatteSpec(path=str(broken)))


def test_invert_is_the_exact_complement(shoot: Shoot, tmp_path: Path) -> None:
    path = str(_still(tmp_path / "m.png"))
    plain, inverse = (
        _matte(shoot, MatteSpec(path=path)),
        _matte(shoot, MatteSpec(path=path, invert=True)),
    )
    np.testing.assert_array_equal(plain.at(0), 255 - inverse.at(0))


@given(reach=st.integers(1, 5), frames=st.integers(1, 14), seed=st.integers(0, 1000))
def test_temporal_smoothing_is_a_local_average(reach: int, frames: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    stack = [rng.integers(0, 256, (3, 4)).astype(np.uint8) for _ in range(frames)]
    result = list(_smooth(iter(stack), reach))
    assert len(result) == frames
    for i in range(frames):
        weights = [max(0, reach + 1 - abs(i - j)) for j in range(frames)]
        expected = np.tensordot(weights, np.stack(stack).astype(float), 1) / sum(weights)
        np.testing.assert_allclose(result[i], expected, atol=0.51)


@given(x=st.floats(0.1, 0.6), y=st.floats(0.1, 0.6), w=st.floats(0.1, 0.3), h=st.floats(0.1, 0.3))
def test_drawn_box_has_its_area(x: float, y: float, w: float, h: float) -> None:
    shape = MatteShape(kind="box", points=((x, y), (x + w, y + h)))
    matte = shapes.draw(shapes.outlines_at([shape], 0), 200, 160)
    assert abs(matte.sum() / 255 - w * 200 * h * 160) < 0.3 * (w * 200 + h * 160)


def test_a_box_over_the_whole_picture_has_no_rim() -> None:
    shape = MatteShape(kind="box", points=((0, 0), (1, 1)))
    assert shapes.draw(shapes.outlines_at([shape], 0), 33, 21).min() == 255


def test_outlines_move_linearly_between_key_frames() -> None:
    keys = [
        MatteShape(kind="box", frame=0, points=((0.0, 0.0), (0.2, 0.2))),
        MatteShape(kind="box", frame=10, points=((0.5, 0.5), (0.9, 0.9))),
    ]
    middle = shapes.outlines_at(keys, 5)[0]
    np.testing.assert_allclose(middle.min(axis=0), (0.25, 0.25))
    np.testing.assert_allclose(middle.max(axis=0), (0.55, 0.55))
    np.testing.assert_allclose(shapes.outlines_at(keys, 50)[0], shapes.outlines_at(keys, 10)[0])


def test_a_box_may_become_a_lasso() -> None:
    ring = tuple((0.5 + 0.2 * np.cos(a), 0.5 + 0.2 * np.sin(a)) for a in np.linspace(0, 6.2, 30))
    keys = [
        MatteShape(kind="box", frame=0, points=((0.3, 0.3), (0.7, 0.7))),
        MatteShape(kind="lasso", frame=8, points=ring),
    ]
    areas = [
        int((shapes.draw(shapes.outlines_at(keys, i), 200, 200) > 127).sum()) for i in range(9)
    ]
    assert areas == sorted(areas, reverse=True)
    assert cv2.countNonZero(shapes.draw(shapes.outlines_at(keys, 4), 200, 200)) > 5000


def test_two_objects_on_one_key_frame_are_both_drawn() -> None:
    boxes = [
        MatteShape(kind="box", points=((0.1, 0.1), (0.2, 0.2))),
        MatteShape(kind="box", points=((0.7, 0.7), (0.9, 0.9))),
    ]
    matte = shapes.draw(shapes.outlines_at(boxes, 3), 100, 100)
    assert cv2.connectedComponents(matte)[0] == 3


@given(seed=st.integers(0, 10_000))
def test_stored_mattes_come_back_bit_for_bit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = [
        np.where(rng.random((9, 13)) < 0.2, rng.integers(0, 256, (9, 13)), 0).astype(np.uint8)
        for _ in range(3)
    ]
    stack = Mattes.of(iter(frames), 13, 9)
    for i in (2, 0, 1):
        np.testing.assert_array_equal(stack.at(i), frames[i])


def test_sequence_mattes_pair_with_any_rate(shoot: Shoot, tmp_path: Path) -> None:
    film.write_images(tmp_path / "m", ".png", 24)
    found = _matte(shoot, MatteSpec(path=str(tmp_path / "m")))
    assert len(found) == 24

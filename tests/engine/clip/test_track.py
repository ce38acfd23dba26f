"""A carried matte stays on its object, and says so where it does not."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from flowanchor_engine.clip.flow import carry
from flowanchor_engine.clip.matte import resolve
from flowanchor_engine.clip.matte_file import make_matte
from flowanchor_engine.clip.reader import open_clip, probe
from flowanchor_engine.clip.track import cuts, iou, track_shapes
from flowanchor_engine.progress import Silent
from flowanchor_engine.request import MatteShape, MatteSpec, SourceSpec
from tests.engine.clip.scenes import Scene, render

SCENES = [
    Scene("circle"),
    Scene("square", turn=0.03, seed=2),
    Scene("square", turn=0.02, grow=0.006, textured=False, seed=3),
    Scene("star", turn=0.03, seed=4),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "scene",
    [*SCENES, Scene("circle", textured=False, seed=1), Scene("star", textured=False, seed=5)],
    ids=str,
)
def test_matte_stays_on_the_object_for_33_frames(scene: Scene) -> None:
    pictures, masks = render(scene)
    steps = list(carry(pictures, masks[0], range(33), Silent()))
    overlaps = [iou(step.matte, mask) for step, mask in zip(steps, masks[1:], strict=True)]
    assert float(np.mean(overlaps)) >= 0.9
    assert min(overlaps) >= 0.85


def test_matte_stays_on_a_turning_flat_square() -> None:
    pictures, masks = render(
        Scene("square", turn=0.03, textured=False, seed=3, frames=9, size=(192, 128))
    )
    steps = list(carry(pictures, masks[0], range(9), Silent()))
    assert min(iou(step.matte, mask) for step, mask in zip(steps, masks[1:], strict=True)) >= 0.9


def test_carrying_backwards_is_as_good() -> None:
    pictures, masks = render(Scene("star", turn=0.02, seed=8, frames=10, size=(192, 128)))
    steps = list(carry(pictures, masks[-1], range(9, -1, -1), Silent()))
    assert np.mean([iou(s.matte, m) for s, m in zip(steps, masks[-2::-1], strict=True)]) >= 0.9


def test_equal_runs_give_equal_mattes() -> None:
    pictures, masks = render(Scene("star", turn=0.03, seed=4, frames=8))
    one, two = (list(carry(pictures, masks[0], range(8), Silent())) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.matte, b.matte)


def _clip(path: Path, pictures: np.ndarray) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "8"})
        stream.height, stream.width = pictures.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(
                format="yuv420p"
            )
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _box(mask: np.ndarray, frame: int) -> MatteShape:
    rows, columns = np.nonzero(mask > 127)
    tall, wide = mask.shape
    corners = (
        (columns.min() / wide, rows.min() / tall),
        ((columns.max() + 1) / wide, (rows.max() + 1) / tall),
    )
    return MatteShape(kind="box", frame=frame, points=corners)


def test_shapes_are_carried_from_a_key_frame_in_the_middle(tmp_path: Path) -> None:
    pictures, masks = render(Scene("square", seed=11, frames=16))
    with open_clip(_clip(tmp_path / "a.mp4", pictures)) as clip:
        found, report = track_shapes([_box(masks[7], 7)], clip, start=0, frames=16, report=Silent())
        mattes = list(found)
    assert len(mattes) == len(report.consistent) == 16
    assert np.mean([iou(a, b) for a, b in zip(mattes, masks, strict=True)]) >= 0.9
    assert report.return_iou >= 0.9
    assert not any("drifts" in note for note in report.notes)


def test_two_key_frames_meet_in_the_middle(tmp_path: Path) -> None:
    pictures, masks = render(Scene("square", seed=12, frames=16))
    keys = [_box(masks[0], 0), _box(masks[15], 15)]
    with open_clip(_clip(tmp_path / "a.mp4", pictures)) as clip:
        found, _ = track_shapes(keys, clip, start=0, frames=16, report=Silent())
        overlaps = [iou(a, b) for a, b in zip(found, masks, strict=True)]
    assert min(overlaps) >= 0.85


def test_a_hidden_object_is_reported_not_glossed_over(tmp_path: Path) -> None:
    pictures, masks = render(Scene("star", seed=6, frames=14), hidden=range(6, 10))
    with open_clip(_clip(tmp_path / "a.mp4", pictures)) as clip:
        _, report = track_shapes([_box(masks[0], 0)], clip, start=0, frames=14, report=Silent())
    assert min(report.consistent[6:10]) < 0.5
    assert any("uncertain" in note or "drifts" in note for note in report.notes)


def test_a_matte_file_can_be_made_and_read_back(tmp_path: Path) -> None:
    pictures, masks = render(Scene("circle", seed=2, frames=9))
    source = SourceSpec(path=str(_clip(tmp_path / "a.mp4", pictures)))
    spec = MatteSpec(shapes=(_box(masks[0], 0),), track=True)
    made = make_matte(source, spec, tmp_path / "matte.mov", Silent())
    assert probe(made.path).frames == 9
    assert made.sheet.shape[2] == 3
    assert made.report.track is not None
    again = make_matte(source, MatteSpec(path=str(made.path)), tmp_path / "folder", Silent())
    assert probe(again.path).frames == 9
    with open_clip(made.path) as one, open_clip(again.path) as two:
        for i in range(9):
            first = one.facts.colour.unit(one.read(i).planes[0], one.facts.format, 0)
            np.testing.assert_allclose(first, two.read(i).planes[0] / 255, atol=0.05)


def test_a_matte_is_not_carried_across_a_cut(tmp_path: Path) -> None:
    one, masks = render(Scene("square", seed=3, frames=7))
    two, _ = render(Scene("star", seed=14, frames=6))
    pictures = np.concatenate([one, 255 - two])
    assert cuts(pictures) == [7]
    with open_clip(_clip(tmp_path / "a.mp4", pictures)) as clip:
        found, report = track_shapes([_box(masks[2], 2)], clip, start=0, frames=13, report=Silent())
        mattes = list(found)
    assert all(iou(a, b) > 0.85 for a, b in zip(mattes, masks, strict=False))
    assert not any(matte.any() for matte in mattes[7:])
    assert any("frame 7" in note for note in report.notes)


def test_what_moves_in_a_loose_box_is_followed() -> None:
    rng = np.random.default_rng(4)
    ground = cv2.resize(
        rng.integers(40, 200, (30, 44, 3), np.uint8), (220, 150), interpolation=cv2.INTER_CUBIC
    )
    walker = cv2.resize(
        rng.integers(0, 255, (6, 4, 3), np.uint8), (20, 32), interpolation=cv2.INTER_CUBIC
    )
    pictures = []
    for t in range(10):
        picture = ground.copy()
        picture[60:92, 40 + 4 * t : 60 + 4 * t] = walker
        pictures.append(picture)
    matte = np.zeros((150, 220), np.uint8)
    matte[52:100, 28:72] = 255  # more ground than walker
    steps = list(carry(np.stack(pictures), matte, range(10), Silent()))
    columns = np.flatnonzero((steps[-1].matte > 127).any(axis=0))
    assert abs((columns[0] + columns[-1]) / 2 - (50 + 36)) <= 3


def test_a_still_drawn_on_the_first_frame_is_carried(tmp_path: Path) -> None:
    from PIL import Image

    pictures, masks = render(Scene("square", seed=12, frames=8))
    path = _clip(tmp_path / "a.mp4", pictures)
    Image.fromarray(masks[0]).save(tmp_path / "m.png")
    spec = MatteSpec(path=str(tmp_path / "m.png"), track=True)
    with open_clip(path) as clip:
        found = resolve(spec, clip, start=0, frames=8, report=Silent())
    assert all(iou(found.at(i), mask) > 0.85 for i, mask in enumerate(masks))
    assert found.report.track is not None
    assert not any("still" in note for note in found.report.notes)

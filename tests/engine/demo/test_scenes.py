"""The generator: one seed, one scene; masks own every changed pixel; edits keep the motion."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.demo.draw import render, signed_distance
from flowanchor_engine.demo.scenes import (
    BACKGROUND_COLOURS,
    BACKGROUND_KINDS,
    COLOURS,
    EDIT_KINDS,
    MATERIALS,
    SHAPES,
    Background,
    Scene,
    SceneObject,
    counterfactual,
    random_counterfactual,
    sample_scene,
    scene_from_dict,
    size_scale,
)

SIDES = st.sampled_from(range(96, 257, 16))
SEEDS = st.integers(0, 2**31)


@given(seed=SEEDS, width=SIDES, height=SIDES)
@settings(max_examples=25, deadline=None)
def test_equal_arguments_give_equal_scenes_and_pixels(seed: int, width: int, height: int) -> None:
    first = sample_scene(seed, width=width, height=height, frames=5)
    second = sample_scene(seed, width=width, height=height, frames=5)
    assert first == second
    np.testing.assert_array_equal(render(first).frames, render(second).frames)


def test_other_seeds_give_other_scenes() -> None:
    assert len({sample_scene(seed) for seed in range(50)}) == 50


@given(seed=SEEDS, width=SIDES, height=SIDES, frames=st.sampled_from([1, 5, 9, 17, 33]))
@settings(max_examples=20, deadline=None)
def test_every_size_and_length_of_the_grid_renders(
    seed: int, width: int, height: int, frames: int
) -> None:
    scene = sample_scene(seed, width=width, height=height, frames=frames)
    drawn = render(scene)
    assert drawn.frames.shape == (frames, height, width, 3)
    assert drawn.frames.dtype == np.uint8
    assert drawn.masks.shape == (len(scene.objects), frames, height, width)
    assert drawn.masks.any((2, 3)).all(), "an object left the picture"
    assert not (drawn.masks.sum(0) > 1).any(), "objects overlap"


@pytest.mark.parametrize(("width", "height", "frames"), [(80, 96, 9), (96, 264, 9), (96, 96, 8)])
def test_sizes_off_the_grid_are_refused(width: int, height: int, frames: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        sample_scene(0, width=width, height=height, frames=frames)


@given(seed=SEEDS, kind=st.sampled_from(EDIT_KINDS), edit_seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_an_edit_changes_only_pixels_of_its_mask(seed: int, kind: str, edit_seed: int) -> None:
    scene = sample_scene(seed, frames=5)
    truth, index = random_counterfactual(scene, kind, np.random.default_rng(edit_seed))
    before, after = render(scene), render(truth)
    changed = (before.frames != after.frames).any(-1)
    if kind == "background":
        allowed = before.background_mask
    else:
        allowed = before.masks[index] | after.masks[index]
    assert changed.any()
    assert not (changed & ~allowed).any()


@given(seed=SEEDS, kind=st.sampled_from(EDIT_KINDS), edit_seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_an_edit_keeps_motion_and_everything_else(seed: int, kind: str, edit_seed: int) -> None:
    scene = sample_scene(seed)
    truth, index = random_counterfactual(scene, kind, np.random.default_rng(edit_seed))
    if kind == "background":
        assert truth.background != scene.background
        restored = replace(truth, background=scene.background)
    else:
        old, new = scene.objects[index], truth.objects[index]
        assert getattr(old, kind) != getattr(new, kind)
        restored = counterfactual(truth, index, **{kind: getattr(old, kind)})
    assert restored == scene


def test_unknown_attributes_and_objects_are_refused() -> None:
    scene = sample_scene(1, objects=2)
    with pytest.raises(ValueError, match="'mauve' is none of red"):
        counterfactual(scene, 0, colour="mauve")
    with pytest.raises(IndexError, match="no object 2"):
        counterfactual(scene, 2, colour="red")
    with pytest.raises(ValueError, match="1 to 3 objects"):
        sample_scene(1, objects=4)


def test_same_shape_pairs_share_a_shape_and_differ_in_colour() -> None:
    for seed in range(20):
        alike = sample_scene(seed, objects=2, same_shape=True).objects
        other = sample_scene(seed, objects=2, same_shape=False).objects
        assert alike[0].shape == alike[1].shape
        assert other[0].shape != other[1].shape
        assert alike[0].colour != alike[1].colour


def test_a_scene_survives_json() -> None:
    for seed in range(10):
        scene = sample_scene(seed, frames=17)
        assert scene_from_dict(json.loads(json.dumps(scene.to_dict()))) == scene


def test_radii_grow_moderately_with_the_picture() -> None:
    assert size_scale(96, 96) == 1
    assert size_scale(128, 128) == pytest.approx(1.2)
    for seed in range(30):
        for side, low, high in ((96, 14, 20), (128, 16.8, 24)):
            scene = sample_scene(seed, width=side, height=side, objects=2)
            assert all(low <= item.radius_px <= high for item in scene.objects)


@given(seed=SEEDS, frames=st.sampled_from([9, 33]))
@settings(max_examples=40, deadline=None)
def test_motion_is_straight_and_reflects_at_the_border(seed: int, frames: int) -> None:
    scene = sample_scene(seed, frames=frames)
    for item in scene.objects:
        path = np.array(item.path)
        assert (path >= item.radius_px + 1 - 1e-6).all()
        assert (path <= scene.width - item.radius_px - 1 + 1e-6).all()
        pace = np.abs(np.diff(path, axis=0))
        # Away from a reflection every step has the same length in each coordinate.
        assert (pace <= pace.max(0) + 1e-6).all()
        assert (np.isclose(pace, pace.max(0), atol=1e-6).mean(0) >= 0.5).all()


def _one(colour: str, shape: str, material: str, kind: str, behind: str) -> Scene:
    item = SceneObject(colour, shape, material, 20.0, ((48.0, 48.0),), 0.0)
    return Scene((item,), Background(kind, behind, 1), 96, 96, 1)


def test_colours_are_those_of_the_palette() -> None:
    for name, rgb in COLOURS.items():
        drawn = render(_one(name, "square", "plain", "plain", "gray"))
        np.testing.assert_allclose(drawn.frames[0, 48, 48], rgb, atol=2)
    for name, rgb in BACKGROUND_COLOURS.items():
        drawn = render(_one("red", "ball", "plain", "plain", name))
        np.testing.assert_allclose(drawn.frames[0, 2, 2], rgb, atol=1)


def test_every_shape_material_and_background_looks_different() -> None:
    shapes = [render(_one("red", s, "plain", "plain", "gray")).masks[0, 0] for s in SHAPES]
    looks = [render(_one("red", "square", m, "plain", "gray")).frames for m in MATERIALS]
    behinds = [render(_one("red", "ball", "plain", k, "gray")).frames for k in BACKGROUND_KINDS]
    for group in (shapes, looks, behinds):
        for i, a in enumerate(group):
            for b in group[:i]:
                assert (a != b).mean() > 0.005


@pytest.mark.parametrize(
    ("shape", "share"),
    [("ball", np.pi), ("square", 4 * 0.84**2), ("cross", 8 * 0.33 - 4 * 0.33**2)],
)
def test_areas_are_those_of_the_shapes(shape: str, share: float) -> None:
    grid = (np.arange(-480, 480, dtype=np.float32) + 0.5) / 8
    x, y = np.meshgrid(grid, grid)
    area = (signed_distance(shape, x, y, 40.0) < 0).sum() / 64
    assert area == pytest.approx(share * 40**2, rel=0.01)


def test_a_ring_has_a_hole_and_a_star_five_points() -> None:
    zero = np.zeros((1, 1), np.float32)
    assert signed_distance("ring", zero, zero, 20.0)[0, 0] > 0
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False, dtype=np.float32)
    rim = signed_distance("star", 18 * np.sin(angle), 18 * np.cos(angle), 20.0) < 0
    assert np.count_nonzero(rim != np.roll(rim, 1)) == 10

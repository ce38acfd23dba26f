"""Verdicts on edits whose outcome is known: the truth, nothing, the wrong object."""

import math

import numpy as np
import pytest

from flowanchor_engine.bench.verdicts import judge
from flowanchor_engine.demo.draw import render
from flowanchor_engine.demo.scene_clip import demo_shot
from flowanchor_engine.demo.scenes import EDIT_KINDS, counterfactual


@pytest.mark.parametrize("kind", EDIT_KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_the_truth_is_clean_and_no_edit_is_no_success(kind, seed):
    shot = demo_shot(seed, kind=kind, same_shape=seed % 2 == 1)
    perfect = judge(shot, shot.truth_frames, shot.frames)
    nothing = judge(shot, shot.frames, shot.frames)
    assert perfect.success
    assert perfect.strict
    assert perfect.clean
    assert not perfect.leak
    assert not nothing.success
    assert not nothing.clean
    assert not nothing.leak


@pytest.mark.parametrize("seed", range(4))
def test_recolouring_the_other_object_is_a_leak_and_no_success(seed):
    shot = demo_shot(seed)
    wrong = counterfactual(
        shot.scene, 1 - shot.edited, colour=shot.truth_scene.objects[shot.edited].colour
    )
    found = judge(shot, render(wrong).frames, shot.frames)
    assert found.leak
    assert not found.success


def test_recolouring_both_objects_succeeds_but_is_not_clean():
    shot = demo_shot(1)
    both = counterfactual(
        shot.truth_scene, 1 - shot.edited, colour=shot.truth_scene.objects[shot.edited].colour
    )
    found = judge(shot, render(both).frames, shot.frames)
    assert found.success
    assert found.leak
    assert not found.clean


def test_progress_measures_the_way_to_the_wanted_colour():
    shot = demo_shot(2)
    half = ((shot.frames.astype(int) + shot.truth_frames) // 2).astype(np.uint8)
    assert judge(shot, half, shot.frames).progress == pytest.approx(0.5, abs=0.02)
    assert judge(shot, shot.frames, shot.frames).progress == pytest.approx(0, abs=0.01)
    assert judge(shot, shot.truth_frames, shot.frames).progress == pytest.approx(1, abs=0.01)


def test_strict_is_tighter_than_success():
    shot = demo_shot(2)
    off = shot.truth_frames.astype(int)
    off[shot.object_mask] += np.array([29, -29, 29]) * np.where(
        off[shot.object_mask].mean(0) < 128, 1, -1
    )
    found = judge(shot, np.clip(off, 0, 255).astype(np.uint8), shot.frames)
    assert 40 < found.distance < 60
    assert found.success
    assert not found.strict


def test_three_objects_leak_when_any_of_the_others_moves():
    shot = demo_shot(4, objects=3)
    last = [k for k in range(3) if k != shot.edited][-1]
    used = {item.colour for item in shot.truth_scene.objects}
    free = next(c for c in ("red", "green", "blue", "yellow") if c not in used)
    touched = counterfactual(shot.truth_scene, last, colour=free)
    found = judge(shot, render(touched).frames, shot.frames)
    assert found.success
    assert found.leak


def test_one_object_has_nobody_to_leak_to():
    shot = demo_shot(5, objects=1)
    found = judge(shot, shot.truth_frames, shot.frames)
    assert found.clean
    assert math.isnan(found.other_shift)


def test_stripes_count_wherever_they_begin():
    from dataclasses import replace

    seed = next(
        s
        for s in range(50)
        if (shot := demo_shot(s, kind="material")).truth_scene.objects[shot.edited].material
        == "striped"
    )
    shot = demo_shot(seed, kind="material")
    objects = list(shot.truth_scene.objects)
    objects[shot.edited] = replace(
        objects[shot.edited], phase=(objects[shot.edited].phase + 0.5) % 1
    )
    moved = render(replace(shot.truth_scene, objects=tuple(objects))).frames
    assert judge(shot, moved, shot.frames).success


def test_a_shape_needs_more_than_the_overlap_that_it_had_before():
    overlapping = [
        shot
        for seed in range(40)
        if judge(shot := demo_shot(seed, kind="shape"), shot.frames, shot.frames).iou >= 0.6
    ]
    assert overlapping, "some shapes cover each other by more than the bound"
    for shot in overlapping:
        assert not judge(shot, shot.frames, shot.frames).success

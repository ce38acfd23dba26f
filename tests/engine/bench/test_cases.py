"""Cases are reproducible and varied, mattes drawn as their style says."""

import numpy as np
import pytest

from flowanchor_engine.bench.cases import (
    MATTE_STYLES,
    TEST_SEED,
    VALIDATION_SEED,
    Case,
    colour_cases,
    kind_cases,
    matte,
    mixed_cases,
)
from flowanchor_engine.demo.scenes import EDIT_KINDS


def test_keys_tell_cases_apart_and_equal_cases_are_equal_pixels():
    cases = [*colour_cases(6), *kind_cases("shape", 3), *colour_cases(2, frames=17)]
    assert len({case.key for case in cases}) == len(cases)
    again = Case(**cases[0].to_dict())
    assert again == cases[0]
    assert np.array_equal(again.shot().frames, cases[0].shot().frames)


def test_validation_and_test_scenes_do_not_meet():
    reported = {case.seed for case in colour_cases(400, TEST_SEED)}
    tuned = {case.seed for case in colour_cases(400, VALIDATION_SEED)}
    assert not reported & tuned


def test_six_cases_hold_pairs_same_shape_pairs_and_a_trio():
    cases = colour_cases(6)
    assert sum(case.objects == 3 for case in cases) == 1
    assert sum(case.same_shape for case in cases) == 2
    for case in cases:
        shapes = {item.shape for item in case.shot().scene.objects}
        assert len(shapes) == (1 if case.same_shape else case.objects)


def test_mixed_cases_cover_kinds_lengths_and_matte_styles():
    cases = mixed_cases(48)
    assert {case.kind for case in cases} == set(EDIT_KINDS)
    assert {case.frames for case in cases} == {9, 17, 33}
    assert {case.matte for case in cases} == {"exact", "box", "lasso"}
    assert {case.objects for case in cases} == {2, 3}
    assert any(case.same_shape for case in cases)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["colour", "shape"])
def test_loose_mattes_cover_the_object_and_waste_only_so_much(kind, seed):
    shot = Case(seed, kind).shot()
    exact = shot.mask
    for style, least in (("box", 1.0), ("lasso", 0.9)):
        drawn = matte(shot, style, seed) > 0
        assert (drawn & exact).sum() >= least * exact.sum()
        assert drawn.sum() > 1.05 * exact.sum()
        assert drawn.mean() < 0.35


def test_a_background_matte_leaves_out_what_is_drawn_around_the_objects():
    shot = Case(1, "background").shot()
    box = matte(shot, "box", 1) > 0
    assert not box[shot.other_masks.any(0) & ~shot.mask].any()
    assert box.sum() < shot.mask.sum()


def test_a_late_matte_is_empty_and_then_exact():
    shot = Case(1).shot()
    late = matte(shot, "late", 1) > 0
    assert not late[:5].any()
    assert np.array_equal(late[5:], shot.mask[5:])


@pytest.mark.parametrize("style", MATTE_STYLES)
def test_drawing_repeats_and_depends_on_the_seed_only_where_a_hand_draws(style):
    shot = Case(3).shot()
    assert np.array_equal(matte(shot, style, 3), matte(shot, style, 3))
    differs = not np.array_equal(matte(shot, style, 3), matte(shot, style, 4))
    assert differs == (style == "lasso")

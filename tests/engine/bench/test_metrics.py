"""Planted changes: each metric moves when, and only when, it should."""

import math
from fractions import Fraction

import cv2
import numpy as np
import pytest

from flowanchor_engine.bench import metrics

FRAMES, SIDE = 6, 64


@pytest.fixture
def source():
    """A textured clip that moves one pixel to the right per frame."""
    rng = np.random.default_rng(3)
    wide = cv2.GaussianBlur(rng.uniform(0, 255, (SIDE, SIDE + FRAMES, 3)), (0, 0), 2)
    wide = np.clip((wide - wide.mean()) * 5 + 128, 20, 235).astype(np.uint8)
    return np.stack([wide[:, FRAMES - t : FRAMES - t + SIDE] for t in range(FRAMES)])


@pytest.fixture
def mask():
    area = np.zeros((FRAMES, SIDE, SIDE), bool)
    area[:, 16:40, 16:40] = True
    return area


def added(frames, where, amount):
    changed = frames.astype(int)
    changed[where] += amount
    return np.clip(changed, 0, 255).astype(np.uint8)


def test_psnr_of_a_known_error(source):
    edited = added(source, np.ones(source.shape[:3], bool), 10)
    assert metrics.mse(edited, source) == 100
    assert metrics.psnr_db(edited, source) == pytest.approx(10 * math.log10(65025 / 100))


def test_equal_pictures_score_the_ceiling_and_an_empty_region_scores_nothing(source):
    nowhere = np.zeros(source.shape[:3], bool)
    assert metrics.psnr_db(source, source) == metrics.PSNR_CEILING_DB
    assert metrics.ssim(source, source) == pytest.approx(1)
    for value in (
        metrics.psnr_db(source, source, nowhere),
        metrics.ssim(source, source, nowhere),
        metrics.colour_shift(source, source, nowhere),
        metrics.colour_difference(source, source, nowhere),
        metrics.flicker(source, source, nowhere),
        metrics.sharpness_ratio(source, source, nowhere),
        metrics.warping_error(source, source, nowhere),
        metrics.locality(source, source, nowhere),
    ):
        assert math.isnan(value)


def test_a_change_inside_the_mask_moves_no_background_score(source, mask):
    edited = added(source, mask, 20)
    outside = ~mask
    assert metrics.psnr_db(edited, source, outside) == metrics.PSNR_CEILING_DB
    assert metrics.ssim(edited, source, outside) == pytest.approx(1)
    assert metrics.flicker(edited, source, outside) == 0
    assert metrics.colour_difference(edited, source, outside) == 0
    assert metrics.colour_shift(edited, source, outside) == 0
    assert metrics.sharpness_ratio(edited, source, outside) != 1  # its window sees the border
    assert metrics.sharpness_ratio(edited, source, ~metrics.grown(mask, 1)) == pytest.approx(1)
    assert metrics.locality(edited, source, mask) == 1


def test_a_change_outside_moves_every_background_score(source, mask):
    outside = ~mask
    edited = added(source, outside, 20)
    assert metrics.psnr_db(edited, source, outside) < 25
    assert metrics.ssim(edited, source, outside) < 0.999
    assert metrics.colour_difference(edited, source, outside) > 3
    assert metrics.colour_shift(edited, source, outside) > 3
    assert metrics.locality(edited, source, mask) == 0


def test_published_background_scores_grow_with_the_mask_and_pixels_alone_do_not(source):
    scores = []
    for side in (8, 48):
        mask = np.zeros(source.shape[:3], bool)
        mask[:, :side, :side] = True
        edited = added(source, ~mask, 10)
        scores.append(
            (
                metrics.psnr_db(metrics.masked_out(edited, mask), metrics.masked_out(source, mask)),
                metrics.psnr_db(edited, source, ~mask),
            )
        )
    assert scores[1][0] > scores[0][0] + 2
    assert scores[1][1] == pytest.approx(scores[0][1])


def test_published_pictures_are_black_where_the_edit_may_act(source, mask):
    edited = added(source, mask, 40)
    black = metrics.masked_out(edited, mask)
    assert not black[mask].any()
    assert np.array_equal(black[~mask], source[~mask])
    assert metrics.psnr_db(black, metrics.masked_out(source, mask)) == metrics.PSNR_CEILING_DB


def test_a_border_error_vanishes_from_the_ring_excluded_background(source, mask):
    border = metrics.grown(mask, 2) & ~mask
    edited = added(source, border, 60)
    assert metrics.psnr_db(edited, source, ~mask) < 40
    assert metrics.psnr_db(edited, source, ~metrics.grown(mask, 2)) == metrics.PSNR_CEILING_DB


def test_grow_and_shrink_by_whole_pixels(mask):
    assert metrics.grown(mask, 3)[0].sum() == 30 * 30
    assert metrics.shrunk(mask, 3)[0].sum() == 18 * 18
    assert metrics.grown(mask, 0)[0].sum() == 24 * 24


def test_ssim_equals_the_formula_on_flat_pictures():
    a = np.full((1, 32, 32, 3), 100, np.uint8)
    b = np.full((1, 32, 32, 3), 120, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert metrics.ssim(a, b) == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1))


def test_locality_is_the_share_of_squared_change(mask):
    source = np.full((FRAMES, SIDE, SIDE, 3), 100, np.uint8)
    edited = source.copy()
    edited[:, 20, 20] = 130  # inside, 900 per value
    edited[:, 2, 2] = 110  # outside, 100 per value
    assert metrics.locality(edited, source, mask) == pytest.approx(0.9)


def test_a_constant_cast_does_not_flicker_and_a_blinking_one_does(mask):
    source = np.full((FRAMES, SIDE, SIDE, 3), 100, np.uint8)
    constant = added(source, ~mask, 8)
    blinking = source.copy()
    blinking[::2] += 8
    assert metrics.flicker(constant, source, ~mask) == 0
    assert metrics.flicker(blinking, source, ~mask) == pytest.approx(8)


def test_flicker_needs_a_pixel_outside_in_both_frames(mask):
    source = np.full((FRAMES, SIDE, SIDE, 3), 100, np.uint8)
    moving = np.zeros_like(mask)
    for frame in range(FRAMES):
        moving[frame, 10:20, 8 * frame : 8 * frame + 8] = True
    edited = added(source, moving, 50)  # follows the mask: never outside it
    assert metrics.flicker(edited, source, ~moving) == 0


def test_motion_of_the_source_is_no_flicker(source, mask):
    assert metrics.flicker(source, source, ~mask) == 0
    assert metrics.flicker(added(source, mask | ~mask, 5), source, ~mask) < 0.5


def test_colour_shift_ignores_noise_that_colour_difference_sees(mask):
    source = np.full((FRAMES, SIDE, SIDE, 3), 128, np.uint8)
    noise = np.random.default_rng(5).integers(-20, 21, source.shape)
    noisy = (source.astype(int) + noise).astype(np.uint8)
    tinted = source.copy()
    tinted[..., 0] += 20
    assert metrics.colour_shift(noisy, source, ~mask) < 0.6
    assert metrics.colour_difference(noisy, source, ~mask) > 5
    assert metrics.colour_shift(tinted, source, ~mask) > 5


def test_sharpness_falls_with_blur_and_rises_with_noise(source):
    soft = np.stack([cv2.GaussianBlur(frame, (0, 0), 1.5) for frame in source])
    noise = np.random.default_rng(5).integers(-20, 21, source.shape)
    rough = np.clip(source.astype(int) + noise, 0, 255).astype(np.uint8)
    assert metrics.sharpness_ratio(source, source) == pytest.approx(1)
    assert metrics.sharpness_ratio(soft, source) < 0.5
    assert metrics.sharpness_ratio(rough, source) > 2


def test_warping_error_forgives_what_moves_with_the_source_and_not_what_stands(source):
    follows = 255 - source
    stands = np.repeat((255 - source)[:1], FRAMES, 0)
    moving = metrics.warping_error(follows, source)
    assert moving < 1.5
    assert metrics.warping_error(stands, source) > 5 * moving
    jitter = follows.copy()
    jitter[::2] = np.clip(jitter[::2].astype(int) + 25, 0, 255)
    assert metrics.warping_error(jitter, source) > 3 * moving


def test_flow_refuses_pictures_that_are_too_small():
    tiny = np.zeros((2, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="32 px"):
        metrics.warping_error(tiny, tiny)


def test_change_before_the_mask_counts_and_later_change_does_not(source, mask):
    late = mask.copy()
    late[:3] = False
    early_change = source.copy()
    early_change[1] = np.clip(early_change[1].astype(int) + 6, 0, 255)
    later_change = source.copy()
    later_change[4] = 0
    assert metrics.before_mask(early_change, source, late) == pytest.approx(2, abs=0.01)
    assert metrics.before_mask(later_change, source, late) == 0
    assert math.isnan(metrics.before_mask(later_change, source, mask))
    assert math.isnan(metrics.before_mask(later_change, source, np.zeros_like(mask)))


def test_timing_is_exact():
    rate = Fraction(24000, 1001)
    assert metrics.same_timing(9, rate, of_frames=9, of_rate=rate)
    assert not metrics.same_timing(8, rate, of_frames=9, of_rate=rate)
    assert not metrics.same_timing(9, Fraction(23976, 1000), of_frames=9, of_rate=rate)


@pytest.mark.parametrize("other", [(5, SIDE, SIDE, 3), (FRAMES, SIDE, SIDE)])
def test_clips_of_another_shape_are_refused(source, other):
    with pytest.raises(ValueError, match="clips must share"):
        metrics.mse(source, np.zeros(other, np.uint8))
    with pytest.raises(ValueError, match="the mask must be"):
        metrics.mse(source, source, np.zeros((2, 2, 2), bool))

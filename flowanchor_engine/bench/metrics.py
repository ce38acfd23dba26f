"""What happened to a clip, in numbers that need no pretrained weights.

Pictures are uint8 arrays (F, H, W, 3) in RGB, masks bool arrays (F, H, W) that are True where
the edit may act. A region without pixels gives NaN, never a perfect score.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PSNR_CEILING_DB",
    "before_mask",
    "colour_difference",
    "colour_shift",
    "flicker",
    "grown",
    "locality",
    "masked_out",
    "mse",
    "psnr_db",
    "same_timing",
    "sharpness_ratio",
    "shrunk",
    "ssim",
    "warping_error",
]

Frames = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

PSNR_CEILING_DB: Final = 100.0
"""What equal pictures score, so that means over cases stay finite."""

_SSIM_C1 = (0.01 * 255) ** 2
_SSIM_C2 = (0.03 * 255) ** 2
_SSIM_SIGMA_PX = 1.5
_SSIM_WINDOW_PX = 11
_LEAST_FLOW_SIDE_PX = 32


def _check(first: Frames, second: Frames, where: Mask | None = None) -> None:
    if first.ndim != 4 or first.shape[3] != 3 or first.shape != second.shape:
        raise ValueError(f"clips must share (F, H, W, 3), not {first.shape} and {second.shape}")
    if where is not None and where.shape != first.shape[:3]:
        raise ValueError(f"the mask must be {first.shape[:3]}, not {where.shape}")


def grown(mask: Mask, radius_px: int) -> Mask:
    """Return the mask dilated in every frame by a square of ``2 radius_px + 1`` pixels."""
    return _morph(mask, radius_px, cv2.dilate)


def shrunk(mask: Mask, radius_px: int) -> Mask:
    """Return the mask eroded in every frame by a square of ``2 radius_px + 1`` pixels."""
    return _morph(mask, radius_px, cv2.erode)


def _morph(mask: Mask, radius_px: int, operation: Any) -> Mask:
    if radius_px == 0:
        return mask.copy()
    kernel = np.ones((2 * radius_px + 1, 2 * radius_px + 1), np.uint8)
    return np.stack([operation(frame.astype(np.uint8), kernel) for frame in mask]).astype(bool)


def masked_out(frames: Frames, mask: Mask) -> Frames:
    """Return the clip multiplied by ``1 - mask``: black where the edit may act.

    The published background scores are taken on such pictures. The black part counts as
    perfect, so they grow with the mask; scores over background pixels alone do not.
    """
    return np.where(mask[..., None], np.uint8(0), frames)


def mse(first: Frames, second: Frames, where: Mask | None = None) -> float:
    """Return the mean squared difference of code values 0..255, over `where` alone if given."""
    _check(first, second, where)
    square = (first.astype(np.float64) - second.astype(np.float64)) ** 2
    picked = square if where is None else square[where]
    return float(picked.mean()) if picked.size else math.nan


def psnr_db(first: Frames, second: Frames, where: Mask | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB, at most `PSNR_CEILING_DB`."""
    error = mse(first, second, where)
    if math.isnan(error):
        return math.nan
    if error == 0:
        return PSNR_CEILING_DB
    return min(PSNR_CEILING_DB, 10 * math.log10(255**2 / error))


def ssim(first: Frames, second: Frames, where: Mask | None = None) -> float:
    """Return structural similarity (Gaussian window, sigma 1.5), -1..1.

    With `where`, pixels outside it are first made equal, so that windows that reach across
    its border see no change there, and the mean runs over `where`.
    """
    _check(first, second, where)
    if where is not None:
        if not where.any():
            return math.nan
        second = np.where(where[..., None], second, first)
    total, weight = 0.0, 0
    for index in range(first.shape[0]):
        chart = _ssim_map(first[index].astype(np.float64), second[index].astype(np.float64))
        picked = chart if where is None else chart[where[index]]
        total += float(picked.sum())
        weight += picked.size
    return total / weight


def _ssim_map(a: Floats, b: Floats) -> Floats:
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a * mean_a
    var_b = _blur(b * b) - mean_b * mean_b
    both = _blur(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _SSIM_C1) * (2 * both + _SSIM_C2)
    bottom = (mean_a * mean_a + mean_b * mean_b + _SSIM_C1) * (var_a + var_b + _SSIM_C2)
    return np.asarray(top / bottom, np.float64)


def _blur(picture: Floats) -> Floats:
    size = (_SSIM_WINDOW_PX, _SSIM_WINDOW_PX)
    return np.asarray(cv2.GaussianBlur(picture, size, _SSIM_SIGMA_PX), np.float64)


def locality(edited: Frames, source: Frames, mask: Mask) -> float:
    """Return the share of the squared change that lies inside the mask, E_in / (E_in + E_out).

    NaN when nothing changed at all.
    """
    _check(edited, source, mask)
    energy = ((edited.astype(np.float64) - source.astype(np.float64)) ** 2).sum(-1)
    total = float(energy.sum())
    return float(energy[mask].sum()) / total if total else math.nan


def colour_difference(edited: Frames, source: Frames, where: Mask) -> float:
    """Return the mean CIE 1976 colour difference per pixel over `where`."""
    _check(edited, source, where)
    if not where.any():
        return math.nan
    gap = _lab(edited) - _lab(source)
    return float(np.sqrt((gap * gap).sum(-1))[where].mean())


def colour_shift(edited: Frames, source: Frames, where: Mask) -> float:
    """Return the CIE 1976 difference between the mean colours over `where`, averaged over frames.

    Noise and blur leave it near zero; a cast over the whole picture does not.
    """
    _check(edited, source, where)
    gap = _lab(edited) - _lab(source)
    shifts = [
        float(np.linalg.norm(frame[inside].mean(0)))
        for frame, inside in zip(gap, where, strict=True)
        if inside.any()
    ]
    return float(np.mean(shifts)) if shifts else math.nan


def _lab(frames: Frames) -> Floats:
    unit = frames.astype(np.float32) / 255
    return np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2LAB) for frame in unit]).astype(np.float64)


def sharpness_ratio(edited: Frames, source: Frames, where: Mask | None = None) -> float:
    """Return the Laplacian variance of the edit over that of the source: below 1 is softer."""
    _check(edited, source, where)
    reference = _laplacian_variance(source, where)
    if math.isnan(reference) or reference == 0:
        return math.nan
    return _laplacian_variance(edited, where) / reference


def _laplacian_variance(frames: Frames, where: Mask | None) -> float:
    values = []
    for index, frame in enumerate(frames):
        luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float64)
        chart = cv2.Laplacian(luma, cv2.CV_64F)
        values.append(chart.ravel() if where is None else chart[where[index]])
    flat = np.concatenate(values)
    return float(flat.var()) if flat.size else math.nan


def flicker(edited: Frames, source: Frames, where: Mask) -> float:
    """Return how much the change itself changes from frame to frame, in code values.

    Mean of ``|(e - s)_{t+1} - (e - s)_t|`` over pixels that belong to `where` in both frames:
    a constant cast, or motion of the source, gives 0.
    """
    _check(edited, source, where)
    change = edited.astype(np.float64) - source.astype(np.float64)
    both = where[1:] & where[:-1]
    if not both.any():
        return math.nan
    return float(np.abs(np.diff(change, axis=0))[both].mean())


def warping_error(edited: Frames, source: Frames, where: Mask | None = None) -> float:
    """Return how badly the edit follows the motion of the source, times 1000.

    Every frame of the edit is carried to the next one along the DIS optical flow *of the
    source*; the mean squared difference (values 0..1) is taken where that flow is consistent
    forwards and backwards, and over `where` (of the later frame) if given.
    """
    _check(edited, source, where)
    height, width = source.shape[1:3]
    if min(height, width) < _LEAST_FLOW_SIDE_PX:
        raise ValueError(f"optical flow needs {_LEAST_FLOW_SIDE_PX} px, not {width}x{height}")
    flow: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in source]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    total, weight = 0.0, 0
    for later in range(1, len(grey)):
        back = flow.calc(grey[later], grey[later - 1], None)
        forth = flow.calc(grey[later - 1], grey[later], None)
        map_x, map_y = x + back[..., 0], y + back[..., 1]
        returned = cv2.remap(forth, map_x, map_y, cv2.INTER_LINEAR)
        fits = np.linalg.norm(back + returned, axis=-1) < 1.0
        fits &= (map_x >= 0) & (map_x <= width - 1) & (map_y >= 0) & (map_y <= height - 1)
        if where is not None:
            fits &= where[later]
        carried = cv2.remap(edited[later - 1].astype(np.float32), map_x, map_y, cv2.INTER_LINEAR)
        gap = (edited[later].astype(np.float32) - carried)[fits] / 255
        total += float((gap * gap).sum())
        weight += gap.size
    return 1000 * total / weight if weight else math.nan


def before_mask(edited: Frames, source: Frames, mask: Mask) -> float:
    """Return the mean absolute change in frames before the mask's first one, in code values.

    NaN when the mask begins with the clip (nothing can leak) or never begins.
    """
    _check(edited, source, mask)
    present = np.flatnonzero(mask.any((1, 2)))
    if present.size == 0 or present[0] == 0:
        return math.nan
    stop = int(present[0])
    gap = edited[:stop].astype(np.float64) - source[:stop].astype(np.float64)
    return float(np.abs(gap).mean())


def same_timing(frames: int, rate: Fraction, *, of_frames: int, of_rate: Fraction) -> bool:
    """Tell whether a result has exactly as many frames at exactly the rate of its source."""
    return frames == of_frames and rate == of_rate

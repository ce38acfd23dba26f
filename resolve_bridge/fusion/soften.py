"""Soft edges: Fusion's filters on exact coverage, at the coarsest grid that keeps them exact.

Fusion documents the filters (box, Bartlett, several boxes, Gaussian) but not how its soft
edge becomes a width. Here all filters share one standard deviation,
``soft_edge * picture width / 2``; the assumption travels with the mask.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from resolve_bridge.fusion.coverage import Matte
    from resolve_bridge.fusion.outline import Points

__all__ = ["SIGMA_PER_SOFT_EDGE", "Filter", "pad_px", "soften"]

SIGMA_PER_SOFT_EDGE: Final = 0.5
"""Standard deviation over (soft edge times picture width)."""

_COARSE_SIGMA: Final = 2.4
"""Standard deviation, in coarse pixels, that must remain after reducing the grid: the matte
then stays within 0.005 of the one drawn on the full grid."""


class Filter(StrEnum):
    """The filters of the menu."""

    BOX = "box"
    BARTLETT = "bartlett"
    MULTI_BOX = "multi_box"
    GAUSSIAN = "gaussian"


def pad_px(sigma_px: float) -> int:
    """Return how far a soft edge reaches, in pixels."""
    return math.ceil(4.0 * sigma_px) + 2 if sigma_px > 0 else 1


def soften(
    draw: Callable[[int], Matte], sigma_px: float, kind: Filter, passes: int, width: int
) -> Matte:
    """Draw a shape with a soft edge.

    Parameters
    ----------
    draw : callable
        Draws the shape reduced by a whole number; reduced by 1 it is `width` wide.
    sigma_px : float, > 0
        Standard deviation in pixels.
    kind : Filter
    passes : int, >= 1
        Boxes of `Filter.MULTI_BOX`.
    width : int
        A multiple of every reduction that `reduction` can return.

    Returns
    -------
    Matte, float32, at full size
    """
    boxes = _boxes(kind, passes)
    reduce = reduction(sigma_px, boxes)
    small = draw(reduce)
    # The coarse pixel and the linear enlargement blur too: take their variance off. The full
    # grid's own pixel (1/12) stays, as it does without any soft edge.
    variance = (sigma_px**2 + 1 / 12) / reduce**2 - 1 / 12 - (1 / 6 if reduce > 1 else 0.0)
    kernel = _kernel(boxes, round(math.sqrt(max(variance, 1e-6)), 6))
    soft = cv2.sepFilter2D(small, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
    if reduce == 1:
        return np.asarray(soft, dtype=np.float32)
    size = (width, small.shape[0] * reduce)
    return np.asarray(cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _boxes(kind: Filter, passes: int) -> int:
    """Return how many boxes make the filter; none make the bell itself."""
    return {Filter.BOX: 1, Filter.BARTLETT: 2, Filter.MULTI_BOX: passes}.get(kind, 0)


def reduction(sigma_px: float, boxes: int) -> int:
    """Return by how much the grid may be reduced: a power of two up to 16."""
    # One or two boxes keep their kinks only on a finer grid than a bell needs.
    least = _COARSE_SIGMA * (2.0 if boxes in (1, 2) else 1.0)
    reduce = 1
    while reduce < 16 and sigma_px / (2 * reduce) >= least:
        reduce *= 2
    return reduce


@lru_cache(maxsize=256)
def _kernel(boxes: int, sigma: float) -> Points:
    """Return the one-dimensional filter of a standard deviation, summing to one."""
    if boxes == 0:
        # Integrating the bell over every pixel adds a pixel's variance: start narrower.
        bell = math.sqrt(max(sigma**2 - 1 / 12, 1e-4))
        reach = max(1, math.ceil(3.6 * sigma))
        edges = np.arange(-reach, reach + 2) - 0.5
        return _normal(np.diff([math.erf(edge / (bell * math.sqrt(2))) for edge in edges]))
    # The variances of the boxes add up to the whole.
    box = _box(math.sqrt(12.0 / boxes) * sigma)
    kernel = box
    for _ in range(boxes - 1):
        kernel = np.convolve(kernel, box)
    return _normal(kernel)


def _box(width: float) -> Points:
    """Return a box of any width around zero: whole pixels and a share of the two at its ends.

    Sampling a continuous box pixel by pixel widens it by about one pixel's variance, which
    the width gives back first.
    """
    width = math.sqrt(max(width**2 - 1.0, 1.0))
    reach = max(0, math.ceil((width - 1) / 2))
    taps = np.minimum(np.maximum(width / 2 + 0.5 - np.abs(np.arange(-reach, reach + 1)), 0.0), 1.0)
    return np.asarray(taps, dtype=np.float64)


def _normal(kernel: Points) -> Points:
    return np.asarray(kernel / kernel.sum(), dtype=np.float64)

"""What an object looks like against its surroundings, to tell where its border is.

Flow knows nothing inside an object without texture. There the colours tell: from the key
frame's matte a likelihood per colour is learnt, and the carried matte is aligned with the
likelihood picture of the frame. Where object and surroundings share their colours the model
says so (`decisive`) and is not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.clip.colour import Float
    from flowanchor_engine.clip.planes import Array

__all__ = ["Appearance", "align", "learn"]

_BINS: Final = 24
_INSIDE: Final = 0.8
_OUTSIDE: Final = 0.25
_ecc: Any = cv2.findTransformECC  # the stubs want a mask that may be None


@dataclass(frozen=True)
class Appearance:
    """Likelihood of 'object' per colour, (24, 24, 24) in 0..1, and whether it decides."""

    table: Float
    decisive: bool

    def likelihood(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return how much every pixel of an RGB picture looks like the object, 0..255."""
        place = image.astype(np.int32) * _BINS // 256
        found = self.table[place[..., 0], place[..., 1], place[..., 2]]
        return np.rint(found * 255).astype(np.uint8)


def learn(image: NDArray[np.uint8], matte: Array) -> Appearance:
    """Learn an object's colours from its key frame.

    Parameters
    ----------
    image : ndarray (h, w, 3), uint8
    matte : ndarray (h, w), uint8
    """
    core = cv2.erode((matte > 200).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    inside = core if np.count_nonzero(core) >= 30 else matte > 127
    outside = cv2.dilate((matte > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    if np.count_nonzero(inside) < 30 or np.count_nonzero(outside) < 30:
        return Appearance(np.full((_BINS,) * 3, 0.5, np.float32), decisive=False)
    object_, other = (_histogram(image[where]) for where in (inside, outside))
    table = (object_ / (object_ + other)).astype(np.float32)
    model = Appearance(table, decisive=True)
    seen = model.likelihood(image).astype(np.float32) / 255
    reach = max(9, round(np.sqrt(np.count_nonzero(inside)) / 2) * 2 + 1)
    ring = (
        cv2.dilate((matte > 0).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    ) & outside
    decisive = (
        float(seen[inside].mean()) >= _INSIDE
        and bool(ring.any())
        and float(seen[ring].mean()) <= _OUTSIDE
    )
    return Appearance(table, decisive)


def _histogram(colours: NDArray[np.uint8]) -> Float:
    counts, _ = np.histogramdd(colours.astype(np.float64), bins=_BINS, range=[(0, 256)] * 3)
    smooth = counts.astype(np.float32)
    kernel = np.array([0.25, 0.5, 0.25], np.float32)
    for axis in range(3):
        padded = np.pad(smooth, [(1, 1) if a == axis else (0, 0) for a in range(3)], mode="edge")
        parts = [np.take(padded, range(k, k + _BINS), axis) * kernel[k] for k in range(3)]
        smooth = parts[0] + parts[1] + parts[2]
    # A colour never seen on either side must not decide anything.
    return (smooth + np.float32(2e-6 * len(colours))) / np.float32(len(colours))


def align(matte: Array, likelihood: Array) -> NDArray[np.float64] | None:
    """Find the affine motion that lays a matte onto a likelihood picture.

    Parameters
    ----------
    matte, likelihood : ndarray (h, w), uint8
        The likelihood should be cut down to the matte's neighbourhood.

    Returns
    -------
    ndarray (2, 3) or None
        Maps a pixel of the matte to its place in the picture; None if nothing was found.
    """
    warp = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    for kind in (cv2.MOTION_TRANSLATION, cv2.MOTION_AFFINE):
        try:
            _, warp = _ecc(matte, likelihood, warp, kind, stop, None, 5)
        except cv2.error:  # no convergence: what was found so far stands
            break
    found = np.asarray(warp, np.float64)
    stretch = float(np.linalg.det(found[:, :2]))
    return found if 0.7 < stretch < 1.4 and np.isfinite(found).all() else None


def agreement(matte: Array, likelihood: Array) -> float:
    """Return the soft overlap of a matte with a likelihood picture, 0..1."""
    a, b = matte.astype(np.float32), likelihood.astype(np.float32)
    union = float(np.maximum(a, b).sum())
    return float(np.minimum(a, b).sum()) / union if union else 0.0

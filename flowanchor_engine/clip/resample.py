"""OpenCV's resampling with the types and the borders that this package means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from flowanchor_engine.clip.planes import Array

__all__ = ["remap", "resize", "resize_smooth", "shift"]

_remap: Any = cv2.remap  # the stubs want a second map that may be None


def resize(image: Array, size: tuple[int, int]) -> Array:
    """Resize to (width, height): by area when smaller, cubic when larger; same type."""
    tall, wide = image.shape[:2]
    if (wide, tall) == size:
        return np.ascontiguousarray(image)
    way = cv2.INTER_AREA if size[0] * size[1] < wide * tall else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=way))


def resize_smooth(image: Array, size: tuple[int, int]) -> Array:
    """Resize to (width, height) without overshoot: by area or linearly."""
    tall, wide = image.shape[:2]
    if (wide, tall) == size:
        return np.ascontiguousarray(image)
    way = cv2.INTER_AREA if size[0] * size[1] < wide * tall else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), size, interpolation=way))


def shift(image: Array, x: float, y: float, size: tuple[int, int]) -> Array:
    """Return the (width, height) part whose corner is (x, y), between samples if need be."""
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float64)
    return np.asarray(
        cv2.warpAffine(
            image,
            matrix,
            size,
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def remap(image: Array, where: Array, *, outside: float | None = None) -> Array:
    """Sample linearly at `where` (h, w, 2), x before y.

    Parameters
    ----------
    outside : float, optional
        Value beyond the border; the border itself is repeated by default.
    """
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    return np.asarray(
        _remap(
            image,
            where.astype(np.float32),
            None,
            cv2.INTER_LINEAR,
            borderMode=border,
            borderValue=outside or 0.0,
        )
    )

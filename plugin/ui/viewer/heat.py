"""The colours of the words overlay: a perceptually ordered map, dark to light.

Lightness (OKLab) grows evenly from end to end, so the order survives grey screens and any
colour vision; hue runs indigo, magenta, orange, pale yellow. Weak values are also transparent.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["heat_colours", "heat_table"]

# hue (a, b) of OKLab at even steps of lightness; between them it is interpolated
_HUES: Final = ((0.01, -0.10), (0.10, -0.11), (0.16, -0.01), (0.10, 0.10), (-0.01, 0.13))
_DARKEST: Final = 0.28
_LIGHTEST: Final = 0.95
_STRONGEST_ALPHA: Final = 0.80


@lru_cache(maxsize=1)
def heat_colours() -> NDArray[np.uint8]:
    """Return the map, shape (256, 3), sRGB."""
    share = np.linspace(0, 1, 256)
    lightness = _DARKEST + share * (_LIGHTEST - _DARKEST)
    knots = np.linspace(0, 1, len(_HUES))
    hues = np.asarray(_HUES)
    a, b = np.interp(share, knots, hues[:, 0]), np.interp(share, knots, hues[:, 1])
    return _srgb(lightness, a, b)


def _srgb(
    lightness: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.uint8]:
    # OKLab to linear sRGB by Ottosson's published matrices
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        ],
        axis=-1,
    ).clip(0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    codes: NDArray[np.uint8] = np.rint(curved * 255).astype(np.uint8)
    return codes


@lru_cache(maxsize=1)
def heat_table() -> NDArray[np.uint32]:
    """Return 256 premultiplied 0xAARRGGBB values; 0 is fully transparent."""
    share = np.linspace(0, 1, 256)
    alpha = _STRONGEST_ALPHA * np.clip(share / 0.6, 0, 1) ** 1.5
    colours = np.rint(heat_colours() * alpha[:, None]).astype(np.uint32)
    alphas = np.rint(alpha * 255).astype(np.uint32)
    packed = (alphas << 24) | (colours[:, 0] << 16) | (colours[:, 1] << 8) | colours[:, 2]
    return packed.astype(np.uint32)

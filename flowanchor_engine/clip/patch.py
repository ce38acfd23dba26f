"""The patch: a picture that holds only the edited region, with straight alpha.

Straight means that colour is not multiplied by alpha. Under every pixel with alpha lies the
edit itself; the host mixes it with the untouched clip below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowanchor_engine.clip.composite import Alpha, EditedPlanes, placed
from flowanchor_engine.clip.convert import quantise
from flowanchor_engine.clip.planes import Array, Picture, PixelFormat

if TYPE_CHECKING:
    from flowanchor_engine.clip.colour import Colour
    from flowanchor_engine.clip.crop import Geometry

__all__ = ["empty_patch", "make_patch"]

_MARGIN_PX = 32  # of colour around alpha, so that the codec's blocks do not bleed black in


def empty_patch(pixels: PixelFormat, colour: Colour, width: int, height: int) -> Picture:
    """Return a patch that is transparent everywhere."""
    planes: list[Array] = []
    for place in range(pixels.planes):
        size = pixels.plane_size(place, width, height)
        zero = colour.scale(pixels, place)[0]
        planes.append(np.full((size[1], size[0]), zero, pixels.dtype))
    return Picture(tuple(planes), pixels)


def make_patch(
    pixels: PixelFormat,
    colour: Colour,
    edit: EditedPlanes,
    alpha: Alpha,
    geometry: Geometry,
    frame: int,
    size: tuple[int, int],
) -> Picture:
    """Return the edited region of a frame over transparency.

    Parameters
    ----------
    pixels : PixelFormat
        With alpha, without colour subsampling.
    size : (width, height)
        Of the clip.

    Returns
    -------
    Picture
        Alpha is exactly 0 wherever `alpha` is.
    """
    patch = empty_patch(pixels, colour, *size)
    tall, wide = alpha.values.shape
    for place in range(len(edit.planes)):
        samples, left, top = placed(edit, place, patch, geometry, frame)
        plane = patch.planes[place]
        x0, y0 = max(0, left, alpha.x - _MARGIN_PX), max(0, top, alpha.y - _MARGIN_PX)
        x1 = min(size[0], left + samples.shape[1], alpha.x + wide + _MARGIN_PX)
        y1 = min(size[1], top + samples.shape[0], alpha.y + tall + _MARGIN_PX)
        part = samples[y0 - top : y1 - top, x0 - left : x1 - left]
        plane[y0:y1, x0:x1] = quantise(colour.codes(part, pixels, place), pixels)
    peak = np.float32(1.0 if pixels.is_float else pixels.peak)
    cover = alpha.values * peak if pixels.is_float else np.rint(alpha.values * peak)
    target = patch.planes[-1][alpha.y : alpha.y + tall, alpha.x : alpha.x + wide]
    target[...] = cover.astype(pixels.dtype)
    return patch

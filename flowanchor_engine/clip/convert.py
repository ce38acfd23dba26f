"""A source picture in the planes of the delivered file, before anything is edited.

Untouched samples are what this module returns, so it is exact where formats allow it:
equal formats are passed through, more bits are a shift, and colour is resampled only where
the subsampling changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowanchor_engine.clip.planes import Array, Picture, PixelFormat
from flowanchor_engine.clip.resample import remap, resize, resize_smooth

if TYPE_CHECKING:
    from flowanchor_engine.clip.colour import Colour, Float

__all__ = ["convert"]


def convert(picture: Picture, source: Colour, target: PixelFormat, colour: Colour) -> Picture:
    """Return the picture in another pixel format and colour description.

    Parameters
    ----------
    picture : Picture
    source, colour : Colour
        How the codes of the picture, and of the result, are to be read.
    target : PixelFormat

    Returns
    -------
    Picture
        Shares planes with `picture` where nothing changes.
    """
    pixels = picture.format
    same = source.full_range == colour.full_range and source.view == colour.view
    if pixels == target and same:
        return picture
    if pixels.family == target.family == "yuv":
        return _within_yuv(picture, source, target, colour)
    return _through_rgb(picture, source, target, colour)


def _within_yuv(picture: Picture, source: Colour, target: PixelFormat, colour: Colour) -> Picture:
    width, height = picture.width, picture.height
    planes: list[Array] = []
    for place in range(3):
        plane = picture.planes[place]
        size = target.plane_size(place, width, height)
        if size != (plane.shape[1], plane.shape[0]):
            plane = _resample_chroma(plane, picture.format, target, size)
        planes.append(_requantise(plane, picture.format, source, target, colour, place))
    if target.alpha:
        planes.append(_alpha(picture, target))
    return Picture(tuple(planes), target)


def _requantise(
    plane: Array,
    pixels: PixelFormat,
    source: Colour,
    target: PixelFormat,
    colour: Colour,
    place: int,
) -> Array:
    integer = plane.dtype.kind == "u"
    if integer and source.full_range == colour.full_range:
        if pixels.depth == target.depth:
            return plane
        if not source.full_range and pixels.depth < target.depth:
            more = target.depth - pixels.depth
            return np.asarray(np.left_shift(plane.astype(target.dtype), more))
    return quantise(colour.codes(source.unit(plane, pixels, place), target, place), target)


def quantise(codes: Float, pixels: PixelFormat) -> Array:
    """Round code values to the sample type of a format."""
    if pixels.is_float:
        return codes
    whole: Array = np.rint(codes, out=codes).astype(pixels.dtype)
    return whole


def _resample_chroma(
    plane: Array, pixels: PixelFormat, target: PixelFormat, size: tuple[int, int]
) -> Array:
    """Resample colour planes, left-sited in x and centred in y as in MPEG-2 and H.264."""
    scale_x = 2.0 ** (target.sub_x - pixels.sub_x)
    scale_y = 2.0 ** (target.sub_y - pixels.sub_y)
    if scale_x > 1 or scale_y > 1:  # fewer samples: average
        return resize_smooth(plane, size)
    columns, rows = np.arange(size[0]) * scale_x, (np.arange(size[1]) + 0.5) * scale_y - 0.5
    where = np.stack(np.meshgrid(columns, rows), axis=2)
    return remap(plane.astype(np.float32), where)


def _alpha(picture: Picture, target: PixelFormat) -> Array:
    shape = (picture.height, picture.width)
    if not picture.format.alpha:
        full = 1.0 if target.is_float else target.peak
        return np.full(shape, full, target.dtype)
    plane = picture.planes[-1]
    peak = 1.0 if picture.format.is_float else float(picture.format.peak)
    if picture.format.depth == target.depth:
        return plane
    limit = 1.0 if target.is_float else float(target.peak)
    return quantise(plane.astype(np.float32) * np.float32(limit / peak), target)


def full_planes(picture: Picture, colour: Colour) -> list[Float]:
    """Return unit planes of Y, Cb, Cr (or G, B, R, or grey) all at the picture's size."""
    pixels = picture.format
    size = (picture.width, picture.height)
    planes = []
    for place in range(1 if pixels.family == "gray" else 3):
        plane = picture.planes[place]
        if (plane.shape[1], plane.shape[0]) != size:
            plain = PixelFormat(pixels.name, pixels.family, pixels.depth)
            plane = _resample_chroma(plane, pixels, plain, size)
        planes.append(colour.unit(plane, pixels, place))
    return planes


def _through_rgb(picture: Picture, source: Colour, target: PixelFormat, colour: Colour) -> Picture:
    rgb = source.rgb_from_planes(full_planes(picture, source), picture.format)
    if source.view != colour.view:
        rgb = colour.from_display(source.to_display(rgb))
    planes: list[Array] = []
    for place, unit in enumerate(colour.planes_from_rgb(rgb, target)):
        size = target.plane_size(place, picture.width, picture.height)
        if size != (picture.width, picture.height):
            unit = resize(unit, size)
        planes.append(quantise(colour.codes(unit, target, place), target))
    if target.alpha:
        planes.append(_alpha(picture, target))
    return Picture(tuple(planes), target)


def to_rgb8(picture: Picture, colour: Colour, size: tuple[int, int]) -> Array:
    """Return a display-referred 8-bit RGB picture (h, w, 3) of the given (width, height)."""
    small = Picture(
        tuple(
            resize_smooth(p, size)
            for p in picture.planes[: 1 if picture.format.family == "gray" else 3]
        ),
        picture.format,
    )
    units = [colour.unit(plane, picture.format, place) for place, plane in enumerate(small.planes)]
    rgb = colour.to_display(colour.rgb_from_planes(units, picture.format))
    return np.rint(rgb * 255).astype(np.uint8)

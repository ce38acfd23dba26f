"""What is laid over the picture: the matte, and the heat of a word; as images to blit.

Both are made at the resolution of the screen for the visible part alone, so their cost is
bound by the viewport, whatever the zoom.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from plugin.ui.viewer.frames import image_of
from plugin.ui.viewer.geometry import Box, View
from plugin.ui.viewer.heat import heat_colours, heat_table
from plugin.ui.viewer.pictures import Words

__all__ = ["MATTE_TINT", "TINT_SHARE", "matte_at", "matte_overlay", "ramp", "words_overlay"]

MATTE_TINT: Final = QColor(226, 58, 74)  # the red of a rubylith film
TINT_SHARE: Final = 0.40
_EDGE_LIGHT: Final = 0xFFFFFFFF
_EDGE_DARK: Final = 0xC0000000
_HALF: Final = 128

Bytes = NDArray[np.uint8]


def _premultiplied(pixels: NDArray[np.uint32]) -> QImage:
    height, width = pixels.shape
    dense = np.ascontiguousarray(pixels)
    return QImage(
        dense.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied
    ).copy()


def matte_at(matte: Bytes, view: View) -> Bytes:
    """Return the matte as it lies under the visible part of the picture.

    Returns
    -------
    array, shape (view.visible.height, view.visible.width), uint8
    """
    target, visible = view.target, view.visible
    height, width = matte.shape
    if (target.width, target.height) == (width, height):
        top, left = visible.y - target.y, visible.x - target.x
        return matte[top : top + visible.height, left : left + visible.width]
    if 2 * target.width < width:  # much smaller than the proxy: filtered, or thin parts vanish
        image = image_of(matte).scaled(
            target.width,
            target.height,
            Qt.AspectRatioMode.IgnoreAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        data = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
        top, left = visible.y - target.y, visible.x - target.x
        cut: Bytes = data[top : top + visible.height, left : left + visible.width].copy()
        return cut
    rows = (np.arange(visible.y, visible.bottom) - target.y) * height // target.height
    columns = (np.arange(visible.x, visible.right) - target.x) * width // target.width
    taken: Bytes = np.take(np.take(matte, rows, axis=0), columns, axis=1)
    return taken


def matte_overlay(
    matte: Bytes, view: View, *, line_px: int = 1, tint: float = TINT_SHARE
) -> QImage:
    """Return the tint and the outline of a matte over the visible part of the picture.

    The tint has its full share where the matte is full. The outline runs where it is half, white
    inside and black outside, so that it stands out on any picture and for any eye.

    Parameters
    ----------
    matte : array, shape (height, width), uint8
    line_px : int
        Thickness of each of both lines, device pixels.
    tint : float
        Share of the tint, 0..1; 0 leaves the outline alone.
    """
    cover = matte_at(matte, view)
    table = np.arange(256, dtype=np.float64) / 255 * tint
    colours = (np.rint(table * 255).astype(np.uint32) << 24) | sum(
        np.rint(table * value).astype(np.uint32) << shift
        for value, shift in (
            (MATTE_TINT.red(), 16),
            (MATTE_TINT.green(), 8),
            (MATTE_TINT.blue(), 0),
        )
    )
    pixels: NDArray[np.uint32] = np.take(colours.astype(np.uint32), cover)
    inside = cover >= _HALF
    if inside.any() and not inside.all():
        inner, outer = inside, inside
        for _ in range(line_px):
            inner, outer = _eroded(inner), _grown(outer)
        pixels[outer & ~inside] = _EDGE_DARK
        pixels[inside & ~inner] = _EDGE_LIGHT
    return _premultiplied(pixels)


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    result = mask.copy()
    result[1:] |= mask[:-1]
    result[:-1] |= mask[1:]
    result[:, 1:] |= mask[:, :-1]
    result[:, :-1] |= mask[:, 1:]
    return result


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    result = mask.copy()
    result[1:] &= mask[:-1]
    result[:-1] &= mask[1:]
    result[:, 1:] &= mask[:, :-1]
    result[:, :-1] &= mask[:, 1:]
    return result


def words_overlay(words: Words, word: int, frame: int, view: View) -> QImage | None:
    """Return the heat of a word over the visible part of the picture; None where no map is.

    Parameters
    ----------
    word : int
        Number of the word in the maps' header.
    frame : int
        Of the shot.
    """
    number = words.at(frame)
    header = words.maps.header
    visible = view.visible
    if number is None or not 0 <= word < len(header.words) or visible.empty:
        return None
    heat = _premultiplied(np.take(heat_table(), words.maps.map(word, number)))
    moving = header.rectangles  # of a crop that follows the matte
    left, top, right, bottom = moving[number] if moving else header.rectangle
    target = view.target
    area = QRectF(
        target.x + left * target.width - visible.x,
        target.y + top * target.height - visible.y,
        (right - left) * target.width,
        (bottom - top) * target.height,
    )
    result = QImage(visible.width, visible.height, QImage.Format.Format_ARGB32_Premultiplied)
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(area, heat)
    painter.end()
    return result


def ramp(box: Box) -> QImage:
    """Return the colours of the heat from weak to strong, for the legend."""
    colours = heat_colours().astype(np.uint32)
    line = (
        np.uint32(0xFF000000)
        | (colours[:, 0].astype(np.uint32) << 16)
        | (colours[:, 1].astype(np.uint32) << 8)
        | colours[:, 2]
    )
    taken = np.take(line, np.arange(box.width) * 256 // max(1, box.width))
    return _premultiplied(np.repeat(taken[None, :], max(1, box.height), axis=0))

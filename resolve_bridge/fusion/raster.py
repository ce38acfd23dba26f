"""Masks as mattes: shapes drawn with exact coverage, softened, and joined.

A frame is float32 in 0..1, (height, width), at the size of the source picture. Only the part
of the frame that a shape can reach is worked on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np

from resolve_bridge.fusion.coverage import Matte, coverage
from resolve_bridge.fusion.layer import Layer, PaintMode
from resolve_bridge.fusion.soften import pad_px, soften

if TYPE_CHECKING:
    from resolve_bridge.fusion.mask import Mask
    from resolve_bridge.fusion.outline import Points

__all__ = ["draw_layers", "frame", "frames"]

_GRID_PX = 16
"""Parts begin and end at multiples of the coarsest reduction."""

_STROKE_SCALE = 8
_STROKE_SHIFT = 4
_STROKE_ROWS = 128
_THICKEST = 32767
_FARTHEST = 2**30


def frame(mask: Mask, index: int) -> Matte:
    """Draw one frame of a mask.

    Parameters
    ----------
    mask : Mask
    index : int
        0 up to, not including, ``len(mask)``.

    Returns
    -------
    Matte, shape (height, width), float32, 0..1
    """
    return draw_layers(mask.layers(index), mask.width, mask.height)


def frames(mask: Mask) -> Iterator[Matte]:
    """Draw every frame in order; one is held at a time."""
    for index in range(len(mask)):
        yield frame(mask, index)


def draw_layers(layers: list[Layer], width: int, height: int) -> Matte:
    """Draw layers over each other, lowest first; the result as in `frame`."""
    total = np.zeros((height, width), dtype=np.float32)
    for index, layer in enumerate(layers):
        part, inside = _draw(layer, width, height)
        _join(total, part, inside, layer, is_lowest=index == 0)
        if _may_leave(layer):
            np.clip(total, 0.0, 1.0, out=total)
        if layer.invert:
            np.subtract(1.0, total, out=total)
    return total


def _may_leave(layer: Layer) -> bool:
    """Whether joining this layer can leave 0..1."""
    return layer.mode in (PaintMode.ADD, PaintMode.SUBTRACT) or not 0.0 <= layer.level <= 1.0


_Part = tuple[slice, slice]


def _join(
    total: Matte, part: _Part | None, inside: Matte, layer: Layer, *, is_lowest: bool
) -> None:
    """Join one shape to the matte below it, in place.

    `Merge` lays the shape over: what it covers takes its level. The others are what their
    names say, with the shape's own value ``level * inside``.
    """
    mode = PaintMode.COPY if is_lowest else layer.mode
    if mode is PaintMode.IGNORE:
        return
    # These modes also act where the new shape is empty.
    if mode in (PaintMode.COPY, PaintMode.MULTIPLY, PaintMode.MINIMUM):
        kept = None if part is None else total[part].copy()
        if mode is PaintMode.MINIMUM:
            np.minimum(total, 0.0, out=total)
        else:
            total[...] = 0.0
        if part is None or kept is None:
            return
        total[part] = kept
    elif mode is PaintMode.AVERAGE:
        total *= 0.5
    if part is None:
        return
    under = total[part]
    new = inside if layer.level == 1.0 else inside * np.float32(layer.level)
    match mode:
        case PaintMode.MERGE:
            under *= 1.0 - inside
            under += new
        case PaintMode.ADD:
            under += new
        case PaintMode.SUBTRACT:
            under -= new
        case PaintMode.MINIMUM:
            np.minimum(under, new, out=under)
        case PaintMode.MAXIMUM:
            np.maximum(under, new, out=under)
        case PaintMode.AVERAGE:
            under += 0.5 * new
        case PaintMode.MULTIPLY:
            under *= new
        case PaintMode.REPLACE:
            np.copyto(under, new, where=new > 0)
        case PaintMode.INVERT:
            under += new - 2 * under * new
        case PaintMode.COPY:
            under[...] = new


def _draw(layer: Layer, width: int, height: int) -> tuple[_Part | None, Matte]:
    """Draw one shape: the part of the frame it reaches, and the share covered there."""
    nothing = np.zeros((0, 0), dtype=np.float32)
    box = _reach(layer, width, height)
    if box is None:
        return None, nothing
    x0, y0, x1, y1 = box

    def draw(reduce: int) -> Matte:
        rings = [(ring - (x0, y0)) / reduce for ring in layer.rings]
        wide, high = (x1 - x0) // reduce, (y1 - y0) // reduce
        if layer.border_px == 0:
            if not layer.solid:
                return np.zeros((high, wide), dtype=np.float32)
            return coverage(rings, wide, high, layer.fill)
        return _bordered(layer, rings, wide, high, layer.border_px / reduce)

    if layer.sigma_px > 0:
        inside = soften(draw, layer.sigma_px, layer.filter, layer.passes, x1 - x0)
    else:
        inside = draw(1)
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x1, width), min(y1, height)
    if left >= right or top >= bottom:
        return None, nothing
    part = (slice(top, bottom), slice(left, right))
    return part, inside[top - y0 : bottom - y0, left - x0 : right - x0]


def _reach(layer: Layer, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Return the box (x0, y0, x1, y1) a shape can touch, on the grid; None for nothing."""
    points = np.concatenate(layer.rings) if layer.rings else np.zeros((0, 2))
    if len(points) < 2:
        return None
    pad = pad_px(layer.sigma_px)
    grow = pad + max(layer.border_px, 0.0) / 2 + 1
    low, high = points.min(axis=0) - grow, points.max(axis=0) + grow
    # Shape outside the frame still softens into it, as far as the soft edge reaches.
    x0, y0 = max(low[0], -pad), max(low[1], -pad)
    x1, y1 = min(high[0], width + pad), min(high[1], height + pad)
    if x0 >= x1 or y0 >= y1:
        return None

    def down(value: float) -> int:
        return math.floor(value / _GRID_PX) * _GRID_PX

    return down(x0), down(y0), down(x1) + _GRID_PX, down(y1) + _GRID_PX


def _bordered(
    layer: Layer, rings: list[Points], width: int, height: int, border_px: float
) -> Matte:
    """Draw an outline's stroke, joined with or taken from the filled shape."""
    stroke = _stroke(rings, width, height, abs(border_px), closed=layer.closed)
    if not layer.solid:
        return stroke
    fill = coverage(rings, width, height, layer.fill)
    if border_px > 0:
        # The outline runs along the middle of the stroke: wherever the fill is partial, the
        # stroke is whole.
        return np.asarray(np.maximum(fill, stroke))
    return np.asarray(np.maximum(fill - stroke, 0.0))


def _stroke(
    rings: list[Points], width: int, height: int, stroke_px: float, *, closed: bool
) -> Matte:
    """Draw round-ended strokes, sampled 8 by 8 in bands of rows."""
    # OpenCV draws no line thicker than this; such strokes need no fine samples either.
    scale = max(1, min(_STROKE_SCALE, int(_THICKEST // max(stroke_px, 1.0))))
    # OpenCV draws every thickness above 1 as the next odd number of samples.
    samples = stroke_px * scale
    thickness = min(max(2 * round((samples - 1) / 2), 1), _THICKEST) if samples >= 0.5 else 0
    out = np.zeros((height, width), dtype=np.float32)
    if thickness < 1:
        return out
    fixed = 2**_STROKE_SHIFT
    for top in range(0, height, _STROKE_ROWS):
        rows = min(_STROKE_ROWS, height - top)
        canvas = np.zeros((rows * scale, width * scale), dtype=np.uint8)
        # OpenCV puts whole numbers at the middle of its samples.
        lines = [np.rint(((ring - (0.0, top)) * scale - 0.5) * fixed) for ring in rings]
        whole = [np.clip(line, -_FARTHEST, _FARTHEST).astype(np.int32) for line in lines]
        cv2.polylines(canvas, whole, closed, 255, thickness, cv2.LINE_8, _STROKE_SHIFT)
        small = cv2.resize(canvas, (width, rows), interpolation=cv2.INTER_AREA)
        out[top : top + rows] = small.astype(np.float32) / 255.0
    return out

"""Boxes and lassos on key frames, drawn into mattes.

The k-th shape of every key frame is the same object. Between two key frames its outline
moves linearly; before the first and after the last it stands still.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from flowanchor_engine.clip.resample import resize_smooth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowanchor_engine.clip.planes import Array
    from flowanchor_engine.request import MatteShape

__all__ = ["draw", "key_frames", "outlines_at"]

_POINTS = 96  # of an outline, when two of different make meet
_SHIFT = 4  # sub-pixel bits of OpenCV's polygons
_FINE = 4  # samples per pixel and direction, for soft edges

Outline = NDArray[np.float64]  # (n, 2) in 0..1


def _outline(shape: MatteShape) -> Outline:
    if shape.kind == "lasso":
        return np.array(shape.points, np.float64)
    (x0, y0), (x1, y1) = shape.points
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)


def _objects(shapes: Sequence[MatteShape]) -> list[dict[int, Outline]]:
    at_frame: dict[int, list[Outline]] = defaultdict(list)
    for shape in shapes:
        at_frame[shape.frame].append(_outline(shape))
    count = max(len(found) for found in at_frame.values())
    return [
        {frame: found[k] for frame, found in sorted(at_frame.items()) if k < len(found)}
        for k in range(count)
    ]


def key_frames(shapes: Sequence[MatteShape]) -> list[int]:
    """Return the frames on which anything is drawn."""
    return sorted({shape.frame for shape in shapes})


def outlines_at(shapes: Sequence[MatteShape], frame: int) -> list[Outline]:
    """Return one outline per object at a frame, in 0..1 of the picture."""
    result = []
    for keys in _objects(shapes):
        frames = list(keys)
        before = max((f for f in frames if f <= frame), default=frames[0])
        after = min((f for f in frames if f >= frame), default=frames[-1])
        if before == after or frame <= frames[0]:
            result.append(keys[before])
            continue
        first, last = keys[before], keys[after]
        if len(first) != len(last):
            first, last = _even(first), _even(last)
            last = _aligned(last, first)
        share = (frame - before) / (after - before)
        result.append((1 - share) * first + share * last)
    return result


def _even(outline: Outline) -> Outline:
    """Spread points evenly along an outline."""
    closed = np.vstack([outline, outline[:1]])
    steps = np.hypot(*np.diff(closed, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0, along[-1], _POINTS, endpoint=False)
    return np.stack([np.interp(places, along, closed[:, axis]) for axis in (0, 1)], axis=1)


def _aligned(outline: Outline, other: Outline) -> Outline:
    """Turn (and if needed reverse) the point order to lie nearest to another outline."""
    centred = other - other.mean(axis=0)
    variants = [
        np.roll(way, turn, axis=0) for way in (outline, outline[::-1]) for turn in range(_POINTS)
    ]
    costs = [float(np.sum((v - v.mean(axis=0) - centred) ** 2)) for v in variants]
    return variants[int(np.argmin(costs))]


def draw(outlines: Sequence[Outline], width: int, height: int) -> Array:
    """Fill outlines with soft edges.

    Returns
    -------
    ndarray (height, width), uint8
        0 outside, 255 inside; half-covered pixels in between.
    """
    matte = np.zeros((height, width), np.uint8)
    for outline in outlines:
        corners = np.clip(outline * (width, height), -4 * width, 5 * width)
        # What touches the picture's edge goes over it: no soft rim along the edge.
        corners[outline <= 0] = -4
        corners = np.where(outline >= 1, np.array([width, height]) + 4, corners)
        x0, y0 = (max(0, int(v) - 1) for v in np.floor(corners.min(axis=0)))
        x1 = min(width, int(np.ceil(corners[:, 0].max())) + 1)
        y1 = min(height, int(np.ceil(corners[:, 1].max())) + 1)
        if x1 <= x0 or y1 <= y0:
            continue  # wholly outside the picture
        large = np.zeros(((y1 - y0) * _FINE, (x1 - x0) * _FINE), np.uint8)
        # OpenCV's pixel centres are whole numbers.
        points = ((corners - (x0, y0)) * _FINE - 0.5) * (1 << _SHIFT)
        fixed = np.rint(points).astype(np.int32).reshape(-1, 1, 2)
        cv2.fillPoly(large, [fixed], (255,), shift=_SHIFT)
        # OpenCV fills the border whole; half of it belongs to the outside.
        cv2.polylines(large, [fixed], True, (128,), shift=_SHIFT)
        single = resize_smooth(large, (x1 - x0, y1 - y0))
        view = matte[y0:y1, x0:x1]
        np.maximum(view, single, out=view)
    return matte

"""An independent evaluation of masks, written from the description and sharing no code.

Shapes are given as plain numbers, never as a composition's text. Curves are sampled densely
by de Casteljau's construction, splines by searching a fine table, areas by scan lines with
exact spans, sixteen lines per pixel. Slow, simple, and made only to be compared with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

LINES_PER_PIXEL = 64  # half a line is the most an edge can be off: 1/128 pixel


@dataclass
class Key:
    time: float
    value: float
    left: tuple[float, float] | None = None
    right: tuple[float, float] | None = None
    step_in: bool = False


@dataclass
class Polygon:
    """Points are (x, y, lx, ly, rx, ry) in widths and heights, relative to the centre."""

    points: list[tuple[float, float, float, float, float, float]]
    centre: tuple[float, float] = (0.5, 0.5)
    size: float = 1.0
    degrees: float = 0.0


@dataclass
class Ellipse:
    width: float
    height: float
    centre: tuple[float, float] = (0.5, 0.5)
    degrees: float = 0.0


@dataclass
class Rectangle:
    width: float
    height: float
    corner: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)
    degrees: float = 0.0


Shape = Polygon | Ellipse | Rectangle


@dataclass
class Spline:
    keys: list[Key] = field(default_factory=list)

    def __call__(self, time: float) -> float:
        keys = self.keys
        if time <= keys[0].time:
            return keys[0].value
        if time >= keys[-1].time:
            return keys[-1].value
        for a, b in pairwise(keys):
            if a.time <= time < b.time:
                break
        if time == a.time or b.step_in:
            return a.value
        span, rise = b.time - a.time, b.value - a.value
        right = a.right or (a.time + span / 3, a.value + rise / 3)
        left = b.left or (b.time - span / 3, b.value - rise / 3)
        s = np.linspace(0, 1, 8_001)
        curve = _casteljau(np.array([(a.time, a.value), right, left, (b.time, b.value)]), s)
        return float(np.interp(time, curve[:, 0], curve[:, 1]))


def _casteljau(control: np.ndarray, s: np.ndarray) -> np.ndarray:
    level = [np.broadcast_to(p, (len(s), 2)) for p in control]
    while len(level) > 1:
        level = [p + (q - p) * s[:, None] for p, q in pairwise(level)]
    return level[0]


def ring(shape: Shape, width: int, height: int, steps: int = 160) -> np.ndarray:
    """Dense ring in pixels, y down."""
    turn = math.radians(shape.degrees)
    if isinstance(shape, Polygon):
        pts = shape.points
        parts = []
        for (x0, y0, _, _, rx, ry), (x1, y1, lx, ly, _, _) in zip(
            pts, pts[1:] + pts[:1], strict=True
        ):
            control = np.array([(x0, y0), (x0 + rx, y0 + ry), (x1 + lx, y1 + ly), (x1, y1)])
            parts.append(_casteljau(control, np.arange(steps) / steps))
        flat = np.concatenate(parts) * (width * shape.size, height * shape.size)
    elif isinstance(shape, Ellipse):
        s = np.arange(8 * steps) / (8 * steps) * 2 * math.pi
        flat = np.stack([np.cos(s) * shape.width, np.sin(s) * shape.height], 1) * width / 2
    else:
        w, h = shape.width * width, shape.height * height
        r = shape.corner * min(w, h) / 2
        parts = []
        for cx, cy, start in ((1, 1, 0), (-1, 1, 1), (-1, -1, 2), (1, -1, 3)):
            s = (start + np.arange(steps + 1) / steps) * math.pi / 2
            middle = (cx * (w / 2 - r), cy * (h / 2 - r))
            parts.append(np.stack([np.cos(s), np.sin(s)], 1) * r + middle)
        flat = np.concatenate(parts)
    x = flat[:, 0] * math.cos(turn) - flat[:, 1] * math.sin(turn)
    y = flat[:, 0] * math.sin(turn) + flat[:, 1] * math.cos(turn)
    return np.stack([shape.centre[0] * width + x, (1 - shape.centre[1]) * height - y], 1)


def matte(shapes: list[Shape], width: int, height: int) -> np.ndarray:
    """Union by maximum of the shapes' exact coverage."""
    total = np.zeros((height, width))
    for shape in shapes:
        total = np.maximum(total, fill([ring(shape, width, height)], width, height))
    return total


def fill(rings: list[np.ndarray], width: int, height: int, *, non_zero: bool = False) -> np.ndarray:
    """Even-odd (or non-zero) coverage by scan lines."""
    start = np.concatenate(rings)
    stop = np.concatenate([np.roll(r, -1, axis=0) for r in rings])
    sign = np.where(stop[:, 1] > start[:, 1], 1, -1)
    upper = np.where(sign[:, None] > 0, start, stop)
    lower = np.where(sign[:, None] > 0, stop, start)
    # Line k lies at (k + 1/2) / LINES_PER_PIXEL; an edge meets the lines of [first, last).
    lines = height * LINES_PER_PIXEL
    first = np.ceil(upper[:, 1] * LINES_PER_PIXEL - 0.5).clip(0, lines).astype(int)
    last = np.ceil(lower[:, 1] * LINES_PER_PIXEL - 0.5).clip(0, lines).astype(int)
    counts = last - first
    edge = np.repeat(np.arange(len(start)), counts)
    line = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = ((line + 0.5) / LINES_PER_PIXEL - upper[edge, 1]) / (lower - upper)[edge, 1]
    x = (upper[edge, 0] + share * (lower - upper)[edge, 0]).clip(0, width)
    order = np.lexsort((x, line))
    x, line, sign = x[order], line[order], sign[edge][order]
    # Every line is met an even number of times and its signs add up to nothing.
    inside = np.cumsum(sign) != 0 if non_zero else np.arange(1, len(x) + 1) % 2 == 1
    spans = np.flatnonzero(inside)
    sums = np.zeros((height, width + 2))
    row = line[spans] // LINES_PER_PIXEL
    for at, weight in ((x[spans], 1.0), (x[spans + 1], -1.0)):
        cell = np.minimum(at.astype(int), width)
        np.add.at(sums, (row, cell), weight * (1 - (at - cell)))
        np.add.at(sums, (row, cell + 1), weight * (at - cell))
    return np.cumsum(sums, axis=1)[:, :width] / LINES_PER_PIXEL


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Soft intersection over union."""
    union = np.maximum(a, b).sum()
    return float(np.minimum(a, b).sum() / union) if union else 1.0


def edge_error_px(found: np.ndarray, truth: np.ndarray) -> float:
    """How far the half-level line of `found` lies from that of `truth`, in pixels.

    Along every row and column the places where the matte passes one half are found by
    linear interpolation; the result is the largest distance between partners, where both
    mattes have the same number of passages.
    """
    worst = 0.0
    for a, b in ((found, truth), (found.T, truth.T)):
        for line_a, line_b in zip(a, b, strict=True):
            at_a, at_b = _passages(line_a), _passages(line_b)
            # Grazing lines pass twice within a pixel or not at all: no edge to measure.
            if len(at_a) == len(at_b):
                slope = [_is_steep(line_b, x) for x in at_b]
                gaps = [abs(x - y) for x, y, ok in zip(at_a, at_b, slope, strict=True) if ok]
                worst = max([worst, *gaps])
    return worst


def _is_steep(line: np.ndarray, x: float) -> bool:
    """An edge that a row crosses at an angle, not one that runs along it."""
    k = int(x)
    return abs(float(line[k + 1]) - float(line[k])) > 0.25


def _passages(line: np.ndarray) -> list[float]:
    above = line >= 0.5
    at = np.flatnonzero(above[1:] != above[:-1])
    return [float(k + (0.5 - line[k]) / (line[k + 1] - line[k])) for k in at]

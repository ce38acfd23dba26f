"""Exact area coverage of closed rings on the pixel grid.

Every edge is cut where it crosses a pixel border; each piece adds its signed height to its
pixel and, through the running sum along the row, to everything right of it. The sum is the
winding number averaged over the pixel's area: exact, not sampled. Only pixels on the outline
are touched one by one; the runs between them are filled in one stroke.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from resolve_bridge.fusion.outline import Points

__all__ = ["FillRule", "coverage"]

Matte = NDArray[np.float32]


class FillRule(StrEnum):
    """What counts as inside where an outline crosses itself."""

    ALTERNATE = "alternate"
    NON_ZERO = "non_zero"


def coverage(rings: Sequence[Points], width: int, height: int, rule: FillRule) -> Matte:
    """Cover a grid of pixels.

    Parameters
    ----------
    rings : sequence of Points, each of shape (n, 2)
        Closed rings (the last point joins the first), in pixels, y down; pixel (i, j) is the
        square from (i, j) to (i + 1, j + 1).
    width, height : int
        Size of the grid, at least 1.
    rule : FillRule
        Pixels with several outlines in them are exact for one outline, an average otherwise.

    Returns
    -------
    Matte, shape (height, width), float32
        Share of every pixel inside, 0..1.
    """
    cells, heights = _pieces(rings, width, height)
    if len(cells) == 0:
        return np.zeros((height, width), dtype=np.float32)
    order = np.argsort(cells, kind="stable")
    cells, heights = cells[order], heights[order]
    first = np.flatnonzero(np.concatenate([[True], cells[1:] != cells[:-1]]))
    winding = np.cumsum(np.add.reduceat(heights, first))
    # Rounding leaves a trace of 1e-15 behind; outside must be nothing, inside everything.
    whole = np.rint(winding)
    winding = np.where(np.abs(winding - whole) < 1e-9, whole, winding)
    inside = _fold(winding, rule).astype(np.float32)
    # Rows have two spare cells, so what leaves a row on the right cannot enter the next one.
    stride = width + 2
    bounds = np.concatenate([cells[first], [height * stride]])
    runs = np.repeat(
        np.concatenate([np.zeros(1, dtype=np.float32), inside]),
        np.diff(np.concatenate([[0], bounds])),
    )
    return np.ascontiguousarray(runs.reshape(height, stride)[:, :width])


def _fold(winding: Points, rule: FillRule) -> Points:
    """Turn winding numbers, averaged over a pixel, into the share inside."""
    if rule is FillRule.NON_ZERO:
        return np.minimum(np.abs(winding), 1.0)
    return 1.0 - np.abs(np.mod(winding, 2.0) - 1.0)


def _pieces(
    rings: Sequence[Points], width: int, height: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Cut all edges at pixel borders; return cells (row by row) and their signed heights."""
    rings = [ring for ring in rings if len(ring) >= 3]
    if not rings:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    start = np.concatenate(rings)
    stop = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    x, y = start[:, 0], start[:, 1]
    dx, dy = stop[:, 0] - x, stop[:, 1] - y
    keep = dy != 0.0
    x, y, dx, dy = x[keep], y[keep], dx[keep], dy[keep]
    # Only the rows of the grid matter: cut edges off above and below it.
    at_top, at_bottom = -y / dy, (height - y) / dy
    low = np.maximum(np.minimum(at_top, at_bottom), 0.0)
    high = np.minimum(np.maximum(at_top, at_bottom), 1.0)
    keep = low < high
    low, high = low[keep], high[keep]
    x, y, dx, dy = x[keep] + low * dx[keep], y[keep] + low * dy[keep], dx[keep], dy[keep]
    dx, dy = dx * (high - low), dy * (high - low)
    y_end = np.clip(y + dy, 0.0, height)
    y = np.clip(y, 0.0, height)
    dy = y_end - y
    keep = dy != 0.0
    x, y, dx, dy = x[keep], y[keep], dx[keep], dy[keep]
    if len(x) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0)

    edge_y, at_y = _crossings(y, dy, 0, height)
    edge_x, at_x = _crossings(x, dx, 0, width)
    count = len(x)
    edge = np.concatenate([np.arange(count), edge_y, edge_x])
    share = np.concatenate([np.zeros(count), at_y, at_x])
    order = np.lexsort((share, edge))
    edge, share = edge[order], share[order]
    ends = np.concatenate([share[1:], [1.0]])
    ends[np.flatnonzero(edge[1:] != edge[:-1])] = 1.0

    middle = (share + ends) / 2
    # Left of the grid everything is covered from its first column on; right of it, nothing.
    mid_x = np.clip(x[edge] + middle * dx[edge], 0.0, width)
    mid_y = y[edge] + middle * dy[edge]
    rise = (ends - share) * dy[edge]
    column = mid_x.astype(np.int64)
    row = np.clip(mid_y.astype(np.int64), 0, height - 1)
    part = mid_x - column
    cell = row * (width + 2) + column
    return np.concatenate([cell, cell + 1]), np.concatenate([rise * (1 - part), rise * part])


def _crossings(
    origin: Points, delta: Points, low: int, high: int
) -> tuple[NDArray[np.int64], Points]:
    """Find where edges cross whole numbers in [low, high]: edge index and share of the way."""
    lower = np.minimum(origin, origin + delta)
    upper = np.maximum(origin, origin + delta)
    first = np.maximum(np.floor(lower) + 1, low)
    last = np.minimum(np.ceil(upper) - 1, high)
    counts = np.maximum(last - first + 1, 0).astype(np.int64)
    edge = np.repeat(np.arange(len(origin)), counts)
    within = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = (first[edge] + within - origin[edge]) / delta[edge]
    return edge, np.clip(share, 0.0, 1.0)

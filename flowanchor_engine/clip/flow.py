"""One object's motion from frame to frame, by dense optical flow.

The outline moves with the *inside* of the object: flow is trusted where following it
forward and back returns to the start, an affine motion is fitted to it, and what remains is
added smoothly, also beyond the border, so that background motion never pulls at the edge.
Where the object's colours set it apart it is aligned with them, and after every step with
its key frame, which stops drift from adding up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from flowanchor_engine.clip.appearance import Appearance, agreement, align, learn
from flowanchor_engine.clip.resample import remap, resize_smooth

if TYPE_CHECKING:
    from flowanchor_engine.clip.colour import Float
    from flowanchor_engine.clip.planes import Array
    from flowanchor_engine.progress import Reporter

__all__ = ["Step", "carry"]

_SMOOTH_PX: Final = 9.0
_create_flow: Any = vars(cv2)["DISOpticalFlow_create"]  # missing from the stubs

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """A carried matte (H, W) uint8, and the share of the object that was sure of its way."""

    matte: Array
    consistent: float


def carry(images: NDArray[np.uint8], matte: Array, span: range, report: Reporter) -> Iterator[Step]:
    """Carry a matte along `span`, whose first frame it belongs to.

    Parameters
    ----------
    images : ndarray (F, h, w, 3), uint8
        Small pictures of the shot.
    matte : ndarray (H, W), uint8
        At the clip's size.
    span : range
        Frames in walking order, forwards or backwards.

    Yields
    ------
    Step
        For every frame of `span` after the first.
    """
    small = resize_smooth(matte, (images.shape[2], images.shape[1]))
    if not small.any():
        for _ in span[1:]:
            yield Step(np.zeros_like(matte), 1.0)
        return
    weights = _separating(images[span[0]], small)
    looks = learn(images[span[0]], small)
    key = before = _project(images[span[0]], weights)
    flow = _create_flow(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    tall, wide = small.shape
    grid = np.stack(np.meshgrid(np.arange(wide), np.arange(tall)), axis=2).astype(np.float32)
    shift = np.zeros_like(grid)  # of a pixel to its place in the key frame
    current, step = small, np.eye(2, 3)
    for frame in span[1:]:
        report.check()
        now, share = _project(images[frame], weights), 0.0
        if np.count_nonzero(current > 127) >= 12:
            last = step
            step, bend, share = _motion(before, now, current, grid, flow, step)
            guesses = [_moved(shift, step, bend, grid)]
            if looks.decisive:
                guesses += [_moved(shift, last, None, grid), shift]
                shift, step, fits = _by_looks(
                    guesses, images[frame], small, looks, shift, step, grid
                )
                share = max(share, fits)
            else:
                shift = guesses[0]
            shift, current = _realigned(key, now, small, shift, grid, flow)
        before = now
        yield Step(_full_size(matte, shift), share)


def _moved(shift: Float, affine: Matrix, bend: Float | None, grid: Float) -> Float:
    origin = _origins(affine, bend, grid)
    return origin - grid + remap(shift, origin)


def _by_looks(
    guesses: Sequence[Float],
    image: NDArray[np.uint8],
    small: Array,
    looks: Appearance,
    shift: Float,
    step: Matrix,
    grid: Float,
) -> tuple[Float, Matrix, float]:
    """Choose the guess that agrees best with the object's colours, and align it to them.

    Returns
    -------
    (shift, step, agreement)
        `step` is the affine motion that was really made, for the next frame's guess.
    """
    best, chosen, found = -1.0, guesses[0], small
    for guess in guesses:
        matte = _warped(small, guess, grid)
        if not matte.any():
            continue
        near = _near(matte, looks.likelihood(image))
        if (score := agreement(matte, near)) > best + 1e-3:
            best, chosen, found = score, guess, matte
    if best <= 0:
        return guesses[0], step, 0.0
    near = _near(found, looks.likelihood(image))
    view = _region(cv2.dilate(found, np.ones((9, 9), np.uint8)), 12)
    motion = align(found[view], near[view])
    if motion is not None:
        corner = np.array([view[1].start, view[0].start], np.float64)
        motion[:, 2] += corner - motion[:, :2] @ corner
        better = _moved(chosen, motion, None, grid)
        matte = _warped(small, better, grid)
        if agreement(matte, _near(matte, looks.likelihood(image))) > best:
            chosen, best = better, agreement(matte, near)
    # Where the object's middle came from tells the step that was made.
    inside = _warped(small, chosen, grid) > 127
    if inside.any():
        before = _places(shift, grid, small)
        if before is not None:
            moved = grid[inside].mean(axis=0) - before
            step = np.array([[1, 0, moved[0]], [0, 1, moved[1]]], np.float64)
    return chosen, step, best


def _places(shift: Float, grid: Float, small: Array) -> Float | None:
    inside = _warped(small, shift, grid) > 127
    return grid[inside].mean(axis=0) if inside.any() else None


def _warped(small: Array, shift: Float, grid: Float) -> Array:
    return remap(small, grid + shift, outside=0)


def _near(matte: Array, likelihood: Array, reach: int = 25) -> Array:
    """Blank out what looks like the object but is too far from it."""
    zone = cv2.dilate(matte, np.ones((reach, reach), np.uint8)) > 0
    return np.where(zone, likelihood, 0).astype(np.uint8)


def _separating(image: NDArray[np.uint8], matte: Array) -> Matrix:
    """Return the mix of R, G, B in which the object differs most from what is around it."""
    inside = matte > 127
    reach = max(5, round(np.sqrt(np.count_nonzero(inside))) // 2 * 2 + 1)
    around = (cv2.dilate(matte, np.ones((reach, reach), np.uint8)) > 0) & (matte == 0)
    if np.count_nonzero(inside) < 8 or np.count_nonzero(around) < 8:
        return np.array([0.299, 0.587, 0.114])
    object_, other = image[inside].astype(np.float64), image[around].astype(np.float64)
    spread = np.cov(object_.T) + np.cov(other.T) + 25.0 * np.eye(3)
    axis = np.linalg.solve(spread, object_.mean(axis=0) - other.mean(axis=0))
    length = float(np.abs(axis).sum())
    if length < 1e-6:
        return np.array([0.299, 0.587, 0.114])
    # Half plain brightness, so that texture which both share still guides the flow.
    mixed: Matrix = axis / length + 0.5 * np.array([0.299, 0.587, 0.114])
    return mixed / float(np.abs(mixed).sum())


def _project(image: NDArray[np.uint8], weights: Matrix) -> NDArray[np.uint8]:
    gray = image.astype(np.float32) @ weights.astype(np.float32)
    low = 255 * float(np.minimum(weights, 0).sum())
    return np.asarray(np.clip(gray - low, 0, 255), np.uint8)


def _region(matte: Array, margin: int = 48) -> tuple[slice, slice]:
    """Return the neighbourhood of an object, at least as large as flow needs."""
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    spans = []
    for found, limit in ((rows, matte.shape[0]), (columns, matte.shape[1])):
        low, high = max(0, int(found[0]) - margin), min(limit, int(found[-1]) + 1 + margin)
        spans.append(slice(low, high))
    return spans[0], spans[1]


def _motion(
    before: Array, now: Array, matte: Array, grid: Float, flow: Any, previous: Matrix
) -> tuple[Matrix, Float | None, float]:
    """Find how the object moves from one frame to the next.

    Returns
    -------
    (affine, bend, share)
        Affine motion of the whole, what remains of it per pixel (None if nothing does),
        and the share of the object with consistent flow.
    """
    view = _region(matte)
    ahead = flow.calc(np.ascontiguousarray(before[view]), np.ascontiguousarray(now[view]), None)
    behind = flow.calc(np.ascontiguousarray(now[view]), np.ascontiguousarray(before[view]), None)
    local = grid[: ahead.shape[0], : ahead.shape[1]]
    home = remap(behind, local + ahead)
    length = np.hypot(ahead[..., 0], ahead[..., 1])
    gap = np.hypot(*np.moveaxis(ahead + home, 2, 0))
    inside = matte[view] > 127
    good = inside & (gap < np.maximum(0.75, 0.08 * length))
    share = int(np.count_nonzero(good)) / max(1, int(np.count_nonzero(inside)))
    if np.count_nonzero(good) < 8 or share < 0.1:
        return previous, None, share  # hidden: go on as before
    points, target = grid[view][good], (grid[view] + ahead)[good]
    affine = _fit(points, target)
    rest = target - (points @ affine[:, :2].T + affine[:, 2])
    if float(np.median(np.hypot(rest[:, 0], rest[:, 1]))) < 0.6:
        return affine, None, share
    weight = np.zeros(matte.shape, np.float32)
    bend = np.zeros((*matte.shape, 2), np.float32)
    weight[view][good] = 1
    bend[view][good] = rest
    known = np.asarray(cv2.GaussianBlur(weight, (0, 0), _SMOOTH_PX), np.float32)
    spread = np.asarray(cv2.GaussianBlur(bend, (0, 0), _SMOOTH_PX), np.float32)
    # Far from any evidence the bend fades and the affine motion alone remains.
    return affine, spread / (known + np.float32(0.02))[..., None], share


def _fit(points: Float, target: Float) -> Matrix:
    """Fit an affine motion, or a simpler one where the points do not carry it."""
    if len(points) > 3000:
        chosen = np.linspace(0, len(points) - 1, 3000).astype(np.intp)
        points, target = points[chosen], target[chosen]
    if len(points) >= 60:
        for fit, least in ((cv2.estimateAffine2D, 0.6), (cv2.estimateAffinePartial2D, 0.5)):
            cv2.setRNGSeed(0)  # RANSAC must not make two equal requests differ
            found, inliers = fit(points, target, method=cv2.RANSAC, ransacReprojThreshold=0.8)
            if found is None or inliers.mean() < least:
                continue
            if 0.7 < float(np.linalg.det(found[:, :2])) < 1.4:
                return np.asarray(found, np.float64)
    middle = np.median(target - points, axis=0)
    return np.array([[1, 0, middle[0]], [0, 1, middle[1]]], np.float64)


def _origins(affine: Matrix, bend: Float | None, grid: Float) -> Float:
    """Return for every pixel where it was one frame before (the motion's inverse)."""
    inverse = cv2.invertAffineTransform(affine).astype(np.float32)
    linear, offset = inverse[:, :2].T, inverse[:, 2]
    origin: Float = grid @ linear + offset
    if bend is not None:
        for _ in range(3):
            origin = (grid - remap(bend, origin)) @ linear + offset
    return origin.astype(np.float32)


def _realigned(
    key: Array, now: Array, small: Array, shift: Float, grid: Float, flow: Any
) -> tuple[Float, Array]:
    """Align the object with its key frame again, if that makes the pictures agree better."""
    place = grid + shift
    current = remap(small, place, outside=0)
    if np.count_nonzero(current > 127) < 60:
        return shift, current
    view = _region(current, 16)
    warped = remap(key, place)
    away = flow.calc(np.ascontiguousarray(now[view]), np.ascontiguousarray(warped[view]), None)
    inside = current[view] > 127
    points, moved = grid[view][inside], away[inside]
    if float(np.median(np.hypot(moved[:, 0], moved[:, 1]))) > 3:
        return shift, current  # another pose or hidden: no ground for a correction
    affine = _fit(points, points + moved)
    turned: Float = (
        grid @ affine[:, :2].T.astype(np.float32) + affine[:, 2].astype(np.float32)
    ).astype(np.float32)
    better = turned - grid + remap(shift, turned)
    matte = remap(small, grid + better, outside=0)
    again = remap(key, grid + better)
    before, after = (
        (
            float(np.abs(now[where].astype(np.float32) - image[where]).mean())
            for where, image in ((current > 127, warped), (matte > 127, again))
            if where.any()
        )
        if (matte > 127).any()
        else (0.0, 1.0)
    )
    return (better, matte) if after < before else (shift, current)


def _full_size(matte: Array, shift: Float) -> Array:
    """Move the key frame's matte, at the clip's size, by a small displacement field."""
    tall, wide = matte.shape
    small_tall, small_wide = shift.shape[:2]
    scale = np.array([wide / small_wide, tall / small_tall], np.float32)
    if (wide, tall) != (small_wide, small_tall):
        shift = resize_smooth(shift, (wide, tall))
    columns, rows = np.meshgrid(
        np.arange(wide, dtype=np.float32), np.arange(tall, dtype=np.float32)
    )
    x, y = columns + shift[..., 0] * scale[0], rows + shift[..., 1] * scale[1]
    return remap(matte, np.stack([x, y], axis=2), outside=0)

"""One object's motion from frame to frame, by dense optical flow.

The outline moves with the *inside* of the object: flow is trusted where following it
forward and back returns to the start, an affine motion is fitted to it, and what remains is
added smoothly, also beyond the border, so that background motion never pulls at the edge.
Where the object's colours set it apart it is aligned with them, and after every step with
its key frame, which stops drift from adding up. Everything is computed in a window that
walks with the object.
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

_MARGIN_PX: Final = 48  # of the window around the object: the longest step that is found
_SMOOTH_PX: Final = 9.0
_FEWEST: Final = 12  # pixels; less is no object
_create_flow: Any = vars(cv2)["DISOpticalFlow_create"]  # missing from the stubs

Matrix = NDArray[np.float64]
View = tuple[slice, slice]


@dataclass(frozen=True)
class Step:
    """A carried matte (H, W) uint8, and the share of the object that was sure of its way."""

    matte: Array
    consistent: float


@dataclass(frozen=True)
class _Field:
    """A displacement (h, w, 2) in a window whose corner is (x, y); its border goes on."""

    values: Float
    x: int
    y: int

    def at(self, where: Float) -> Float:
        """Sample at absolute places (h, w, 2)."""
        return remap(self.values, where - np.array([self.x, self.y], np.float32))


class _Object:
    """What stays the same while an object is carried: its key frame and its looks."""

    def __init__(self, image: NDArray[np.uint8], matte: Array) -> None:
        self.matte = matte
        self.weights = _separating(image, matte)
        self.gray = _project(image, self.weights)
        self.looks: Appearance = learn(image, matte)
        self.flow = _create_flow(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def shape(self, shift: Float, grid: Float) -> Array:
        """Return the matte in a window, moved by a displacement to the key frame."""
        return remap(self.matte, grid + shift, outside=0)


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
    tall, wide = images.shape[1:3]
    small = resize_smooth(matte, (wide, tall))
    if np.count_nonzero(small > 127) < _FEWEST:
        for _ in span[1:]:
            yield Step(np.zeros_like(matte), 1.0)
        return
    thing = _Object(images[span[0]], small)
    view = _window(small, (0, 0), (tall, wide))
    shift, current = np.zeros((*_size(view), 2), np.float32), small[view]
    before, motion = thing.gray, np.eye(2, 3)
    for frame in span[1:]:
        report.check()
        now, share = _project(images[frame], thing.weights), 0.0
        if np.count_nonzero(current > 127) >= _FEWEST:
            field, last = _Field(shift, view[1].start, view[0].start), motion
            motion, bend, share = _motion(thing, before, now, current, view, motion)
            view = _window(current, (view[1].start, view[0].start), (tall, wide), last, motion)
            grid = _grid(view)
            guesses = [_moved(field, motion, bend, grid)]
            if thing.looks.decisive:
                guesses += [_moved(field, last, None, grid), field.at(grid)]
                shift, fits = _by_looks(thing, guesses, images[frame][view], grid, view)
                share = max(share, fits)
                motion = _travel(thing, field, shift, grid, motion)
            else:
                shift = guesses[0]
            shift, current = _realigned(thing, now[view], shift, grid)
        before = now
        yield Step(_full_size(matte, shift, view, (wide, tall)), share)


def _size(view: View) -> tuple[int, int]:
    return view[0].stop - view[0].start, view[1].stop - view[1].start


def _grid(view: View) -> Float:
    """Return the absolute places (h, w, 2) of a window's pixels."""
    rows = np.arange(view[0].start, view[0].stop, dtype=np.float32)
    columns = np.arange(view[1].start, view[1].stop, dtype=np.float32)
    return np.stack(np.meshgrid(columns, rows), axis=2)


def _window(
    matte: Array, corner: tuple[int, int], limit: tuple[int, int], *motions: Matrix
) -> View:
    """Return a window around a matte and around where motions would take it."""
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    low = np.array([columns[0], rows[0]], np.float64) + corner
    high = np.array([columns[-1] + 1, rows[-1] + 1], np.float64) + corner
    middle = (low + high) / 2
    moves = [m[:, :2] @ middle + m[:, 2] - middle for m in motions]
    low = np.minimum(low, np.min([low + move for move in moves], axis=0)) if moves else low
    high = np.maximum(high, np.max([high + move for move in moves], axis=0)) if moves else high
    spans = []
    for axis, most in ((1, limit[0]), (0, limit[1])):
        start = min(max(0, int(low[axis]) - _MARGIN_PX), most - 16)
        stop = max(min(most, int(high[axis]) + _MARGIN_PX), start + 16)
        spans.append(slice(start, stop))
    return spans[0], spans[1]


def _separating(image: NDArray[np.uint8], matte: Array) -> Matrix:
    """Return the mix of R, G, B in which the object differs most from what is around it."""
    plain = np.array([0.299, 0.587, 0.114])
    inside = matte > 127
    reach = max(5, round(np.sqrt(np.count_nonzero(inside))) // 2 * 2 + 1)
    around = (cv2.dilate(matte, np.ones((reach, reach), np.uint8)) > 0) & (matte == 0)
    if np.count_nonzero(inside) < 8 or np.count_nonzero(around) < 8:
        return plain
    thing, other = image[inside].astype(np.float64), image[around].astype(np.float64)
    spread = np.cov(thing.T) + np.cov(other.T) + 25.0 * np.eye(3)
    axis = np.linalg.solve(spread, thing.mean(axis=0) - other.mean(axis=0))
    length = float(np.abs(axis).sum())
    if length < 1e-6:
        return plain
    # Half plain brightness, so that texture which both share still guides the flow.
    mixed: Matrix = axis / length + 0.5 * plain
    return mixed / float(np.abs(mixed).sum())


def _project(image: NDArray[np.uint8], weights: Matrix) -> NDArray[np.uint8]:
    gray = image.astype(np.float32) @ weights.astype(np.float32)
    low = 255 * float(np.minimum(weights, 0).sum())
    return np.asarray(np.clip(gray - low, 0, 255), np.uint8)


def _motion(
    thing: _Object, before: Array, now: Array, matte: Array, view: View, previous: Matrix
) -> tuple[Matrix, _Field | None, float]:
    """Find how the object moves from one frame to the next.

    Parameters
    ----------
    matte : ndarray (h, w), uint8
        Of the frame before, in the window `view`.

    Returns
    -------
    (affine, bend, share)
        Affine motion of the whole, what remains of it per pixel (None if nothing does),
        and the share of the object with consistent flow.
    """
    one, two = np.ascontiguousarray(before[view]), np.ascontiguousarray(now[view])
    ahead, behind = thing.flow.calc(one, two, None), thing.flow.calc(two, one, None)
    grid = _grid(view)
    corner = np.array([view[1].start, view[0].start], np.float32)
    home = remap(behind, grid - corner + ahead)
    length = np.hypot(ahead[..., 0], ahead[..., 1])
    gap = np.hypot(*np.moveaxis(ahead + home, 2, 0))
    inside = matte > 127
    good = inside & (gap < np.maximum(0.75, 0.08 * length))
    share = int(np.count_nonzero(good)) / max(1, int(np.count_nonzero(inside)))
    if np.count_nonzero(good) < 8 or share < 0.1:
        return previous, None, share  # hidden: go on as before
    own = _own_motion(grid, ahead, gap, inside, good)
    points, target = grid[own], (grid + ahead)[own]
    if np.count_nonzero(own) < 0.8 * np.count_nonzero(good):
        return _shifted(points, target), None, share  # too little is known for more
    affine = _fit(points, target)
    rest = target - (points @ affine[:, :2].T + affine[:, 2])
    if float(np.median(np.hypot(rest[:, 0], rest[:, 1]))) < 0.6:
        return affine, None, share
    weight = np.zeros(matte.shape, np.float32)
    bend = np.zeros((*matte.shape, 2), np.float32)
    weight[own], bend[own] = 1, rest
    known = np.asarray(cv2.GaussianBlur(weight, (0, 0), _SMOOTH_PX), np.float32)
    spread = np.asarray(cv2.GaussianBlur(bend, (0, 0), _SMOOTH_PX), np.float32)
    # Far from any evidence the bend fades and the affine motion alone remains.
    smooth = spread / (known + np.float32(0.02))[..., None]
    return affine, _Field(smooth, view[1].start, view[0].start), share


def _own_motion(
    grid: Float, ahead: Float, gap: Float, inside: NDArray[np.bool_], good: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return the trusted pixels that do not simply move with the surroundings.

    A drawn box holds background as well, often more of it than of the object: what moves
    like the ring around the box is background, if enough else remains.
    """
    ring = cv2.dilate(inside.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    around = ring & ~inside & (gap < 0.75)
    if np.count_nonzero(around) < 60:
        return good
    ground = _fit(grid[around], (grid + ahead)[around])
    still = grid @ ground[:, :2].T + ground[:, 2] - grid
    movers = good & (np.hypot(*np.moveaxis(ahead - still, 2, 0)) > 0.75)
    enough = max(30, 0.15 * np.count_nonzero(good))
    return movers if np.count_nonzero(movers) >= enough else good


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
    return _shifted(points, target)


def _shifted(points: Float, target: Float) -> Matrix:
    """Return the usual displacement as a motion."""
    middle = np.median(target - points, axis=0)
    return np.array([[1, 0, middle[0]], [0, 1, middle[1]]], np.float64)


def _moved(field: _Field, affine: Matrix, bend: _Field | None, grid: Float) -> Float:
    """Return the displacement to the key frame after a step (its inverse, then the old one)."""
    inverse = cv2.invertAffineTransform(affine).astype(np.float32)
    linear, offset = inverse[:, :2].T, inverse[:, 2]
    origin: Float = grid @ linear + offset
    if bend is not None:
        for _ in range(3):
            origin = ((grid - bend.at(origin)) @ linear + offset).astype(np.float32)
    return (origin - grid + field.at(origin)).astype(np.float32)


def _by_looks(
    thing: _Object, guesses: Sequence[Float], image: NDArray[np.uint8], grid: Float, view: View
) -> tuple[Float, float]:
    """Choose the guess that agrees best with the object's colours, and align it to them.

    Returns
    -------
    (shift, agreement)
    """
    seen = thing.looks.likelihood(image)
    shapes = [thing.shape(guess, grid) for guess in guesses]
    scores = [agreement(shape, _near(shape, seen)) for shape in shapes]
    place = int(np.argmax([score - 1e-3 * i for i, score in enumerate(scores)]))
    best, shift, shape = scores[place], guesses[place], shapes[place]
    if best <= 0:
        return guesses[0], 0.0
    motion = align(shape, _near(shape, seen))
    if motion is not None:
        corner = np.array([view[1].start, view[0].start], np.float64)
        motion[:, 2] += corner - motion[:, :2] @ corner
        better = _moved(_Field(shift, view[1].start, view[0].start), motion, None, grid)
        shape = thing.shape(better, grid)
        score = agreement(shape, _near(shape, seen))
        if score > best:
            return better, score
    return shift, best


def _travel(thing: _Object, old: _Field, shift: Float, grid: Float, motion: Matrix) -> Matrix:
    """Return the step that was really made, as a translation: the next frame's first guess."""
    places = []
    for displacement in (old.at(grid), shift):
        inside = thing.shape(displacement, grid) > 127
        if not inside.any():
            return motion
        places.append(grid[inside].mean(axis=0))
    move = places[1] - places[0]
    return np.array([[1, 0, move[0]], [0, 1, move[1]]], np.float64)


def _near(matte: Array, likelihood: Array, reach_px: int = 25) -> Array:
    """Blank out what looks like the object but is too far from it."""
    zone = cv2.dilate(matte, np.ones((reach_px, reach_px), np.uint8)) > 0
    return np.where(zone, likelihood, 0).astype(np.uint8)


def _realigned(thing: _Object, now: Array, shift: Float, grid: Float) -> tuple[Float, Array]:
    """Align the object with its key frame again, if that makes the pictures agree better."""
    current = thing.shape(shift, grid)
    if np.count_nonzero(current > 127) < 60:
        return shift, current
    warped = remap(thing.gray, grid + shift)
    away = thing.flow.calc(np.ascontiguousarray(now), np.ascontiguousarray(warped), None)
    inside = current > 127
    points, moved = grid[inside], away[inside]
    if float(np.median(np.hypot(moved[:, 0], moved[:, 1]))) > 3:
        return shift, current  # another pose, or hidden: no ground for a correction
    affine = _fit(points, points + moved).astype(np.float32)
    turned: Float = grid @ affine[:, :2].T + affine[:, 2]
    corner = grid[0, 0]
    better = turned - grid + _Field(shift, int(corner[0]), int(corner[1])).at(turned)
    matte = thing.shape(better, grid)
    if not (matte > 127).any():
        return shift, current
    again = remap(thing.gray, grid + better)
    errors = [
        float(np.abs(now.astype(np.float32) - image)[shape > 127].mean())
        for shape, image in ((current, warped), (matte, again))
    ]
    return (better, matte) if errors[1] < errors[0] else (shift, current)


def _full_size(matte: Array, shift: Float, view: View, small: tuple[int, int]) -> Array:
    """Move the key frame's matte, at the clip's size, by a displacement in a small window."""
    tall, wide = matte.shape
    scale = np.array([wide / small[0], tall / small[1]], np.float32)
    x0, x1 = (round(v * float(scale[0])) for v in (view[1].start, view[1].stop))
    y0, y1 = (round(v * float(scale[1])) for v in (view[0].start, view[0].stop))
    part = resize_smooth(shift, (x1 - x0, y1 - y0)) * scale
    place = _grid((slice(y0, y1), slice(x0, x1))) + part
    result = np.zeros_like(matte)
    result[y0:y1, x0:x1] = remap(matte, place, outside=0)
    return result

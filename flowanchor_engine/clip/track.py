"""Carry a drawn matte through the clip by optical flow.

The outline moves with the *inside* of the object: flow is trusted where following it
forward and back returns to the start (consistency), an affine motion is fitted to it, and
what remains is added smoothly, also beyond the border, so that background motion never
pulls at the edge. After every step the object is aligned with its key frame again, which
stops drift from adding up. How far that worked is measured by carrying the last matte back
to the key frame, as the paper's benchmark does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from flowanchor_engine.clip import shapes
from flowanchor_engine.clip.colour import Float
from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.planes import Array
from flowanchor_engine.clip.reader import ClipReader
from flowanchor_engine.progress import Phase, Reporter
from flowanchor_engine.request import MatteShape

__all__ = ["TrackReport", "carry", "track_shapes"]

_WIDTH: Final = 640  # flow runs at most this wide
_SURE: Final = 0.5  # a share of consistent flow below this is reported
_RETURN_IOU: Final = 0.8  # a round trip below this is reported
_SMOOTH_PX: Final = 9.0

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class TrackReport:
    """How well a carried matte held on.

    Parameters
    ----------
    consistent : tuple of float
        Per frame the share of the object whose flow survives the forward-backward check;
        1 on key frames.
    return_iou : float
        Overlap of the key frame's matte with itself after the trip to the end and back; 1
        is no drift. Where the object is hidden or turns away it falls.
    notes : tuple of str
    """

    consistent: tuple[float, ...]
    return_iou: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Step:
    matte: Array
    consistent: float


def track_shapes(
    drawn: Sequence[MatteShape],
    clip: ClipReader,
    *,
    start: int,
    frames: int,
    report: Reporter,
) -> tuple[Iterator[Array], TrackReport]:
    """Carry shapes from their key frames over the whole shot.

    Between two key frames the mattes from both sides are blended by distance in time.

    Returns
    -------
    (mattes, TrackReport)
        Mattes (height, width) uint8, one per frame.
    """
    width, height = clip.facts.width, clip.facts.height
    keys = [frame for frame in shapes.key_frames(drawn) if frame < frames] or [0]
    with tempfile.TemporaryFile() as store:
        images = _load(clip, start, frames, store, report)
        result: list[bytes | None] = [None] * frames
        sure = [1.0] * frames

        def put(frame: int, matte: Array) -> None:
            result[frame] = cv2.imencode(".png", matte, [cv2.IMWRITE_PNG_COMPRESSION, 1])[
                1
            ].tobytes()

        def at_key(frame: int) -> Array:
            return shapes.draw(shapes.outlines_at(drawn, frame), width, height)

        for frame in keys:
            put(frame, at_key(frame))
        for first, last in [*zip(keys, keys[1:], strict=False)]:
            ahead = list(carry(images, at_key(first), range(first, last), report))
            behind = list(carry(images, at_key(last), range(last, first, -1), report))
            for place, frame in enumerate(range(first + 1, last)):
                share = np.float32((frame - first) / (last - first))
                back = behind[last - frame - 1]
                mix = (1 - share) * ahead[place].matte + share * back.matte
                put(frame, np.clip((mix - 127.5) * 2 + 127.5, 0, 255).astype(np.uint8))
                sure[frame] = max(ahead[place].consistent, back.consistent)
        home = 1.0
        for origin, span in (
            (keys[-1], range(keys[-1], frames)),
            (keys[0], range(keys[0], -1, -1)),
        ):
            if len(span) < 2:
                continue
            matte = at_key(origin)
            for frame, step in zip(span[1:], carry(images, matte, span, report), strict=True):
                put(frame, step.matte)
                sure[frame] = step.consistent
                matte = step.matte
            back_span = span[::-1]
            for step in carry(images, matte, back_span, report):
                matte = step.matte
            home = min(home, iou(matte, at_key(origin)))
    notes = [
        f"The matte was carried by optical flow; back at its key frame it overlaps {home:.0%}."
    ]
    if home < _RETURN_IOU:
        notes.append(
            "The carried matte drifts: look at it, and draw more key frames where it leaves."
        )
    if unsure := [i for i, share in enumerate(sure) if share < _SURE]:
        notes.append(
            f"The motion is uncertain on {len(unsure)} frames, first on frame {unsure[0]}."
        )

    def decoded() -> Iterator[Array]:
        for data in result:
            yield cv2.imdecode(np.frombuffer(data or b"", np.uint8), cv2.IMREAD_GRAYSCALE)

    return decoded(), TrackReport(tuple(sure), home, tuple(notes))


def iou(one: Array, other: Array) -> float:
    """Return intersection over union of two mattes at half coverage; 1 if both are empty."""
    a, b = one > 127, other > 127
    union = int(np.count_nonzero(a | b))
    return 1.0 if not union else int(np.count_nonzero(a & b)) / union


def _load(
    clip: ClipReader, start: int, frames: int, store: Any, report: Reporter
) -> NDArray[np.uint8]:
    """Read the shot once, small, into a file that the system pages in and out."""
    facts = clip.facts
    scale = min(1.0, _WIDTH / facts.width)
    size = (max(16, round(facts.width * scale)), max(16, round(facts.height * scale)))
    images: NDArray[np.uint8] = np.memmap(
        store, np.uint8, "w+", shape=(frames, size[1], size[0], 3)
    )
    for number, picture in enumerate(clip.pictures(start, start + frames)):
        report.check()
        images[number] = to_rgb8(picture, facts.colour, size)
        report.phase(Phase.READ, number + 1, frames)
    return images


def carry(
    images: NDArray[np.uint8], matte: Array, span: range, report: Reporter
) -> Iterator[_Step]:
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
    _Step
        For every frame of `span` after the first.
    """
    small = cv2.resize(matte, (images.shape[2], images.shape[1]), interpolation=cv2.INTER_AREA)
    if not small.any():
        for _ in span[1:]:
            yield _Step(np.zeros_like(matte), 1.0)
        return
    weights = _separating(images[span[0]], small)
    key = before = _project(images[span[0]], weights)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    tall, wide = small.shape
    grid = np.stack(np.meshgrid(np.arange(wide), np.arange(tall)), axis=2).astype(np.float32)
    shift = np.zeros_like(grid)  # of a pixel to its place in the key frame
    current, step = small, np.eye(2, 3)
    for frame in span[1:]:
        report.check()
        now, share = _project(images[frame], weights), 0.0
        if np.count_nonzero(current > 127) >= 12:
            step, bend, share = _motion(before, now, current, grid, flow, step)
            origin = _origins(step, bend, grid)
            shift = origin - grid + _sample(shift, origin)
            shift, current = _realigned(key, now, small, shift, grid, flow)
        before = now
        yield _Step(_full_size(matte, shift), share)


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
    return np.clip(gray - low, 0, 255).astype(np.uint8)


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
    home = cv2.remap(behind, local + ahead, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    length = np.hypot(ahead[..., 0], ahead[..., 1])
    gap = np.hypot(*np.moveaxis(ahead + home, 2, 0))
    inside = matte[view] > 127
    good = inside & (gap < np.maximum(0.75, 0.08 * length))
    share = float(np.count_nonzero(good) / max(1, np.count_nonzero(inside)))
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
    blurred = cv2.GaussianBlur(weight, (0, 0), _SMOOTH_PX) + np.float32(0.02)
    return affine, cv2.GaussianBlur(bend, (0, 0), _SMOOTH_PX) / blurred[..., None], share


def _fit(points: Float, target: Float) -> Matrix:
    """Fit an affine motion, or a simpler one where the points do not carry it."""
    if len(points) > 3000:
        chosen = np.linspace(0, len(points) - 1, 3000).astype(np.intp)
        points, target = points[chosen], target[chosen]
    if len(points) >= 60:
        for fit, least in ((cv2.estimateAffine2D, 0.6), (cv2.estimateAffinePartial2D, 0.5)):
            cv2.setRNGSeed(0)  # RANSAC must not make two equal requests differ
            found, inliers = fit(points, target, method=cv2.RANSAC, ransacReprojThreshold=0.8)
            if found is not None and inliers.mean() >= least:
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
            origin = (grid - _sample(bend, origin)) @ linear + offset
    return origin.astype(np.float32)


def _sample(field: Float, where: Float) -> Float:
    return cv2.remap(
        field, where.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _realigned(
    key: Array, now: Array, small: Array, shift: Float, grid: Float, flow: Any
) -> tuple[Float, Array]:
    """Align the object with its key frame again, if that makes the pictures agree better."""
    place = grid + shift
    current = cv2.remap(small, place, None, cv2.INTER_LINEAR)
    if np.count_nonzero(current > 127) < 60:
        return shift, current
    view = _region(current, 16)
    warped = cv2.remap(key, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    away = flow.calc(np.ascontiguousarray(now[view]), np.ascontiguousarray(warped[view]), None)
    inside = current[view] > 127
    points, moved = grid[view][inside], away[inside]
    if float(np.median(np.hypot(moved[:, 0], moved[:, 1]))) > 3:
        return shift, current  # another pose or hidden: no ground for a correction
    affine = _fit(points, points + moved)
    turned: Float = (
        grid @ affine[:, :2].T.astype(np.float32) + affine[:, 2].astype(np.float32)
    ).astype(np.float32)
    better = turned - grid + _sample(shift, turned)
    matte = cv2.remap(small, grid + better, None, cv2.INTER_LINEAR)
    again = cv2.remap(key, grid + better, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
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
        shift = cv2.resize(shift, (wide, tall), interpolation=cv2.INTER_LINEAR)
    x = np.arange(wide, dtype=np.float32)[None, :] + shift[..., 0] * scale[0]
    y = np.arange(tall, dtype=np.float32)[:, None] + shift[..., 1] * scale[1]
    return cv2.remap(matte, x, y, cv2.INTER_LINEAR)

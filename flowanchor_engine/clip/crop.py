"""Which part of the picture the model sees, at what size, and the way back.

``full`` is the whole frame at the model's size (the letter of the paper), ``fast`` a crop
around the matte at native resolution, ``zoom`` the same enlarged to the model's full budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from flowanchor_engine.clip.resample import resize, shift
from flowanchor_engine.errors import SizeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from flowanchor_engine.clip.colour import Float
    from flowanchor_engine.clip.planes import Array

__all__ = ["Box", "Geometry", "ModelFrame", "cut", "plan_crop", "restore"]

Box = tuple[int, int, int, int]  # x0, y0, x1, y1, half-open

_PAD_SHARE: Final = 0.25
_PAD_PX: Final = 64
_LEAST_SHARE: Final = 480 * 480 / (832 * 480)  # of the model's budget, for a native crop
_SQUAREST: Final = 1.15  # even a square model takes slightly other shapes
_MOST_ZOOM: Final = 8.0
_TRAINED_ASPECT_SLACK: Final = 0.03
_MOVING_GAIN: Final = 1.6  # a moving crop must save at least this much area


@dataclass(frozen=True)
class ModelFrame:
    """What the model needs of a picture.

    Parameters
    ----------
    width, height : int
        The size it was trained at; their product is the budget.
    multiple : int
        Both sides are multiples of this (VAE stride times patch: 16, or 32 for TI2V-5B).
    """

    width: int = 832
    height: int = 480
    multiple: int = 16

    @property
    def budget(self) -> int:
        """Pixels of the trained size."""
        return self.width * self.height


@dataclass(frozen=True)
class Geometry:
    """The rectangle that the model sees on each frame.

    Parameters
    ----------
    mode : {'full', 'fast', 'zoom'}
        What really ran.
    width, height : int
        Size of the rectangle in source pixels, the same on all frames.
    model_width, model_height : int
    x, y : tuple of float
        Top left corner per frame.
    notes : tuple of str
        Plain sentences on what was decided.
    """

    mode: Literal["full", "fast", "zoom"]
    width: int
    height: int
    model_width: int
    model_height: int
    x: tuple[float, ...]
    y: tuple[float, ...]
    notes: tuple[str, ...] = ()

    @property
    def moving(self) -> bool:
        """Whether the rectangle moves."""
        return len(set(self.x)) > 1 or len(set(self.y)) > 1

    @property
    def scale(self) -> float:
        """Model pixels per source pixel (vertical)."""
        return self.model_height / self.height

    def box(self, frame: int) -> Box:
        """Return the whole source pixels inside the rectangle of a frame."""
        x0, y0 = math.ceil(self.x[frame]), math.ceil(self.y[frame])
        x1 = math.floor(self.x[frame] + self.width)
        return x0, y0, x1, math.floor(self.y[frame] + self.height)


def plan_crop(
    *,
    mode: Literal["full", "fast", "zoom"],
    width: int,
    height: int,
    par: Fraction,
    frames: int,
    boxes: Sequence[Box | None] | None,
    model: ModelFrame,
    size: tuple[int | None, int | None] = (None, None),
    border_px: float = 0.0,
) -> Geometry:
    """Decide the model's rectangle.

    Parameters
    ----------
    width, height, par
        The clip's picture.
    boxes : sequence of Box or None, optional
        Extent of the matte per frame, None where it is empty; no sequence without a matte.
    size : (width, height)
        Explicit model size; None is the model's own.
    border_px : float
        How far the composite reaches beyond the matte: the rectangle covers it.

    Raises
    ------
    SizeError
        Code ``size``: an explicit size that is not a multiple of what the model needs.
    """
    for side in size:
        if side is not None and side % model.multiple:
            raise SizeError(
                f"The working size {side} is not a multiple of {model.multiple}.", hint=["set_size"]
            )
    seen = [box for box in boxes or () if box is not None]
    if mode == "full" or not seen:
        notes: tuple[str, ...] = (
            () if mode == "full" else (f"No matte: the whole picture is used, not “{mode}”.",)
        )
        model_size = _model_size(width * par / height, model, size)
        still = (0.0,) * frames
        return Geometry("full", width, height, *model_size, still, still, notes)
    assert boxes is not None
    path = _follow(boxes, mode, width, height, model, border_px)
    crop_w, crop_h, xs, ys, notes = path
    if (
        mode == "fast"
        and par == 1
        and size == (None, None)
        and crop_w * crop_h <= model.budget * 1.05
    ):
        xs, ys = ([float(2 * round(v / 2)) for v in values] for values in (xs, ys))
        fits = all(v + crop_w <= width for v in xs) and all(v + crop_h <= height for v in ys)
        if fits and not crop_w % model.multiple and not crop_h % model.multiple:
            return Geometry("fast", crop_w, crop_h, crop_w, crop_h, tuple(xs), tuple(ys), notes)
    model_size = _model_size(crop_w * par / crop_h, model, size)
    if mode == "fast" and size == (None, None):
        room = min(1.0, math.sqrt(crop_w * float(par) * crop_h / (model_size[0] * model_size[1])))
        model_size = tuple(
            max(model.multiple, round(s * room / model.multiple) * model.multiple)
            for s in model_size
        )  # type: ignore[assignment]
        notes = (*notes, "The crop does not fit at native resolution and is scaled.")
    scale = model_size[1] / crop_h
    notes = (*notes, f"The model sees {crop_w} x {crop_h} pixels at {scale:.2f} times their size.")
    return Geometry(mode, crop_w, crop_h, *model_size, tuple(xs), tuple(ys), notes)


def _model_size(
    aspect: Fraction | float, model: ModelFrame, size: tuple[int | None, int | None]
) -> tuple[int, int]:
    """Choose a working size of the model's budget near an aspect ratio."""
    aspect, step = float(aspect), model.multiple
    if size[0] is not None and size[1] is not None:
        return size[0], size[1]
    if size[0] is not None:
        return size[0], max(step, round(size[0] / aspect / step) * step)
    if size[1] is not None:
        return max(step, round(size[1] * aspect / step) * step), size[1]
    for trained in ((model.width, model.height), (model.height, model.width)):
        if abs(math.log(trained[0] / trained[1] / aspect)) <= _TRAINED_ASPECT_SLACK:
            return trained
    best, found = math.inf, (model.width, model.height)
    for wide in range(step, model.budget // step + 1, step):
        for tall in {
            math.floor(wide / aspect / step) * step,
            math.ceil(wide / aspect / step) * step,
        }:
            if tall < step or wide * tall > model.budget:
                continue
            # Half a per cent of shape weighs as much as a per cent of size.
            cost = abs(math.log(wide / tall / aspect)) + 0.5 * math.log(
                model.budget / (wide * tall)
            )
            if cost < best:
                best, found = cost, (wide, tall)
    return found


def _follow(
    boxes: Sequence[Box | None],
    mode: str,
    width: int,
    height: int,
    model: ModelFrame,
    border_px: float,
) -> tuple[int, int, list[float], list[float], tuple[str, ...]]:
    seen = [box for box in boxes if box is not None]
    union = (
        min(b[0] for b in seen),
        min(b[1] for b in seen),
        max(b[2] for b in seen),
        max(b[3] for b in seen),
    )
    largest = (max(b[2] - b[0] for b in seen), max(b[3] - b[1] for b in seen))
    still = _rectangle(
        union[2] - union[0], union[3] - union[1], mode, width, height, model, border_px
    )
    centres = _smooth_centres(boxes)
    slack = [0.0, 0.0]  # how far the matte leaves a rectangle that follows smoothly
    for box, centre in zip(boxes, centres, strict=True):
        if box is not None:
            for axis in (0, 1):
                low, high = centre[axis] - largest[axis] / 2, centre[axis] + largest[axis] / 2
                slack[axis] = max(slack[axis], low - box[axis], box[axis + 2] - high)
    moved = _rectangle(
        largest[0] + 2 * slack[0], largest[1] + 2 * slack[1], mode, width, height, model, border_px
    )
    if still[0] * still[1] <= _MOVING_GAIN * moved[0] * moved[1]:
        middle = ((union[0] + union[2]) / 2, (union[1] + union[3]) / 2)
        corner = [
            float(
                round(
                    min(max(0.0, middle[a] - still[a] / 2), max(0, (width, height)[a] - still[a]))
                    / 2
                )
                * 2
            )
            for a in (0, 1)
        ]
        corner = [
            min(c, float(max(0, (width, height)[a] - still[a]))) for a, c in enumerate(corner)
        ]
        return *still, [corner[0]] * len(boxes), [corner[1]] * len(boxes), ()
    xs, ys = (
        [
            min(max(0.0, c[a] - moved[a] / 2), float(max(0, (width, height)[a] - moved[a])))
            for c in centres
        ]
        for a in (0, 1)
    )
    return *moved, xs, ys, ("The crop moves with the matte.",)


def _rectangle(
    wide: float,
    tall: float,
    mode: str,
    width: int,
    height: int,
    model: ModelFrame,
    border_px: float,
) -> tuple[int, int]:
    """Return the size of a crop around a matte of this extent, inside the frame."""
    pad = max(border_px + 4, _PAD_PX if mode == "fast" else min(_PAD_PX, model.height / 8))
    wide += 2 * max(_PAD_SHARE * wide, pad)
    tall += 2 * max(_PAD_SHARE * tall, pad)
    # No narrower than what the model was trained on, lying or standing.
    widest = max(model.width / model.height, model.height / model.width, _SQUAREST)
    aspect = min(max(wide / tall, 1 / widest), widest)
    wide, tall = max(wide, tall * aspect), max(tall, wide / aspect)
    least = model.budget * _LEAST_SHARE if mode == "fast" else model.budget / _MOST_ZOOM**2
    if (grow := math.sqrt(least / (wide * tall))) > 1:
        wide, tall = wide * grow, tall * grow
    sides = []
    for side, limit in ((wide, width), (tall, height)):
        step = model.multiple if limit >= model.multiple else 2
        snapped = math.ceil(side / step) * step
        # The last whole multiple may cut the frame's edge off: then take the frame.
        sides.append(snapped if snapped <= limit else limit)
    return sides[0], sides[1]


def _smooth_centres(
    boxes: Sequence[Box | None], sigma_frames: float = 6.0
) -> list[tuple[float, float]]:
    places = [i for i, box in enumerate(boxes) if box is not None]
    result = []
    for axis in (0, 1):
        values = [(b[axis] + b[axis + 2]) / 2 for b in boxes if b is not None]
        line = np.interp(np.arange(len(boxes)), places, values)
        reach = int(3 * sigma_frames)
        offsets = np.arange(-reach, reach + 1)
        weights = np.exp(-0.5 * (offsets / sigma_frames) ** 2)
        # Continue the motion beyond both ends instead of stopping it there.
        padded = np.concatenate(
            [
                2 * line[0] - line[1 : reach + 1][::-1],
                line,
                2 * line[-1] - line[-reach - 1 : -1][::-1],
            ]
        )
        lead, trail = min(reach, len(line) - 1), min(reach, len(line) - 1)
        padded = np.pad(padded, (reach - lead, reach - trail), mode="edge")
        result.append(np.convolve(padded, weights / weights.sum(), mode="valid"))
    return [(float(x), float(y)) for x, y in zip(*result, strict=True)]


def cut(plane: Array, x: float, y: float, width: int, height: int, size: tuple[int, int]) -> Float:
    """Cut a rectangle out of a plane and resize it.

    Parameters
    ----------
    plane : ndarray (H, W), any real type
    x, y : float
        Top left corner; may be between samples.
    width, height : int
        May reach over the border, which is then repeated.
    size : (width, height)
        Of the result.
    """
    x0, y0 = math.floor(x), math.floor(y)
    part = _window(plane, x0, y0, width + (x != x0), height + (y != y0)).astype(np.float32)
    if x != x0 or y != y0:
        part = shift(part, x - x0, y - y0, (width, height))
    return resize(part, size)


def restore(plane: Float, x: float, y: float, width: int, height: int) -> tuple[Float, int, int]:
    """Bring a plane of the model's picture back to source samples.

    Returns
    -------
    (plane, x, y)
        Whole source samples and the place of their corner; the inverse of `cut`.
    """
    part = resize(plane, (width, height))
    x0, y0 = math.floor(x), math.floor(y)
    if x == x0 and y == y0:
        return part, x0, y0
    size = (width + (x != x0), height + (y != y0))
    return shift(part, x0 - x, y0 - y, size), x0, y0


def _window(plane: Array, x: int, y: int, width: int, height: int) -> Array:
    tall, wide = plane.shape
    x0, y0, x1, y1 = max(0, x), max(0, y), min(wide, x + width), min(tall, y + height)
    inside = plane[y0:y1, x0:x1]
    margins = ((y0 - y, y + height - y1), (x0 - x, x + width - x1))
    if any(side for pair in margins for side in pair):
        return np.pad(inside, margins, mode="edge")
    return inside

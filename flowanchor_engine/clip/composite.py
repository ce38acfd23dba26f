"""Bring the edit back: only inside the grown, feathered matte, sample for sample.

The border is made at the source's size: the matte is grown, a ramp of the feather's width
runs outwards from it and is exactly 0 beyond, and the alpha of the frames before fades in
(the causal VAE leaks an edit forward in time, never back). Where alpha is 0 the samples are
not computed but left alone.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from flowanchor_engine.clip.convert import quantise
from flowanchor_engine.clip.crop import Box, Geometry, restore
from flowanchor_engine.clip.matte import Mattes, extent

if TYPE_CHECKING:
    from flowanchor_engine.clip.colour import Colour, Float
    from flowanchor_engine.clip.planes import Array, Picture, PixelFormat

__all__ = ["Alpha", "Border", "EditedPlanes", "blend", "split"]

LEAK_FRAMES: Final = 4  # one latent: the strong response of the VAE ends about there


@dataclass(frozen=True)
class Alpha:
    """The share of the edit in a part of a frame; 0 outside the part.

    Parameters
    ----------
    values : ndarray (h, w), float32
        0..1.
    x, y : int
        Place of the part; even, so that subsampled colour is covered whole.
    """

    values: Float
    x: int
    y: int


class Border:
    """Alpha of every frame of the shot.

    Parameters
    ----------
    mattes : Mattes or None
        None edits the whole picture.
    grow_px, feather_px : float
        In pixels of a picture of 1080 lines, as the request has them.
    geometry : Geometry
        Alpha never reaches beyond what the model saw.
    """

    def __init__(
        self,
        mattes: Mattes | None,
        geometry: Geometry,
        *,
        width: int,
        height: int,
        grow_px: float,
        feather_px: float,
        leak_frames: int = LEAK_FRAMES,
    ) -> None:
        self._mattes, self._geometry = mattes, geometry
        self._size = width, height
        scale = height / 1080
        self.grow, self.feather = grow_px * scale, feather_px * scale
        self._leak = leak_frames
        self._made: OrderedDict[int, tuple[Float, Box] | None] = OrderedDict()

    @property
    def reach_px(self) -> float:
        """How far alpha reaches beyond the matte, in source pixels."""
        return max(0.0, self.grow) + self.feather

    def at(self, frame: int) -> Alpha | None:
        """Return a frame's alpha, or None where the original stays untouched."""
        width, height = self._size
        seen = self._geometry.box(frame)
        seen = max(0, seen[0]), max(0, seen[1]), min(width, seen[2]), min(height, seen[3])
        if self._mattes is None:
            return Alpha(
                np.ones((seen[3] - seen[1], seen[2] - seen[0]), np.float32), seen[0], seen[1]
            )
        parts = []
        for back in range(min(self._leak, frame) + 1):
            made = self._single(frame - back)
            if made is not None:
                parts.append((made, np.float32(1 - back / (self._leak + 1))))
        if not parts:
            return None
        boxes = [box for (_, box), _ in parts]
        x0 = max(seen[0], min(b[0] for b in boxes)) & ~1
        y0 = max(seen[1], min(b[1] for b in boxes)) & ~1
        x1, y1 = min(seen[2], max(b[2] for b in boxes)), min(seen[3], max(b[3] for b in boxes))
        if x1 <= x0 or y1 <= y0:
            return None
        total = np.zeros((y1 - y0, x1 - x0), np.float32)
        for (values, box), weight in parts:
            left, top = max(x0, box[0], seen[0]), max(y0, box[1], seen[1])
            right, bottom = min(x1, box[2]), min(y1, box[3])
            if right <= left or bottom <= top:
                continue
            part = values[top - box[1] : bottom - box[1], left - box[0] : right - box[0]]
            view = total[top - y0 : bottom - y0, left - x0 : right - x0]
            np.maximum(view, part * weight if weight < 1 else part, out=view)
        return Alpha(total, x0, y0) if total.any() else None

    def _single(self, frame: int) -> tuple[Float, Box] | None:
        if frame not in self._made:
            assert self._mattes is not None
            self._made[frame] = self._make(self._mattes, frame)
            while len(self._made) > self._leak + 2:
                self._made.popitem(last=False)
        return self._made[frame]

    def _make(self, mattes: Mattes, frame: int) -> tuple[Float, Box] | None:
        inner = mattes.boxes[frame]
        if inner is None:
            return None
        reach = int(np.ceil(self.reach_px)) + 2
        box = (
            max(0, inner[0] - reach),
            max(0, inner[1] - reach),
            min(self._size[0], inner[2] + reach),
            min(self._size[1], inner[3] + reach),
        )
        matte = mattes.at(frame)[box[1] : box[3], box[0] : box[2]]
        matte = _grown(matte, self.grow)
        values = matte.astype(np.float32) / np.float32(255)
        if self.feather > 0 and matte.any():
            away = cv2.distanceTransform((matte < 128).astype(np.uint8), cv2.DIST_L2, 5)
            ramp = np.clip(1 - away / np.float32(self.feather + 1), 0, 1)
            np.maximum(values, ramp * ramp * (3 - 2 * ramp), out=values)
        return (values, box) if values.any() else None


def _grown(matte: Array, grow: float) -> Array:
    radius = round(abs(grow))
    if not radius:
        return matte
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(matte, kernel) if grow > 0 else cv2.erode(matte, kernel)


@dataclass(frozen=True)
class EditedPlanes:
    """The model's picture as unit planes (Y, Cb, Cr or G, B, R) at the model's size."""

    planes: tuple[Float, ...]


def split(edited: Float, colour: Colour, pixels: PixelFormat) -> EditedPlanes:
    """Turn display RGB of the model (h, w, 3) in [-1, 1] into unit planes."""
    rgb = np.clip(edited * np.float32(0.5) + np.float32(0.5), 0, 1)
    return EditedPlanes(tuple(colour.planes_from_rgb(colour.from_display(rgb), pixels)))


def placed(
    edit: EditedPlanes, place: int, canvas: Picture, geometry: Geometry, frame: int
) -> tuple[Float, int, int]:
    """Return plane `place` of the edit in the samples of the canvas, and its corner."""
    pixels = canvas.format
    step_x, step_y = (1, 1)
    if pixels.is_chroma(place):
        step_x, step_y = 1 << pixels.sub_x, 1 << pixels.sub_y
    wide, tall = -(-geometry.width // step_x), -(-geometry.height // step_y)
    return restore(
        edit.planes[place], geometry.x[frame] / step_x, geometry.y[frame] / step_y, wide, tall
    )


def pooled(alpha: Float, step_x: int, step_y: int) -> Float:
    """Return alpha of subsampled colour: the mean, but 0 where any pixel of the block is 0."""
    if step_x == step_y == 1:
        return alpha
    tall, wide = alpha.shape
    padded = np.pad(alpha, ((0, -tall % step_y), (0, -wide % step_x)), mode="edge")
    views = [padded[i::step_y, j::step_x] for i in range(step_y) for j in range(step_x)]
    least = views[0]
    total = views[0].copy()
    for view in views[1:]:
        least = np.minimum(least, view)
        total += view
    total /= np.float32(len(views))
    total[least == 0] = 0
    return total


def blend(
    canvas: Picture,
    edit: EditedPlanes,
    colour: Colour,
    alpha: Alpha,
    geometry: Geometry,
    frame: int,
) -> None:
    """Mix the edit into a canvas, in place.

    Parameters
    ----------
    canvas : Picture
        Writable planes of the delivered format, holding the original.
    edit : EditedPlanes
    colour : Colour
        Of the canvas.
    """
    pixels = canvas.format
    for place in range(len(edit.planes)):
        step_x, step_y = (
            (1 << pixels.sub_x, 1 << pixels.sub_y) if pixels.is_chroma(place) else (1, 1)
        )
        weight = pooled(alpha.values, step_x, step_y)
        samples, left, top = placed(edit, place, canvas, geometry, frame)
        x, y = alpha.x // step_x, alpha.y // step_y
        tall, wide = weight.shape
        plane = canvas.planes[place]
        wide, tall = min(wide, plane.shape[1] - x), min(tall, plane.shape[0] - y)
        weight = weight[:tall, :wide]
        view = plane[y : y + tall, x : x + wide]
        new = _inside(samples, x - left, y - top, wide, tall)
        new = colour.codes(new, pixels, place)
        old = view.astype(np.float32)
        new -= old
        new *= weight
        new += old
        # Rounding old + 0 * (new - old) gives old again: untouched samples are exact.
        view[...] = quantise(new, pixels)


def _inside(samples: Float, x: int, y: int, width: int, height: int) -> Float:
    tall, wide = samples.shape
    if x >= 0 and y >= 0 and x + width <= wide and y + height <= tall:
        return samples[y : y + height, x : x + width].copy()
    rows = np.clip(np.arange(y, y + height), 0, tall - 1)
    columns = np.clip(np.arange(x, x + width), 0, wide - 1)
    return samples[np.ix_(rows, columns)]


class EdgeMatch:
    """Matches the edit's colour to the original just outside the matte.

    What lies outside the matte should not have changed; the mean difference in a ring
    there is what the model shifted by accident, and is taken off the whole edit. Smoothed
    over time so that it never flickers.
    """

    def __init__(self, keep: float = 0.8) -> None:
        self._keep = keep
        self._offset: Float | None = None

    def apply(self, edited: Float, original: Float, matte: Float) -> Float:
        """Return the edit (h, w, 3) in [-1, 1] with the ring's colour of the original.

        Parameters
        ----------
        matte : ndarray (h, w), float32
            The model's matte, 0..1.
        """
        inside = (matte > 0).astype(np.uint8)
        near = max(3, min(matte.shape) // 40)
        inner = cv2.dilate(inside, np.ones((2 * near + 1,) * 2, np.uint8))
        outer = cv2.dilate(inner, np.ones((4 * near + 1,) * 2, np.uint8))
        ring = (outer > 0) & (inner == 0)
        if np.count_nonzero(ring) >= 32:
            offset = (original[ring] - edited[ring]).mean(axis=0).astype(np.float32)
            if self._offset is not None:
                offset = np.float32(self._keep) * self._offset + np.float32(1 - self._keep) * offset
            self._offset = offset
        return edited if self._offset is None else edited + self._offset


def bounds(alpha: Alpha) -> Box | None:
    """Return the extent of an alpha in the frame."""
    found = extent(alpha.values)
    if found is None:
        return None
    return found[0] + alpha.x, found[1] + alpha.y, found[2] + alpha.x, found[3] + alpha.y

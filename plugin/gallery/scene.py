"""A generated shot for pictures of the panel: a figure walks across a wet street at dusk.

Everything is drawn by distance functions in numpy, so the gallery needs no file. The edited
version differs from the plain one inside the matte alone, as a patch does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["FRAMES", "Scene"]

FRAMES: Final = 81

Plane = NDArray[np.float32]
Colour = tuple[float, float, float]

_SKY_TOP: Final[Colour] = (0.10, 0.13, 0.20)
_SKY_LOW: Final[Colour] = (0.46, 0.36, 0.34)
_GREY_JACKET: Final[Colour] = (0.46, 0.47, 0.50)
_RED_JACKET: Final[Colour] = (0.62, 0.07, 0.08)


@dataclass(frozen=True)
class Scene:
    """The shot at a size; frames are drawn on demand."""

    width: int = 640
    height: int = 360
    seed: int = 4217

    def _grid(self) -> tuple[Plane, Plane]:
        return _coordinates(self.width, self.height)

    def _cover(self, distance: Plane, soft: float = 0.0) -> Plane:
        return _cover(distance, max(soft, 0.75 / self.height))

    def _centre(self, frame: int) -> float:
        aspect = self.width / self.height
        return aspect * (0.26 + 0.46 * frame / (FRAMES - 1))

    def _torso(self, frame: int) -> Plane:
        x, y = self._grid()
        cx = self._centre(frame)
        bob = 0.008 * np.sin(frame * 0.55)
        body = _round_box(x, y, cx, 0.52 + bob, 0.068, 0.115, 0.045)
        swing = 0.05 * np.sin(frame * 0.275)
        arms = np.minimum(
            _capsule(x, y, (cx - 0.055, 0.44 + bob), (cx - 0.075 + swing, 0.60 + bob), 0.024),
            _capsule(x, y, (cx + 0.055, 0.44 + bob), (cx + 0.075 - swing, 0.60 + bob), 0.024),
        )
        return np.minimum(body, arms).astype(np.float32)

    def matte(self, frame: int, *, grow: float = 0.008, feather: float = 0.012) -> Plane:
        """Return the composite matte of a frame, 0..1; distances in picture heights."""
        distance = self._torso(frame) - grow
        share: Plane = np.clip(1 - distance / feather, 0, 1).astype(np.float32)
        return share

    def before(self, frame: int) -> NDArray[np.uint8]:
        """Return a frame of the shot, shape (height, width, 3)."""
        return self._picture(frame, _GREY_JACKET, gloss=0.05)

    def after(self, frame: int) -> NDArray[np.uint8]:
        """Return the edited frame: red leather, and the original outside the matte."""
        share = self.matte(frame)[..., None]
        plain = self.before(frame).astype(np.float32)
        edited = self._picture(frame, _RED_JACKET, gloss=0.5).astype(np.float32)
        return np.rint(plain + share * (edited - plain)).astype(np.uint8)

    def rough(self, frame: int, share: float) -> NDArray[np.uint8]:
        """Return a coarse mixture as an early preview shows it."""
        plain, edited = self.before(frame), self.after(frame)
        mixed = plain + share * (edited.astype(np.float32) - plain)
        rows = np.minimum(np.arange(self.height) // 8 * 8 + 4, self.height - 1)
        columns = np.minimum(np.arange(self.width) // 8 * 8 + 4, self.width - 1)
        coarse = mixed[rows][:, columns]
        inside = self.matte(frame)[..., None]
        return np.rint(plain + inside * (coarse - plain)).astype(np.uint8)

    def attention(self, frame: int, word: int) -> Plane:
        """Return a word's attention over the picture, 0..1: torso, or torso and around."""
        width = (0.03, 0.06, 0.12)[word % 3]
        distance = np.maximum(self._torso(frame), 0)
        heat = np.exp(-((distance / width) ** 2))
        rng = np.random.default_rng(100 + word)
        coarse = rng.random((self.height // 40 + 1, self.width // 40 + 1), dtype=np.float32)
        noise = coarse.repeat(40, 0).repeat(40, 1)[: self.height, : self.width]
        return np.clip(heat * 0.9 + noise * 0.12, 0, 1).astype(np.float32)

    def _picture(self, frame: int, jacket: Colour, *, gloss: float) -> NDArray[np.uint8]:
        x, y = self._grid()
        picture = _backdrop(self.width, self.height)
        cx = self._centre(frame)
        bob = 0.008 * float(np.sin(frame * 0.55))
        stride = 0.07 * float(np.sin(frame * 0.275))
        trousers = np.array([0.11, 0.12, 0.16], np.float32)
        for side in (-1, 1):
            leg = _capsule(x, y, (cx + side * 0.02, 0.62), (cx + side * stride, 0.83), 0.028)
            shoe = _capsule(
                x, y, (cx + side * stride, 0.845), (cx + side * stride + 0.03, 0.85), 0.016
            )
            picture = _over(picture, self._cover(leg), trousers * (1.0 + 0.15 * side))
            picture = _over(picture, self._cover(shoe), np.array([0.05, 0.05, 0.06], np.float32))
        puddle = _ellipse(x, y, cx, 0.90, 0.16, 0.022)
        picture = _over(picture, self._cover(puddle, 0.03) * 0.55, trousers * 0.5)
        torso = self._torso(frame)
        shade = np.clip(0.85 - 2.2 * (x - cx), 0.55, 1.25)[..., None]
        cloth = np.array(jacket, np.float32) * shade
        fold = np.exp(-(((x - cx + 0.028 + 0.05 * (y - 0.5)) / 0.012) ** 2))[..., None]
        cloth = cloth + gloss * fold * np.array([1.0, 0.82, 0.78], np.float32)
        picture = _over(picture, self._cover(torso), cloth)
        zip_line = self._cover(_capsule(x, y, (cx, 0.43 + bob), (cx, 0.62 + bob), 0.002))
        picture = _over(picture, zip_line * 0.7, np.array(jacket, np.float32) * 0.4)
        head = _ellipse(x, y, cx + 0.006, 0.345 + bob, 0.042, 0.053)
        picture = _over(picture, self._cover(head), np.array([0.78, 0.60, 0.49], np.float32))
        hair = np.maximum(_ellipse(x, y, cx - 0.002, 0.328 + bob, 0.047, 0.050), (y - 0.335 - bob))
        picture = _over(picture, self._cover(hair), np.array([0.12, 0.09, 0.08], np.float32))
        grain = np.random.default_rng(self.seed + frame).normal(
            0, 0.012, (self.height, self.width, 1)
        )
        return np.rint(np.clip(picture + grain, 0, 1) * 255).astype(np.uint8)


@lru_cache(maxsize=2)
def _coordinates(width: int, height: int) -> tuple[Plane, Plane]:
    # Coordinates with y from 0 (top) to 1 and square pixels, so that circles are round.
    y = (np.arange(height, dtype=np.float32) + 0.5) / height
    x = (np.arange(width, dtype=np.float32) + 0.5) / height
    across, down = np.meshgrid(x, y)
    return across.astype(np.float32), down.astype(np.float32)


def _cover(distance: Plane, edge: float) -> Plane:
    share: Plane = np.clip(0.5 - distance / (2 * edge), 0, 1).astype(np.float32)
    return share


@lru_cache(maxsize=2)
def _backdrop(width: int, height: int) -> NDArray[np.float32]:
    x, y = _coordinates(width, height)
    edge = 0.75 / height
    horizon = 0.62
    t = np.clip(y / horizon, 0, 1)[..., None]
    picture = (1 - t) * np.array(_SKY_TOP, np.float32) + t * np.array(_SKY_LOW, np.float32)
    rng = np.random.default_rng(7)
    for i in range(9):  # houses with lit windows
        left = i * 0.21 - 0.04
        top = 0.12 + 0.22 * float(rng.random())
        wall = np.array([0.15, 0.15, 0.18], np.float32) * (0.75 + 0.5 * float(rng.random()))
        body = _box(x, y, left + 0.1, (top + horizon) / 2, 0.095, (horizon - top) / 2)
        picture = _over(picture, _cover(body, edge), wall)
        for row in range(6):
            for column in range(3):
                lit = float(rng.random())
                cx, cy = left + 0.045 + 0.055 * column, top + 0.05 + 0.08 * row
                if cy > horizon - 0.05:
                    continue
                window = _cover(_box(x, y, cx, cy, 0.013, 0.022), edge)
                warm = np.array([0.96, 0.76, 0.40], np.float32) * (0.25 + 0.75 * lit)
                picture = _over(picture, window * (0.9 if lit > 0.45 else 0.12), warm)
    street = np.clip((y - horizon) / (1 - horizon), 0, 1)
    # The wet street mirrors what stands above it, darker and broken by ripples.
    rows = np.clip(2 * horizon - y[:, 0], 0, 1)
    ripple = (0.006 * np.sin(140 * y[:, 0])).astype(np.float32)
    source = np.clip(((rows + ripple) * height).astype(int), 0, height - 1)
    mirror = picture[source] * 0.42 + np.array([0.05, 0.055, 0.07], np.float32)
    wet = (y > horizon)[..., None]
    picture = np.where(wet, mirror * (1 - 0.35 * street[..., None]), picture)
    kerb = _cover(np.abs(y - horizon) - 0.004, edge)
    return _over(picture, kerb * 0.7, np.array([0.30, 0.30, 0.33], np.float32))


def _over(picture: NDArray[np.float32], cover: Plane, colour: Plane) -> NDArray[np.float32]:
    return (picture + cover[..., None] * (colour - picture)).astype(np.float32)


def _box(x: Plane, y: Plane, cx: float, cy: float, half_w: float, half_h: float) -> Plane:
    far = np.maximum(np.abs(x - cx) - half_w, np.abs(y - cy) - half_h)
    return np.asarray(far, np.float32)


def _round_box(
    x: Plane, y: Plane, cx: float, cy: float, half_w: float, half_h: float, radius: float
) -> Plane:
    dx = np.abs(x - cx) - half_w + radius
    dy = np.abs(y - cy) - half_h + radius
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    distance: Plane = (outside + np.minimum(np.maximum(dx, dy), 0) - radius).astype(np.float32)
    return distance


def _ellipse(x: Plane, y: Plane, cx: float, cy: float, half_w: float, half_h: float) -> Plane:
    scale = min(half_w, half_h)
    far = (np.hypot((x - cx) / half_w, (y - cy) / half_h) - 1) * scale
    return np.asarray(far, np.float32)


def _capsule(
    x: Plane, y: Plane, start: tuple[float, float], stop: tuple[float, float], radius: float
) -> Plane:
    ax, ay = start
    bx, by = stop[0] - ax, stop[1] - ay
    along = np.clip(((x - ax) * bx + (y - ay) * by) / max(bx * bx + by * by, 1e-9), 0, 1)
    distance: Plane = (np.hypot(x - ax - along * bx, y - ay - along * by) - radius).astype(
        np.float32
    )
    return distance

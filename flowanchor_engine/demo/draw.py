"""From a scene to pixels: antialiased shapes, shading, surface patterns, exact masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flowanchor_engine.demo.scenes import (
    BACKGROUND_COLOURS,
    COLOURS,
    Background,
    Scene,
    SceneObject,
)

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Rendering:
    """Pixels of a scene and which object owns them.

    Attributes
    ----------
    frames : uint8 array, shape (F, H, W, 3), RGB
    coverage : float32 array, shape (objects, F, H, W), in [0, 1]
        Visible share of every pixel that an object covers.
    """

    frames: NDArray[np.uint8]
    coverage: NDArray[np.float32]

    @property
    def masks(self) -> NDArray[np.bool_]:
        """(objects, F, H, W): every pixel that the object touches, soft edge included."""
        return self.coverage > 0

    @property
    def background_mask(self) -> NDArray[np.bool_]:
        """(F, H, W): every pixel in which some background shows."""
        return np.asarray(self.coverage.sum(0) < 1, np.bool_)


def render(scene: Scene) -> Rendering:
    """Draw every frame of a scene.

    Returns
    -------
    Rendering
        Frames (F, H, W, 3) in uint8 and the coverage of every object.
    """
    behind = _draw_background(scene.background, scene.width, scene.height)
    picture = np.repeat(behind[None], scene.frames, 0)
    coverage = np.zeros((len(scene.objects), scene.frames, scene.height, scene.width), np.float32)
    for index, item in enumerate(scene.objects):
        y_slice, x_slice = _reach(item, scene)
        path = np.asarray(item.path, np.float32)
        x = np.arange(x_slice.start, x_slice.stop, dtype=np.float32)[None, None] + 0.5
        y = np.arange(y_slice.start, y_slice.stop, dtype=np.float32)[None, :, None] + 0.5
        x, y = np.broadcast_arrays(x - path[:, 0, None, None], y - path[:, 1, None, None])
        alpha = np.clip(0.5 - signed_distance(item.shape, x, y, item.radius_px), 0, 1)
        paint = _surface(item, x, y)
        window = (slice(None), y_slice, x_slice)
        soft = alpha[..., None]
        picture[window] = picture[window] * (1 - soft) + paint * soft
        coverage[:index][(slice(None), *window)] *= 1 - alpha
        coverage[index][window] = alpha
    return Rendering(np.clip(picture, 0, 255).astype(np.uint8), coverage)


def _reach(item: SceneObject, scene: Scene) -> tuple[slice, slice]:
    """Rows and columns that the object can touch during the clip: the rest is not computed."""
    path = np.asarray(item.path)
    margin_px = 1.4 * item.radius_px + 2
    low = np.floor(path.min(0) - margin_px).astype(int)
    high = np.ceil(path.max(0) + margin_px).astype(int)
    x = slice(max(0, int(low[0])), min(scene.width, int(high[0])))
    y = slice(max(0, int(low[1])), min(scene.height, int(high[1])))
    return y, x


def signed_distance(shape: str, x: FloatArray, y: FloatArray, radius_px: float) -> FloatArray:
    """Approximate distance to the outline in pixels, negative inside; y points down."""
    r = radius_px
    result: FloatArray
    if shape == "ball":
        result = np.hypot(x, y) - r
    elif shape == "square":
        result = np.maximum(np.abs(x), np.abs(y)) - 0.84 * r
    elif shape == "triangle":
        low = y - 0.18 * r
        sides = (np.abs(np.float32(np.sqrt(3.0)) * x) - low) / 2
        result = np.maximum(low, sides) - 0.62 * r
    elif shape == "star":
        result = _star_distance(x, y, r)
    elif shape == "ring":
        result = np.abs(np.hypot(x, y) - 0.72 * r) - 0.28 * r
    elif shape == "cross":
        arm = 0.33 * r
        across, along = np.abs(x), np.abs(y)
        flat = np.maximum(across - r, along - arm)
        upright = np.maximum(across - arm, along - r)
        result = np.minimum(flat, upright)
    else:
        raise ValueError(f"unknown shape {shape!r}")
    return result


def _star_distance(x: FloatArray, y: FloatArray, r: float) -> FloatArray:
    """Fold the plane onto half a point of the star, then measure to its one edge."""
    sector = 2 * np.pi / 5
    angle = np.arctan2(x, -y)
    folded = np.abs((angle + sector / 2) % sector - sector / 2)
    distance = np.hypot(x, y)
    px, py = distance * np.cos(folded), distance * np.sin(folded)
    tip, notch = 1.12 * r, 0.5 * r
    edge_x, edge_y = notch * np.cos(sector / 2) - tip, notch * np.sin(sector / 2)
    result: FloatArray = ((px - tip) * edge_y - py * edge_x) / np.hypot(edge_x, edge_y)
    return result


def _surface(item: SceneObject, x: FloatArray, y: FloatArray) -> FloatArray:
    """Colour of the object at every pixel: shading first, then the pattern of its material."""
    r = item.radius_px
    colour = np.array(COLOURS[item.colour], np.float32)
    if item.shape == "ball":
        shade = 1.12 - 0.45 * np.clip(np.hypot(x + 0.35 * r, y + 0.35 * r) / (1.4 * r), 0, 1)
        glint = np.clip(1 - np.hypot(x + 0.38 * r, y + 0.38 * r) / (0.35 * r), 0, 1)
        paint: FloatArray = colour * shade[..., None] + glint[..., None] * 90
    else:
        paint = colour * (1.0 - 0.12 * (y / r)[..., None])
    if item.material == "plain":
        return paint
    period = max(8.0, 0.55 * r)
    turn = 2 * np.pi / period
    if item.material == "striped":
        light = 3 * np.sin(turn * (x + y) * 0.7071 + 2 * np.pi * item.phase) + 0.5
    elif item.material == "checkered":
        light = 5 * np.sin(turn * x / 1.3) * np.sin(turn * y / 1.3) + 0.5
    elif item.material == "dotted":
        light = 2 * (np.cos(turn * x) + np.cos(turn * y) - 0.7) + 0.5
    else:
        raise ValueError(f"unknown material {item.material!r}")
    light = np.clip(light, 0, 1)[..., None].astype(np.float32)
    result: FloatArray = paint * (1 - light) + light * 245
    return result


def _draw_background(background: Background, width: int, height: int) -> FloatArray:
    rng = np.random.default_rng(background.seed)
    colour = np.array(BACKGROUND_COLOURS[background.colour], np.float32)
    if background.kind == "gradient":
        angle = rng.uniform(0, 2 * np.pi)
        x = (np.arange(width, dtype=np.float32)[None] + 0.5 - width / 2) / (max(width, height) / 2)
        y = (np.arange(height, dtype=np.float32)[:, None] + 0.5 - height / 2) / (
            max(width, height) / 2
        )
        light = 45 * (x * np.cos(angle) + y * np.sin(angle))
    elif background.kind == "noisy":
        light = 22 * (
            _smooth_noise(rng, width, height, 16) + 0.6 * _smooth_noise(rng, width, height, 8)
        )
    elif background.kind == "plain":
        light = np.zeros((height, width))
    else:
        raise ValueError(f"unknown background {background.kind!r}")
    return np.asarray(colour + light[..., None], np.float32)


def _smooth_noise(
    rng: np.random.Generator, width: int, height: int, cell_px: int
) -> NDArray[np.float64]:
    """Value noise with one random value every `cell_px`, joined by smoothstep."""
    grid = rng.standard_normal((height // cell_px + 1, width // cell_px + 1))
    (row, fy), (column, fx) = (_cells(height, cell_px), _cells(width, cell_px))
    top = grid[row][:, column] * (1 - fx) + grid[row][:, column + 1] * fx
    bottom = grid[row + 1][:, column] * (1 - fx) + grid[row + 1][:, column + 1] * fx
    return np.asarray(top * (1 - fy[:, None]) + bottom * fy[:, None], np.float64)


def _cells(size_px: int, cell_px: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    place = np.arange(size_px) / cell_px
    cell = place.astype(np.int64)
    share = place - cell
    return cell, share * share * (3 - 2 * share)

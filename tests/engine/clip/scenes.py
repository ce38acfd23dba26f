"""Generated scenes with exact masks: one object over a moving background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Scene:
    """A recipe; angles in radians, growth as share, both per frame."""

    shape: str
    turn: float = 0.0
    grow: float = 0.0
    textured: bool = True
    seed: int = 0
    frames: int = 33
    size: tuple[int, int] = (240, 160)

    def __str__(self) -> str:
        return f"{self.shape}-{'texture' if self.textured else 'flat'}-{self.turn}-{self.seed}"


def _noise(
    rng: np.random.Generator, wide: int, tall: int, cell: int, strength: float
) -> np.ndarray:
    coarse = rng.random((tall // cell + 2, wide // cell + 2)).astype(np.float32)
    return (cv2.resize(coarse, (wide, tall), interpolation=cv2.INTER_CUBIC) - 0.5) * strength


def _outline(shape: str, radius: float, angle: float) -> np.ndarray:
    if shape == "circle":
        angles, radii = np.linspace(0, 2 * np.pi, 80, endpoint=False), np.full(80, radius)
    elif shape == "square":
        angles, radii = np.pi / 4 + np.arange(4) * np.pi / 2, np.full(4, 1.2 * radius)
    else:
        angles, radii = np.arange(10) * np.pi / 5, np.where(np.arange(10) % 2, 1.25, 0.65) * radius
    return np.stack([radii * np.cos(angles + angle), radii * np.sin(angles + angle)], axis=1)


def render(scene: Scene, *, hidden: range = range(0)) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (F, h, w, 3) and exact masks (F, h, w), both uint8.

    On the frames `hidden` a wall stands before the object's place; its mask is then empty.
    """
    rng = np.random.default_rng(scene.seed)
    wide, tall = scene.size
    ground = np.stack(
        [_noise(rng, wide + 80, tall + 80, 12, 80) + rng.uniform(60, 190) for _ in range(3)], 2
    )
    colour = (ground.mean(axis=(0, 1)) + rng.choice([-1, 1], 3) * rng.uniform(60, 90, 3)).clip(
        20, 235
    )
    skin = np.stack([_noise(rng, 200, 200, 9, 60 if scene.textured else 0) + c for c in colour], 2)
    radius = 0.16 * tall
    place = np.array([wide, tall]) * rng.uniform(0.35, 0.65, 2)
    speed, drift = rng.uniform(-3, 3, 2), rng.uniform(-1, 1, 2)
    pictures, masks = [], []
    for t in range(scene.frames):
        back = cv2.warpAffine(
            ground,
            np.float32([[1, 0, -40 + drift[0] * t], [0, 1, -40 + drift[1] * t]]),
            (wide, tall),
        )
        angle, scale, fine = scene.turn * t, 1 + scene.grow * t, 4
        mask = np.zeros((tall * fine, wide * fine), np.uint8)
        corners = (place + _outline(scene.shape, radius * scale, angle)) * fine
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 255)
        mask = cv2.resize(mask, (wide, tall), interpolation=cv2.INTER_AREA)
        c, s = np.cos(angle) * scale, np.sin(angle) * scale
        turn = np.float32([[c, -s, place[0] - 100 * (c - s)], [s, c, place[1] - 100 * (s + c)]])
        front = cv2.warpAffine(skin, turn, (wide, tall), borderMode=cv2.BORDER_REFLECT)
        share = (mask / 255.0)[..., None]
        picture = back * (1 - share) + front * share
        if t in hidden:
            x0, y0 = (max(0, int(v - 2.2 * radius)) for v in place)
            x1, y1 = (int(v + 2.2 * radius) for v in place)
            wall = 90 + _noise(rng, wide, tall, 5, 40)[..., None]
            picture[y0:y1, x0:x1] = wall[y0:y1, x0:x1]
            mask = np.zeros_like(mask)
        noisy = picture + rng.normal(0, 2, picture.shape)
        pictures.append(noisy.clip(0, 255).astype(np.uint8))
        masks.append(mask)
        place += speed
        for axis, limit in ((0, wide), (1, tall)):
            margin = 1.3 * radius * (1 + scene.grow * scene.frames)
            if not margin < place[axis] < limit - margin:
                speed[axis] *= -1
                place[axis] += 2 * speed[axis]
    return np.stack(pictures), np.stack(masks)

"""Where a picture lies in a viewport, in whole device pixels; pure numbers, no widget.

Lengths are device pixels unless a name says otherwise. A point of the picture is a pair 0..1
from its top left corner, the same at every size of proxy, zoom and screen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["FIT", "ZOOM_MAXIMUM", "Box", "View", "split", "zoomed"]

FIT: Final = 0.0
"""The zoom that means: as large as the viewport allows."""

ZOOM_MAXIMUM: Final = 32.0


@dataclass(frozen=True)
class Box:
    """A rectangle of whole device pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column to its right."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below."""
        return self.y + self.height

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.width <= 0 or self.height <= 0

    def crossed(self, other: Box) -> Box:
        """Return what two rectangles share; empty where they do not meet."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Box(left, top, max(0, right - left), max(0, bottom - top))

    def contains(self, x: float, y: float) -> bool:
        """Whether a point lies inside."""
        return self.x <= x < self.right and self.y <= y < self.bottom


@dataclass(frozen=True)
class View:
    """A picture in a viewport.

    Attributes
    ----------
    viewport : Box
        What may be painted.
    picture : (int, int)
        Width and height in picture pixels, each >= 1.
    zoom : float
        Device pixels per picture pixel; 0 fits the picture into the viewport.
    pan : (float, float)
        Where the viewport's centre looks, from the picture's centre, as shares of the
        picture; (0, 0) is centred. Without effect while the picture is fitted.
    """

    viewport: Box
    picture: tuple[int, int]
    zoom: float = FIT
    pan: tuple[float, float] = (0.0, 0.0)

    @property
    def fit_scale(self) -> float:
        """Device pixels per picture pixel of the fitted picture."""
        width, height = self.picture
        return max(
            1 / max(width, height), min(self.viewport.width / width, self.viewport.height / height)
        )

    @property
    def scale(self) -> float:
        """Device pixels per picture pixel."""
        return self.zoom if self.zoom > 0 else self.fit_scale

    @property
    def target(self) -> Box:
        """The whole picture's rectangle; it may reach beyond the viewport."""
        width = max(1, round(self.picture[0] * self.scale))
        height = max(1, round(self.picture[1] * self.scale))
        pan_x, pan_y = self.pan if self.zoom > 0 else (0.0, 0.0)
        return Box(
            self.viewport.x + math.floor(self.viewport.width / 2 - (0.5 + pan_x) * width + 0.5),
            self.viewport.y + math.floor(self.viewport.height / 2 - (0.5 + pan_y) * height + 0.5),
            width,
            height,
        )

    @property
    def visible(self) -> Box:
        """The part of `target` inside the viewport."""
        return self.target.crossed(self.viewport)

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Return the picture point under a device point; beyond 0..1 outside the picture."""
        target = self.target
        return (x - target.x) / target.width, (y - target.y) / target.height

    def to_device(self, u: float, v: float) -> tuple[float, float]:
        """Return the device point of a picture point."""
        target = self.target
        return target.x + u * target.width, target.y + v * target.height


def zoomed(view: View, *, factor: float, x: float, y: float) -> tuple[float, tuple[float, float]]:
    """Return zoom and pan that scale by `factor` and keep the picture under a device point.

    Passing 1:1 stops there, so that whole pixels are easy to hit; less than the fitted size
    becomes the fitted size.
    """
    old = view.scale
    new = min(old * factor, ZOOM_MAXIMUM)
    if (old < 1 < new) or (new < 1 < old):
        new = 1.0
    if new <= view.fit_scale * 1.001 and factor < 1:
        return FIT, (0.0, 0.0)
    u, v = view.to_picture(x, y)
    centre_x = view.viewport.x + view.viewport.width / 2
    centre_y = view.viewport.y + view.viewport.height / 2
    pan_x = u - 0.5 - (x - centre_x) / (new * view.picture[0])
    pan_y = v - 0.5 - (y - centre_y) / (new * view.picture[1])
    return new, (_half(pan_x), _half(pan_y))


def _half(value: float) -> float:
    return min(0.5, max(-0.5, value))


def split(viewport: Box, picture: tuple[int, int], *, gap: int) -> tuple[Box, Box]:
    """Return two viewports, side by side or one above the other, whichever shows more.

    Both have the same size, so that the same zoom and pan show the same part.
    """
    half_width = max(1, (viewport.width - gap) // 2)
    half_height = max(1, (viewport.height - gap) // 2)
    width, height = picture
    beside = min(half_width / width, viewport.height / height)
    above = min(viewport.width / width, half_height / height)
    if beside >= above:
        return (
            Box(viewport.x, viewport.y, half_width, viewport.height),
            Box(viewport.right - half_width, viewport.y, half_width, viewport.height),
        )
    return (
        Box(viewport.x, viewport.y, viewport.width, half_height),
        Box(viewport.x, viewport.bottom - half_height, viewport.width, half_height),
    )

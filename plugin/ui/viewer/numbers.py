"""The printed line of the difference: what changed inside and outside the matte.

Numbers of the engine are exact: full size, what will be seen. Where it has not measured yet,
the same sums over the proxies are shown and say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from flowanchor_engine.protocol import Measured
from plugin.locale import number, tr
from plugin.ui.viewer.difference import Bytes, Change, absolute, change
from plugin.ui.viewer.frames import image_of, pixels_of
from plugin.ui.viewer.pictures import Picture

__all__ = ["Numbers", "Reading", "exact", "line"]

_KEPT: Final = 2048


@dataclass(frozen=True)
class Reading:
    """The change of one frame and where its numbers come from."""

    change: Change
    measured: bool  # by the engine at full size; else at the size of the proxies


def exact(measured: Measured, index: int, *, matte: bool) -> Change | None:
    """Return the engine's numbers of one frame of a take; None beyond its ends.

    Parameters
    ----------
    matte : bool
        Whether there is a matte; without one nothing lies outside.
    """
    if not 0 <= index < len(measured.inside):
        return None
    if not matte:
        return Change(measured.inside[index], measured.inside_max[index], None, 0)
    return Change(
        measured.inside[index],
        measured.inside_max[index],
        measured.outside[index],
        measured.outside_max[index],
    )


def line(reading: Reading) -> str:
    """Return the line as a person reads it: 'inside 14.20, outside 0.00 (max 0)'."""
    told = reading.change
    inside = tr("viewer.no_pixels") if told.inside is None else number(told.inside, 2)
    if told.outside is None:
        text = tr("say.viewer.numbers_whole", inside=inside, maximum=told.inside_max)
    else:
        text = tr(
            "say.viewer.numbers",
            inside=inside,
            outside=number(told.outside, 2),
            maximum=told.outside_max,
        )
    return text if reading.measured else f"{text} {tr('viewer.proxy')}"


class Numbers:
    """Computes the change at proxy size, once per frame and pair of pictures."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Change] = {}

        self._last: tuple[tuple[object, ...], Bytes] | None = None

    def clear(self) -> None:
        """Forget everything, as when another shot is opened."""
        self._known.clear()
        self._last = None

    def changed(self, first: Picture, second: Picture, frame: int) -> Bytes | None:
        """Return the absolute difference of two pictures of one frame, at the first one's size.

        The newest one is kept: the picture and the numbers are made of the same.
        """
        one, two = first.index(frame), second.index(frame)
        if one is None or two is None:
            return None
        key = (first.key, one, second.key, two)
        if self._last is None or self._last[0] != key:
            self._last = (key, _absolute(first, second, one, two))
        return self._last[1]

    def proxy(
        self, first: Picture, second: Picture, matte: Picture | None, frame: int
    ) -> Change | None:
        """Return the change between two pictures of one frame; None where one has no frame."""
        one, two = first.index(frame), second.index(frame)
        if one is None or two is None:
            return None
        key = (first.key, one, second.key, two, None if matte is None else matte.key)
        known = self._known.get(key)
        if known is None:
            changed = self.changed(first, second, frame)
            if changed is None:
                return None
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[key] = change(changed, _cover(matte, frame, first.size))
        return known


def _absolute(first: Picture, second: Picture, one: int, two: int) -> Bytes:
    left, right = first.frames.frame(one), second.frames.frame(two)
    if left.shape != right.shape:  # a take at half size is compared at the size of the shot
        right = pixels_of(_resized(image_of(right), first.size))
    return absolute(left, right)


def _cover(matte: Picture | None, frame: int, size: tuple[int, int]) -> Bytes | None:
    cover = None if matte is None else matte.pixels(frame)
    if cover is None or (cover.shape[1], cover.shape[0]) == size:
        return cover
    # any share of matte counts as inside, also after scaling
    touched = image_of(np.where(cover > 0, np.uint8(255), np.uint8(0)))
    image = _resized(touched, size)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    scaled: Bytes = rows[:, : image.width()].copy()
    return scaled


def _resized(image: QImage, size: tuple[int, int]) -> QImage:
    return image.scaled(
        *size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )

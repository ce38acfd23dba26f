"""A contact sheet of a mask: a few of its frames over a chequered ground, for the eye."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from resolve_bridge.fusion.raster import frame

if TYPE_CHECKING:
    from resolve_bridge.fusion.coverage import Matte
    from resolve_bridge.fusion.mask import Mask

__all__ = ["contact_sheet"]

Picture = NDArray[np.uint8]

_MASKED = np.array([60.0, 140.0, 255.0])
_OUTLINE = (255, 255, 255)


def contact_sheet(
    mask: Mask, *, tiles: int = 12, columns: int = 4, tile_width_px: int = 480
) -> Picture:
    """Draw evenly spread frames of a mask.

    Parameters
    ----------
    mask : Mask
    tiles : int, >= 1
        Frames shown, at most as many as there are.
    columns : int, >= 1
    tile_width_px : int, >= 16

    Returns
    -------
    uint8, shape (height, width, 3), BGR
    """
    count = min(tiles, len(mask))
    shown = np.unique(np.linspace(0, len(mask) - 1, count).round().astype(int))
    pictures = [_tile(frame(mask, int(k)), mask.times[int(k)], tile_width_px) for k in shown]
    across = min(columns, len(pictures))
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // across)
    gap = 6
    sheet = np.full((rows * (height + gap) + gap, across * (width + gap) + gap, 3), 24, np.uint8)
    for index, picture in enumerate(pictures):
        y = gap + (index // across) * (height + gap)
        x = gap + (index % across) * (width + gap)
        sheet[y : y + height, x : x + width] = picture
    return sheet


def _tile(matte: Matte, time: float, width: int) -> Picture:
    height = max(1, round(matte.shape[0] * width / matte.shape[1]))
    small = cv2.resize(matte, (width, height), interpolation=cv2.INTER_AREA)
    rows, columns = np.indices((height, width)) // 16
    ground = np.where((rows + columns) % 2 == 0, 70.0, 92.0)[..., None]
    mixed = ground + (_MASKED * (0.35 + ground / 150.0) - ground) * small[..., None]
    picture: Picture = np.clip(mixed, 0, 255).astype(np.uint8)
    outlines, _ = cv2.findContours((small >= 0.5).astype(np.uint8), cv2.RETR_LIST,
                                   cv2.CHAIN_APPROX_NONE)  # fmt: skip
    cv2.drawContours(picture, outlines, -1, _OUTLINE, 1, cv2.LINE_AA)
    cv2.putText(picture, f"{time:g}", (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (235, 235, 235), 1,
                cv2.LINE_AA)  # fmt: skip
    return picture

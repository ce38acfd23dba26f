"""Pictures that the mock makes up: a disc that crosses a drifting gradient."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["disc", "heat", "picture", "png"]

_SOURCE: Final = np.array([96, 104, 120], np.float32)
_EDITED: Final = np.array([190, 44, 40], np.float32)


def _away(number: int, frames: int, width: int, height: int) -> NDArray[np.float32]:
    """How far every pixel lies outside the disc of a frame, in pixels; negative inside."""
    share = number / max(1, frames - 1)
    centre = (width * (0.25 + 0.5 * share), height * (0.5 + 0.1 * np.sin(6.3 * share)))
    rows, columns = np.ogrid[:height, :width]
    away = np.hypot(columns + 0.5 - centre[0], rows + 0.5 - centre[1]) - 0.22 * height
    return np.asarray(away, np.float32)


def disc(
    number: int, frames: int, width: int, height: int, *, grow_px: float, feather_px: float
) -> NDArray[np.uint8]:
    """Return the matte of the disc, (h, w)."""
    away = _away(number, frames, width, height) - np.float32(grow_px)
    alpha = np.clip(1 - away / np.float32(max(1.0, feather_px)), 0, 1)
    return np.asarray(np.rint(alpha * 255), np.uint8)


def picture(
    number: int, frames: int, width: int, height: int, *, edited: bool = False
) -> NDArray[np.uint8]:
    """Return a frame, (h, w, 3): the disc is grey, or red after an 'edit'."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    drift = 40 * number / max(1, frames)
    ground = np.stack(
        [
            70 + 60 * columns / width,
            80 + 50 * rows / height,
            100 + 40 * np.sin((columns + drift) * 12 / width),
        ],
        axis=2,
    )
    inside = np.clip(0.5 - _away(number, frames, width, height), 0, 1)[..., None]
    colour = _EDITED if edited else _SOURCE
    return np.asarray(np.rint(ground + (colour - ground) * inside), np.uint8)


def heat(frames: int, width: int, height: int, *, inside: bool) -> bytes:
    """Return a word's maps: read in the disc, or all over with a soft slope."""
    slope = np.linspace(90, 255, width, dtype=np.float32)[None].repeat(height, axis=0)
    return b"".join(
        disc(number, frames, width, height, grow_px=0, feather_px=4).tobytes()
        if inside
        else slope.astype(np.uint8).tobytes()
        for number in range(frames)
    )


def png(rgb: NDArray[Any]) -> bytes:
    """Return an 8-bit RGB picture (h, w, 3) as a PNG file."""
    height, width = rgb.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(rgb, np.uint8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows, 6))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")

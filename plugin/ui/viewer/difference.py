"""What changed between two pictures: as a picture that hides no pixel, and as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bytes", "Change", "absolute", "change", "difference_picture", "gained", "shrunk"]

Bytes = NDArray[np.uint8]


def absolute(first: Bytes, second: Bytes) -> Bytes:
    """Return the absolute difference of two pictures of one shape."""
    result: Bytes = np.maximum(first, second)
    np.subtract(result, np.minimum(first, second), out=result)
    return result


def gained(change: Bytes, gain: float) -> Bytes:
    """Return code values times a gain, clipped at white; any change stays above black."""
    factor = min(16.0, max(1.0, gain))
    if factor == int(factor):
        whole = int(factor)
        limit = 255 // whole
        result: Bytes = np.minimum(change, limit) * np.uint8(whole)
        # what is above the limit is white, not the largest multiple below it
        result |= (change > limit).view(np.uint8) * np.uint8(255)
        return result
    table = np.minimum(np.arange(256) * factor + 0.5, 255).astype(np.uint8)
    looked_up: Bytes = table[change]
    return looked_up


def shrunk(picture: Bytes, size: tuple[int, int]) -> Bytes:
    """Return a picture at a smaller size by the *largest* value that falls on each pixel.

    A mean would turn one changed pixel of a large frame into black.

    Parameters
    ----------
    picture : array, shape (height, width, channels), uint8
    size : (int, int)
        Width and height, each 1 up to the picture's own.
    """
    height, width, channels = picture.shape
    new_width, new_height = size
    flat: Bytes = picture.reshape(height, width * channels)
    rows = np.arange(new_height) * height // new_height
    kept: Bytes = np.take(flat, rows, axis=0)
    for step in range(1, -(-height // new_height)):
        np.maximum(kept, np.take(flat, np.minimum(rows + step, height - 1), axis=0), out=kept)
    reach = -(-width // new_width)
    done = 1
    while done < reach:  # windows grow by doubling: the largest of `reach` columns
        step = min(done, reach - done)
        wider = kept.copy()
        shift = step * channels
        np.maximum(kept[:, :-shift], kept[:, shift:], out=wider[:, :-shift])
        kept = wider
        done += step
    columns = np.arange(new_width) * width // new_width
    result: Bytes = np.take(kept.reshape(new_height, width, channels), columns, axis=1)
    return result


def difference_picture(
    changed: Bytes, *, gain: float, size: tuple[int, int] | None = None
) -> Bytes:
    """Return an absolute difference as it is shown, black where untouched.

    Parameters
    ----------
    changed : array, shape (height, width, 3), uint8
        Of `absolute`.
    gain : float, 1..16
    size : (int, int), optional
        Smaller width and height to return; each pixel shows the largest change on it.
    """
    if size is not None and size != (changed.shape[1], changed.shape[0]):
        changed = shrunk(changed, size)
    return gained(changed, gain)


@dataclass(frozen=True)
class Change:
    """Absolute change of one frame in 8-bit code values, over all channels.

    A side without pixels (no matte, or one that covers everything) is None.
    """

    inside: float | None
    inside_max: int
    outside: float | None
    outside_max: int


def change(changed: Bytes, matte: Bytes | None) -> Change:
    """Measure the change of one frame; the feather, any matte above 0, counts as inside.

    Parameters
    ----------
    changed : array, shape (height, width, 3), uint8
        Of `absolute`.
    matte : array, shape (height, width), uint8, optional
        None: everything is inside.
    """
    height, width, channels = changed.shape
    flat: Bytes = changed.reshape(height, width * channels)
    if matte is None:
        return Change(_sum(flat) / flat.size, int(flat.max()), None, 0)
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    if not rows.size:
        return Change(None, 0, _sum(flat) / flat.size, int(flat.max()))
    # Only the rectangle around the matte has both sides in it.
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    part = flat[top:bottom, left * channels : right * channels]
    touched = matte[top:bottom, left:right] > 0
    keep = np.repeat(touched.view(np.uint8) * np.uint8(255), channels, axis=1)
    inside = np.bitwise_and(part, keep)
    inside_sum = _sum(inside)
    inside_count = int(np.count_nonzero(touched)) * channels
    outside_count = flat.size - inside_count
    around = (
        flat[:top],
        flat[bottom:],
        flat[top:bottom, : left * channels],
        flat[top:bottom, right * channels :],
        np.bitwise_and(part, ~keep),
    )
    return Change(
        inside_sum / inside_count,
        int(inside.max()),
        (_sum(flat) - inside_sum) / outside_count if outside_count else None,
        max(int(each.max()) for each in around if each.size) if outside_count else 0,
    )


def _sum(values: Bytes) -> int:
    # a row of bytes never overflows 32 bits, which add up faster than 64
    return int(values.sum(axis=1, dtype=np.uint32).sum(dtype=np.uint64))

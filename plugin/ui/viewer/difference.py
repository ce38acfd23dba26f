"""What changed between two pictures: as a picture that hides no pixel, and as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Change", "change", "difference_picture", "gained", "shrunk"]

Bytes = NDArray[np.uint8]


def _absolute(first: Bytes, second: Bytes) -> Bytes:
    result = np.maximum(first, second)
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
    rows = np.arange(new_height) * height // new_height
    columns = np.arange(new_width) * width // new_width
    flat: Bytes = picture.reshape(height, width * channels)
    reach = -(-height // new_height)
    done = 1
    while done < reach:  # windows grow by doubling: the largest of `reach` rows
        step = min(done, reach - done)
        flat = np.concatenate([np.maximum(flat[:-step], flat[step:]), flat[-step:]])
        done += step
    kept: Bytes = np.take(flat, rows, axis=0)
    reach = -(-width // new_width)
    done = 1
    while done < reach:
        step = min(done, reach - done) * channels
        wider = kept.copy()
        np.maximum(kept[:, :-step], kept[:, step:], out=wider[:, :-step])
        kept = wider
        done += step // channels
    result: Bytes = np.take(kept.reshape(new_height, width, channels), columns, axis=1)
    return result


def difference_picture(
    first: Bytes, second: Bytes, *, gain: float, size: tuple[int, int] | None = None
) -> Bytes:
    """Return the absolute difference of two pictures of one shape, black where untouched.

    Parameters
    ----------
    first, second : array, shape (height, width, 3), uint8
    gain : float, 1..16
    size : (int, int), optional
        Smaller width and height to return; each pixel shows the largest change on it.
    """
    changed = _absolute(first, second)
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


def change(first: Bytes, second: Bytes, matte: Bytes | None) -> Change:
    """Measure the change of one frame; the feather, any matte above 0, counts as inside.

    Parameters
    ----------
    first, second : array, shape (height, width, 3), uint8
    matte : array, shape (height, width), uint8, optional
        None: everything is inside.
    """
    changed = _absolute(first, second)
    height, width, channels = changed.shape
    total = int(changed.sum(dtype=np.uint64))
    if matte is None:
        return Change(total / changed.size, int(changed.max()), None, 0)
    outside = matte == 0
    count = int(np.count_nonzero(outside)) * channels
    flat = changed.reshape(height, width * channels)
    keep = np.repeat(outside.view(np.uint8) * np.uint8(255), channels, axis=1)
    beyond = np.bitwise_and(flat, keep)
    beyond_sum = int(beyond.sum(dtype=np.uint64))
    np.subtract(flat, beyond, out=beyond)  # now the inside alone
    inside_count = changed.size - count
    return Change(
        (total - beyond_sum) / inside_count if inside_count else None,
        int(beyond.max()),
        beyond_sum / count if count else None,
        int(np.bitwise_and(flat, keep).max()),
    )

"""Plain 8-bit RGB pictures to a small H.264 file: for demonstrations and comparisons."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np

from flowanchor_engine.clip import atomic
from flowanchor_engine.clip.colour import Colour
from flowanchor_engine.clip.convert import convert
from flowanchor_engine.clip.encoder import Encoder
from flowanchor_engine.clip.planes import Array, Picture, PixelFormat
from flowanchor_engine.clip.records import REPEATABLE, Tags, VideoPlan

__all__ = ["write_rgb"]

_RGB: Final = PixelFormat.of("gbrp")
_YUV: Final = PixelFormat.of("yuv420p")
_CODES: Final = Colour(0, full_range=True, view="as_is", tags=Tags())
_VIDEO: Final = Colour(1, full_range=False, view="as_is", tags=Tags(1, 1, 1, 1))


def write_rgb(
    pictures: Iterable[Array], out: Path, *, size: tuple[int, int], rate: Fraction, crf: int = 12
) -> Path:
    """Write pictures as BT.709 H.264 in an mp4 file.

    Parameters
    ----------
    pictures : iterable of ndarray (h, w, 3), uint8
    size : (width, height)
        Even numbers.
    crf : int
        x264's constant quality, 0..51; smaller is better.

    Raises
    ------
    OutputError, DiskError
    """
    plan = VideoPlan(
        muxer="mp4",
        codec="libx264",
        format=_YUV,
        width=size[0],
        height=size[1],
        rate=rate,
        time_base=1 / rate,
        tags=_VIDEO.tags,
        options=(("crf", str(crf)), ("preset", "medium"), REPEATABLE),
    )
    atomic.check_room(out, 1 << 20)
    with atomic.new_file(out) as temporary:
        encoder = Encoder(temporary, plan)
        try:
            for number, rgb in enumerate(pictures):
                green, blue, red = (np.ascontiguousarray(rgb[..., c]) for c in (1, 2, 0))
                picture = Picture((green, blue, red), _RGB)
                encoder.encode(convert(picture, _CODES, _YUV, _VIDEO), number, 1)
            encoder.close()
        except BaseException:
            encoder.abort()
            raise
    return out

"""Small 8-bit copies for viewers: H.264 with a key frame every half second, or single frames.

Square pixels, upright, BT.709 video levels, straight from display-referred RGB: what a panel
shows is what the model sees. As many frames as the shot has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from flowanchor_engine.clip import atomic
from flowanchor_engine.clip.colour import Colour
from flowanchor_engine.clip.convert import convert, to_rgb8
from flowanchor_engine.clip.encoder import Encoder
from flowanchor_engine.clip.planes import Array, Picture, PixelFormat
from flowanchor_engine.clip.records import REPEATABLE, Tags, VideoPlan
from flowanchor_engine.errors import OutputError
from flowanchor_engine.progress import Phase, Reporter

if TYPE_CHECKING:
    from pathlib import Path

    from flowanchor_engine.clip.facts import MediaFacts
    from flowanchor_engine.clip.reader import ClipReader

__all__ = ["proxy_size", "write_frames", "write_proxy"]

_RGB = PixelFormat.of("gbrp")
_YUV = PixelFormat.of("yuv420p")
_CODES = Colour(0, full_range=True, view="as_is", tags=Tags())
_VIDEO = Colour(1, full_range=False, view="as_is", tags=Tags(1, 1, 1, 1))


def proxy_size(facts: MediaFacts, height_px: int) -> tuple[int, int]:
    """Return the even (width, height) of a proxy; never larger than the clip."""
    height = min(height_px, facts.height)
    width = height * facts.width * facts.par / facts.height
    return max(2, 2 * round(width / 2)), max(2, height // 2 * 2)


def write_proxy(
    clip: ClipReader,
    out: Path,
    report: Reporter,
    *,
    start: int = 0,
    frames: int | None = None,
    height_px: int = 540,
) -> Path:
    """Write an H.264 proxy of a shot (.mp4), quick to seek in.

    Raises
    ------
    OutputError, DiskError
    """
    facts = clip.facts
    count = facts.frames - start if frames is None else frames
    size = proxy_size(facts, height_px)
    index = clip.index
    base = index.time_base if facts.variable else 1 / facts.rate
    plan = VideoPlan(
        muxer="mp4",
        codec="libx264",
        format=_YUV,
        width=size[0],
        height=size[1],
        rate=facts.rate,
        time_base=base,
        tags=_VIDEO.tags,
        options=(
            ("crf", "18"),
            ("preset", "veryfast"),
            REPEATABLE,
            ("g", str(max(1, round(facts.rate / 2)))),
            ("bf", "0"),
        ),
    )
    atomic.check_room(out, size[0] * size[1] * count // 8)
    with atomic.new_file(out) as temporary:
        encoder = Encoder(temporary, plan)
        try:
            for number in range(count):
                report.check()
                rgb = to_rgb8(clip.read(start + number), facts.colour, size)
                picture = convert(_picture(rgb), _CODES, _YUV, _VIDEO)
                if facts.variable:
                    first = index.pts[start]
                    pts, length = index.pts[start + number] - first, index.durations[start + number]
                else:
                    pts, length = number, 1
                encoder.encode(picture, pts, length)
                report.phase(Phase.WRITE, number + 1, count)
            encoder.close()
        except BaseException:
            encoder.abort()
            raise
    return out


def _picture(rgb: Array) -> Picture:
    red, green, blue = (np.ascontiguousarray(rgb[..., channel]) for channel in range(3))
    return Picture((green, blue, red), _RGB)


def write_frames(
    clip: ClipReader,
    folder: Path,
    report: Reporter,
    *,
    start: int = 0,
    frames: int | None = None,
    height_px: int = 540,
    kind: Literal["webp", "jpeg"] = "webp",
) -> list[Path]:
    """Write single frames of a shot for a viewer, ``000000.webp`` upwards.

    Raises
    ------
    OutputError
    """
    facts = clip.facts
    count = facts.frames - start if frames is None else frames
    size = proxy_size(facts, height_px)
    atomic.check_room(folder, size[0] * size[1] * count // 4)
    suffix = ".webp" if kind == "webp" else ".jpg"
    with atomic.new_folder(folder) as temporary:
        for number in range(count):
            report.check()
            rgb = to_rgb8(clip.read(start + number), facts.colour, size)
            target = temporary / f"{number:06d}{suffix}"
            try:
                Image.fromarray(rgb).save(target, kind.upper(), quality=88)
            except OSError as error:
                raise OutputError(
                    f"{folder} cannot take the frames.", hint=["choose_folder"], detail=str(error)
                ) from error
            report.phase(Phase.WRITE, number + 1, count)
    return [folder / f"{number:06d}{suffix}" for number in range(count)]

"""Contact sheets: what went in, what came out, where the matte was, as one picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from flowanchor_engine.clip import atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowanchor_engine.clip.planes import Array
    from flowanchor_engine.clip.session import SheetFrame

__all__ = ["Row", "edit_sheet", "make_sheet", "matte_sheet", "over", "save_sheet"]

_GROUND: Final = (24, 25, 28)
_FRAME: Final = (58, 60, 66)
_TEXT: Final = (232, 232, 235)
_QUIET: Final = (150, 152, 160)
_TINT: Final = (255, 92, 64)
_GAP: Final = 10
_EDGE: Final = 28


@dataclass(frozen=True)
class Row:
    """One row of a sheet.

    Parameters
    ----------
    label : str
        Such as 'before' or 'matte'; may have a second line after a newline.
    pictures : sequence of ndarray
        uint8 RGB (h, w, 3) or grey (h, w), one per column; any size.
    """

    label: str
    pictures: Sequence[Array]


def make_sheet(
    rows: Sequence[Row],
    *,
    title: str,
    lines: Sequence[str] = (),
    columns: Sequence[str] = (),
    cell_height_px: int = 200,
) -> Array:
    """Lay pictures out in labelled rows and columns.

    Parameters
    ----------
    lines : sequence of str
        Smaller text under the title.
    columns : sequence of str
        Text above the columns, such as 'frame 12'.
    cell_height_px : int
        Height of every picture; widths keep the shape of the first picture.

    Returns
    -------
    ndarray (H, W, 3), uint8 RGB
    """
    first = rows[0].pictures[0]
    height = cell_height_px
    width = max(8, round(height * first.shape[1] / first.shape[0]))
    big, middle, small = (_font(size) for size in (24, 15, 13))
    labels = [row.label.split("\n") for row in rows]
    label_width = 16 + max(
        round(font.getlength(line))
        for parts in labels
        for line, font in zip(parts, (middle, *[small] * 8), strict=False)
    )
    count = max(len(row.pictures) for row in rows)
    left = _EDGE + label_width
    wide = left + count * (width + _GAP) - _GAP + _EDGE
    needed = max((round(big.getlength(title)), *(round(small.getlength(line)) for line in lines)))
    wide = max(wide, needed + 2 * _EDGE)
    top = _EDGE + 34 + 20 * len(lines) + (24 if columns else 8)
    tall = top + len(rows) * (height + _GAP) - _GAP + _EDGE
    image = Image.new("RGB", (wide, tall), _GROUND)
    pen = ImageDraw.Draw(image)
    pen.text((_EDGE, _EDGE - 6), title, fill=_TEXT, font=big)
    for number, line in enumerate(lines):
        pen.text((_EDGE, _EDGE + 28 + 20 * number), line, fill=_QUIET, font=small)
    for number, name in enumerate(columns[:count]):
        pen.text((left + number * (width + _GAP), top - 20), name, fill=_QUIET, font=small)
    for place, (row, parts) in enumerate(zip(rows, labels, strict=True)):
        y = top + place * (height + _GAP)
        for depth, part in enumerate(parts):
            font, fill = (middle, _TEXT) if depth == 0 else (small, _QUIET)
            pen.text((_EDGE, y + 4 + 20 * depth), part, fill=fill, font=font)
        for number, picture in enumerate(row.pictures):
            x = left + number * (width + _GAP)
            pen.rectangle((x - 1, y - 1, x + width, y + height), outline=_FRAME)
            image.paste(Image.fromarray(_cell(picture, width, height)), (x, y))
    return np.asarray(image)


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


def _cell(picture: Array, width: int, height: int) -> Array:
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    larger = height > picture.shape[0]
    # Small pictures are shown as they are, pixel for pixel, not blurred.
    way = cv2.INTER_NEAREST if height >= 2 * picture.shape[0] else cv2.INTER_CUBIC
    return np.asarray(
        cv2.resize(
            np.ascontiguousarray(picture),
            (width, height),
            interpolation=way if larger else cv2.INTER_AREA,
        )
    )


def over(picture: Array, matte: Array, *, strength: float = 0.45) -> Array:
    """Tint a matte over a picture and draw its outline.

    Parameters
    ----------
    picture : ndarray (h, w, 3), uint8
    matte : ndarray (h, w), uint8
    strength : float, 0..1
    """
    share = (matte.astype(np.float32) / np.float32(255) * np.float32(strength))[..., None]
    tinted = picture.astype(np.float32) * (1 - share) + np.array(_TINT, np.float32) * share
    result = np.ascontiguousarray(np.rint(tinted).astype(np.uint8))
    lines, _ = cv2.findContours(
        (matte > 127).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(result, lines, -1, _TINT, 1, cv2.LINE_AA)
    return result


def edit_sheet(
    frames: Sequence[SheetFrame],
    *,
    title: str,
    now: str = "",
    wanted: str = "",
    truth: Sequence[Array] = (),
    lines: Sequence[str] = (),
) -> Array:
    """Make the sheet of an edit: before, after, matte and, if there is one, the truth.

    Parameters
    ----------
    truth : sequence of ndarray
        What the edit should look like, one picture per column.
    """
    rows = [
        Row("before" + (f"\n{_short(now)}" if now else ""), [f.before for f in frames]),
        Row("after" + (f"\n{_short(wanted)}" if wanted else ""), [f.after for f in frames]),
    ]
    if truth:
        rows.append(Row("truth", truth))
    if any(f.matte is not None for f in frames):
        rows.append(
            Row("matte", [f.before if f.matte is None else over(f.before, f.matte) for f in frames])
        )
    return make_sheet(
        rows, title=title, lines=lines, columns=[f"frame {frame.number}" for frame in frames]
    )


def matte_sheet(
    pictures: Sequence[Array],
    mattes: Sequence[Array],
    numbers: Sequence[int],
    *,
    title: str,
    lines: Sequence[str] = (),
) -> Array:
    """Make the sheet of a matte: over the picture, and alone."""
    return make_sheet(
        [
            Row("matte\non the clip", [over(p, m) for p, m in zip(pictures, mattes, strict=True)]),
            Row("matte", mattes),
        ],
        title=title,
        lines=lines,
        columns=[f"frame {number}" for number in numbers],
    )


def _short(text: str, length: int = 22) -> str:
    """Break a caption into short lines for the label column."""
    lines, current = [], ""
    for word in text.split():
        if current and len(current) + 1 + len(word) > length:
            lines.append(current)
            current = word
        else:
            current = f"{current} {word}".strip()
    return "\n".join([*lines, current][:6])


def save_sheet(sheet: Array, path: Path) -> None:
    """Write a sheet as PNG.

    Raises
    ------
    OutputError
    """
    atomic.check_room(path, sheet.size)
    with atomic.new_file(path) as temporary:
        Image.fromarray(sheet).save(temporary, "PNG", optimize=True)

"""Contact sheets of a benchmark: source, every variant and the truth, case by case."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from flowanchor_engine.bench.quality import strip

if TYPE_CHECKING:
    from pathlib import Path

    from flowanchor_engine.bench.cases import Case
    from flowanchor_engine.bench.metrics import Frames
    from flowanchor_engine.bench.quality import Bench
    from flowanchor_engine.bench.studies import Arm
    from flowanchor_engine.bench.variants import Variant

__all__ = ["draw_sheet"]

_GAP_PX: Final = 10
_CAPTION_PX: Final = 30
_HEAD_PX: Final = 22
_TILE_PX: Final = 96
_INK: Final = (34, 34, 34)
_GOOD: Final = (0, 140, 90)
_BAD: Final = (200, 70, 0)


def draw_sheet(bench: Bench, rows: Sequence[tuple[Case, Sequence[Arm]]], path: Path) -> None:
    """Draw one row per case: the source, its variants with their verdicts, the truth.

    Parameters
    ----------
    bench : Bench
        After a run with `pictured` covering these cases.
    rows : sequence of (Case, arms)
        The arms of all rows have the same names.
    path : Path
        PNG or JPEG to write.
    """
    names = ["source", *(arm.name for arm in rows[0][1]), "truth"]
    strips = [_strips(bench, case, [arm.variant for arm in arms]) for case, arms in rows]
    height, width = strips[0][0].shape[:2]
    cell = width + _GAP_PX
    line = height + _CAPTION_PX + _GAP_PX
    sheet = Image.new(
        "RGB", (cell * len(names) + _GAP_PX, line * len(rows) + _HEAD_PX), (255, 255, 255)
    )
    pen = ImageDraw.Draw(sheet)
    font, small = ImageFont.load_default(14), ImageFont.load_default(12)
    for column, name in enumerate(names):
        pen.text((_GAP_PX + column * cell, 4), name, fill=_INK, font=font)
    for index, ((case, arms), parts) in enumerate(zip(rows, strips, strict=True)):
        top = _HEAD_PX + index * line
        shot = case.shot()
        pen.text((_GAP_PX, top), f"now: {shot.now}", fill=_INK, font=small)
        pen.text((_GAP_PX, top + 14), f"wanted: {shot.wanted}", fill=_INK, font=small)
        for column, part in enumerate(parts):
            sheet.paste(Image.fromarray(part), (_GAP_PX + column * cell, top + _CAPTION_PX))
        for column, arm in enumerate(arms, 1):
            scores = bench.record(case, arm.variant).raw
            words = ["done" if scores["success"] else "not done"]
            words += ["leak"] if scores["leak"] else []
            pen.text(
                (_GAP_PX + column * cell + width, top + 14),
                ", ".join(words),
                fill=_GOOD if scores["clean"] else _BAD,
                font=small,
                anchor="ra",
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    sheet.save(temporary, quality=88)
    temporary.replace(path)


def _strips(bench: Bench, case: Case, variants: Sequence[Variant]) -> list[Frames]:
    shot = case.shot()
    found = [strip(shot.frames)]
    for variant in variants:
        file = bench.picture(case, variant)
        picture = None if file is None else cv2.imread(str(file))
        if picture is None:
            found.append(np.zeros_like(found[0]))
        else:
            found.append(np.asarray(picture[..., ::-1], np.uint8))
    found.append(strip(shot.truth_frames))
    height, width = found[0].shape[:2]
    shown = (round(width * _TILE_PX / height), _TILE_PX)
    return [
        np.asarray(cv2.resize(part, shown, interpolation=cv2.INTER_AREA), np.uint8)
        for part in found
    ]

"""Write a matte as a file of its own, so that it can be looked at, corrected and used again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowanchor_engine.clip import sheet
from flowanchor_engine.clip.colour import Colour
from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.delivery import DeliveryPlan
from flowanchor_engine.clip.matte import MatteReport, resolve
from flowanchor_engine.clip.planes import Array, Picture, PixelFormat
from flowanchor_engine.clip.reader import frame_count, open_clip
from flowanchor_engine.clip.records import Tags
from flowanchor_engine.clip.resample import resize_smooth
from flowanchor_engine.clip.writer import Shot, open_sink
from flowanchor_engine.progress import Phase, Reporter

if TYPE_CHECKING:
    from flowanchor_engine.request import MatteSpec, SourceSpec

__all__ = ["MatteFile", "make_matte"]

_CELLS = 6
_CELL_HEIGHT = 200
_LUMA = Colour(1, full_range=False, view="as_is", tags=Tags(1, 1, 1, 1))
_GREY = Colour(0, full_range=True, view="as_is", tags=Tags())


@dataclass(frozen=True)
class MatteFile:
    """A written matte.

    Parameters
    ----------
    path : Path
        ProRes 422 HQ with the matte as luma, or a folder of 8-bit PNG files.
    report : MatteReport
    sheet : ndarray (H, W, 3), uint8
        Contact sheet: the matte over the clip, and alone.
    """

    path: Path
    report: MatteReport
    sheet: Array


def make_matte(source: SourceSpec, spec: MatteSpec, out: Path, report: Reporter) -> MatteFile:
    """Resolve a matte (tracking it if asked) and write one picture per frame of the shot.

    Parameters
    ----------
    source : SourceSpec
        The shot.
    spec : MatteSpec
    out : Path
        ``name.mov`` for a video, anything else for a folder of PNG files.

    Raises
    ------
    FlowAnchorError
        Whatever `open_clip`, `resolve` and `open_sink` raise.
    """
    with open_clip(
        Path(source.path),
        matrix=source.matrix,
        signal_range=source.signal_range,
        rate=source.rate,
    ) as clip:
        facts, start = clip.facts, source.start
        count = frame_count(facts, source)
        mattes = resolve(spec, clip, start=start, frames=count, report=report)
        plan = _plan(Path(out), facts.width, facts.height)
        notes: list[str] = []
        chosen = sorted({round(i * (count - 1) / max(1, _CELLS - 1)) for i in range(_CELLS)})
        cells: list[tuple[int, Array, Array]] = []
        height = min(_CELL_HEIGHT, facts.height)
        size = (max(2, round(height * facts.width * float(facts.par) / facts.height)), height)
        with open_sink(Shot(clip, start, count), plan, sound=False, notes=notes) as sink:
            for number in range(count):
                report.check()
                matte = mattes.at(number)
                sink.write(number, _picture(matte, plan))
                if number in chosen:
                    seen = to_rgb8(clip.read(start + number), facts.colour, size)
                    cells.append((start + number, seen, resize_smooth(matte, size)))
                report.phase(Phase.WRITE, number + 1, count)
    picture = sheet.matte_sheet(
        [cell[1] for cell in cells],
        [cell[2] for cell in cells],
        [cell[0] for cell in cells],
        title=f"Matte of {facts.path.name}",
        lines=[_summary(mattes.report), *mattes.report.notes, *notes],
    )
    return MatteFile(plan.target, mattes.report, picture)


def _plan(out: Path, width: int, height: int) -> DeliveryPlan:
    if out.suffix.lower() == ".mov":
        options = (("profile", "3"), ("vendor", "apl0"))
        pixels = PixelFormat.of("yuv422p10le")
        size = round(width * height * 0.75)
        return DeliveryPlan(
            out, ".mov", False, "prores_ks", pixels, _LUMA, options, bytes_per_frame=size
        )
    pixels = PixelFormat.of("gray")
    return DeliveryPlan(out, ".png", True, "", pixels, _GREY, bytes_per_frame=width * height)


def _picture(matte: Array, plan: DeliveryPlan) -> Picture:
    if plan.images:
        return Picture((matte,), plan.format)
    height, width = matte.shape
    codes = 64 + np.rint(matte.astype(np.float32) * (876 / 255)).astype(np.uint16)
    chroma = plan.format.plane_size(1, width, height)
    flat = np.full((chroma[1], chroma[0]), 512, np.uint16)
    return Picture((codes, flat, flat), plan.format)


def _summary(report: MatteReport) -> str:
    share = sum(report.coverage) / len(report.coverage)
    text = f"{len(report.coverage)} frames, {share:.1%} of the picture on average"
    if report.empty_frames:
        text += f", empty on {len(report.empty_frames)} frames"
    return text

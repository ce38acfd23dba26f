"""The demonstration as a person meets it: sheets, a video, numbers, plain words."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from flowanchor_engine import models, pipeline, record
from flowanchor_engine.clip.plain import write_rgb
from flowanchor_engine.clip.sheet import Row, make_sheet, over, save_sheet
from flowanchor_engine.progress import Phase, Reporter
from flowanchor_engine.request import (
    EditRequest,
    MatteSpec,
    ModelSpec,
    Prompts,
    SourceSpec,
    Working,
)
from flowanchor_engine.showcase import footage, generated

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from flowanchor_engine.editor import Editor
    from flowanchor_engine.showcase.generated import Shown

__all__ = ["Demo", "run"]

_SIZE = (128, 128)
_RATE = Fraction(8)
_SCALE = 2


@dataclass(frozen=True)
class Demo:
    """What the demonstration made.

    Parameters
    ----------
    shown : tuple of Shown
    sheet, video, numbers : Path
        Of the generated shots.
    real : Result or None
        The edit of the real clip; None if the clip could not be had.
    seconds : float
    """

    shown: tuple[Shown, ...]
    sheet: Path
    video: Path
    numbers: Path
    real: pipeline.Result | None
    seconds: float


def run(out: Path, *, seed: int, count: int, report: Reporter, with_footage: bool = True) -> Demo:
    """Run the demonstration into a folder.

    Raises
    ------
    FlowAnchorError
        As `pipeline.edit`.
    """
    begun = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    spec = models.spec("demo")
    editor = pipeline.open_editor(spec, report=report)
    chosen = generated.shots(seed, count, size=_SIZE)
    shown = tuple(generated.edit_shots(editor, chosen, seed=seed, report=report))
    sheet = out / "generated.sheet.png"
    save_sheet(_sheet(shown), sheet)
    video = _video(shown, out / "generated.mp4")
    numbers = out / "generated.json"
    record.write_json(numbers, _numbers(shown, seed))
    real = _real(out, spec, editor, seed, report) if with_footage else None
    return Demo(shown, sheet, video, numbers, real, time.perf_counter() - begun)


def _real(
    out: Path, spec: ModelSpec, editor: Editor, seed: int, report: Reporter
) -> pipeline.Result | None:
    report.phase(Phase.READ, 0, 1)
    clip = footage.sample_clip()
    if clip is None:
        return None
    shot = footage.make_shot(clip, out)
    request = EditRequest(
        source=SourceSpec(path=str(shot.clip)),
        matte=MatteSpec(path=str(shot.matte), grow_px=6, feather_px=6),
        prompts=Prompts(now=shot.now, wanted=shot.wanted),
        method=models.recommended(spec),
        model=spec,
        working=Working(crop="zoom", width=_SIZE[0], height=_SIZE[1]),
        seed=seed,
    )
    return pipeline.edit(request, out / "real.edited.mp4", report=report, editor=editor)


def _sheet(shown: tuple[Shown, ...]) -> NDArray[np.uint8]:
    def row(label: str, clips: list[NDArray[np.uint8]]) -> Row:
        return Row(label, [clip[len(clip) // 2] for clip in clips])

    sources = [item.shot.frames for item in shown]
    mattes = [item.shot.mask.astype(np.uint8) * np.uint8(255) for item in shown]
    middle = len(sources[0]) // 2
    laid = [over(clip[middle], matte[middle]) for clip, matte in zip(sources, mattes, strict=True)]
    return make_sheet(
        [
            row("source", sources),
            Row("matte", laid),
            row("plain\nFlowEdit alone", [item.plain for item in shown]),
            row("with SAR\nkept on the matte", [item.anchored for item in shown]),
            row("truth\nrendered", [item.shot.truth_frames for item in shown]),
        ],
        title="The embedded model, edit by edit",
        lines=["The model's own pictures, before any original pixel is put back. Middle frames."],
        columns=[_wish(item) for item in shown],
        cell_height_px=220,
    )


def _wish(item: Shown) -> str:
    return "wanted: " + item.shot.changed_words


def _video(shown: tuple[Shown, ...], path: Path) -> Path:
    """Write source, plain, SAR and truth side by side, one shot under the other."""
    frames = len(shown[0].shot.frames)
    height, width = (_SCALE * side for side in shown[0].shot.frames.shape[1:3])

    def picture(number: int) -> NDArray[np.uint8]:
        rows = [
            np.concatenate(
                [
                    cv2.resize(clip[number], (width, height), interpolation=cv2.INTER_CUBIC)
                    for clip in (
                        item.shot.frames,
                        item.plain,
                        item.anchored,
                        item.shot.truth_frames,
                    )
                ],
                axis=1,
            )
            for item in shown
        ]
        return np.concatenate(rows)

    order = [*range(frames), *reversed(range(1, frames - 1))] * 3  # there and back, three times
    size = (4 * width, height * len(shown))
    return write_rgb((picture(number) for number in order), path, size=size, rate=_RATE)


def _numbers(shown: tuple[Shown, ...], seed: int) -> dict[str, Any]:
    def verdict(item: Any) -> dict[str, Any]:
        return {
            "success": item.success,
            "leak": item.leak,
            "clean": item.clean,
            "distance_rgb": round(float(item.distance), 1),
            "other_shift_rgb": round(float(item.other_shift), 1),
        }

    return {
        "schema": "flowanchor.Demo.1",
        "seed": seed,
        "shots": [
            {
                "now": item.shot.now,
                "wanted": item.shot.wanted,
                "driven_by": item.shot.changed_words,
                "plain": verdict(item.plain_verdict),
                "sar": verdict(item.anchored_verdict),
                "seconds": round(item.seconds, 2),
            }
            for item in shown
        ],
    }

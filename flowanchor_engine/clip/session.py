"""One edit's clip, from request to delivered file.

`prepare` opens the clip and the matte and makes what the model sees; `deliver` takes the
model's pictures and writes exactly that clip, edited. Both stream: nothing here grows with
the clip's length but the compressed mattes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from flowanchor_engine.clip import atomic
from flowanchor_engine.clip.composite import Border
from flowanchor_engine.clip.crop import Geometry, ModelFrame, cut, plan_crop
from flowanchor_engine.clip.delivery import plan_delivery
from flowanchor_engine.clip.matte import MatteReport, Mattes, resolve
from flowanchor_engine.clip.reader import ClipReader, frame_count, open_clip
from flowanchor_engine.clip.result import Maker, SheetFrame, model_view, sheet_frame
from flowanchor_engine.clip.stack import Stack
from flowanchor_engine.clip.writer import Shot, open_sink
from flowanchor_engine.errors import OutputError, PixelsNonFiniteError
from flowanchor_engine.progress import Phase, Reporter, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction
    from types import TracebackType

    from flowanchor_engine.clip.colour import Float
    from flowanchor_engine.clip.facts import MediaFacts
    from flowanchor_engine.clip.planes import Array
    from flowanchor_engine.clip.records import Tags
    from flowanchor_engine.request import EditRequest

__all__ = ["Delivered", "SheetFrame", "Stack", "Working", "deliver", "foresee", "prepare"]

_SHEET_FRAMES = 4


@dataclass
class Working:
    """A shot made ready for the model; a context manager that holds the clip open.

    Parameters
    ----------
    facts : MediaFacts
    start, count : int
        The shot inside the clip.
    frames : Stack (F, h, w, 3), float32
        Display-referred RGB in [-1, 1] at the model's size.
    matte : Stack (F, h, w), float32, or None
        The matte that the model sees, 0..1, not grown and not feathered; None if the
        request has none.
    geometry : Geometry
    matte_report : MatteReport or None
    notes : tuple of str
        Everything that was assumed or decided, in plain sentences.
    """

    facts: MediaFacts
    start: int
    count: int
    frames: Stack
    matte: Stack | None
    geometry: Geometry
    matte_report: MatteReport | None
    notes: tuple[str, ...]
    clip: ClipReader = field(repr=False)
    border: Border = field(repr=False)
    mattes: Mattes | None = field(repr=False)

    def share(self, number: int) -> Share:
        """Return where the model's picture of a frame lies in the whole picture."""
        x, y, seen = self.geometry.x[number], self.geometry.y[number], self.geometry
        wide, high = self.facts.width, self.facts.height
        return x / wide, y / high, (x + seen.width) / wide, (y + seen.height) / high

    def close(self) -> None:
        """Close the clip."""
        self.clip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Delivered:
    """What was written.

    Parameters
    ----------
    video : Path
        The file, or the folder of images.
    frames : int
        As many as the shot has.
    copied : int
        How many of them were taken over from the source bit for bit.
    """

    video: Path
    frames: int
    rate: Fraction
    size: tuple[int, int]
    tags: Tags
    copied: int
    sheet: tuple[SheetFrame, ...]
    notes: tuple[str, ...]


def prepare(
    request: EditRequest,
    report: Reporter,
    model: ModelFrame | None = None,
    *,
    mattes: Mattes | None = None,
) -> Working:
    """Open clip and matte, and make what the model sees.

    Parameters
    ----------
    model : ModelFrame, optional
        Trained size and divisibility of the model; Wan 2.1's 832 x 480 and 16 by default.
    mattes : Mattes, optional
        The request's matte if it was resolved before, so that it is not tracked again.

    Raises
    ------
    ClipMissingError, ClipUnreadableError, ClipUnsupportedError, ClipRangeError
    MatteMissingError, MatteUnreadableError, MatteMismatchError, MatteEmptyError
    SizeError
    """
    source = request.source
    clip = open_clip(
        Path(source.path),
        matrix=source.matrix,
        signal_range=source.signal_range,
        rate=source.rate,
    )
    try:
        return _prepare(request, clip, report, model or ModelFrame(), mattes)
    except BaseException:
        clip.close()
        raise


def _prepare(
    request: EditRequest,
    clip: ClipReader,
    report: Reporter,
    model: ModelFrame,
    mattes: Mattes | None,
) -> Working:
    facts, start = clip.facts, request.source.start
    count = frame_count(facts, request.source)
    report.phase(Phase.READ, 0, count)
    spec = request.matte
    if spec is not None and mattes is None:
        mattes = resolve(spec, clip, start=start, frames=count, report=report)
    grow, feather = (spec.grow_px, spec.feather_px) if spec is not None else (0.0, 0.0)
    geometry = plan_crop(
        mode=request.working.crop,
        width=facts.width,
        height=facts.height,
        par=facts.par,
        frames=count,
        boxes=mattes.boxes if mattes is not None else None,
        model=model,
        size=(request.working.width, request.working.height),
        border_px=(max(0.0, grow) + feather) * facts.height / 1080,
    )
    border = Border(
        mattes,
        geometry,
        width=facts.width,
        height=facts.height,
        grow_px=grow,
        feather_px=feather,
    )
    size = (geometry.model_width, geometry.model_height)

    def picture(number: int) -> Float:
        report.check()
        seen = model_view(clip.read(start + number), facts.colour, geometry, number)
        report.phase(Phase.READ, number + 1, count)
        return seen

    def matte(number: int) -> Float:
        assert mattes is not None
        return _cut_matte(mattes.at(number), geometry, number)

    colour_notes = tuple(f"Colour: {phrase}." for phrase in facts.colour.assumed)
    matte_notes = mattes.report.notes if mattes is not None else ()
    notes = (*facts.notes, *colour_notes, *matte_notes, *geometry.notes)
    for note in notes:
        report.note("clip", note)
    return Working(
        facts=facts,
        start=start,
        count=count,
        frames=Stack(picture, count, (size[1], size[0], 3)),
        matte=Stack(matte, count, (size[1], size[0])) if mattes is not None else None,
        geometry=geometry,
        matte_report=mattes.report if mattes is not None else None,
        notes=notes,
        clip=clip,
        border=border,
        mattes=mattes,
    )


def _cut_matte(matte: Array, geometry: Geometry, number: int) -> Float:
    part = cut(
        matte,
        geometry.x[number],
        geometry.y[number],
        geometry.width,
        geometry.height,
        (geometry.model_width, geometry.model_height),
    )
    return np.asarray(np.clip(part / 255, 0, 1), np.float32)


def foresee(request: EditRequest, out: Path) -> int:
    """Tell before the work what of clip and result would end it; makes nothing.

    Returns
    -------
    int
        Frames of the shot.

    Raises
    ------
    ClipMissingError, ClipUnreadableError, ClipUnsupportedError, ClipRangeError
        As `prepare`.
    OutputError, DiskError, RequestError
        As `deliver`, as far as it can be known.
    """
    source = request.source
    with open_clip(
        Path(source.path),
        matrix=source.matrix,
        signal_range=source.signal_range,
        rate=source.rate,
    ) as clip:
        count = frame_count(clip.facts, source)
        _foresee(clip.facts, count, request, out)
    return count


def _foresee(facts: MediaFacts, count: int, request: EditRequest, out: Path) -> None:
    atomic.foresee(out, 0)
    plan = plan_delivery(facts, request.delivery, out)
    atomic.foresee(plan.target, plan.bytes_per_frame * count)
    if plan.images:
        atomic.check_empty(plan.target)


def deliver(
    working: Working,
    edited: Iterable[Float],
    request: EditRequest,
    out: Path,
    report: Reporter,
) -> Delivered:
    """Bring the model's pictures back and write the result.

    Parameters
    ----------
    working : Working
    edited : iterable of ndarray (n, h, w, 3)
        RGB in [-1, 1] at the model's size; as many pictures in all as the shot has.
    out : Path
        File or folder; without a suffix it gets the codec's.

    Raises
    ------
    OutputError, DiskError, RequestError
    PixelsNonFiniteError
    """
    plan = plan_delivery(working.facts, request.delivery, Path(out))
    shot = Shot(working.clip, working.start, working.count)
    notes = list(plan.notes)
    sheet: list[SheetFrame] = []
    chosen = {
        round(i * (working.count - 1) / max(1, _SHEET_FRAMES - 1)) for i in range(_SHEET_FRAMES)
    }
    maker = Maker(working, request, plan)
    pictures = _one_by_one(edited)
    copied = 0
    with open_sink(shot, plan, sound=request.delivery.kind != "patch", notes=notes) as sink:
        for number in range(working.count):
            report.check()
            edit = next(pictures, None)
            if edit is None:
                raise OutputError(
                    f"The edit ended after {number} of {working.count} frames.", detail="short edit"
                )
            original = working.clip.read(working.start + number)
            result = maker.make(number, original, edit)
            if result is None:
                sink.copy(number)
                copied += 1
            else:
                sink.write(number, result)
            if number in chosen:
                sheet.append(sheet_frame(working, plan, number, original, result, maker))
            report.phase(Phase.WRITE, number + 1, working.count)
    if next(pictures, None) is not None:
        notes.append("The model returned more frames than the shot has; they were left out.")
    for note in notes:
        report.note("clip", note)
    return Delivered(
        video=plan.target,
        frames=working.count,
        rate=working.facts.rate,
        size=(working.facts.width, working.facts.height),
        tags=plan.colour.tags,
        copied=copied,
        sheet=tuple(sheet),
        notes=tuple(notes),
    )


def _one_by_one(edited: Iterable[Float]) -> Iterator[Float]:
    number = 0
    for chunk in edited:
        for picture in np.asarray(chunk, np.float32):
            if not np.isfinite(picture).all():
                raise PixelsNonFiniteError(
                    f"The edit of frame {number} holds values that are not numbers.",
                    hint=["report"],
                )
            yield picture
            number += 1

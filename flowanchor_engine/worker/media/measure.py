"""`Measure`: what a result changed inside and outside the composite matte, at full size.

The decoded source against what will be seen: a patch is laid over the source, so that where
it is transparent the change is exactly 0; a full frame shows its codec's loss honestly. The
feather counts as inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from flowanchor_engine import protocol
from flowanchor_engine.clip.convert import full_planes
from flowanchor_engine.errors import ClipRangeError, SizeError
from flowanchor_engine.request import EditRequest, SourceSpec
from flowanchor_engine.worker.media import folder, matte, shot
from flowanchor_engine.worker.media.pixels import Viewer
from flowanchor_engine.worker.media.proxy import Laid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.clip.session import Working
    from flowanchor_engine.worker.job import Job
    from flowanchor_engine.worker.media.pixels import Array8

__all__ = ["Change", "change", "run"]


@dataclass(frozen=True)
class Change:
    """Absolute change of one frame in 8-bit code values: means, and the largest single one."""

    inside: float
    outside: float
    inside_max: int
    outside_max: int


def run(job: Job, command: protocol.Measure) -> None:
    """Measure every frame.

    Raises
    ------
    FlowAnchorError, Cancelled
        What opening the clips raises; `ClipRangeError` or `SizeError` if the result has other
        frames than the shot.
    """
    request = EditRequest.load(command.request)
    spec = SourceSpec(path=command.result, rate=request.source.rate)
    with matte.prepared(request, job) as working, shot.opened(spec) as result:
        source = shot.Shot(
            working.clip,
            working.start,
            working.count,
            Viewer.of(working.facts.colour, working.facts.format),
        )
        _check(working, result)
        shown, seen = _pictures(request, source, result)
        pace = folder.Pace()
        found = []
        for number in range(working.count):
            job.check()
            inside = matte.alpha_of(working, number) > 0
            found.append(change(shown(number), seen(number), inside))
            if pace.due(always=number + 1 == working.count):
                job.phase(shot.READ, number + 1, working.count)
    job.end(
        protocol.Measured,
        inside=tuple(one.inside for one in found),
        outside=tuple(one.outside for one in found),
        inside_max=tuple(one.inside_max for one in found),
        outside_max=tuple(one.outside_max for one in found),
    )


def _check(working: Working, result: shot.Shot) -> None:
    facts, made = working.facts, result.facts
    if result.count != working.count:
        raise ClipRangeError(
            f"The result has {result.count} frames, the shot {working.count}.",
            hint=["set_range"],
            detail=str(made.path),
        )
    if (made.width, made.height) != (facts.width, facts.height):
        raise SizeError(
            f"The result is {made.width} x {made.height}, the clip {facts.width} x {facts.height}.",
            hint=["choose_file"],
            detail=str(made.path),
        )


def _pictures(
    request: EditRequest, source: shot.Shot, result: shot.Shot
) -> tuple[shot.MakePicture, shot.MakePicture]:
    """Return what makes the source's picture of a frame and the one that will be seen."""
    one, two = source.facts.format, result.facts.format
    size = (source.facts.width, source.facts.height)
    if request.delivery.kind == "patch" and two.alpha:
        laid = Laid(result, source)
        return source.at(size), lambda number: laid.picture(number, size)
    if one.sub_x != two.sub_x:
        # One of them got its colour between the samples of the other: seen side by side,
        # both need it where a deliverer puts it, left in 4:2:0 and 4:2:2.
        return _sited(source), _sited(result)
    return source.at(size), result.at(size)


def _sited(clip: shot.Shot) -> shot.MakePicture:
    colour = clip.facts.colour

    def picture(number: int) -> Array8:
        stored = clip.read(number)
        rgb = colour.to_display(colour.rgb_from_planes(full_planes(stored, colour), stored.format))
        return np.rint(rgb * 255).astype(np.uint8)

    return picture


def change(before: Array8, after: Array8, inside: NDArray[np.bool_]) -> Change:
    """Compare two pictures (H, W, 3); means are over pixels and colours, rounded to 1e-4."""
    distance = cv2.absdiff(before, after)
    red, green, blue = cv2.split(distance)
    largest = cv2.max(cv2.max(red, green), blue)
    numbers = []
    for where in (inside, ~inside):
        mask = where.astype(np.uint8)
        count = int(np.count_nonzero(mask))
        mean = sum(cv2.mean(distance, mask)[:3]) / 3 if count else 0.0
        peak = int(cv2.minMaxLoc(largest, mask)[1]) if count else 0
        numbers.append((round(mean, 4), peak))
    (in_mean, in_max), (out_mean, out_max) = numbers
    return Change(in_mean, out_mean, in_max, out_max)

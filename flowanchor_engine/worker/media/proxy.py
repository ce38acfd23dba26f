"""`Proxy`: 8-bit pictures of a clip for the viewer, alone or as the timeline shows it.

With `over`, the clip is laid over another by its straight alpha: where alpha is 0 the other
clip's proxy is repeated code value by code value, so a difference picture is black there.
"""

from __future__ import annotations

from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from flowanchor_engine import protocol
from flowanchor_engine.clip.matte import extent
from flowanchor_engine.errors import SizeError
from flowanchor_engine.protocol.proxies import ProxyHeader
from flowanchor_engine.worker.media import folder, shot
from flowanchor_engine.worker.media.pixels import Viewer

if TYPE_CHECKING:
    from flowanchor_engine.clip.planes import Picture
    from flowanchor_engine.worker.job import Job
    from flowanchor_engine.worker.media.pixels import Array8
    from flowanchor_engine.worker.media.shot import Shot

__all__ = ["Laid", "run"]


def run(job: Job, command: protocol.Proxy) -> None:
    """Write the proxy, or find it finished.

    Raises
    ------
    RequestError, OutputError, DiskError, SizeError
        As well as what opening a clip raises.
    """
    out = Path(command.out)
    clip = shot.source_spec(command.clip)
    over = None if command.over is None else shot.source_spec(command.over)
    key = folder.digest(
        ["proxy", command.max_height]
        + [
            [spec.model_dump(mode="json"), folder.file_marks(spec.path)]
            for spec in (clip, over)
            if spec is not None
        ]
    )
    found = folder.finished(out, key)
    if found is not None and found.facts is not None:
        job.tell(protocol.ProxyOpened, path=str(out), facts=found.facts)
        job.phase(shot.READ, found.frames, found.frames)
        job.end(protocol.ProxyDone, path=str(out), facts=found.facts)
        return
    with shot.opened(clip) as top:
        if over is None:
            _write(
                job, out, top, top.at(top.shown_size(command.max_height)), command.max_height, key
            )
            return
        with shot.opened(over, frames=top.count) as below:
            laid = Laid(top, below)
            _write(job, out, top, laid.at(command.max_height), command.max_height, key)


def _write(
    job: Job, out: Path, top: Shot, make: shot.MakePicture, max_height: int, key: str
) -> None:
    width, height = top.shown_size(max_height)
    facts = top.told()
    header = ProxyHeader(
        width=width,
        height=height,
        channels=3,
        stride=folder.stride_of(width, 3),
        frames=top.count,
        facts=facts,
        key=key,
    )
    for note in top.facts.notes:
        job.note("clip", note)
    with folder.ProxyWriter(out, header, job) as writer:
        job.tell(protocol.ProxyOpened, path=str(out), facts=facts)
        for number in range(top.count):
            writer.put(make(number))
    job.end(protocol.ProxyDone, path=str(out), facts=facts)


class Laid:
    """A clip with straight alpha over another one of the same size.

    Parameters
    ----------
    top, below : Shot
        The frames belong together by number.

    Raises
    ------
    SizeError
        The sizes differ.
    """

    def __init__(self, top: Shot, below: Shot) -> None:
        one, two = top.facts, below.facts
        if (one.width, one.height) != (two.width, two.height):
            raise SizeError(
                f"The take is {one.width} x {one.height} and the clip below it {two.width} x "
                f"{two.height}.",
                hint=["choose_file"],
            )
        self._top, self._below = top, below
        self._full = (one.width, one.height)
        self._front = Viewer.of(one.colour, one.format)
        self._back = Viewer.of(two.colour, two.format)

    def at(self, max_height: int) -> shot.MakePicture:
        """Return what makes the seen picture of a frame, at the proxy's size."""
        size = self._below.shown_size(max_height)
        return lambda number: self.picture(number, size)

    def picture(self, number: int, size: tuple[int, int]) -> Array8:
        """Return the seen picture of a frame, (h, w, 3), at (width, height)."""
        front = self._top.read(number)
        alpha = self._front.alpha(front)
        if alpha is None:
            return self._front.rgb(front, size)
        back = self._below.read(number)
        result = self._back.rgb(back, size)
        box = extent(alpha)
        if box is not None:
            self._lay(result, front, back, alpha, box)
        return result

    def _lay(
        self, result: Array8, front: Picture, back: Picture, alpha: Any, box: tuple[int, ...]
    ) -> None:
        """Add what the front changes, in the part of the picture where it shows at all."""
        tall, wide = result.shape[:2]
        (left, right, to_left, to_right), (top, bottom, to_top, to_bottom) = (
            _part(box[axis], box[axis + 2], self._full[axis], (wide, tall)[axis]) for axis in (0, 1)
        )
        part = (slice(top, bottom), slice(left, right))
        change = self._front.rgb(front, self._full)[part].astype(np.float32)
        change -= self._back.rgb(back, self._full)[part]
        change *= alpha[part][..., None]
        small = (to_right - to_left, to_bottom - to_top)
        if small != (right - left, bottom - top):
            change = np.asarray(cv2.resize(change, small, interpolation=cv2.INTER_AREA), np.float32)
        place = result[to_top:to_bottom, to_left:to_right]
        place[...] = np.clip(np.rint(place + change), 0, 255).astype(np.uint8)


def _part(first: int, stop: int, full: int, small: int) -> tuple[int, int, int, int]:
    """Return the least part of an axis around first..stop that is whole at both sizes."""
    common = gcd(full, small)
    step, to_step = full // common, small // common
    low, high = first // step, -(-stop // step)
    return low * step, high * step, low * to_step, high * to_step

"""Carry a drawn matte through the clip, and measure how well it held on.

Shapes of one key frame are carried to both ends; between two key frames the mattes from both
sides are blended. Drift is measured as the paper's benchmark does: the last matte is carried
back to its key frame and compared with the one it came from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Final

import cv2
import numpy as np

from flowanchor_engine.clip import shapes
from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.flow import carry
from flowanchor_engine.progress import Phase, Reporter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.clip.planes import Array
    from flowanchor_engine.clip.reader import ClipReader
    from flowanchor_engine.request import MatteShape

__all__ = ["TrackReport", "iou", "track_shapes"]

_WIDTH: Final = 640  # flow runs at most this wide
_SURE: Final = 0.5  # a share of consistent flow below this is reported
_RETURN_IOU: Final = 0.8  # a round trip below this is reported


@dataclass(frozen=True)
class TrackReport:
    """How well a carried matte held on.

    Parameters
    ----------
    consistent : tuple of float
        Per frame the share of the object whose flow survives the forward-backward check;
        1 on key frames.
    return_iou : float
        Overlap of the key frame's matte with itself after the trip to the end and back; 1
        is no drift. Where the object is hidden or turns away it falls.
    notes : tuple of str
    """

    consistent: tuple[float, ...]
    return_iou: float
    notes: tuple[str, ...] = ()


def track_shapes(
    drawn: Sequence[MatteShape],
    clip: ClipReader,
    *,
    start: int,
    frames: int,
    report: Reporter,
) -> tuple[Iterator[Array], TrackReport]:
    """Carry shapes from their key frames over the whole shot.

    Between two key frames the mattes from both sides are blended by distance in time.

    Returns
    -------
    (mattes, TrackReport)
        Mattes (height, width) uint8, one per frame.
    """
    width, height = clip.facts.width, clip.facts.height
    keys = [frame for frame in shapes.key_frames(drawn) if frame < frames] or [0]
    with tempfile.TemporaryFile() as store:
        images = _load(clip, start, frames, store, report)
        result: list[bytes | None] = [None] * frames
        sure = [1.0] * frames

        def put(frame: int, matte: Array) -> None:
            result[frame] = cv2.imencode(".png", matte, [cv2.IMWRITE_PNG_COMPRESSION, 1])[
                1
            ].tobytes()

        def at_key(frame: int) -> Array:
            return shapes.draw(shapes.outlines_at(drawn, frame), width, height)

        for frame in keys:
            put(frame, at_key(frame))
        for first, last in pairwise(keys):
            ahead = list(carry(images, at_key(first), range(first, last), report))
            behind = list(carry(images, at_key(last), range(last, first, -1), report))
            for place, frame in enumerate(range(first + 1, last)):
                share = np.float32((frame - first) / (last - first))
                back = behind[last - frame - 1]
                mix = (1 - share) * ahead[place].matte + share * back.matte
                put(frame, np.clip((mix - 127.5) * 2 + 127.5, 0, 255).astype(np.uint8))
                sure[frame] = max(ahead[place].consistent, back.consistent)
        home = 1.0
        for origin, span in (
            (keys[-1], range(keys[-1], frames)),
            (keys[0], range(keys[0], -1, -1)),
        ):
            if len(span) < 2:
                continue
            matte = at_key(origin)
            for frame, step in zip(span[1:], carry(images, matte, span, report), strict=True):
                put(frame, step.matte)
                sure[frame] = step.consistent
                matte = step.matte
            back_span = span[::-1]
            for step in carry(images, matte, back_span, report):
                matte = step.matte
            home = min(home, iou(matte, at_key(origin)))
    notes = [
        f"The matte was carried by optical flow; back at its key frame it overlaps {home:.0%}."
    ]
    if home < _RETURN_IOU:
        notes.append(
            "The carried matte drifts: look at it, and draw more key frames where it leaves."
        )
    if unsure := [i for i, share in enumerate(sure) if share < _SURE]:
        notes.append(
            f"The motion is uncertain on {len(unsure)} frames, first on frame {unsure[0]}."
        )

    def decoded() -> Iterator[Array]:
        for data in result:
            packed = np.frombuffer(data or b"", np.uint8)
            yield np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))

    return decoded(), TrackReport(tuple(sure), home, tuple(notes))


def iou(one: Array, other: Array) -> float:
    """Return intersection over union of two mattes at half coverage; 1 if both are empty."""
    a, b = one > 127, other > 127
    union = int(np.count_nonzero(a | b))
    return 1.0 if not union else int(np.count_nonzero(a & b)) / union


def _load(
    clip: ClipReader, start: int, frames: int, store: IO[bytes], report: Reporter
) -> NDArray[np.uint8]:
    """Read the shot once, small, into a file that the system pages in and out."""
    facts = clip.facts
    scale = min(1.0, _WIDTH / facts.width)
    size = (max(16, round(facts.width * scale)), max(16, round(facts.height * scale)))
    images: NDArray[np.uint8] = np.memmap(
        store, np.uint8, "w+", shape=(frames, size[1], size[0], 3)
    )
    for number, picture in enumerate(clip.pictures(start, start + frames)):
        report.check()
        images[number] = to_rgb8(picture, facts.colour, size)
        report.phase(Phase.READ, number + 1, frames)
    return images

"""Carry a drawn matte through the clip, and measure how well it held on.

Shapes of one key frame are carried to both ends; between two key frames the mattes from both
sides are blended. Drift is measured as the paper's benchmark does: the last matte is carried
back to its key frame and compared with the one it came from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Final

import cv2
import numpy as np

from flowanchor_engine.clip import shapes
from flowanchor_engine.clip.convert import to_rgb8
from flowanchor_engine.clip.flow import Step, carry
from flowanchor_engine.progress import Phase, Reporter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.clip.planes import Array
    from flowanchor_engine.clip.reader import ClipReader
    from flowanchor_engine.request import MatteShape

__all__ = ["TrackReport", "cuts", "iou", "track_mattes", "track_shapes"]

_WIDTH: Final = 640  # flow runs at most this wide
_CUT: Final = 30.0  # mean change of a cut, of 255
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
    """Carry shapes from their key frames over the whole shot (see `track_mattes`)."""
    size = clip.facts.width, clip.facts.height
    keys = [frame for frame in shapes.key_frames(drawn) if frame < frames] or [0]
    keyed = {frame: shapes.draw(shapes.outlines_at(drawn, frame), *size) for frame in keys}
    return track_mattes(keyed, clip, start=start, frames=frames, report=report)


def track_mattes(
    keyed: Mapping[int, Array],
    clip: ClipReader,
    *,
    start: int,
    frames: int,
    report: Reporter,
) -> tuple[Iterator[Array], TrackReport]:
    """Carry mattes from their key frames over the whole shot.

    Between two key frames the mattes from both sides are blended by distance in time. A
    matte is never carried across a cut: a part without a key frame of its own stays empty.

    Parameters
    ----------
    keyed : mapping of int to ndarray (height, width), uint8
        Mattes by the shot's frame.

    Returns
    -------
    (mattes, TrackReport)
        Mattes (height, width) uint8, one per frame.
    """
    size = clip.facts.width, clip.facts.height
    keys = sorted(keyed)
    notes = []
    with tempfile.TemporaryFile() as store:
        images = _load(clip, start, frames, store, report)
        work = _Work(keyed, images, size, report)
        edges = [0, *cuts(images), frames]
        for first, stop in pairwise(edges):
            inside = [frame for frame in keys if first <= frame < stop]
            if inside:
                work.carry_part(inside, first, stop)
            else:
                notes.append(
                    f"The picture changes at frame {first}: without a shape of its own the "
                    f"part up to frame {stop - 1} stays empty."
                    if first
                    else f"No shape is drawn before the cut at frame {stop}: that part stays empty."
                )
    told = [
        f"The matte was carried by flow; back at its key frame it overlaps {work.home:.0%}.",
        *notes,
    ]
    if work.home < _RETURN_IOU:
        told.append(
            "The carried matte drifts: look at it, and draw more key frames where it leaves."
        )
    if unsure := [i for i, share in enumerate(work.sure) if share < _SURE]:
        told.append(f"The motion is uncertain on {len(unsure)} frames, first on frame {unsure[0]}.")
    return work.mattes(), TrackReport(tuple(work.sure), work.home, tuple(told))


class _Work:
    """Mattes of a shot in the making, compressed."""

    def __init__(
        self,
        keyed: Mapping[int, Array],
        images: NDArray[np.uint8],
        size: tuple[int, int],
        report: Reporter,
    ) -> None:
        self._keyed, self._images, self._size, self._report = keyed, images, size, report
        self._packed: list[bytes | None] = [None] * len(images)
        self.sure = [1.0] * len(images)
        self.home = 1.0

    def _put(self, frame: int, matte: Array) -> None:
        packed = cv2.imencode(".png", matte, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1]
        self._packed[frame] = packed.tobytes()

    def _carry(self, matte: Array, span: range) -> Iterator[Step]:
        return carry(self._images, matte, span, self._report)

    def carry_part(self, keys: Sequence[int], first: int, stop: int) -> None:
        """Fill ``first <= frame < stop`` from its key frames."""
        for frame in keys:
            self._put(frame, self._keyed[frame])
        for one, two in pairwise(keys):
            self._between(one, two)
        ends = ((keys[-1], range(keys[-1], stop)), (keys[0], range(keys[0], first - 1, -1)))
        for origin, span in ends:
            if len(span) < 2:
                continue
            matte = self._keyed[origin]
            for frame, step in zip(span[1:], self._carry(matte, span), strict=True):
                self._put(frame, step.matte)
                self.sure[frame] = step.consistent
                matte = step.matte
            for step in self._carry(matte, span[::-1]):
                matte = step.matte
            self.home = min(self.home, iou(matte, self._keyed[origin]))

    def _between(self, one: int, two: int) -> None:
        ahead = list(self._carry(self._keyed[one], range(one, two)))
        behind = list(self._carry(self._keyed[two], range(two, one, -1)))
        for place, frame in enumerate(range(one + 1, two)):
            share = np.float32((frame - one) / (two - one))
            back = behind[two - frame - 1]
            mix = (1 - share) * ahead[place].matte + share * back.matte
            self._put(frame, np.clip((mix - 127.5) * 2 + 127.5, 0, 255).astype(np.uint8))
            self.sure[frame] = max(ahead[place].consistent, back.consistent)

    def mattes(self) -> Iterator[Array]:
        """Yield the matte of every frame; empty where nothing was carried."""
        for data in self._packed:
            if data is None:
                yield np.zeros((self._size[1], self._size[0]), np.uint8)
                continue
            packed = np.frombuffer(data, np.uint8)
            yield np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE))


def cuts(images: NDArray[np.uint8]) -> list[int]:
    """Return the frames on which a new picture begins.

    A cut changes the picture by more than 30 of 255 on average, and two and a half times as
    much as the frames around it change; a fast pan changes much on every frame.
    """
    small = [
        cv2.resize(image, (64, 36), interpolation=cv2.INTER_AREA).astype(np.float32)
        for image in images
    ]
    change = [0.0, *(float(np.abs(b - a).mean()) for a, b in pairwise(small)), 0.0]
    return [
        i
        for i in range(1, len(small))
        if change[i] > _CUT and change[i] > 2.5 * max(change[i - 1], change[i + 1])
    ]


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

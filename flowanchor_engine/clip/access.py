"""Frame-accurate access: frame `i` of a clip is frame `i`, whatever the container.

Rule of random access: go to the key frame at or before the wanted time; if the first frame
that decodes lies beyond it, go further back; accept only the exact time; as a last resort
decode from the beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, Self

import numpy as np

from flowanchor_engine.clip import sequence
from flowanchor_engine.clip.media import Decoder
from flowanchor_engine.clip.planes import Picture, PixelFormat
from flowanchor_engine.errors import ClipRangeError, ClipUnreadableError, PixelsNonFiniteError

if TYPE_CHECKING:
    from flowanchor_engine.clip.facts import MediaFacts
    from flowanchor_engine.clip.index import FrameIndex

__all__ = ["ClipReader", "ImageFrames", "VideoFrames"]

# Decoding this many frames is taken to be cheaper than a seek.
_NEAR: Final = 12


class _Frames(Protocol):
    def read(self, number: int) -> Picture: ...

    def close(self) -> None: ...


class VideoFrames:
    """Frames of a container, found by exact time."""

    def __init__(self, path: Path, pixels: PixelFormat, index: FrameIndex) -> None:
        self._path, self._index = path, index
        self._decoder = Decoder(path, pixels)
        self._upcoming = 0  # number of the frame that `next` gives if nothing seeks
        self._reorder = 32 * max(index.durations, default=0)  # no codec reorders further

    def read(self, number: int) -> Picture:
        """Return frame `number` as it is stored."""
        if not self._index.pts:
            return self._count_to(number)
        target = self._index.label(number)
        near = 0 <= number - self._upcoming <= _NEAR
        if near and (picture := self._advance_to(target)) is not None:
            self._upcoming = number + 1
            return picture
        back = 0
        while (key := self._index.key_before(target, back=back)) is not None:
            self._decoder.seek(key)
            if (picture := self._advance_to(target)) is not None:
                self._upcoming = number + 1
                return picture
            back = 2 * back + 1
        self._decoder.rewind()
        picture = self._advance_to(target)
        self._upcoming = number + 1
        if picture is None:
            raise ClipUnreadableError(
                f"Frame {number} of {self._path.name} does not decode.",
                hint=["set_range", "reexport"],
                detail=f"no frame at pts {target}",
            )
        return picture

    def _advance_to(self, target: int) -> Picture | None:
        while (decoded := self._decoder.next()) is not None:
            if decoded.pts == target:
                return decoded.picture
            beyond = decoded.pts is not None and decoded.pts > target
            if beyond and (not self._index.labels or (decoded.pts or 0) > target + self._reorder):
                return None
        return None

    def _count_to(self, number: int) -> Picture:
        if number < self._upcoming:
            self._decoder.rewind()
            self._upcoming = 0
        while (decoded := self._decoder.next()) is not None:
            self._upcoming += 1
            if self._upcoming == number + 1:
                return decoded.picture
        raise ClipUnreadableError(f"Frame {number} of {self._path.name} does not decode.")

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()


class ImageFrames:
    """Frames of numbered files."""

    def __init__(self, files: tuple[Path, ...], facts: MediaFacts) -> None:
        self._files, self._facts = files, facts

    def read(self, number: int) -> Picture:
        """Return frame `number` as it is stored."""
        picture = sequence.read_image(self._files[number])
        if (picture.width, picture.height) != (self._facts.width, self._facts.height) or (
            picture.format != self._facts.format
        ):
            raise ClipUnreadableError(
                f"{self._files[number].name} has another size or depth than the first frame.",
                hint=["choose_file"],
            )
        return picture

    def close(self) -> None:
        """Close the file."""
        return


class ClipReader:
    """Reads frames of one clip; a context manager.

    Parameters
    ----------
    facts : MediaFacts
    index : FrameIndex
    files : tuple of Path
        The image files of a sequence; empty for containers.
    """

    def __init__(
        self, facts: MediaFacts, index: FrameIndex, frames: _Frames, files: tuple[Path, ...] = ()
    ) -> None:
        self.facts, self.index, self.files = facts, index, files
        self._frames = frames

    def read(self, number: int) -> Picture:
        """Return frame `number`, upright.

        Raises
        ------
        ClipRangeError
            There is no such frame.
        ClipUnreadableError
            It does not decode.
        PixelsNonFiniteError
            It holds NaN or infinity.
        """
        if not 0 <= number < self.facts.frames:
            raise ClipRangeError(
                f"Frame {number} is outside the clip (0 to {self.facts.frames - 1}).",
                hint=["set_range"],
            )
        picture = self._frames.read(number)
        if picture.format.is_float and not all(np.isfinite(p).all() for p in picture.planes):
            raise PixelsNonFiniteError(
                f"Frame {number} of {self.facts.path.name} holds values that are not numbers.",
                hint=["reexport"],
            )
        if picture.format != self.facts.format:  # turned 4:2:2: colour in every pixel
            picture = _full_chroma(picture, self.facts.format)
        return picture.rotated(self.facts.quarter_turns, mirror=self.facts.mirror)

    def pictures(self, start: int, stop: int) -> Iterator[Picture]:
        """Yield frames ``start <= i < stop``."""
        for number in range(start, stop):
            yield self.read(number)

    def close(self) -> None:
        """Close the file."""
        self._frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _full_chroma(picture: Picture, target: PixelFormat) -> Picture:
    luma, *chroma = picture.planes
    height, width = luma.shape
    pixels = picture.format
    wide = [
        plane.repeat(1 << pixels.sub_y, axis=0).repeat(1 << pixels.sub_x, axis=1)[:height, :width]
        if pixels.is_chroma(place)
        else plane
        for place, plane in enumerate(chroma, start=1)
    ]
    return Picture((luma, *wide), target)

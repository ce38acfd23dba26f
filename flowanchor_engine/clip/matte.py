"""Where the edit may happen: one soft matte per frame of the shot, at the clip's size.

Rules, each reported when used. *Size*: another size with the same shape is scaled, another
shape is an error. *Length*: a still serves every frame; a longer matte is cut; one frame
too few is filled by repeating the last, more is an error. *Rate*: with as many frames as
the shot (or the same rate) frames belong together by number, otherwise by time. *Channel*:
alpha where the file has one that says anything, else luma. *Noise*: values within 2.5 % of
black and white are black and white, so that 'outside' is exactly outside.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from flowanchor_engine.clip import shapes
from flowanchor_engine.clip.reader import ClipReader, open_clip
from flowanchor_engine.clip.resample import resize_smooth
from flowanchor_engine.clip.track import TrackReport, track_mattes, track_shapes
from flowanchor_engine.errors import (
    ClipMissingError,
    ClipUnreadableError,
    ClipUnsupportedError,
    MatteEmptyError,
    MatteMismatchError,
    MatteMissingError,
    MatteUnreadableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from flowanchor_engine.clip.colour import Float
    from flowanchor_engine.clip.crop import Box
    from flowanchor_engine.clip.facts import MediaFacts
    from flowanchor_engine.clip.planes import Array, Picture
    from flowanchor_engine.progress import Reporter
    from flowanchor_engine.request import MatteSpec

__all__ = ["MatteReport", "Mattes", "resolve"]

_NOISE: Final = 0.025
_SHAPE_SLACK: Final = 0.02


@dataclass(frozen=True)
class MatteReport:
    """What the matte turned out to be.

    Parameters
    ----------
    coverage : tuple of float
        Share of the picture per frame, 0..1.
    notes : tuple of str
        Rules that were applied, in plain sentences.
    track : TrackReport, optional
        How the carried matte held on.
    """

    coverage: tuple[float, ...]
    notes: tuple[str, ...] = ()
    track: TrackReport | None = None

    @property
    def empty_frames(self) -> tuple[int, ...]:
        """Frames on which the matte covers nothing."""
        return tuple(i for i, share in enumerate(self.coverage) if share == 0)


@dataclass
class Mattes:
    """A compressed stack of mattes: random access, a few kilobytes per frame.

    Parameters
    ----------
    width, height : int
        The clip's upright size.
    """

    width: int
    height: int
    report: MatteReport = field(default_factory=lambda: MatteReport(()))
    _frames: list[bytes] = field(default_factory=list)
    _boxes: list[Box | None] = field(default_factory=list)

    @classmethod
    def of(cls, frames: Iterable[Array], width: int, height: int) -> Mattes:
        """Store mattes (height, width) of uint8, 0..255."""
        stack = cls(width, height)
        coverage = []
        for frame in frames:
            coverage.append(stack._add(frame))
        stack.report = MatteReport(tuple(coverage))
        return stack

    def _add(self, frame: Array) -> float:
        box = extent(frame)
        self._boxes.append(box)
        part = b"" if box is None else frame[box[1] : box[3], box[0] : box[2]].tobytes()
        self._frames.append(zlib.compress(part, 1))
        return 0.0 if box is None else float(frame.mean() / 255)

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def digest(self) -> str:
        """A hash that stands for every pixel of every frame."""
        total = hashlib.sha256(f"{self.width} {self.height} {self._boxes}".encode())
        for part in self._frames:
            total.update(f" {len(part)} ".encode() + part)
        return total.hexdigest()

    @property
    def boxes(self) -> tuple[Box | None, ...]:
        """Extent of every frame's matte."""
        return tuple(self._boxes)

    def at(self, frame: int) -> Array:
        """Return a frame's matte (height, width), uint8."""
        full = np.zeros((self.height, self.width), np.uint8)
        if (box := self._boxes[frame]) is not None:
            x0, y0, x1, y1 = box
            part = np.frombuffer(zlib.decompress(self._frames[frame]), np.uint8)
            full[y0:y1, x0:x1] = part.reshape(y1 - y0, x1 - x0)
        return full


def extent(matte: Array) -> Box | None:
    """Return the bounding box of everything above zero."""
    rows = np.flatnonzero(matte.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(matte[rows[0] : rows[-1] + 1].any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def resolve(
    spec: MatteSpec, clip: ClipReader, *, start: int, frames: int, report: Reporter
) -> Mattes:
    """Make the matte of every frame of the shot.

    Parameters
    ----------
    spec : MatteSpec
    clip : ClipReader
        Needed for its size, rate and, when tracking, its pictures.
    start, frames : int
        The shot inside the clip.

    Raises
    ------
    MatteMissingError, MatteUnreadableError, MatteMismatchError
    MatteEmptyError
        Code ``matte_empty``: it covers nothing on any frame.
    """
    notes: list[str] = []
    tracked: TrackReport | None = None
    facts = clip.facts
    pictures: Iterator[Array]
    if spec.path is not None:
        pictures = _from_file(spec, clip, start, frames, notes)
        if spec.track and (still := _still(spec, clip, notes)) is not None:
            found, tracked = track_mattes(
                {0: still}, clip, start=start, frames=frames, report=report
            )
            pictures = iter(found)
            notes.extend(tracked.notes)
    elif spec.track:
        found, tracked = track_shapes(spec.shapes, clip, start=start, frames=frames, report=report)
        pictures = iter(found)
        notes.extend(tracked.notes)
    else:
        keys = shapes.key_frames(spec.shapes)
        if len(keys) == 1:
            notes.append("The drawn matte stands still on every frame.")
        pictures = (
            shapes.draw(shapes.outlines_at(spec.shapes, i), facts.width, facts.height)
            for i in range(frames)
        )
    if spec.invert:
        pictures = (255 - picture for picture in pictures)
    if spec.smooth_frames:
        pictures = _smooth(pictures, spec.smooth_frames)
    stack = Mattes.of(_checked(pictures, report), facts.width, facts.height)
    coverage = stack.report.coverage
    empty = sum(share == 0 for share in coverage)
    if empty == frames:
        raise MatteEmptyError(
            f"The matte is empty on all {frames} frames, so there is nothing to edit.",
            hint=["draw_matte", "invert_matte"],
        )
    if empty:
        notes.append(f"The matte is empty on {empty} of {frames} frames; they stay as they are.")
    if all(share == 1 for share in coverage):
        notes.append("The matte covers the whole picture on every frame.")
    stack.report = MatteReport(coverage, tuple(notes), tracked)
    return stack


def _still(spec: MatteSpec, clip: ClipReader, notes: list[str]) -> Array | None:
    """Return the only picture of a matte file, or None if it has its own for every frame."""
    with _opened(spec) as reader:
        if reader.facts.frames > 1:
            notes.append("The matte has its own frames, so it is not tracked.")
            return None
    return next(_from_file(spec, clip, 0, 1, []))


def _checked(pictures: Iterator[Array], report: Reporter) -> Iterator[Array]:
    for picture in pictures:
        report.check()
        yield picture


def _opened(spec: MatteSpec) -> ClipReader:
    path = Path(spec.path or "")
    try:
        return open_clip(path)
    except ClipMissingError as error:
        raise MatteMissingError(
            f"There is no matte at {path}.", hint=["choose_matte"], detail=error.detail
        ) from error
    except (ClipUnreadableError, ClipUnsupportedError) as error:
        raise MatteUnreadableError(
            f"The matte {path.name} cannot be read: {error.user_message}",
            hint=["choose_matte"],
            detail=error.detail,
        ) from error


def _from_file(
    spec: MatteSpec, clip: ClipReader, start: int, frames: int, notes: list[str]
) -> Iterator[Array]:
    with _opened(spec) as reader:
        facts = clip.facts
        _check_shape(reader.facts, facts, notes)
        place = _timing(spec, reader, clip, start, frames, notes)
        channel = _channel(spec, reader, notes)
        held: tuple[int, Array] | None = None
        for frame in range(frames):
            number = place(frame)
            if held is None or held[0] != number:
                try:
                    picture = reader.read(number)
                except ClipUnreadableError as error:
                    raise MatteUnreadableError(
                        error.user_message, hint=["choose_matte"], detail=error.detail
                    ) from error
                held = number, _coverage(picture, reader.facts, channel, facts)
            yield held[1]


def _check_shape(matte: MediaFacts, clip: MediaFacts, notes: list[str]) -> None:
    if (matte.width, matte.height) == (clip.width, clip.height):
        return
    stored = (matte.width / matte.height) / (clip.width / clip.height)
    shown = stored * float(matte.par / clip.par)
    if min(abs(stored - 1), abs(shown - 1)) > _SHAPE_SLACK:
        raise MatteMismatchError(
            f"The matte is {matte.width} x {matte.height} and the clip {clip.width} x "
            f"{clip.height}: they have different shapes.",
            hint=["choose_matte"],
        )
    notes.append(
        f"The matte is scaled from {matte.width} x {matte.height} to {clip.width} x {clip.height}."
    )


def _timing(
    spec: MatteSpec, reader: ClipReader, clip: ClipReader, start: int, frames: int, notes: list[str]
) -> Callable[[int], int]:
    total = reader.facts.frames - spec.start
    if reader.facts.frames == 1:
        if spec.start == 0 and frames > 1:
            notes.append("One still matte is used on every frame.")
        return lambda frame: 0
    if total <= 0:
        raise MatteMismatchError(
            f"The matte has {reader.facts.frames} frames and is to start at frame {spec.start}.",
            hint=["set_matte_start"],
        )
    # Image files carry no rate of their own.
    same = reader.facts.rate == clip.facts.rate or reader.facts.kind == "sequence"
    if total == frames or same or reader.facts.frames == clip.facts.frames:
        if not same:
            notes.append("Matte and clip differ in rate; their frames are paired by number.")
        if total < frames - 1 and not spec.repeat_last:
            raise MatteMismatchError(
                f"The matte has {total} frames, the shot {frames}.",
                hint=["repeat_last", "reread", "set_range"],
            )
        if total < frames:
            notes.append(f"The matte has {total} frames, the shot {frames}: its last is repeated.")
        elif total > frames:
            notes.append(f"The matte has {total} frames; the shot uses the first {frames} of them.")
        return lambda frame: spec.start + min(frame, total - 1)
    origin, index = clip.index.seconds(start), reader.index
    times = [index.seconds(i) - index.seconds(spec.start) for i in range(reader.facts.frames)]
    end = index.seconds(reader.facts.frames) - index.seconds(spec.start)
    length = clip.index.seconds(start + frames - 1) - origin
    if end < length - 1 / clip.facts.rate and not spec.repeat_last:
        raise MatteMismatchError(
            f"The matte lasts {float(end):.2f} s, the shot {float(length):.2f} s.",
            hint=["repeat_last", "reread", "set_range"],
        )
    notes.append(
        f"The matte runs at {float(reader.facts.rate):g} fps, the clip at "
        f"{float(clip.facts.rate):g}: frames are paired by time."
    )

    half = Fraction(1, 2) / clip.facts.rate

    def nearest(frame: int) -> int:
        # The middle of the frame: containers round times, and edges would flip over.
        moment = clip.index.seconds(start + frame) - origin + half
        return max(i for i, time in enumerate(times) if time <= moment or i == spec.start)

    return nearest


def _channel(spec: MatteSpec, reader: ClipReader, notes: list[str]) -> str:
    has_alpha = reader.facts.format.alpha
    if spec.channel == "luma" or (spec.channel == "auto" and not has_alpha):
        return "luma"
    if not has_alpha:
        raise MatteMismatchError(
            f"{reader.facts.path.name} has no alpha channel.", hint=["matte_luma"]
        )
    if spec.channel == "alpha":
        return "alpha"
    count = reader.facts.frames
    for number in sorted({0, count // 2, count - 1}):
        plane = reader.read(number).planes[-1]
        opaque = 1.0 if reader.facts.format.is_float else reader.facts.format.peak
        if (plane < opaque * (1 - _NOISE)).any():
            notes.append("The matte is taken from the alpha channel.")
            return "alpha"
    return "luma"


def _coverage(picture: Picture, matte: MediaFacts, channel: str, clip: MediaFacts) -> Array:
    pixels, colour = picture.format, matte.colour
    if channel == "alpha":
        last = pixels.planes - 1
        value: Float = colour.unit(picture.planes[last], pixels, last)
    elif pixels.family == "rgb":
        value = colour.rgb_from_planes(
            [colour.unit(p, pixels, i) for i, p in enumerate(picture.planes[:3])], pixels
        ).max(axis=2)
    else:
        value = colour.unit(picture.planes[0], pixels, 0)
    if not np.isfinite(value).all():
        raise MatteUnreadableError("The matte holds values that are not numbers.")
    if value.shape != (clip.height, clip.width):
        value = resize_smooth(value, (clip.width, clip.height))
    value = np.clip((value - _NOISE) / (1 - 2 * _NOISE), 0, 1)
    return np.rint(value * 255).astype(np.uint8)


def _smooth(pictures: Iterator[Array], reach: int) -> Iterator[Array]:
    """Average over ``reach`` frames on both sides with triangular weights."""
    window: list[Array] = []
    source = iter(pictures)
    for picture in source:
        window.append(picture)
        if len(window) == reach + 1:
            break
    centre = 0
    while centre < len(window):
        weights = [max(0, reach + 1 - abs(i - centre)) for i in range(len(window))]
        total = np.zeros(window[0].shape, np.float32)
        for weight, picture in zip(weights, window, strict=True):
            if weight:
                total += np.float32(weight) * picture
        yield np.rint(total / sum(weights)).astype(np.uint8)
        if (following := next(source, None)) is not None:
            window.append(following)
        centre += 1
        if centre > reach:
            window.pop(0)
            centre -= 1

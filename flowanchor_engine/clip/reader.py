"""Open a clip of any kind and say what it is."""

from __future__ import annotations

import errno
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from flowanchor_engine.clip import sequence
from flowanchor_engine.clip.access import ClipReader, ImageFrames, VideoFrames
from flowanchor_engine.clip.colour import settle
from flowanchor_engine.clip.facts import MediaFacts
from flowanchor_engine.clip.index import FrameIndex, build_index
from flowanchor_engine.clip.media import decoded_times, inspect, scan
from flowanchor_engine.clip.planes import PixelFormat
from flowanchor_engine.clip.records import PacketMark, RawInfo, Tags
from flowanchor_engine.errors import (
    ClipMissingError,
    ClipRangeError,
    ClipUnreadableError,
    FlowAnchorError,
)

if TYPE_CHECKING:
    from flowanchor_engine.request import SourceSpec

__all__ = ["ClipReader", "frame_count", "open_clip", "probe"]

_SEQUENCE_RATE: Final = Fraction(24)


def probe(
    path: Path, *, matrix: str = "auto", signal_range: str = "auto", rate: Fraction | None = None
) -> MediaFacts:
    """Return the facts of a clip.

    Raises
    ------
    ClipMissingError, ClipUnreadableError, ClipUnsupportedError
    """
    with open_clip(path, matrix=matrix, signal_range=signal_range, rate=rate) as reader:
        return reader.facts


def open_clip(
    path: Path, *, matrix: str = "auto", signal_range: str = "auto", rate: Fraction | None = None
) -> ClipReader:
    """Open a container, an image sequence, a still or an animated WebP.

    Parameters
    ----------
    matrix, signal_range : str
        The caller's word on colour, stronger than the file's; 'auto' leaves it.
    rate : Fraction, optional
        The caller's word on the rate; frames stay what they are.

    Raises
    ------
    ClipMissingError, ClipUnreadableError, ClipUnsupportedError
    """
    path = Path(path)
    try:
        return _open(path, matrix, signal_range, rate)
    except FlowAnchorError:
        raise
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise ClipMissingError(
                f"There is no clip at {path}.", hint=["choose_file"], detail=str(error)
            ) from error
        raise ClipUnreadableError(
            f"{path.name} cannot be read.", hint=["choose_file"], detail=str(error)
        ) from error


def _open(path: Path, matrix: str, signal_range: str, rate: Fraction | None) -> ClipReader:
    if sequence.is_animation(path):
        return _open_animation(path, rate)
    if sequence.is_image(path):
        return _open_images(path, matrix, signal_range, rate)
    raw = inspect(path)
    about = path.stat()
    identity = (path.absolute(), about.st_ino, about.st_size, about.st_mtime_ns)
    marks = list(_marks(*identity))
    # Only QuickTime's sample table is a promise; AVI counts repeated frames as well.
    promised = raw.declared_frames if raw.container.startswith("mov") else 0
    if promised > len(marks) or any(mark.damaged for mark in marks):
        raise ClipUnreadableError(
            f"{path.name} is cut off: it holds {len(marks)} of {promised} frames.",
            hint=["choose_file", "reexport"],
        )
    labels: list[int] = []
    if raw.reordered and all(mark.pts == mark.dts for mark in marks):
        # Frames are reordered but the file gives the times of coding: only decoding tells.
        found = [time for time in _times(*identity) if time is not None]
        labels = found if found != sorted(found) else []
    index = build_index(
        marks,
        time_base=raw.time_base,
        average_rate=raw.average_rate,
        first_pts=raw.first_pts,
        reordered=raw.reordered,
        labels=labels,
    )
    facts = _video_facts(path, raw, index, matrix, signal_range, rate)
    return ClipReader(facts, index, VideoFrames(path, raw.format, index))


@lru_cache(maxsize=4)
def _marks(path: Path, *identity: int) -> tuple[PacketMark, ...]:
    """Scan a file once: that reads all of it, and an edit opens its clip more than once."""
    del identity  # of the file; another one under the same name is scanned anew
    return tuple(scan(path))


@lru_cache(maxsize=4)
def _times(path: Path, *identity: int) -> tuple[int | None, ...]:
    """Decode a file for its times once, as `_marks`."""
    del identity
    return tuple(decoded_times(path))


def _video_facts(
    path: Path,
    raw: RawInfo,
    index: FrameIndex,
    matrix: str,
    signal_range: str,
    rate: Fraction | None,
) -> MediaFacts:
    turned = raw.quarter_turns % 2 == 1
    width, height = (raw.height, raw.width) if turned else (raw.width, raw.height)
    pixels, notes = raw.format, []
    if turned and pixels.sub_x != pixels.sub_y:
        name = pixels.name.replace("422", "444").replace("440", "444").replace("411", "444")
        pixels = PixelFormat.of(name)
        notes.append("The rotated picture is handled in 4:4:4.")
    if raw.interlaced:
        notes.append("The clip is interlaced; its two fields are edited as one picture.")
    if index.variable:
        notes.append("The clip has a variable frame rate; every frame keeps its own time.")
    if index.labels:
        notes.append("The file gives the times of coding; frames are ordered as they decode.")
    if not index.pts:
        notes.append("The file gives no frame times; frames are found by counting.")
    colour = settle(
        raw.tags,
        pixels,
        format_name=raw.format_name,
        width=width,
        height=height,
        matrix=matrix,
        signal_range=signal_range,
    )
    metadata = {key.lower(): value for key, value in raw.metadata.items()}
    frames = len(index)
    settled = rate or index.rate
    if rate is not None and rate != index.rate and raw.audio:
        notes.append("The rate is overruled; sound is copied as it is and may drift.")
    return MediaFacts(
        path=path,
        kind="video",
        container=raw.container,
        codec=raw.codec,
        profile=raw.profile,
        codec_tag=raw.tag,
        format=pixels,
        format_name=raw.format_name,
        width=width,
        height=height,
        par=1 / raw.par if turned else raw.par,
        quarter_turns=raw.quarter_turns,
        mirror=raw.mirror,
        rate=settled,
        variable=index.variable and rate is None,
        frames=frames,
        duration=(
            index.seconds(frames) - index.seconds(0)
            if index.variable and rate is None
            else frames / settled
        ),
        intra_only=index.intra_only,
        interlaced=raw.interlaced,
        colour=colour,
        audio=raw.audio,
        timecode=metadata.get("timecode"),
        reel=metadata.get("reel_name"),
        notes=tuple(notes),
    )


def _even_index(frames: int, rate: Fraction) -> FrameIndex:
    base = 1 / rate
    numbers = tuple(range(frames))
    return FrameIndex(base, numbers, (1,) * frames, numbers, rate, variable=False, intra_only=True)


def _open_images(path: Path, matrix: str, signal_range: str, rate: Fraction | None) -> ClipReader:
    found = sequence.find_images(path)
    image = sequence.image_facts(found.files[0])
    settled = rate or _SEQUENCE_RATE
    notes = []
    if rate is None and len(found.files) > 1:
        notes.append(f"Image files carry no rate; {settled} fps is assumed.")
    if image.layers:
        notes.append(f"Only RGB(A) is read; these layers are not: {', '.join(image.layers)}.")
    kind: Literal["sequence", "still"] = "sequence" if len(found.files) > 1 else "still"
    facts = MediaFacts(
        path=path,
        kind=kind,
        container="images",
        codec=image.kind,
        profile=None,
        codec_tag="",
        format=image.format,
        format_name=image.format.name,
        width=image.width,
        height=image.height,
        par=image.par,
        quarter_turns=0,
        mirror=False,
        rate=settled,
        variable=False,
        frames=len(found.files),
        duration=len(found.files) / settled,
        intra_only=True,
        interlaced=False,
        colour=settle(
            Tags(),
            image.format,
            format_name=image.format.name,
            width=image.width,
            height=image.height,
            matrix=matrix,
            signal_range=signal_range,
            linear=image.linear,
        ),
        timecode=image.timecode,
        reel=image.reel,
        first_number=found.first_number,
        notes=tuple(notes),
    )
    index = _even_index(len(found.files), settled)
    return ClipReader(facts, index, ImageFrames(found.files, facts), found.files)


def _open_animation(path: Path, rate: Fraction | None) -> ClipReader:
    found = sequence.animation_facts(path)
    gaps = [b - a for a, b in zip(found.starts_ms, found.starts_ms[1:], strict=False)]
    gaps.append(found.duration_ms - found.starts_ms[-1])
    variable = max(gaps) - min(gaps) > 1 and rate is None
    frames = len(found.starts_ms)
    # A rate such as 16 fps is stored as 62 or 63 ms; within rounding it is meant exactly.
    measured = Fraction(1000 * frames, found.duration_ms)
    nearest = Fraction(round(measured))
    settled = rate or (
        nearest if not variable and abs(1000 / nearest - 1000 / measured) <= 1 else measured
    )
    pixels = PixelFormat.of("gbrap" if found.alpha else "gbrp")
    facts = MediaFacts(
        path=path,
        kind="animation",
        container="webp",
        codec="webp",
        profile=None,
        codec_tag="",
        format=pixels,
        format_name=pixels.name,
        width=found.width,
        height=found.height,
        par=Fraction(1),
        quarter_turns=0,
        mirror=False,
        rate=settled,
        variable=variable,
        frames=frames,
        duration=Fraction(found.duration_ms, 1000) if variable else frames / settled,
        intra_only=False,
        interlaced=False,
        colour=settle(
            Tags(), pixels, format_name=pixels.name, width=found.width, height=found.height
        ),
    )
    index = (
        FrameIndex(
            Fraction(1, 1000),
            found.starts_ms,
            tuple(gaps),
            found.starts_ms[:1],
            settled,
            True,
            False,
        )
        if variable
        else _even_index(frames, settled)
    )
    return ClipReader(facts, index, sequence.AnimationFrames(path, alpha=found.alpha))


def frame_count(facts: MediaFacts, source: SourceSpec) -> int:
    """Return how many frames of a clip a source means.

    Raises
    ------
    ClipRangeError
        The clip does not hold them all.
    """
    start = source.start
    count = facts.frames - start if source.frames is None else source.frames
    if count < 1 or start + count > facts.frames:
        raise ClipRangeError(
            f"Frames {start} to {start + count - 1} were asked; "
            f"the clip has 0 to {facts.frames - 1}.",
            hint=["set_range"],
        )
    return count

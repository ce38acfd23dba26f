"""Write a result: pictures in order, untouched ones copied, tags and sound kept."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from flowanchor_engine.clip import atomic
from flowanchor_engine.clip.encoder import Encoder
from flowanchor_engine.clip.packets import SourcePackets
from flowanchor_engine.clip.records import AudioInfo, VideoPlan
from flowanchor_engine.clip.sequence import write_image
from flowanchor_engine.clip.timecode import advance
from flowanchor_engine.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowanchor_engine.clip.delivery import DeliveryPlan
    from flowanchor_engine.clip.planes import Picture
    from flowanchor_engine.clip.reader import ClipReader

__all__ = ["Shot", "Sink", "open_sink"]

_MOV_AUDIO: Final = ("aac", "ac3", "eac3", "alac", "mp3", "mp2")
_MP4_AUDIO: Final = ("aac", "ac3", "eac3", "alac", "mp3", "opus", "flac")


@dataclass(frozen=True)
class Shot:
    """A part of a clip: frames ``start <= i < start + frames``."""

    clip: ClipReader
    start: int
    frames: int


class Sink(Protocol):
    """Takes the pictures of a shot in order."""

    def write(self, number: int, picture: Picture) -> None:
        """Store picture `number` of the shot."""

    def copy(self, number: int) -> None:
        """Take picture `number` over from the source as it is."""


@contextmanager
def open_sink(shot: Shot, plan: DeliveryPlan, *, sound: bool, notes: list[str]) -> Iterator[Sink]:
    """Open a result for writing; it appears under its name when the block ends well.

    Parameters
    ----------
    sound : bool
        Take the audio over.
    notes : list of str
        Gets a sentence for what could not be kept.

    Raises
    ------
    OutputError, DiskError
    """
    atomic.check_room(plan.target, plan.bytes_per_frame * shot.frames)
    if plan.images:
        with atomic.new_folder(plan.target) as folder:
            yield _ImageSink(folder, shot, plan)
        return
    with atomic.new_file(plan.target) as temporary:
        encoder = _encoder(temporary, shot, plan, sound=sound, notes=notes)
        try:
            yield _VideoSink(encoder, shot, plan)
            encoder.close()
        except BaseException:
            encoder.abort()
            raise


def _encoder(
    path: Path, shot: Shot, plan: DeliveryPlan, *, sound: bool, notes: list[str]
) -> Encoder:
    facts, index = shot.clip.facts, shot.clip.index
    timecode = None
    if facts.timecode is not None:
        timecode = advance(facts.timecode, shot.start, facts.rate)
        if timecode is None:
            notes.append(f"The timecode {facts.timecode} does not fit the rate and is left out.")
    if facts.reel and plan.muxer == "mp4":
        notes.append("MP4 cannot carry a reel name.")
    streams = _sound_streams(shot, plan, notes) if sound else ()
    stop = shot.start + shot.frames
    origin = index.seconds(shot.start)
    span = (
        None if shot.start == 0 else origin,
        None if stop == facts.frames else index.seconds(stop),
    )
    video = VideoPlan(
        muxer=plan.muxer,
        codec=plan.codec,
        format=plan.format,
        width=facts.width,
        height=facts.height,
        rate=facts.rate,
        time_base=index.time_base if facts.variable else 1 / facts.rate,
        tags=plan.colour.tags,
        par=facts.par,
        options=plan.options,
        timecode=timecode,
        reel=facts.reel,
    )
    return Encoder(
        path,
        video,
        audio_from=facts.path if streams else None,
        audio_streams=streams,
        audio_span=span,
        origin=origin,
    )


def _sound_streams(shot: Shot, plan: DeliveryPlan, notes: list[str]) -> tuple[int, ...]:
    facts = shot.clip.facts
    if plan.muxer == "matroska":
        return tuple(audio.stream for audio in facts.audio)
    known = _MP4_AUDIO if plan.muxer == "mp4" else _MOV_AUDIO
    kept: list[AudioInfo] = []
    lost: list[AudioInfo] = []
    for audio in facts.audio:
        fits = audio.codec in known or (audio.codec.startswith("pcm_") and plan.muxer == "mov")
        (kept if fits else lost).append(audio)
    if lost:
        names = ", ".join(audio.codec for audio in lost)
        notes.append(
            f"{plan.suffix[1:].upper()} cannot carry {names} sound; it stays in the source."
        )
    return tuple(audio.stream for audio in kept)


class _VideoSink:
    def __init__(self, encoder: Encoder, shot: Shot, plan: DeliveryPlan) -> None:
        self._encoder, self._shot = encoder, shot
        self._packets = SourcePackets(shot.clip) if plan.copies else None

    def _times(self, number: int) -> tuple[int, int]:
        if not self._shot.clip.facts.variable:
            return number, 1
        index, start = self._shot.clip.index, self._shot.start
        return index.pts[start + number] - index.pts[start], index.durations[start + number]

    def write(self, number: int, picture: Picture) -> None:
        self._encoder.encode(picture, *self._times(number))

    def copy(self, number: int) -> None:
        if self._packets is None:
            raise OutputError("This delivery cannot take pictures over.", detail="no packets")
        self._encoder.copy(self._packets.at(self._shot.start + number), *self._times(number))


class _ImageSink:
    def __init__(self, folder: Path, shot: Shot, plan: DeliveryPlan) -> None:
        self._folder, self._shot, self._plan = folder, shot, plan

    def _name(self, number: int) -> Path:
        facts, place = self._shot.clip.facts, self._shot.start + number
        if self._shot.clip.files and self._plan.copies:
            return self._folder / self._shot.clip.files[place].name
        count = (facts.first_number or 1) + place if facts.first_number else place
        return self._folder / f"{self._plan.target.name}.{count:06d}{self._plan.suffix}"

    def write(self, number: int, picture: Picture) -> None:
        files = self._shot.clip.files
        like = files[self._shot.start + number] if files and self._plan.copies else None
        write_image(self._name(number), picture, like=like)

    def copy(self, number: int) -> None:
        source = self._shot.clip.files[self._shot.start + number]
        shutil.copyfile(source, self._name(number))

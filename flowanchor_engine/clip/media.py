"""PyAV, and the only module that imports it: demux, decode, encode, mux.

Mechanics only. Which frame is which is decided in `index` and `reader`, what a file is in
`facts`, which codec and tags a result gets in `writer`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from flowanchor_engine.clip.planes import PLANAR_TWIN, Picture, PixelFormat
from flowanchor_engine.errors import (
    ClipMissingError,
    ClipUnreadableError,
    ClipUnsupportedError,
    DiskError,
    OutputError,
)

__all__ = [
    "AudioInfo",
    "Decoded",
    "Decoder",
    "Encoder",
    "PacketMark",
    "RawInfo",
    "Tags",
    "VideoPlan",
    "audio_packets",
    "inspect",
    "scan",
    "video_packets",
]

av.logging.set_level(None)  # FFmpeg would write to stderr; its words travel in `detail`

HOST_ONLY = {".braw": "Blackmagic RAW", ".r3d": "RED", ".ari": "ARRIRAW", ".arx": "ARRIRAW"}
INTRA_ENCODERS = ("prores_ks", "dnxhd", "png", "ffv1")
_TURNS = {(1, 0): 0, (0, -1): 1, (-1, 0): 2, (0, 1): 3}


@dataclass(frozen=True)
class Tags:
    """Colour description as the code points of ITU-T H.273; 2 (range 0) is 'not said'."""

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    range: int = 0  # 1 limited, 2 full


@dataclass(frozen=True)
class PacketMark:
    """One video packet as the demuxer sees it, times in ticks of the stream."""

    pts: int | None
    dts: int | None
    duration: int
    key: bool
    shown: bool  # not discarded by an edit list
    damaged: bool


@dataclass(frozen=True)
class AudioInfo:
    """One audio stream."""

    stream: int
    codec: str
    rate_hz: int
    channels: int


@dataclass(frozen=True)
class RawInfo:
    """What container, stream and first frame say, uninterpreted."""

    container: str
    stream: int
    codec: str
    profile: str | None
    tag: str
    format_name: str  # as coded
    format: PixelFormat  # as handed out
    width: int
    height: int
    par: Fraction
    time_base: Fraction
    average_rate: Fraction | None
    declared_frames: int
    tags: Tags
    quarter_turns: int  # counter-clockwise, to show it upright
    mirror: bool  # left-right, before turning
    interlaced: bool
    reordered: bool
    first_pts: int | None
    metadata: dict[str, str] = field(default_factory=dict)
    audio: tuple[AudioInfo, ...] = ()


def _unreadable(path: Path, error: BaseException, sentence: str) -> ClipUnreadableError:
    return ClipUnreadableError(
        f"{path.name} {sentence}", hint=["choose_file", "reexport"], detail=str(error)
    )


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    """Open a file for reading, turning every native failure into a coded error."""
    if not path.exists():
        raise ClipMissingError(
            f"There is no clip at {path}.", hint=["choose_file"], detail=str(path)
        )
    if path.suffix.lower() in HOST_ONLY:
        raise ClipUnsupportedError(
            f"{path.name} is {HOST_ONLY[path.suffix.lower()]}, which only the host can decode.",
            hint=["render_in_host"],
        )
    if path.stat().st_size == 0:
        raise ClipUnreadableError(f"{path.name} is an empty file.", hint=["choose_file"])
    try:
        container = av.open(str(path), "r", metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise _unreadable(path, error, "is not a readable clip.") from error
    try:
        yield container
    except FFmpegError as error:
        raise _unreadable(path, error, "is damaged or encrypted.") from error
    finally:
        container.close()


def _picture_stream(container: InputContainer, path: Path) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise ClipUnreadableError(
            f"{path.name} has no moving picture, only sound or data.", hint=["choose_file"]
        )
    stream = streams[0]
    if stream.codec_context is None or not stream.codec_context.name:
        raise ClipUnsupportedError(
            f"{path.name} holds a codec that cannot be decoded here.", hint=["render_in_host"]
        )
    if str(stream.codec_context.codec_tag).lower() in ("encv", "drmi"):
        raise ClipUnreadableError(f"{path.name} is encrypted.", hint=["choose_file"])
    stream.thread_type = "AUTO"  # type: ignore[assignment]  # PyAV parses the name
    return stream


def inspect(path: Path) -> RawInfo:
    """Read what container, stream and first frame say.

    Raises
    ------
    ClipMissingError, ClipUnreadableError, ClipUnsupportedError
    """
    with _opened(path) as container:
        stream = _picture_stream(container, path)
        context = stream.codec_context
        # The container's word, read before a decoder overwrites it.
        said = (context.color_primaries, context.color_trc, context.colorspace, context.color_range)
        frame = next(iter(container.decode(stream)), None)
        if frame is None:
            raise ClipUnreadableError(f"{path.name} holds no frame.", hint=["choose_file"])
        turns, mirror = _orientation(frame)
        coded = (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range)
        # Where the container is silent the bitstream is asked. Matrix 0 (RGB) is an answer.
        silent = (2, 2, 2, 0)
        tags = Tags(
            *(
                int(a) if int(a) != gap else int(b)
                for a, b, gap in zip(said, coded, silent, strict=True)
            )
        )
        metadata = dict(container.metadata)
        for other in (*container.streams.data, stream):
            metadata.update(other.metadata)
        audio = tuple(
            AudioInfo(
                s.index, s.codec_context.name, s.codec_context.sample_rate, s.codec_context.channels
            )
            for s in container.streams.audio
            if s.codec_context is not None
        )
        return RawInfo(
            container=container.format.name,
            stream=stream.index,
            codec=context.name,
            profile=stream.profile,
            tag=str(context.codec_tag),
            format_name=frame.format.name,
            format=_target_format(frame, path),
            width=frame.width,
            height=frame.height,
            par=stream.sample_aspect_ratio or context.sample_aspect_ratio or Fraction(1),
            time_base=stream.time_base or Fraction(1, 1000),
            average_rate=stream.average_rate or stream.guessed_rate,
            declared_frames=stream.frames,
            tags=tags,
            quarter_turns=turns,
            mirror=mirror,
            interlaced=frame.interlaced_frame,
            reordered=context.has_b_frames,
            first_pts=frame.pts,
            metadata=metadata,
            audio=audio,
        )


def _orientation(frame: VideoFrame) -> tuple[int, bool]:
    for data in frame.side_data:
        if data.type == SideDataType.DISPLAYMATRIX:
            a, b, _, c, d, *_ = struct.unpack("9i", bytes(data))
            mirror = a * d - b * c < 0
            sign = -1 if mirror else 1
            key = (round(sign * a / 65536), round(sign * b / 65536))
            return _TURNS.get(key, 0), mirror
    return 0, False


def _target_format(frame: VideoFrame, path: Path) -> PixelFormat:
    name = frame.format.name
    twin = PLANAR_TWIN.get(name, name)
    found = PixelFormat.parse(twin)
    if found is None and name.endswith("be"):
        found = PixelFormat.parse(f"{name[:-2]}le")
    if found is None:
        raise ClipUnsupportedError(
            f"{path.name} has the pixel format {name}, which is not supported.",
            hint=["render_in_host"],
        )
    return found


def scan(path: Path) -> list[PacketMark]:
    """List all video packets by demuxing only, in file order."""
    marks = []
    with _opened(path) as container:
        stream = _picture_stream(container, path)
        for packet in container.demux(stream):
            if packet.size:
                marks.append(
                    PacketMark(
                        packet.pts,
                        packet.dts,
                        packet.duration or 0,
                        key=packet.is_keyframe,
                        shown=not packet.is_discard,
                        damaged=packet.is_corrupt,
                    )
                )
    return marks


@dataclass(frozen=True)
class Decoded:
    """A decoded frame and its time in ticks, None where the file gives none."""

    pts: int | None
    picture: Picture


class Decoder:
    """Decodes one video stream; `seek` and `next` are all it knows."""

    def __init__(self, path: Path, target: PixelFormat) -> None:
        self._path = path
        self._target = target
        self._context = _opened(path)
        self._container = self._context.__enter__()
        self._stream = _picture_stream(self._container, path)
        self._frames: Iterator[VideoFrame] = iter(self._container.decode(self._stream))

    def seek(self, pts: int) -> None:
        """Go to a key frame at or before `pts` (by the container's own idea of it)."""
        try:
            self._container.seek(pts, stream=self._stream, backward=True)
        except FFmpegError:
            self.rewind()
            return
        self._frames = iter(self._container.decode(self._stream))

    def rewind(self) -> None:
        """Go to the very beginning, by opening the file anew."""
        self._context.__exit__(None, None, None)
        self._context = _opened(self._path)
        self._container = self._context.__enter__()
        self._stream = _picture_stream(self._container, self._path)
        self._frames = iter(self._container.decode(self._stream))

    def next(self) -> Decoded | None:
        """Decode the next frame in presentation order, or return None at the end."""
        try:
            frame = next(self._frames, None)
        except FFmpegError as error:
            raise _unreadable(self._path, error, "does not decode; it is damaged.") from error
        return None if frame is None else Decoded(frame.pts, to_picture(frame, self._target))

    def close(self) -> None:
        """Close the file."""
        self._context.__exit__(None, None, None)


def to_picture(frame: VideoFrame, target: PixelFormat) -> Picture:
    """View a decoded frame as planes without copying; packed formats are unpacked first."""
    if frame.format.name != target.name:
        frame = frame.reformat(format=target.name)
    planes = []
    for index, plane in enumerate(frame.planes):
        width, height = target.plane_size(index, frame.width, frame.height)
        stride = plane.line_size // target.dtype.itemsize
        samples = np.frombuffer(plane, target.dtype)  # type: ignore[call-overload]
        view = samples[: stride * height].reshape(height, stride)[:, :width]
        view.flags.writeable = False
        planes.append(view)
    return Picture(tuple(planes), target)


def to_frame(picture: Picture, tags: Tags) -> VideoFrame:
    """Copy planes into a frame that an encoder takes."""
    frame = VideoFrame(picture.width, picture.height, picture.format.name)
    for source, plane in zip(picture.planes, frame.planes, strict=True):
        height, width = source.shape
        stride = plane.line_size // source.dtype.itemsize
        target = np.frombuffer(plane, source.dtype)  # type: ignore[call-overload]
        target[: stride * height].reshape(height, stride)[:, :width] = source
    frame.color_primaries, frame.color_trc = tags.primaries, tags.transfer
    frame.colorspace, frame.color_range = tags.matrix, tags.range
    return frame


def video_packets(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (pts, bytes) of every video packet in file order."""
    with _opened(path) as container:
        for packet in container.demux(_picture_stream(container, path)):
            if packet.size and packet.pts is not None and not packet.is_discard:
                yield packet.pts, bytes(packet)


def audio_packets(path: Path, stream: int) -> Iterator[tuple[Fraction, Fraction, bytes]]:
    """Yield (start s, duration s, bytes) of every packet of an audio stream."""
    with _opened(path) as container:
        for packet in container.demux(container.streams[stream]):
            if packet.size and packet.pts is not None:
                yield (
                    packet.pts * packet.time_base,
                    (packet.duration or 0) * packet.time_base,
                    bytes(packet),
                )


# ---- writing ----------------------------------------------------------------------------


@dataclass(frozen=True)
class VideoPlan:
    """Everything about the video track of a file to be written."""

    muxer: str
    codec: str
    format: PixelFormat
    width: int
    height: int
    rate: Fraction
    time_base: Fraction
    tags: Tags = Tags()
    par: Fraction = Fraction(1)
    options: tuple[tuple[str, str], ...] = ()
    codec_tag: str | None = None
    timecode: str | None = None
    reel: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()


class Encoder:
    """Writes one file: encoded pictures, copied packets, copied audio.

    Parameters
    ----------
    path : Path
        A temporary name; renaming is the caller's business.
    plan : VideoPlan
    audio_from : Path, optional
        File whose audio is copied packet by packet.
    audio_streams : sequence of int
        Which of its streams.
    audio_span : (start, stop) in seconds, either None for open
        Part of the audio that is kept; it is shifted so that `origin` becomes 0.
    origin : Fraction
        Seconds in the source at which the first picture of this file begins.
    """

    def __init__(
        self,
        path: Path,
        plan: VideoPlan,
        *,
        audio_from: Path | None = None,
        audio_streams: Sequence[int] = (),
        audio_span: tuple[Fraction | None, Fraction | None] = (None, None),
        origin: Fraction = Fraction(0),
    ) -> None:
        self._path, self._plan = path, plan
        options = {"movflags": "+write_colr"} if plan.muxer in ("mov", "mp4") else {}
        if plan.muxer in ("mov", "mp4") and plan.time_base != 1 / plan.rate:
            options["video_track_timescale"] = str(plan.time_base.denominator)
        with self._guard():
            self._out: OutputContainer = av.open(
                str(path), "w", format=plan.muxer, container_options=options
            )
        with self._guard():
            self._stream = self._add_video()
            self._audio = (
                _AudioCopy(self._out, audio_from, audio_streams, audio_span, origin)
                if audio_from is not None and audio_streams
                else None
            )
        self._held: dict[int, Packet[Any]] = {}
        self._order: list[int] = []  # pts in writing order, for files without reordering
        self._durations: dict[int, int] = {}

    def _add_video(self) -> VideoStream:
        plan = self._plan
        stream = self._out.add_stream(plan.codec, rate=plan.rate, options=dict(plan.options))
        assert isinstance(stream, VideoStream)
        context = stream.codec_context
        context.width, context.height = plan.width, plan.height
        context.pix_fmt = plan.format.name
        context.time_base = plan.time_base
        context.color_primaries, context.color_trc = plan.tags.primaries, plan.tags.transfer
        context.colorspace, context.color_range = plan.tags.matrix, plan.tags.range
        context.sample_aspect_ratio = plan.par
        context.thread_type = "AUTO"
        if plan.codec_tag:
            context.codec_tag = plan.codec_tag
        if plan.timecode:
            stream.metadata["timecode"] = plan.timecode
        if plan.reel:
            stream.metadata["reel_name"] = plan.reel
        self._out.metadata.update(dict(plan.metadata))
        return stream

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno == 28:  # ENOSPC
                raise DiskError(
                    f"The disk became full while writing {self._path.name}.",
                    hint=["open_folder", "clear_takes"],
                    detail=str(error),
                ) from error
            raise self._failed(error) from error
        except (FFmpegError, ValueError) as error:
            raise self._failed(error) from error

    def _failed(self, error: BaseException) -> OutputError:
        return OutputError(
            f"{self._path.parent} cannot take the result.",
            hint=["choose_folder"],
            detail=str(error),
        )

    def encode(self, picture: Picture, pts: int, duration: int) -> None:
        """Encode a picture shown at `pts` for `duration` ticks of the plan's time base."""
        with self._guard():
            frame = to_frame(picture, self._plan.tags)
            frame.pts, frame.time_base = pts, self._plan.time_base
            self._order.append(pts)
            self._durations[pts] = duration
            for packet in self._stream.encode(frame):
                self._take(packet)

    def copy(self, data: bytes, pts: int, duration: int) -> None:
        """Write a finished packet of an intra-only codec at `pts`."""
        with self._guard():
            packet: Packet[Any] = Packet(data)
            packet.stream, packet.time_base = self._stream, self._plan.time_base
            packet.pts = packet.dts = pts
            packet.is_keyframe = True
            self._order.append(pts)
            self._durations[pts] = duration
            self._held[pts] = packet
            self._flush()

    def _take(self, packet: Packet[Any]) -> None:
        packet.stream = self._stream
        if packet.pts is not None and self._plan.codec in INTRA_ENCODERS:
            self._held[packet.pts] = packet
            self._flush()
            return
        self._write(packet)

    def _flush(self) -> None:
        # Encoders with frame threads answer late, copied packets come at once: keep order.
        while self._order and (packet := self._held.pop(self._order[0], None)) is not None:
            self._order.pop(0)
            self._write(packet)

    def _write(self, packet: Packet[Any]) -> None:
        if packet.pts is not None:
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
            if self._audio is not None:
                self._audio.write_until(packet.pts * self._plan.time_base)
        self._out.mux(packet)

    def close(self) -> None:
        """Finish the file."""
        with self._guard():
            for packet in self._stream.encode(None):
                self._take(packet)
            for pts in sorted(self._held):
                self._write(self._held[pts])
            self._held.clear()
            if self._audio is not None:
                self._audio.write_until(None)
                self._audio.close()
            self._out.close()

    def abort(self) -> None:
        """Close without finishing; the caller deletes the temporary file."""
        if self._audio is not None:
            self._audio.close()
        try:
            self._out.close()
        except (FFmpegError, OSError, ValueError):
            return  # half a file may refuse its trailer, and is deleted anyway


class _AudioCopy:
    """Copies audio packets in step with the picture."""

    def __init__(
        self,
        out: OutputContainer,
        path: Path,
        streams: Sequence[int],
        span: tuple[Fraction | None, Fraction | None],
        origin: Fraction,
    ) -> None:
        self._out, self._span, self._origin = out, span, origin
        self._context = _opened(path)
        container = self._context.__enter__()
        sources = [container.streams[index] for index in streams]
        self._targets = {
            source.index: out.add_stream_from_template(source)
            for source in sources
            if isinstance(source, AudioStream)
        }
        self._packets = container.demux(sources)
        self._next = self._following()

    def _following(self) -> Packet[Any] | None:
        first, last = self._span
        for packet in self._packets:
            if not packet.size or packet.pts is None:
                continue
            start = packet.pts * packet.time_base
            stop = start + (packet.duration or 0) * packet.time_base
            if (first is None or stop > first) and (last is None or start < last):
                return packet
        return None

    def write_until(self, seconds: Fraction | None) -> None:
        """Write what begins before `seconds` of the new file; None writes the rest."""
        while (packet := self._next) is not None and packet.pts is not None:
            if seconds is not None and packet.pts * packet.time_base - self._origin > seconds:
                return
            shift = round(self._origin / packet.time_base)
            packet.stream = self._targets[packet.stream_index]
            packet.pts -= shift
            packet.dts = packet.dts - shift if packet.dts is not None else packet.pts
            self._out.mux(packet)
            self._next = self._following()

    def close(self) -> None:
        self._context.__exit__(None, None, None)

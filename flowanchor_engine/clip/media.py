"""PyAV, and the only module that imports it: demux, decode, encode, mux.

Mechanics only. Which frame is which is decided in `index` and `reader`, what a file is in
`facts`, which codec and tags a result gets in `writer`.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from flowanchor_engine.clip.planes import PLANAR_TWIN, Picture, PixelFormat
from flowanchor_engine.clip.records import AudioInfo, Decoded, PacketMark, RawInfo, Tags, VideoPlan
from flowanchor_engine.errors import ClipMissingError, ClipUnreadableError, ClipUnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from av.audio.stream import AudioStream

    AnyPacket = Packet[Any]
else:
    AnyPacket = Packet  # generic in the stubs only

__all__ = [
    "AnyPacket",
    "AudioSource",
    "Decoder",
    "MediaError",
    "Output",
    "decoded_times",
    "inspect",
    "open_output",
    "packet_of",
    "scan",
    "to_frame",
    "video_packets",
]

av.logging.set_level(None)  # FFmpeg would write to stderr; its words travel in `detail`

MediaError = FFmpegError
Output = OutputContainer
HOST_ONLY = {".braw": "Blackmagic RAW", ".r3d": "RED", ".ari": "ARRIRAW", ".arx": "ARRIRAW"}
# Containers with pictures. Everything else FFmpeg would open is left out: text as terminal
# art, and play lists, which could name other files or the network.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mpegvideo,avi,mxf,mxf_opatom,flv,asf,"
    "ogg,gif,dv,h264,hevc,ivf,nut,yuv4mpegpipe,mjpeg,wav,mp3,aac,flac,aiff,ac3"
)
_OPEN = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}
_TURNS = {(1, 0): 0, (0, -1): 1, (-1, 0): 2, (0, 1): 3}


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
        container = av.open(
            str(path.resolve()), "r", container_options=_OPEN, metadata_errors="replace"
        )
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
    stream.thread_type = "AUTO"
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
                s.index,
                s.codec_context.codec.canonical_name,
                s.codec_context.sample_rate,
                s.codec_context.channels,
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
    sides: Any = frame.side_data  # a mapping by name in the stubs, a sequence in truth
    for data in sides:
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


def decoded_times(path: Path) -> list[int | None]:
    """Decode everything and list the times in the order in which frames come out."""
    with _opened(path) as container:
        return [frame.pts for frame in container.decode(_picture_stream(container, path))]


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


# ---- writing ----------------------------------------------------------------------------


def open_output(path: Path, plan: VideoPlan) -> tuple[OutputContainer, VideoStream]:
    """Open a file for writing with its video track set up.

    Raises
    ------
    FFmpegError, OSError, ValueError
        Left to the caller, who knows what was to be written.
    """
    options = {}
    if plan.muxer in ("mov", "mp4"):
        options["movflags"] = "+write_colr"
        if plan.time_base != 1 / plan.rate:
            options["video_track_timescale"] = str(plan.time_base.denominator)
    out = av.open(str(path), "w", format=plan.muxer, container_options=options)
    stream = out.add_stream(plan.codec, rate=plan.rate, options=dict(plan.options))
    if not isinstance(stream, VideoStream):
        raise TypeError(plan.codec)
    context = stream.codec_context
    context.width, context.height = plan.width, plan.height
    context.pix_fmt = plan.format.name
    context.time_base = plan.time_base
    context.color_primaries, context.color_trc = plan.tags.primaries, plan.tags.transfer
    context.colorspace, context.color_range = plan.tags.matrix, plan.tags.range
    context.sample_aspect_ratio = plan.par
    context.thread_type = "AUTO"
    if plan.timecode:
        stream.metadata["timecode"] = plan.timecode
    if plan.reel:
        stream.metadata["reel_name"] = plan.reel
    return out, stream


def packet_of(data: bytes, stream: VideoStream) -> AnyPacket:
    """Wrap finished codec data for a track."""
    packet: AnyPacket = Packet(data)
    packet.stream = stream
    return packet


class AudioSource:
    """Audio of a clip, packet by packet, for a file that is being written."""

    def __init__(self, out: OutputContainer, path: Path, streams: Sequence[int]) -> None:
        self._context = _opened(path)
        container = self._context.__enter__()
        sources = [s for s in container.streams.audio if s.index in streams]
        self._targets: dict[int, AudioStream] = {
            source.index: out.add_stream_from_template(source) for source in sources
        }
        self._demuxed = container.demux(*sources)

    def packets(self) -> Iterator[AnyPacket]:
        """Yield packets in file order, already assigned to the new file's tracks."""
        for packet in self._demuxed:
            if packet.size and packet.pts is not None:
                packet.stream = self._targets[packet.stream_index]
                yield packet

    def close(self) -> None:
        """Close the source."""
        self._context.__exit__(None, None, None)

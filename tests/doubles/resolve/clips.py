"""Real media: written, probed and decoded through PyAV.

Pictures are float32 arrays (height, width, 4), RGBA straight alpha in 0..1. Generated clips carry
their frame number as a strip of black and white cells along the top, which survives compression
and scaling: :func:`number_of` reads it back.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

BITS = 12
STILLS = {".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".dpx", ".exr"}

#: Codec id of Resolve -> (encoder, pixel format, pixel format with alpha, options).
ENCODERS: dict[str, tuple[str, str, str | None, dict[str, str]]] = {
    "ProRes422HQ": ("prores_ks", "yuv422p10le", None, {"profile": "hq"}),
    "ProRes422": ("prores_ks", "yuv422p10le", None, {"profile": "standard"}),
    "ProRes4444": ("prores_ks", "yuv444p10le", "yuva444p10le", {"profile": "4444"}),
    "DNxHRHQ": ("dnxhd", "yuv422p", None, {"profile": "dnxhr_hq"}),
    "DNxHRHQX_10": ("dnxhd", "yuv422p10le", None, {"profile": "dnxhr_hqx"}),
    "DNxHR444_12": ("dnxhd", "yuv444p10le", None, {"profile": "dnxhr_444"}),
    "CineFormYUV10": ("cfhd", "yuv422p10le", None, {}),
    "H264": ("libx264", "yuv420p", None, {"crf": "12", "preset": "ultrafast"}),
    "H265": ("libx265", "yuv420p", None, {"crf": "12", "preset": "ultrafast"}),
    "png": ("png", "rgb24", "rgba", {}),
}


@dataclass(frozen=True)
class Facts:
    """What a decoder says of a file."""

    still: bool
    frames: int
    rate: Fraction
    size: tuple[int, int]
    alpha: bool
    codec: str
    channels: int
    timecode: str
    video: bool = True


def probe(path: Path) -> Facts:
    """Open a file and decode its first frame.

    Raises
    ------
    ValueError
        Nothing in it decodes.
    """
    try:
        stat = os.stat(path)
        return _probe(str(path), stat.st_mtime_ns, stat.st_size)
    except (OSError, av.FFmpegError) as problem:
        raise ValueError(f"{path} does not decode") from problem


@functools.lru_cache(maxsize=256)
def _probe(path: str, _changed: int, _size: int) -> Facts:
    with av.open(path) as container:
        channels = sum(stream.codec_context.channels for stream in container.streams.audio)
        if not container.streams.video:
            if not channels:
                raise ValueError(path)
            return Facts(False, 1, Fraction(24), (0, 0), False, "", channels, "", video=False)
        stream = container.streams.video[0]
        context = stream.codec_context
        if next(container.decode(stream), None) is None:
            raise ValueError(path)
        still = Path(path).suffix.lower() in STILLS
        count = 1 if still else stream.frames or _count(path)
        rate = Fraction(stream.average_rate or 24)
        alpha = "a" in (context.pix_fmt or "").removeprefix("gray") and "yuva" in str(
            context.pix_fmt
        )
        alpha = alpha or str(context.pix_fmt).startswith(("rgba", "argb", "gbrap", "ya"))
        timecode = stream.metadata.get("timecode", container.metadata.get("timecode", ""))
        return Facts(
            still, count, rate, (context.width, context.height), alpha, context.name, channels,
            timecode,
        )  # fmt: skip


def _count(path: str) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def read(path: Path) -> list[NDArray[np.uint16]]:
    """Decode every picture as 16-bit RGBA."""
    stat = os.stat(path)
    return _read(str(path), stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=12)
def _read(path: str, _changed: int, _size: int) -> list[NDArray[np.uint16]]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgba64le") for frame in container.decode(video=0)]


def picture(path: Path, index: int = 0) -> Picture:
    pictures = read(path)
    return pictures[min(index, len(pictures) - 1)].astype(np.float32) / 65535


def write_video(
    path: Path,
    pictures: Iterable[Picture],
    *,
    rate: Fraction,
    codec: str = "ProRes422HQ",
    alpha: bool = False,
    timecode: str = "",
    channels: int = 0,
) -> int:
    """Encode pictures, and silence where ``channels`` is not 0; give the number of frames."""
    writer = VideoWriter(path, rate, codec, alpha=alpha, timecode=timecode, channels=channels)
    try:
        for item in pictures:
            writer.add(item)
    finally:
        writer.close()
    return writer.count


class VideoWriter:
    """One file being written, picture by picture."""

    def __init__(
        self,
        path: Path,
        rate: Fraction,
        codec: str,
        *,
        alpha: bool = False,
        timecode: str = "",
        channels: int = 0,
        video: bool = True,
    ) -> None:
        self.count = 0
        self.rate = rate
        self.video = video
        self._encoder, plain, with_alpha, self._options = ENCODERS[codec]
        self._format = with_alpha if alpha and with_alpha else plain
        self._timecode = timecode
        self._container = av.open(str(path), "w")
        self._stream: av.VideoStream | None = None
        self._audio: av.AudioStream | None = None
        if channels:
            name = "pcm_s16le" if path.suffix == ".mov" else "aac"
            layout = "mono" if channels == 1 else "stereo"
            self._audio = self._container.add_stream(name, rate=48000, layout=layout)

    def add(self, item: Picture) -> None:
        """Encode one picture (height, width, 4)."""
        if self.video:
            if self._stream is None:
                self._open(item)
            assert self._stream is not None
            wide = np.ascontiguousarray((np.clip(item, 0, 1) * 65535 + 0.5).astype(np.uint16))
            frame = av.VideoFrame.from_ndarray(wide, format="rgba64le")
            frame.pts = self.count
            self._container.mux(self._stream.encode(frame))
        self.count += 1

    def _open(self, item: Picture) -> None:
        self._stream = self._container.add_stream(self._encoder, rate=self.rate)
        self._stream.height, self._stream.width = item.shape[:2]
        self._stream.pix_fmt = self._format
        self._stream.options = dict(self._options)
        if self._timecode:
            self._stream.metadata["timecode"] = self._timecode

    def close(self) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        if self._audio is not None and self.count:
            samples = max(1024, int(self.count / self.rate * 48000))
            layout = self._audio.layout.name
            packed = self._audio.codec_context.name == "pcm_s16le"
            width = len(self._audio.layout.channels)
            silence = np.zeros((1, samples * width), np.int16)
            frame = av.AudioFrame.from_ndarray(silence, format="s16", layout=layout)
            frame.sample_rate, frame.pts = 48000, 0
            if packed:
                self._container.mux(self._audio.encode(frame))
            else:
                fifo = av.AudioFifo()
                fifo.write(frame)
                while (chunk := fifo.read(1024)) is not None:
                    self._container.mux(self._audio.encode(chunk))
            self._container.mux(self._audio.encode())
        self._container.close()


def write_still(path: Path, item: Picture) -> None:
    """Write one picture; the extension decides the format.

    Raises
    ------
    ValueError
        The extension is not a still format.
    """
    suffix = path.suffix.lower()
    wide = (np.clip(item, 0, 1) * 65535 + 0.5).astype(np.uint16)
    swapped = np.ascontiguousarray(wide[..., [2, 1, 0, 3]])
    if suffix in (".png", ".tif", ".tiff"):
        data = cv2.imencode(suffix, swapped)[1].tobytes()
    elif suffix in (".jpg", ".jpeg", ".bmp"):
        data = cv2.imencode(suffix, (swapped[..., :3] >> 8).astype(np.uint8))[1].tobytes()
    elif suffix in (".dpx", ".exr"):
        data = _encode_one(suffix, wide, item)
    else:
        raise ValueError(f"no still format {suffix}")
    path.write_bytes(data)


def _encode_one(suffix: str, wide: NDArray[np.uint16], item: Picture) -> bytes:
    name, form = ("dpx", "rgb48le") if suffix == ".dpx" else ("exr", "gbrpf32le")
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.height, context.width = item.shape[:2]
    context.pix_fmt, context.time_base = form, Fraction(1, 24)
    if name == "dpx":
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[..., :3]), format=form)
    else:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(item[..., :3]), format=form)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])


def counted(number: int, size: tuple[int, int], *, alpha: bool = False) -> Picture:
    """Paint a picture that carries its number: a drifting gradient under a strip of cells."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    out = np.ones((height, width, 4), np.float32)
    out[..., 0] = 0.2 + 0.5 * x / width
    out[..., 1] = 0.2 + 0.5 * y / height
    out[..., 2] = 0.3 + 0.2 * np.sin(number / 5)
    left = int((number * 3) % max(1, width - width // 6))
    out[height // 2 : height // 2 + height // 5, left : left + width // 6, :3] = (0.9, 0.2, 0.1)
    if alpha:
        out[..., 3] = np.where(x + y > (width + height) / 2, 0.5, 1.0)
    strip = max(4, height // 6)
    for bit in range(BITS):
        on = 0.95 if number >> (BITS - 1 - bit) & 1 else 0.05
        out[:strip, bit * width // BITS : (bit + 1) * width // BITS] = (on, on, on, 1.0)
    return out


def number_of(item: Picture) -> int:
    """Read the number a generated picture carries."""
    height, width = item.shape[:2]
    strip = max(4, height // 6)
    number = 0
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        margin = (right - left) // 4
        cell = item[strip // 4 : strip - strip // 4, left + margin : right - margin, :3]
        number = number << 1 | int(cell.mean() > 0.5)
    return number


def numbers(path: Path) -> list[int]:
    """Read the numbers of a whole file."""
    return [number_of(item.astype(np.float32) / 65535) for item in read(path)]


def write_counted(
    path: Path,
    count: int,
    *,
    size: tuple[int, int] = (128, 72),
    rate: Fraction = Fraction(24),
    codec: str = "png",
    first: int = 0,
    alpha: bool = False,
    timecode: str = "",
    channels: int = 0,
) -> Path:
    """Write a clip whose pictures carry the numbers ``first`` .. ``first + count - 1``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        _counted_file(path.suffix, count, size, rate, codec, first, alpha, timecode, channels)
    )
    return path


@functools.lru_cache(maxsize=64)
def _counted_file(
    suffix: str,
    count: int,
    size: tuple[int, int],
    rate: Fraction,
    codec: str,
    first: int,
    alpha: bool,
    timecode: str,
    channels: int,
) -> bytes:
    """Encode once what many tests ask for."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip{suffix}"
        pictures = (counted(first + index, size, alpha=alpha) for index in range(count))
        write_video(
            path,
            pictures,
            rate=rate,
            codec=codec,
            alpha=alpha,
            timecode=timecode,
            channels=channels,
        )
        return path.read_bytes()

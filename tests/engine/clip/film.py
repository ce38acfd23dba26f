"""Small synthetic clips whose frames carry their number in a machine-readable way.

The number is written as eight luma blocks, bright for 1 and dark for 0, along the top of the
picture; it survives any codec. Files are written with PyAV directly, not with the product.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np

from flowanchor_engine.clip.planes import Picture, PixelFormat

BITS = 8
WIDTH, HEIGHT = 96, 64


@dataclass(frozen=True)
class Film:
    """A recipe of a clip."""

    name: str
    codec: str
    format: str = "yuv420p"
    rate: Fraction = Fraction(25)
    frames: int = 24
    size: tuple[int, int] = (WIDTH, HEIGHT)
    options: dict[str, str] = field(default_factory=dict)
    tags: tuple[int, int, int, int] = (1, 1, 1, 1)
    timecode: str | None = None
    reel: str | None = None
    par: Fraction = Fraction(1)
    sound: str | None = None
    times: tuple[int, ...] | None = None  # pts in milliseconds, for a variable rate
    degrees: int = 0

    def __str__(self) -> str:
        return self.name


def planes_of(number: int, pixels: PixelFormat, size: tuple[int, int]) -> list[np.ndarray]:
    """Return the planes of frame `number`: code blocks above, a moving ramp below."""
    width, height = size
    full = pixels.family == "rgb" or "j" in pixels.name
    peak = 1.0 if pixels.is_float else float(pixels.peak)
    low, high = (0.1, 0.9) if pixels.is_float or full else (0.15, 0.85)
    unit = np.empty((height, width), np.float64)
    ramp = (np.arange(width)[None, :] * 2 + np.arange(height)[:, None] * 3 + 5 * number) % 97
    unit[:] = low + (high - low) * ramp / 97
    for bit in range(BITS):
        x0, x1 = bit * width // BITS, (bit + 1) * width // BITS
        unit[: height // 3, x0:x1] = high if number >> bit & 1 else low
    planes = []
    for place in range(pixels.planes):
        wide, tall = pixels.plane_size(place, width, height)
        if pixels.is_chroma(place):
            grid = 0.5 + 0.1 * np.sin(np.arange(wide) / 9 + place + number / 5)[None, :]
            plane = np.repeat(grid, tall, axis=0)
        elif pixels.alpha and place == pixels.planes - 1:
            plane = np.linspace(0, 1, wide)[None, :].repeat(tall, axis=0)
        else:
            plane = unit
        planes.append((plane * peak).astype(pixels.dtype))
    return planes


def number_in(picture: Picture) -> int:
    """Read the burnt-in number."""
    plane = picture.planes[0].astype(np.float64)
    height, width = plane.shape
    band = plane[height // 12 : height // 4]
    means = [
        band[:, bit * width // BITS + 2 : (bit + 1) * width // BITS - 2].mean()
        for bit in range(BITS)
    ]
    middle = 0.5 if picture.format.is_float else picture.format.peak / 2
    return sum(1 << bit for bit, mean in enumerate(means) if mean > middle)


def write(path: Path, film: Film) -> Path:
    """Write a film with PyAV."""
    pixels = PixelFormat.of(film.format)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(film.codec, rate=film.rate, options=film.options)
        stream.width, stream.height = film.size
        stream.pix_fmt = film.format
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = (
            film.tags
        )
        context.sample_aspect_ratio = film.par
        base = Fraction(1, 1000) if film.times else 1 / film.rate
        context.time_base = base
        if film.degrees:
            stream.set_display_rotation(film.degrees)
        if film.timecode:
            stream.metadata["timecode"] = film.timecode
        if film.reel:
            stream.metadata["reel_name"] = film.reel
        voice: Any = None
        if film.sound:
            voice = out.add_stream(film.sound, rate=48000)
            voice.layout = "stereo"
        for number in range(film.frames):
            frame = av.VideoFrame(*film.size, film.format)
            for plane, samples in zip(
                frame.planes, planes_of(number, pixels, film.size), strict=True
            ):
                tall, wide = samples.shape
                stride = plane.line_size // samples.dtype.itemsize
                view = np.frombuffer(plane, samples.dtype)[: stride * tall].reshape(tall, stride)
                view[:, :wide] = samples
            frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = film.tags
            frame.pts = film.times[number] if film.times else number
            frame.time_base = base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if voice is not None:
            _speak(out, voice, film)
    return path


def _speak(out: Any, voice: Any, film: Film) -> None:
    total = int(48000 * film.frames / film.rate)
    tone = np.sin(np.arange(total) * 2 * np.pi * 440 / 48000) * np.linspace(0.1, 0.9, total)
    size = voice.codec_context.frame_size or 1024
    for start in range(0, total, size):
        part = tone[start : start + size]
        if voice.codec_context.format.name.startswith("flt"):
            data = np.stack([part, -part]).astype(np.float32)
        else:
            data = (np.stack([part, -part], axis=1).reshape(1, -1) * 32000).astype(np.int16)
        layout = "stereo"
        frame = av.AudioFrame.from_ndarray(
            data, format="fltp" if data.dtype == np.float32 else "s16", layout=layout
        )
        frame.rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        out.mux(voice.encode(frame))
    out.mux(voice.encode(None))


def ffmpeg(*arguments: str) -> str:
    """Run the independent FFmpeg and return what it says."""
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stderr


def judged_frames(path: Path) -> int:
    """Count frames by decoding with the independent FFmpeg; fail on any decode error."""
    said = ffmpeg(
        "-v",
        "info",
        "-xerror",
        "-i",
        str(path),
        "-map",
        "0:v:0",
        "-fps_mode",
        "passthrough",
        "-f",
        "null",
        "-",
    )
    counts = [part for part in said.replace("\r", "\n").split("\n") if part.startswith("frame=")]
    assert counts, said
    assert "Error" not in said, said
    return int(counts[-1].split("=")[1].split()[0])


def audio_packets(path: Path) -> list[bytes]:
    """Return all audio packets of a file."""
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]


def audio_times(path: Path) -> list[Fraction]:
    """Return when every audio packet begins, in seconds."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[0])
        return [p.pts * p.time_base for p in packets if p.size and p.pts is not None]


def video_packets(path: Path) -> list[bytes]:
    """Return all video packets of a file."""
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]


def write_images(folder: Path, suffix: str, frames: int, *, first: int = 1001) -> list[Path]:
    """Write a numbered sequence with OpenImageIO: PNG16, TIFF16, EXR half or 10-bit DPX."""
    import OpenImageIO

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(frames):
        floats = suffix == ".exr"
        pixels = PixelFormat.of("gbrpf32le" if floats else "gbrp16le")
        plane = planes_of(number, pixels, (WIDTH, HEIGHT))[0]
        samples = np.stack([plane] * 3, axis=2)
        kind = OpenImageIO.HALF if floats else OpenImageIO.UINT16
        spec = OpenImageIO.ImageSpec(WIDTH, HEIGHT, 3, kind)
        if suffix == ".dpx":
            spec.attribute("oiio:BitsPerSample", 10)
        path = folder / f"shot.{first + number}{suffix}"
        out = OpenImageIO.ImageOutput.create(str(path))
        assert out.open(str(path), spec), out.geterror()
        out.write_image(samples)
        out.close()
        files.append(path)
    return files


def write_webp(path: Path, durations_ms: Sequence[int]) -> Path:
    """Write a lossless animated WebP."""
    from PIL import Image

    images = []
    for number in range(len(durations_ms)):
        plane = planes_of(number, PixelFormat.of("gbrp"), (WIDTH, HEIGHT))[0]
        images.append(Image.fromarray(np.stack([plane] * 3, axis=2)))
    images[0].save(
        path, save_all=True, append_images=images[1:], duration=list(durations_ms), lossless=True
    )
    return path


def pack_number(number: int) -> bytes:
    """Return four big-endian bytes, for damaging files in known places."""
    return struct.pack(">I", number)

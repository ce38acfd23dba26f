"""Numbered image files and single images, through OpenImageIO; animated WebP, through Pillow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import OpenImageIO
from PIL import Image, UnidentifiedImageError

from flowanchor_engine.clip.planes import Array, Picture, PixelFormat
from flowanchor_engine.errors import (
    ClipMissingError,
    ClipUnreadableError,
    ClipUnsupportedError,
    OutputError,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ImageFacts", "ImageFiles", "find_images", "is_animation", "read_image", "write_image"]

IMAGE_SUFFIXES: Final = (
    ".png",
    ".exr",
    ".dpx",
    ".tif",
    ".tiff",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".tga",
    ".webp",
)
_NUMBER: Final = re.compile(r"^(?P<head>.*?)(?P<number>\d+)(?P<tail>\D*)$")
_HASHES: Final = re.compile(r"#+|%0?\d*d|\[\d+-\d+\]")


@dataclass(frozen=True)
class ImageFiles:
    """Files of a sequence in the order of their numbers, or one still."""

    files: tuple[Path, ...]
    first_number: int
    numbered: bool


@dataclass(frozen=True)
class ImageFacts:
    """What one image file says about itself."""

    width: int
    height: int
    format: PixelFormat
    kind: str
    linear: bool
    par: Fraction
    timecode: str | None
    reel: str | None
    layers: tuple[str, ...]  # channels beyond R, G, B, A


def is_image(path: Path) -> bool:
    """Whether a path names image files rather than a container."""
    return path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES


def find_images(path: Path) -> ImageFiles:
    """Find the files of a sequence.

    A folder means all images in it (they must be one sequence), a pattern
    (``name.####.exr``, ``name.%04d.exr``, ``name.[0001-0100].exr``) the files that match,
    and a numbered file the sequence it belongs to. An image without a number, or the only
    one of its numbering, is a still.

    Raises
    ------
    ClipMissingError
        Nothing is there.
    ClipUnreadableError
        Numbers are missing in between, or a folder holds several sequences.
    """
    if path.is_dir():
        images = sorted(
            p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.name[0] != "."
        )
        if not images:
            raise ClipMissingError(f"There are no images in {path}.", hint=["choose_file"])
        if len(images) == 1:
            return ImageFiles((images[0],), 0, numbered=False)
        found = _siblings(images[0])
        if found is None or len(found.files) != len(images):
            raise ClipUnreadableError(
                f"The folder {path.name} holds more than one sequence.", hint=["choose_file"]
            )
        return found
    if not path.exists():
        if pattern := _HASHES.search(path.name):
            head, tail = path.name[: pattern.start()], path.name[pattern.end() :]
            for candidate in sorted(path.parent.glob("*")) if path.parent.is_dir() else ():
                name = candidate.name
                middle = name[len(head) : len(name) - len(tail)]
                if name.startswith(head) and name.endswith(tail) and middle.isdigit():
                    return _siblings(candidate) or ImageFiles(
                        (candidate,), int(middle), numbered=True
                    )
        raise ClipMissingError(f"There is no clip at {path}.", hint=["choose_file"])
    return _siblings(path) or ImageFiles((path,), 0, numbered=False)


def _siblings(path: Path) -> ImageFiles | None:
    match = _NUMBER.match(path.stem)
    if match is None:
        return None
    head, tail = match["head"], match["tail"]
    found: dict[int, Path] = {}
    for other in path.parent.iterdir():
        if other.suffix != path.suffix or not other.stem.startswith(head):
            continue
        middle = (
            other.stem[len(head) : len(other.stem) - len(tail)] if tail else other.stem[len(head) :]
        )
        if other.stem.endswith(tail) and middle.isdigit():
            found[int(middle)] = other
    if len(found) < 2:
        return None
    numbers = sorted(found)
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if missing:
        shown = ", ".join(map(str, missing[:5])) + ("..." if len(missing) > 5 else "")
        raise ClipUnreadableError(
            f"The sequence {path.name} lacks {len(missing)} frames ({shown}).",
            hint=["choose_file", "set_range"],
        )
    return ImageFiles(tuple(found[number] for number in numbers), numbers[0], numbered=True)


def _open(path: Path) -> Any:
    config = OpenImageIO.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)  # keep straight alpha as the file has it
    image = OpenImageIO.ImageInput.open(str(path), config)
    if image is None:
        if not path.exists():
            raise ClipMissingError(f"There is no image at {path}.", hint=["choose_file"])
        raise ClipUnreadableError(
            f"{path.name} is not a readable image.",
            hint=["choose_file"],
            detail=OpenImageIO.geterror(),
        )
    return image


def _channels(spec: Any, path: Path) -> list[int]:
    names = [str(name) for name in spec.channelnames]
    plain = {
        name.rpartition(".")[2].upper(): place for place, name in reversed(list(enumerate(names)))
    }
    if all(c in plain for c in "RGB"):
        return [plain[c] for c in "GBR"] + ([plain["A"]] if "A" in plain else [])
    if "Y" in plain:
        return [plain["Y"]]
    if len(names) in (1, 2):
        return [0]
    raise ClipUnsupportedError(f"{path.name} has no RGB picture ({', '.join(names)}).")


def _format(spec: Any, channels: int) -> PixelFormat:
    family = {1: "gray", 3: "gbrp", 4: "gbrap"}[channels]
    base = str(spec.format)
    if base in ("half", "float", "double"):
        return PixelFormat.of(f"{family}f32le")
    return PixelFormat.of(family if base == "uint8" else f"{family}16le")


def image_facts(path: Path) -> ImageFacts:
    """Read the header of an image file."""
    image = _open(path)
    spec = image.spec()
    channels = _channels(spec, path)
    kind = str(image.format_name())
    facts = ImageFacts(
        spec.width,
        spec.height,
        _format(spec, len(channels)),
        kind,
        linear=kind == "openexr",
        par=Fraction(float(spec.get_float_attribute("PixelAspectRatio", 1.0))).limit_denominator(
            1000
        ),
        timecode=_timecode(spec),
        reel=str(spec.get_string_attribute("reelName", "")) or None,
        layers=tuple(str(n) for i, n in enumerate(spec.channelnames) if i not in channels),
    )
    image.close()
    return facts


def _timecode(spec: Any) -> str | None:
    value = spec.getattribute("smpte:TimeCode")
    if value is None:
        return None
    if isinstance(value, str):
        return value
    word = int(value[0]) & 0xFFFFFFFF
    fields = [
        (word >> shift & mask) for shift, mask in ((24, 0x3F), (16, 0x7F), (8, 0x7F), (0, 0x3F))
    ]
    hours, minutes, seconds, frames = ((f >> 4) * 10 + (f & 15) for f in fields)
    drop = word >> 6 & 1
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if drop else ':'}{frames:02}"


def read_image(path: Path) -> Picture:
    """Read an image in its own depth; half floats come as float32.

    Raises
    ------
    ClipMissingError, ClipUnreadableError, ClipUnsupportedError
    """
    image = _open(path)
    spec = image.spec()
    channels = _channels(spec, path)
    pixels = _format(spec, len(channels))
    wanted = {8: OpenImageIO.UINT8, 16: OpenImageIO.UINT16, 32: OpenImageIO.FLOAT}[pixels.depth]
    data = image.read_image(0, 0, 0, spec.nchannels, wanted)
    error = image.geterror()
    image.close()
    if data is None:
        raise ClipUnreadableError(f"{path.name} is damaged.", hint=["choose_file"], detail=error)
    samples = np.asarray(data).reshape(spec.height, spec.width, -1)
    return Picture(tuple(np.ascontiguousarray(samples[..., c]) for c in channels), pixels)


def write_image(path: Path, picture: Picture, *, like: Path | None = None) -> None:
    """Write an image, with the header of another one (depth, compression, timecode) if given.

    Alpha is written straight. The file appears at `path` at once: use a temporary name.

    Raises
    ------
    OutputError
    """
    pixels = picture.format
    if pixels.family == "gray":
        samples: Array = picture.planes[0][..., None]
    else:
        green, blue, red, *alpha = picture.planes
        samples = np.stack([red, green, blue, *alpha], axis=2)
    base = {8: OpenImageIO.UINT8, 16: OpenImageIO.UINT16, 32: OpenImageIO.HALF}[pixels.depth]
    spec = OpenImageIO.ImageSpec(picture.width, picture.height, samples.shape[2], base)
    if like is not None:
        source = _open(like)
        origin = source.spec()
        for attribute in origin.extra_attribs:
            spec.attribute(attribute.name, attribute.type, attribute.value)
        spec.set_format(origin.format)
        source.close()
    spec.attribute("oiio:UnassociatedAlpha", 1)
    target = OpenImageIO.ImageOutput.create(str(path))
    if target is None or not target.open(str(path), spec):
        detail = target.geterror() if target is not None else OpenImageIO.geterror()
        raise OutputError(f"{path.name} cannot be written.", hint=["choose_folder"], detail=detail)
    fine = target.write_image(np.ascontiguousarray(samples))
    detail = target.geterror()
    if not target.close() or not fine:
        raise OutputError(
            f"{path.name} could not be written completely.", hint=["choose_folder"], detail=detail
        )


# ---- animated WebP ----------------------------------------------------------------------


def is_animation(path: Path) -> bool:
    """Whether a file is a WebP with more than one frame."""
    if path.suffix.lower() != ".webp" or not path.is_file():
        return False
    try:
        with Image.open(path) as image:
            return int(getattr(image, "n_frames", 1)) > 1
    except (UnidentifiedImageError, OSError):
        return False


@dataclass(frozen=True)
class Animation:
    """Timing of an animated WebP."""

    width: int
    height: int
    starts_ms: tuple[int, ...]
    duration_ms: int
    alpha: bool


def animation_facts(path: Path) -> Animation:
    """Read all frame times of an animated WebP."""
    try:
        with Image.open(path) as image:
            starts, total = [], 0
            for number in range(int(getattr(image, "n_frames", 1))):
                image.seek(number)
                image.load()
                starts.append(total)
                total += int(image.info.get("duration", 0)) or 100
            return Animation(image.width, image.height, tuple(starts), total, image.mode == "RGBA")
    except (UnidentifiedImageError, OSError, EOFError) as error:
        raise ClipUnreadableError(
            f"{path.name} is damaged.", hint=["choose_file"], detail=str(error)
        ) from error


class AnimationFrames:
    """Frames of an animated WebP by number."""

    def __init__(self, path: Path, *, alpha: bool) -> None:
        self._image = Image.open(path)
        self._mode = "RGBA" if alpha else "RGB"
        self._path = path
        self.read = lru_cache(maxsize=2)(self._read)

    def _read(self, number: int) -> Picture:
        try:
            self._image.seek(number)
            samples = np.asarray(self._image.convert(self._mode))
        except (OSError, EOFError) as error:
            raise ClipUnreadableError(
                f"Frame {number} of {self._path.name} is damaged.", detail=str(error)
            ) from error
        order = (1, 2, 0, 3)[: samples.shape[2]]
        planes = tuple(np.ascontiguousarray(samples[..., c]) for c in order)
        return Picture(planes, PixelFormat.of("gbrap" if len(order) == 4 else "gbrp"))

    def close(self) -> None:
        """Close the file."""
        self._image.close()

"""How many frames a file really has, and of what size: by decoding it, not by its header."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

MOVIES = frozenset(
    {".mov", ".mp4", ".m4v", ".mxf", ".avi", ".mkv", ".webm", ".mts", ".m2ts", ".mpg", ".wmv"}
)
PICTURES = frozenset({".tif", ".tiff", ".png", ".exr", ".dpx"})


@dataclass(frozen=True, slots=True)
class Probed:
    """What a file, or a numbered sequence, holds."""

    frames: int
    width: int
    height: int


Probe = Callable[[Sequence[Path]], Probed]
"""Decodes one movie or every picture of a sequence; raises `ValueError` when it cannot."""


def probe(files: Sequence[Path], *, check: Callable[[], None] = lambda: None) -> Probed:
    """Decode one movie, or a sequence of pictures.

    Parameters
    ----------
    check : callable
        Called between frames; may raise to cancel.

    Raises
    ------
    ValueError
        Nothing can be decoded, or the pictures differ in size.
    """
    if len(files) == 1 and files[0].suffix.lower() in MOVIES:
        return _movie(files[0], check)
    sizes: set[tuple[int, int]] = set()
    for each in files:
        check()
        sizes.add(_picture(each))
    if len(sizes) != 1:
        raise ValueError(f"{len(files)} pictures of {len(sizes)} sizes")
    width, height = sizes.pop()
    return Probed(len(files), width, height)


def _movie(path: Path, check: Callable[[], None]) -> Probed:
    capture = cv2.VideoCapture(str(path))
    try:
        good, first = capture.read()
        if not good or first is None:
            raise ValueError(f"{path.name} cannot be decoded")
        frames = 1
        while capture.grab():
            frames += 1
            check()
        height, width = first.shape[:2]
        return Probed(frames, int(width), int(height))
    finally:
        capture.release()


def _picture(path: Path) -> tuple[int, int]:
    head = path.open("rb")
    with head:
        data = head.read(65536)
    suffix = path.suffix.lower()
    if suffix == ".exr":
        return _exr(data, path)
    if suffix == ".dpx":
        return _dpx(data, path)
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError(f"{path.name} cannot be decoded")
    return int(image.shape[1]), int(image.shape[0])


def _exr(data: bytes, path: Path) -> tuple[int, int]:
    at = data.find(b"dataWindow\x00box2i\x00")
    if data[:4] != b"\x76\x2f\x31\x01" or at < 0 or len(data) < at + 37:
        raise ValueError(f"{path.name} is not an OpenEXR picture")
    left, top, right, bottom = struct.unpack_from("<4i", data, at + 21)
    return right - left + 1, bottom - top + 1


def _dpx(data: bytes, path: Path) -> tuple[int, int]:
    order = {b"SDPX": ">", b"XPDS": "<"}.get(data[:4])
    if order is None or len(data) < 780:
        raise ValueError(f"{path.name} is not a DPX picture")
    width, height = struct.unpack_from(f"{order}2I", data, 772)
    return width, height

"""Reading proxy folders: the header, and the frames as views of the mapped file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from flowanchor_engine.protocol.proxies import (
    FRAMES_FILE,
    HEADER_FILE,
    AttentionHeader,
    ProxyHeader,
)

__all__ = ["AttentionReader", "ProxyError", "ProxyReader"]

_H = TypeVar("_H", bound=BaseModel)


class ProxyError(OSError):
    """A folder that holds no proxy, or half of one."""


def _header(folder: Path, kind: type[_H]) -> _H:
    try:
        return kind.model_validate(json.loads((folder / HEADER_FILE).read_bytes()))
    except (OSError, ValueError, ValidationError) as error:
        raise ProxyError(f"{folder.name} holds no proxy: {error}") from error


def _mapped(folder: Path, length: int) -> np.memmap[tuple[int], np.dtype[np.uint8]]:
    path = folder / FRAMES_FILE
    try:
        if path.stat().st_size < length:
            raise ProxyError(f"{path.name} is shorter than its header says.")
        return np.memmap(path, np.uint8, mode="r", shape=(length,))
    except OSError as error:
        raise ProxyError(f"{path.name} cannot be read: {error}") from error


class ProxyReader:
    """Frames of a clip or of a matte."""

    def __init__(self, folder: Path) -> None:
        self.header = _header(folder, ProxyHeader)
        head = self.header
        self._bytes = _mapped(folder, head.frames * head.height * head.stride)

    def frame(self, index: int, /) -> NDArray[np.uint8]:
        """Return a frame, (height, width, 3) or (height, width), without copying."""
        head = self.header
        if not 0 <= index < head.frames:
            raise IndexError(index)
        size = head.height * head.stride
        rows = self._bytes[index * size : (index + 1) * size].reshape(head.height, head.stride)
        picture: NDArray[np.uint8] = rows[:, : head.width * head.channels].view(np.ndarray)
        if head.channels == 1:
            return picture
        return np.lib.stride_tricks.as_strided(
            picture,
            (head.height, head.width, head.channels),
            (head.stride, head.channels, 1),
            writeable=False,
        )


class AttentionReader:
    """Maps of the words of a take."""

    def __init__(self, folder: Path) -> None:
        self.header = _header(folder, AttentionHeader)
        head = self.header
        shape = (len(head.words), head.frames, head.height, head.width)
        self._maps = _mapped(folder, int(np.prod(shape))).reshape(shape).view(np.ndarray)

    def map(self, word: int, index: int, /) -> NDArray[np.uint8]:
        """Return one word's map, (height, width), 255 at its strongest cell."""
        found: NDArray[np.uint8] = self._maps[word, index]
        return found

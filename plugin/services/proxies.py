"""Proxy folders as pictures: mapped into memory, read without a copy. No Qt here.

The map of a reader stays valid when its folder is replaced: the viewer can go on showing the
old pictures until it has opened the new ones.
"""

from __future__ import annotations

import itertools
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from pydantic import ValidationError

from flowanchor_engine.protocol.proxies import (
    FRAMES_FILE,
    HEADER_FILE,
    AttentionHeader,
    ProxyHeader,
)
from plugin.state.errors import PanelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.protocol import ClipFacts
    from flowanchor_engine.protocol.proxies import WordMap

__all__ = ["AttentionReader", "ProxyError", "ProxyReader"]

H = TypeVar("H", ProxyHeader, AttentionHeader)
_TRIES: Final = 3  # a folder may be replaced between two reads
_LARGEST_SIDE: Final = 1 << 16


class ProxyError(PanelError, ValueError):
    """A folder that holds no proxy: absent, half written, damaged, or of another format."""

    code = "proxy"


class ProxyReader:
    """The pictures of one proxy folder.

    Parameters
    ----------
    folder : Path
        As told by `ProxyOpened`, `ProxyDone` or `MatteDone`.

    Attributes
    ----------
    header : ProxyHeader
    ready : int
        How many frames hold pictures; raise it as ``read`` phases count (`grow`).

    Raises
    ------
    ProxyError
        Code ``proxy``.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.header, self._map = _open(self.folder, ProxyHeader.model_validate_json, _proxy_bytes)
        self.ready = self.header.ready

    @property
    def facts(self) -> ClipFacts | None:
        """What the clip is."""
        return self.header.facts

    @property
    def frames(self) -> int:
        """How many frames there will be."""
        return self.header.frames

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.header.width, self.header.height

    def grow(self, ready: int) -> None:
        """Note that more frames hold pictures now; fewer than known are not believed."""
        self.ready = max(self.ready, min(ready, self.header.frames))

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Return a frame as a view of the file, read-only.

        Returns
        -------
        NDArray, shape (height, width, 3) or (height, width), uint8
            Rows lie `header.stride` bytes apart. A frame that is not ready is black.

        Raises
        ------
        IndexError
            There is no such frame.
        """
        header = self.header
        if not 0 <= number < header.frames:
            raise IndexError(f"frame {number} of {header.frames}")
        three = header.channels == 3
        return np.ndarray(
            (header.height, header.width, *((3,) if three else ())),
            np.uint8,
            self._map,
            offset=number * header.stride * header.height,
            strides=(header.stride, 3, 1) if three else (header.stride, 1),
        )

    def rows(self, number: int) -> memoryview:
        """Return a frame's bytes, padding included: for a `QImage` of `header.stride`."""
        size = self.header.stride * self.header.height
        if not 0 <= number < self.header.frames:
            raise IndexError(f"frame {number} of {self.header.frames}")
        return memoryview(self._map)[number * size : (number + 1) * size]


class AttentionReader:
    """The words' maps of one result.

    Parameters
    ----------
    folder : Path
        As told by `Result.attention`.

    Raises
    ------
    ProxyError
        Code ``proxy``.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.header, self._map = _open(
            self.folder, AttentionHeader.model_validate_json, _attention_bytes
        )

    @property
    def words(self) -> tuple[WordMap, ...]:
        """The words in the order of their maps."""
        return self.header.words

    @property
    def rectangle(self) -> tuple[float, float, float, float]:
        """Where the maps lie in the picture, 0..1: left, top, right, bottom."""
        return self.header.rectangle

    def map(self, word: int, frame: int) -> NDArray[np.uint8]:
        """Return one map as a view, shape (height, width)."""
        header = self.header
        if not (0 <= word < len(header.words) and 0 <= frame < header.frames):
            raise IndexError(f"word {word}, map {frame}")
        cells = header.width * header.height
        return np.ndarray(
            (header.height, header.width),
            np.uint8,
            self._map,
            offset=(word * header.frames + frame) * cells,
        )


def _proxy_bytes(header: ProxyHeader) -> int:
    least = header.width * header.channels
    sound = (
        0 < header.width < _LARGEST_SIDE
        and 0 < header.height < _LARGEST_SIDE
        and header.frames > 0
        and least <= header.stride < least + 4096
        and 0 <= header.ready <= header.frames
    )
    if not sound:
        raise ValueError("the numbers of the header do not go together")
    return header.stride * header.height * header.frames


def _attention_bytes(header: AttentionHeader) -> int:
    spans = header.picture_frames
    sound = (
        0 < header.width < _LARGEST_SIDE
        and 0 < header.height < _LARGEST_SIDE
        and header.frames == len(spans) > 0
        and len(header.words) > 0
        and all(start < stop for start, stop in spans)
        and all(a[1] <= b[0] for a, b in itertools.pairwise(spans))
    )
    if not sound:
        raise ValueError("the numbers of the header do not go together")
    return header.width * header.height * header.frames * len(header.words)


def _open(
    folder: Path, parse: Callable[[bytes], H], size_of: Callable[[H], int]
) -> tuple[H, mmap.mmap]:
    """Map a folder's frames, or tell why not."""
    try:
        return _mapped(folder, parse, size_of)
    except FileNotFoundError as error:
        raise ProxyError(
            "The pictures for the viewer are not there.", hint=["reread"], detail=str(error)
        ) from error
    except (OSError, ValueError, ValidationError) as error:
        raise ProxyError(
            "The pictures for the viewer are damaged.",
            hint=["reread", "copy_report"],
            detail=f"{folder}: {error}",
        ) from error


def _mapped(
    folder: Path, parse: Callable[[bytes], H], size_of: Callable[[H], int]
) -> tuple[H, mmap.mmap]:
    """Read the header before and after the frames, so that both belong together."""
    for _ in range(_TRIES):
        before = (folder / HEADER_FILE).read_bytes()
        header = parse(before)
        expected = size_of(header)
        with (folder / FRAMES_FILE).open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        found = len(mapped)
        same = (folder / HEADER_FILE).read_bytes() == before
        if same and found == expected:
            return header, mapped
        mapped.close()
        if same:
            raise ValueError(f"{found} bytes, not {expected}")
    raise ValueError("it changes while it is read")

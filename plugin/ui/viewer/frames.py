"""Pictures ready to paint: made once per frame and size, kept up to a number of bytes.

Everything happens in the one thread of the window: a 1080-line frame takes a few milliseconds
to scale, and Qt's scaling holds Python's lock, so a thread would only move the wait. What is
likely next is made ahead in idle moments (`Prefetch`), one picture at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer
from PySide6.QtGui import QImage

from plugin.ui.viewer.pictures import Picture

__all__ = ["CACHE_BYTES", "FrameCache", "Prefetch", "image_of", "pixels_of", "scaled_picture"]

CACHE_BYTES: Final = 384 * 2**20
_MOST_MS: Final = 200.0  # a piece that took longer was held up: the machine slept, or had no time

Key = tuple[Hashable, ...]


def image_of(pixels: NDArray[np.uint8]) -> QImage:
    """Return a copy of pixels as a QImage in the format that paints fastest.

    Parameters
    ----------
    pixels : array, (height, width, 3) or (height, width), uint8
        Rows may be padded (a view of a proxy); pixels of a row lie side by side.
    """
    height, width = pixels.shape[:2]
    channels = 3 if pixels.ndim == 3 else 1
    dense = pixels.strides[1:] == ((3, 1) if channels == 3 else (1,))
    rows = pixels if dense else np.ascontiguousarray(pixels)
    stride = rows.strides[0]
    length = (height - 1) * stride + width * channels
    flat = np.lib.stride_tricks.as_strided(rows, (length,), (1,), writeable=False)
    if channels == 3:
        kind = QImage.Format.Format_RGB888
        wrapped = QImage(flat.data, width, height, stride, kind)
        return wrapped.convertToFormat(QImage.Format.Format_RGB32)
    return QImage(flat.data, width, height, stride, QImage.Format.Format_Grayscale8).copy()


def pixels_of(image: QImage) -> NDArray[np.uint8]:
    """Return a copy of an image as (height, width, 3), RGB."""
    plain = image.convertToFormat(QImage.Format.Format_RGB888)
    data = np.frombuffer(plain.constBits(), np.uint8)
    rows = data.reshape(plain.height(), plain.bytesPerLine())[:, : 3 * plain.width()]
    return rows.reshape(plain.height(), plain.width(), 3).copy()


def scaled_picture(pixels: NDArray[np.uint8], size: tuple[int, int] | None) -> QImage:
    """Return pixels at a size, filtered over every pixel that falls on each new one."""
    image = image_of(pixels)
    if size is None or size == (image.width(), image.height()):
        return image
    return image.scaled(
        *size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )


class FrameCache:
    """Images by what they show, the least recently used leave first.

    Parameters
    ----------
    limit_bytes : int
        Never more than this is held, but always the newest image.
    """

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = 0
        self.hits = 0
        self.misses = 0
        self._images: OrderedDict[Key, QImage] = OrderedDict()

    def __len__(self) -> int:
        return len(self._images)

    def __contains__(self, key: object) -> bool:
        return key in self._images

    def get(self, key: Key, make: Callable[[], QImage]) -> QImage:
        """Return the image of a key, made now if it is not held."""
        image = self._images.get(key)
        if image is not None:
            self.hits += 1
            self._images.move_to_end(key)
            return image
        self.misses += 1
        image = make()
        self._images[key] = image
        self.bytes += image.sizeInBytes()
        while self.bytes > self.limit_bytes and len(self._images) > 1:
            _, old = self._images.popitem(last=False)
            self.bytes -= old.sizeInBytes()
        return image

    def picture(
        self, picture: Picture, frame: int, size: tuple[int, int] | None = None
    ) -> QImage | None:
        """Return a frame of the shot as this picture shows it; None beyond its ends.

        Parameters
        ----------
        size : (int, int), optional
            Device pixels; None: the proxy's own.
        """
        index = picture.index(frame)
        if index is None:
            return None
        own = size is None or size == picture.size
        key = (picture.key, index, None if own else size)
        return self.get(
            key, lambda: scaled_picture(picture.frames.frame(index), None if own else size)
        )

    def clear(self) -> None:
        """Let everything go, as when another shot is opened."""
        self._images.clear()
        self.bytes = 0


class Prefetch(QObject):
    """Makes what is likely next, one piece per idle moment of the event loop.

    A piece is only begun while `budget_ms` says that there is time for one like the last.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work: dict[int, list[Callable[[], object]]] = {}
        self._cost_ms = 4.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_idle)
        self.budget_ms: Callable[[], float] = lambda: 1000.0

    def plan(self, owner: object, work: Iterable[Callable[[], object]]) -> None:
        """Replace what is still to be made for one view, nearest first."""
        pieces = list(work)
        if pieces:
            self._work[id(owner)] = pieces
            self._timer.start()
        else:
            self._work.pop(id(owner), None)

    def stop(self) -> None:
        """Make nothing more."""
        self._work.clear()
        self._timer.stop()

    @property
    def waiting(self) -> int:
        """Pieces still to be made."""
        return sum(len(pieces) for pieces in self._work.values())

    def _on_idle(self) -> None:
        if not self._work or self.budget_ms() < 1.5 * self._cost_ms:
            return  # the next frame plans anew
        owner = next(iter(self._work))
        pieces = self._work.pop(owner)
        clock = QElapsedTimer()
        clock.start()
        pieces.pop(0)()
        took_ms = min(clock.nsecsElapsed() / 1e6, _MOST_MS)
        self._cost_ms = 0.7 * self._cost_ms + 0.3 * took_ms
        if pieces:
            self._work[owner] = pieces  # behind the other views: they take turns
        if self._work:
            self._timer.start()

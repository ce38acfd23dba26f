"""What the viewer can show: proxies that were opened, and which of them stands for what.

The book holds no choice of the person (that is `plugin.state.viewer`), only what is on disk
for the shot now: its proxy, its matte, the takes' proxies, the words' maps, the measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from flowanchor_engine.protocol import Measured
from flowanchor_engine.protocol.proxies import AttentionHeader, ProxyHeader, WordMap
from flowanchor_engine.request import MatteShape
from plugin.state.observable import Observable

__all__ = ["NO_SHOT", "Book", "Frames", "Maps", "Picture", "Place", "ShotFacts", "Words", "word_of"]


class Frames(Protocol):
    """Frames of a proxy; `plugin.services.proxies` maps them from disk."""

    @property
    def header(self) -> ProxyHeader:
        """Size and count."""
        ...

    def frame(self, index: int, /) -> NDArray[np.uint8]:
        """Return a frame, (height, width, 3) or (height, width), without copying."""
        ...


class Maps(Protocol):
    """The words' attention maps of a take."""

    @property
    def header(self) -> AttentionHeader:
        """Words, size, and which pictures a map covers."""
        ...

    def map(self, word: int, index: int, /) -> NDArray[np.uint8]:
        """Return one word's map, (height, width), 255 at its strongest cell."""
        ...


@dataclass(frozen=True, eq=False)
class Picture:
    """A proxy and what it stands for.

    Attributes
    ----------
    key : str
        Names these very pixels; another reading of a clip gets another key.
    frames : Frames
    name : str
        What the corner label says of a take; '' for the shot.
    first : int
        The shot's frame that its frame 0 shows; a test of frames 36 to 44 begins at 36.
    """

    key: str
    frames: Frames
    name: str = ""
    first: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the proxy."""
        header = self.frames.header
        return header.width, header.height

    def index(self, frame: int) -> int | None:
        """Return the proxy's frame for a frame of the shot; None where it has none."""
        index = frame - self.first
        return index if 0 <= index < self.frames.header.frames else None

    def pixels(self, frame: int) -> NDArray[np.uint8] | None:
        """Return the pixels for a frame of the shot, without copying; None beyond its ends."""
        index = self.index(frame)
        return None if index is None else self.frames.frame(index)


@dataclass(frozen=True)
class ShotFacts:
    """What the numbers under the picture need to know of the shot."""

    rate: Fraction = Fraction(24)
    timecode: str = ""
    width: int = 0  # of the clip itself, not of its proxy
    height: int = 0


NO_SHOT: Final = ShotFacts()


@dataclass(frozen=True, eq=False)
class Words:
    """Attention maps of a take, with the frame of the shot at which the take begins."""

    key: str
    maps: Maps
    first: int = 0

    def at(self, frame: int) -> int | None:
        """Return the number of the map that covers a frame of the shot, or None."""
        index = frame - self.first
        for number, (start, stop) in enumerate(self.maps.header.picture_frames):
            if start <= index < stop:
                return number
        return None


class Place(Protocol):
    """A word of the wanted text, as a chip shows it."""

    @property
    def text(self) -> str:
        """As typed."""
        ...

    @property
    def start(self) -> int:
        """Its first character."""
        ...


def word_of(words: Sequence[WordMap], place: Place) -> int | None:
    """Return which word of the maps a chip means, None if the take knew no such word.

    The text may have changed since the take was made: the word counts, then the nearest place.
    """
    same = [
        (abs(word.start - place.start), number)
        for number, word in enumerate(words)
        if word.text.casefold() == place.text.casefold()
    ]
    return min(same)[1] if same else None


@dataclass(eq=False)
class Book:
    """Everything of the shot that can be shown now."""

    facts: Observable[ShotFacts] = field(default_factory=lambda: Observable(NO_SHOT))
    shot: Observable[Picture | None] = field(default_factory=lambda: Observable(None))
    ready: Observable[int] = field(default_factory=lambda: Observable(0))
    matte: Observable[Picture | None] = field(default_factory=lambda: Observable(None))
    takes: Observable[Mapping[str, Picture]] = field(default_factory=lambda: Observable({}))
    words: Observable[Words | None] = field(default_factory=lambda: Observable(None))
    shapes: Observable[tuple[MatteShape, ...]] = field(default_factory=lambda: Observable(()))
    chips: Observable[Sequence[Place]] = field(default_factory=lambda: Observable(()))
    empty_frames: Observable[tuple[int, ...]] = field(default_factory=lambda: Observable(()))
    # by the take: only for the take against the shot, as the engine measures
    measured: Observable[Mapping[str, Measured]] = field(default_factory=lambda: Observable({}))

    def take(self, name: str | None) -> Picture | None:
        """Return a take's picture by its id, None where it is unknown or has no proxy."""
        return self.takes.value.get(name) if name else None

    def shown(self, frame: int) -> bool:
        """Whether the shot's frame has been read already."""
        return self.shot.value is not None and 0 <= frame < self.ready.value

"""The world behind the double: plain data, no behaviour of the API, compared by identity.

Everything observable is a field here, so that :func:`tests.doubles.resolve.state.dump` can
show it and a test can compare it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

_NAMESPACE = uuid.UUID("6b1a4f0e-0d3c-4b5e-9d57-3f6f1a7b9c02")


class Ids:
    """Unique ids in a fixed order, so that two equal scenes are equal."""

    def __init__(self) -> None:
        self.count = 0

    def new(self) -> str:
        self.count += 1
        return str(uuid.uuid5(_NAMESPACE, str(self.count)))


@dataclass
class Marker:
    color: str
    name: str = ""
    note: str = ""
    duration: float = 1.0
    custom: str = ""


@dataclass(eq=False)
class Media:
    """An item of the Media Pool."""

    id: str
    media_id: str
    name: str
    kind: str
    """video | still | sequence | audio | compound | timeline | multicam | fusion | generator."""
    path: str = ""
    """As Resolve shows it; a sequence's is a label such as ``f_[0001-0024].png``."""
    frames: int = 1
    rate: str = "24"
    size: tuple[int, int] = (0, 0)
    first: int = 0
    """The 'Start' property: number of the first frame."""
    start: int = 0
    """Frame number of the 'Start TC'."""
    alpha: bool = False
    channels: int = 0
    codec: str = ""
    online: bool = True
    files: list[str] = field(default_factory=list)
    props: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    third_party: dict[str, str] = field(default_factory=dict)
    markers: dict[int, Marker] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    color: str = ""
    marks: dict[str, dict[str, int]] = field(default_factory=dict)
    inner: Timeline | None = None
    out_written: bool = False
    """A fresh still ignores an append's endFrame until its Out was written once."""


@dataclass(eq=False)
class Folder:
    id: str
    name: str
    folders: list[Folder] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)

    def walk(self) -> list[Folder]:
        return [self, *(deep for folder in self.folders for deep in folder.walk())]


@dataclass
class Node:
    """One corrector of a grade; ``gain`` is what it does to the picture."""

    label: str = ""
    enabled: bool = True
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    lut: str = ""


@dataclass
class Take:
    media: Media
    start: int
    end: int
    """Half open, source frames."""


@dataclass(eq=False)
class Comp:
    """A Fusion composition: its text, and the tools parsed from it."""

    name: str
    document: Any
    """A :class:`tests.doubles.resolve.comp_text.Document`."""
    painters: dict[str, Any] = field(default_factory=dict, repr=False)
    undo: list[Any] = field(default_factory=list, repr=False)
    locked: bool = False
    built_locked: bool = False
    unrendered: set[tuple[str, str]] = field(default_factory=set)
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Item:
    """Something on a track."""

    id: str
    kind: str
    """clip, title, fusion_title, generator, adjustment, fusion_comp, transition or subtitle."""
    name: str
    start: Fraction
    duration: Fraction
    media: Media | None = None
    left: Fraction = Fraction(0)
    """First source frame, counted from the first frame of the media."""
    speed: Fraction = Fraction(1)
    """Negative: reversed."""
    ramp: bool = False
    source_unknown: bool = False
    enabled: bool = True
    props: dict[str, Any] = field(default_factory=dict)
    markers: dict[int, Marker] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    color: str = ""
    comps: list[Comp] = field(default_factory=list)
    active_comp: int = 0
    takes: list[Take] = field(default_factory=list)
    take: int = 0
    versions: dict[str, list[Node]] = field(default_factory=lambda: {"Version 1": [Node()]})
    version: str = "Version 1"
    link: int | None = None
    vanishing: bool = False
    """Placed by an append that lost another placement: gone at the next save."""

    @property
    def end(self) -> Fraction:
        return self.start + self.duration

    @property
    def nodes(self) -> list[Node]:
        return self.versions[self.version]


@dataclass(eq=False)
class Track:
    name: str
    enabled: bool = True
    locked: bool = False
    items: list[Item] = field(default_factory=list)
    subtype: str = ""


@dataclass(eq=False)
class Timeline:
    id: str
    name: str
    rate: str
    start: int
    size: tuple[int, int]
    tracks: dict[str, list[Track]]
    playhead: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    inert: dict[str, str] = field(default_factory=dict)
    """Written while ``useCustomSettings`` was '0': kept, without effect."""
    markers: dict[int, Marker] = field(default_factory=dict)
    marks: dict[str, dict[str, int]] = field(default_factory=dict)
    selection: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    links: int = 0

    def all_items(self) -> list[Item]:
        return [i for tracks in self.tracks.values() for track in tracks for i in track.items]

    def place(self, item: Item) -> tuple[str, int] | None:
        """Track type and 1-based index of an item."""
        for kind, tracks in self.tracks.items():
            for index, track in enumerate(tracks, 1):
                if any(other is item for other in track.items):
                    return kind, index
        return None

    def end(self) -> int:
        ends = [int(item.end) for item in self.all_items()]
        return max(ends, default=self.start)


@dataclass(eq=False)
class Job:
    """One line of the render queue."""

    id: str
    timeline: str
    settings: dict[str, Any]
    format: str
    codec: str
    mode: int
    foreign: bool = False
    status: str = "Ready"
    percent: int = 0
    error: str = ""
    files: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Render:
    """The Deliver page: what can be read, and the hidden rest that cannot."""

    format: str = ""
    codec: str = ""
    mode: int = 1
    settings: dict[str, Any] = field(default_factory=dict)
    audio_only: bool = False
    preset: str = ""
    presets: dict[str, dict[str, Any]] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)


@dataclass(eq=False)
class Project:
    id: str
    name: str
    root: Folder
    folder: Folder
    settings: dict[str, str]
    timelines: list[Timeline] = field(default_factory=list)
    current: str | None = None
    render: Render = field(default_factory=Render)
    inert: dict[str, str] = field(default_factory=dict)
    saves: int = 0
    pool_selection: list[str] = field(default_factory=list)

    @property
    def timeline(self) -> Timeline | None:
        return next((t for t in self.timelines if t.id == self.current), None)

    def all_media(self) -> list[Media]:
        return [media for folder in self.root.walk() for media in folder.media]

"""What the editor means: a clip on a timeline, as frozen facts.

Frames are integers, rates fractions, ranges half-open. `Shot` is complete without Resolve: it can
be stored with a job and compared later with what is on the timeline then.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Chosen", "ItemKind", "MediaFacts", "Note", "Retime", "Route", "Shot", "TimelineRef"]


class ItemKind(enum.StrEnum):
    """What lies on the timeline."""

    CLIP = "clip"
    SEQUENCE = "sequence"
    STILL = "still"
    COMPOUND = "compound"
    NESTED = "nested"
    MULTICAM = "multicam"
    OTHER_MEDIA = "other_media"
    COMPOSITION = "composition"
    GENERATED = "generated"
    FILE = "file"


class Route(enum.StrEnum):
    """How its pixels are reached."""

    SOURCE = "source"
    RENDER = "render"


class Chosen(enum.StrEnum):
    """Why this clip and no other."""

    SELECTED = "selected"
    PLAYHEAD = "playhead"
    COLOUR = "colour"
    FUSION = "fusion"
    NAMED = "named"
    OPENED = "opened"


class Retime(enum.StrEnum):
    """What the clip does with time."""

    NONE = "none"
    CHANGED = "changed"
    REVERSED = "reversed"
    UNKNOWN = "unknown"


class Note(enum.StrEnum):
    """What is unusual; the panel has a sentence for each, and asks where it ends in `_ask`."""

    RETIMED = "retimed"
    REVERSED = "reversed"
    RETIME_ASK = "retime_ask"
    DISABLED_ASK = "disabled_ask"
    RAW = "raw"
    STILL = "still"
    NESTED = "nested"
    WHOLE_PICTURE = "whole_picture"
    MIXED_RATE = "mixed_rate"
    SUBFRAME = "subframe"
    OFFSETS_DIFFER = "offsets_differ"
    TAKES = "takes"
    SEVERAL_COMPS = "several_comps"
    COMP_WORKS_ON_RESULT = "comp_works_on_result"
    TRACK_OFF = "track_off"
    TRACK_LOCKED = "track_locked"
    ROTATED = "rotated"
    TRANSITION = "transition"
    RATE_ASSUMED = "rate_assumed"


@dataclass(frozen=True, slots=True)
class TimelineRef:
    """A timeline in a project, by identities that outlive a session.

    Parameters
    ----------
    rate : Fraction
        Frames per second.
    drop_frame : bool
        Whether its timecode drops frames.
    start_frame : int
        Absolute number of its first frame, 86400 for 01:00:00:00 at 24.
    """

    project_id: str
    project_name: str
    timeline_id: str
    timeline_name: str
    rate: Fraction
    drop_frame: bool
    start_frame: int
    start_timecode: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What the Media Pool says about the clip's media.

    Parameters
    ----------
    path : str
        As Resolve shows it; a sequence's is a label such as ``name_[0001-0024].png``.
    rate : Fraction
        Frames per second of the media.
    frames : int
        Length of the media, 0 where unknown.
    first_frame : int
        Resolve's 'Start' property: the number of the first frame.
    width, height : int
        Pixels, 0 where unknown.
    pixel_aspect : str
        Resolve's word: ``Square``, ``16:9 anamorphic`` ...
    """

    media_id: str
    name: str
    type_label: str
    path: str
    rate: Fraction
    frames: int
    first_frame: int
    start_timecode: str
    width: int
    height: int
    pixel_aspect: str
    codec: str
    bit_depth: str
    data_level: str
    colour_space: str
    alpha_mode: str
    field_order: str


@dataclass(frozen=True, slots=True)
class Shot:
    """One clip on one timeline, and how its frames are reached.

    Parameters
    ----------
    item_id : str
        The timeline item's unique id.
    track : int
        Video track, from 1.
    start, stop : int
        Where it lies on the timeline, absolute frames, half-open.
    left_offset : int
        Frames of media before its first shown frame.
    source_start, source_stop : int or None
        The media frames it shows, counted from the media's first, half-open, in media frames; None
        where only a render knows.
    comps : tuple of str
        Names of its Fusion compositions.
    pick : str
        What the Fusion door handed over: the name of the meant mask, or ''.
    notes : tuple of Note
        What is unusual.
    """

    timeline: TimelineRef
    item_id: str
    name: str
    kind: ItemKind
    route: Route
    chosen: Chosen
    retime: Retime
    track: int
    start: int
    stop: int
    left_offset: int
    source_start: int | None
    source_stop: int | None
    media: MediaFacts | None
    enabled: bool
    clip_colour: str
    comps: tuple[str, ...]
    pick: str
    pick_comp: int
    notes: tuple[Note, ...]

    @property
    def frames(self) -> int:
        """Length on the timeline, timeline frames."""
        return self.stop - self.start

    @property
    def frame_count(self) -> int:
        """Length of what is edited: media frames on the route `source`, else timeline frames."""
        if self.route is Route.SOURCE and self.source_start is not None:
            assert self.source_stop is not None
            return self.source_stop - self.source_start
        return self.frames

    @property
    def frame_rate(self) -> Fraction:
        """Rate of what is edited."""
        if self.route is Route.SOURCE and self.media is not None:
            return self.media.rate
        return self.timeline.rate

    def rendered(self) -> Shot:
        """Return the same shot reached by a render: the answer 'yes' to `Note.RETIME_ASK`."""
        return dataclasses.replace(
            self, route=Route.RENDER, retime=Retime.CHANGED, source_start=None, source_stop=None
        )

    def fingerprint(self) -> tuple[str | int, ...]:
        """Return what must not have changed between asking and placing."""
        return (
            self.timeline.project_id,
            self.timeline.timeline_id,
            self.item_id,
            self.track,
            self.start,
            self.stop,
            self.left_offset,
            self.media.media_id if self.media else "",
        )

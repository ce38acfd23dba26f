"""Raw answers about a timeline item → what it is, and how its frames are reached. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from resolve_bridge.errors.shot import ClipFactsError, ClipKindError, ClipOfflineError
from resolve_bridge.frames import rate_of, source_frames, whole
from resolve_bridge.shot import ItemKind, MediaFacts, Note, Retime, Route

RAW_SUFFIXES = frozenset({".braw", ".r3d", ".ari", ".arx", ".arriraw", ".crm", ".nev"})
_MEDIA_KINDS = {
    "compound": ItemKind.COMPOUND,
    "timeline": ItemKind.NESTED,
    "multicam": ItemKind.MULTICAM,
    "still": ItemKind.STILL,
}
_SEQUENCE = re.compile(r"^(?P<head>.*)\[(?P<first>\d+)-(?P<last>\d+)\](?P<tail>\.\w+)$")
_ROTATED = frozenset({"90", "180", "270", "-90"})


@dataclass(frozen=True, slots=True)
class RawItem:
    """What Resolve answered about one item, unjudged. None where it does not say."""

    name: str
    start: int
    stop: int
    duration: int
    precise_duration: float | None
    left_offset: int | None
    right_offset: int | None
    source_start: int | None
    source_end: int | None
    properties: Mapping[str, Any]
    media_id: str | None
    clip: Mapping[str, str] = field(default_factory=dict)
    media_is_timeline: bool = False
    track_kind: str = "video"
    item_type: str | None = None
    speed: float | None = None
    enabled: bool | None = None
    comps: tuple[str, ...] = ()
    takes: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an item is and how its frames are reached."""

    kind: ItemKind
    route: Route
    retime: Retime
    source_start: int | None
    source_stop: int | None
    left_offset: int
    media: MediaFacts | None
    notes: tuple[Note, ...]


def sequence_files(label: str) -> tuple[Path, ...] | None:
    """Return the files behind a sequence label such as ``name_[0001-0024].png``; None if none."""
    match = _SEQUENCE.match(label)
    if match is None:
        return None
    digits = len(match["first"])
    return tuple(
        Path(f"{match['head']}{number:0{digits}d}{match['tail']}")
        for number in range(int(match["first"]), int(match["last"]) + 1)
    )


def on_disk(path: str) -> bool:
    """Whether the file, or the first and last of a sequence, exist."""
    files = sequence_files(path) or (Path(path),)
    try:
        return all(each.is_file() for each in (files[0], files[-1]))
    except OSError:
        return False


def judge(
    raw: RawItem, timeline_rate: Fraction, *, exists: Callable[[str], bool] = on_disk
) -> Judgement:
    """Say what an item is and how to reach its frames.

    Raises
    ------
    ClipKindError
        Transitions, subtitles, audio: nothing to edit.
    ClipOfflineError
        Its file is not there.
    ClipFactsError
        Resolve's answers do not fit together.
    """
    _refuse_unpictured(raw)
    notes = _general_notes(raw)
    if raw.media_id is None:
        kind = ItemKind.COMPOSITION if raw.comps else ItemKind.GENERATED
        return Judgement(
            kind=kind,
            route=Route.RENDER,
            retime=Retime.NONE,
            source_start=None,
            source_stop=None,
            left_offset=raw.left_offset or 0,
            media=None,
            notes=(*notes, Note.WHOLE_PICTURE),
        )
    facts = media_facts(raw.media_id, raw.clip, timeline_rate)
    kind = _media_kind(raw, facts)
    if kind in (ItemKind.CLIP, ItemKind.SEQUENCE, ItemKind.STILL):
        if not exists(facts.path):
            raise ClipOfflineError(name=Path(facts.path).name or raw.name, detail=facts.path)
        return _file_judgement(raw, kind, facts, timeline_rate, notes)
    return Judgement(
        kind=kind,
        route=Route.RENDER,
        retime=_retime(raw, facts, timeline_rate),
        source_start=None,
        source_stop=None,
        left_offset=raw.left_offset or 0,
        media=facts,
        notes=(*notes, Note.NESTED),
    )


def media_facts(media_id: str, clip: Mapping[str, str], timeline_rate: Fraction) -> MediaFacts:
    """Read the Media Pool's strings; what is not told stays empty or 0."""

    def text(key: str) -> str:
        value = clip.get(key)
        return value if isinstance(value, str) else "" if value is None else str(value)

    rate = rate_of(text("FPS"))
    size = re.fullmatch(r"\s*(\d+)\s*[x×]\s*(\d+)\s*", text("Resolution"))
    return MediaFacts(
        media_id=media_id,
        name=text("Clip Name") or text("File Name"),
        type_label=text("Type"),
        path=text("File Path"),
        rate=rate[0] if rate else timeline_rate,
        frames=whole(text("Frames")) or 0,
        first_frame=whole(text("Start")) or 0,
        start_timecode=text("Start TC"),
        width=int(size[1]) if size else 0,
        height=int(size[2]) if size else 0,
        pixel_aspect=text("PAR"),
        codec=text("Video Codec"),
        bit_depth=text("Bit Depth"),
        data_level=text("Data Level"),
        colour_space=text("Input Color Space"),
        alpha_mode=text("Alpha mode"),
        field_order=text("Field Dominance"),
    )


def _refuse_unpictured(raw: RawItem) -> None:
    where = "Choose the clip beside it."
    if raw.track_kind == "audio" or raw.item_type == "audio":
        raise ClipKindError(what="An audio clip", way_out="Choose the picture it belongs to.")
    if raw.track_kind == "subtitle":
        raise ClipKindError(what="A subtitle", way_out="Choose the picture under it.")
    if raw.item_type == "transition" or (raw.media_id is None and not raw.properties):
        raise ClipKindError(what="A transition", way_out=where)
    if raw.duration < 1 or raw.stop <= raw.start:
        raise ClipFactsError(what="length", detail=f"{raw.start}..{raw.stop}, {raw.duration}")


def _general_notes(raw: RawItem) -> tuple[Note, ...]:
    notes: list[Note] = []
    if raw.enabled is False:
        notes.append(Note.DISABLED_ASK)
    if raw.precise_duration is not None and not float(raw.precise_duration).is_integer():
        notes.append(Note.SUBFRAME)
    if raw.takes > 1:
        notes.append(Note.TAKES)
    if len(raw.comps) > 1:
        notes.append(Note.SEVERAL_COMPS)
    if raw.comps:
        notes.append(Note.COMP_WORKS_ON_RESULT)
    return tuple(notes)


def _media_kind(raw: RawItem, facts: MediaFacts) -> ItemKind:
    word = facts.type_label.strip().split(" ")[0].lower()
    if word in _MEDIA_KINDS:
        return _MEDIA_KINDS[word]
    if raw.media_is_timeline:
        return ItemKind.NESTED
    if word == "video" and facts.path:
        return ItemKind.SEQUENCE if sequence_files(facts.path) else ItemKind.CLIP
    return ItemKind.OTHER_MEDIA


def _retime(raw: RawItem, facts: MediaFacts, timeline_rate: Fraction) -> Retime:
    """Compare what the clip shows of its media with how long it takes."""
    # Per cent or a factor, nobody says; what is neither is also seen by what it shows of the media.
    if raw.speed is not None and raw.speed not in (0, 1, 100):
        return Retime.REVERSED if raw.speed < 0 else Retime.CHANGED
    expected = Fraction(raw.duration) * facts.rate / timeline_rate
    if raw.source_start is None or raw.source_end is None:  # before 19.0: the offsets must add up
        if raw.left_offset is None or raw.right_offset is None or not facts.frames:
            return Retime.UNKNOWN
        total = raw.left_offset + expected + raw.right_offset
        return Retime.UNKNOWN if abs(total - facts.frames) <= 2 else Retime.CHANGED
    if raw.source_start > raw.source_end:
        return Retime.REVERSED
    if raw.source_start == raw.source_end == 0 and raw.duration > 1:
        return Retime.UNKNOWN
    span = raw.source_end - raw.source_start
    # The end is exclusive at equal rates and inclusive at different ones; the start slips by one.
    slack = 1 if facts.rate == timeline_rate else 2
    return Retime.NONE if abs(span - expected) <= slack else Retime.CHANGED


def _file_judgement(
    raw: RawItem,
    kind: ItemKind,
    facts: MediaFacts,
    timeline_rate: Fraction,
    notes: tuple[Note, ...],
) -> Judgement:
    found = list(notes)
    route, first, stop = Route.SOURCE, raw.left_offset, None
    retime = Retime.NONE
    if kind is ItemKind.STILL:
        found.append(Note.STILL)
        first, stop = 0, 1
    else:
        retime = _retime(raw, facts, timeline_rate)
        if first is None:
            raise ClipFactsError(what="in-point", detail=raw.name)
        count = source_frames(raw.duration, timeline_rate=timeline_rate, source_rate=facts.rate)
        stop = first + count
        if facts.frames and stop == facts.frames + 1:
            stop = facts.frames  # rounded up at the very end of the media
        if facts.rate != timeline_rate:
            found.append(Note.MIXED_RATE)
        if facts.frames and (first < 0 or stop > facts.frames):
            route = Route.RENDER
        if (
            raw.source_start is not None
            and retime is Retime.NONE
            and abs(raw.source_start - first) > 1
            and abs(raw.source_start - facts.first_frame - first) > 1
        ):
            found.append(Note.OFFSETS_DIFFER)
            route = Route.RENDER
    if retime in (Retime.CHANGED, Retime.REVERSED):
        route = Route.RENDER
        found.append(Note.REVERSED if retime is Retime.REVERSED else Note.RETIMED)
    elif retime is Retime.UNKNOWN:
        found.append(Note.RETIME_ASK)
        if raw.source_start is not None:
            route = Route.RENDER  # 0/0: only a render knows
    if Path(facts.path).suffix.lower() in RAW_SUFFIXES or "raw" in facts.codec.lower():
        route = Route.RENDER
        found.append(Note.RAW)
    if raw.clip.get("Rotation", "0").strip("° ") in _ROTATED:
        found.append(Note.ROTATED)
    if Note.SUBFRAME in found:
        route = Route.RENDER
    sourced = route is Route.SOURCE
    return Judgement(
        kind=kind,
        route=route,
        retime=retime,
        source_start=first if sourced else None,
        source_stop=stop if sourced else None,
        left_offset=raw.left_offset or 0,
        media=facts,
        notes=tuple(found),
    )

"""From the open timeline to a `Shot`: which clip is meant, and what Resolve says about it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from resolve_bridge.allowed import MAX_STEPS
from resolve_bridge.call import MISSING, Ref, Session
from resolve_bridge.errors.link import StaleObjectError
from resolve_bridge.errors.shot import (
    ClipFactsError,
    ManyClipsError,
    NoClipError,
    NoProjectError,
    NoTimelineError,
)
from resolve_bridge.frames import rate_of, whole
from resolve_bridge.kinds import RawItem, judge
from resolve_bridge.shot import Chosen, Note, Shot, TimelineRef


@dataclass(frozen=True, slots=True)
class Pick:
    """What the Fusion door handed over: a tool, its composition, perhaps the clip."""

    tool: str
    comp: int
    item_id: str

    @staticmethod
    def read(text: str) -> Pick | None:
        """Read ``1<TAB>tool<TAB>comp number<TAB>item id``; None for anything else."""
        fields = text.split("\t")
        if len(fields) != 4 or fields[0] != "1" or not fields[1]:
            return None
        comp = int(fields[2]) if fields[2].isdigit() else 0
        # The Inspector's button means the clip, not a node.
        return Pick("" if fields[1] == "*" else fields[1], comp, fields[3])


@dataclass(frozen=True, slots=True)
class Located:
    """A live item on the current timeline."""

    ref: Ref
    track_kind: str
    track: int


@dataclass(frozen=True, slots=True)
class Open:
    """What is open in Resolve."""

    project: Ref
    timeline: Ref
    ref: TimelineRef
    video_tracks: int


def open_timeline(session: Session) -> Open:
    """Read the open project and timeline.

    Raises
    ------
    NoProjectError, NoTimelineError
        Nothing is open.
    ModalError
        A dialog answers for Resolve.
    """
    batch = session.batch()
    project = batch.call("manager", "GetCurrentProject")
    project_name = batch.call("project", "GetName")
    timeline = batch.call("project", "GetCurrentTimeline")
    name = batch.call(timeline, "GetName")
    start = batch.call(timeline, "GetStartFrame")
    timecode = batch.call(timeline, "GetStartTimecode")
    rate = batch.call(timeline, "GetSetting", "timelineFrameRate")
    drop = batch.call(timeline, "GetSetting", "timelineDropFrameTimecode")
    width = batch.call(timeline, "GetSetting", "timelineResolutionWidth")
    height = batch.call(timeline, "GetSetting", "timelineResolutionHeight")
    tracks = batch.call(timeline, "GetTrackCount", "video")
    batch.run(reset=True)
    if not isinstance(project.get(None), Ref):
        session.suspect_dialog()
        raise NoProjectError
    if not isinstance(timeline.get(None), Ref):
        session.suspect_dialog()
        raise NoTimelineError
    found = rate_of(str(rate.get("")))
    begin = whole(start.get(None))
    if found is None or begin is None:
        session.suspect_dialog()
        raise ClipFactsError(what="frame rate", detail=f"{rate.get(None)!r} {start.get(None)!r}")
    shown = str(timecode.get(""))
    dropping = found[1] or ";" in shown or str(drop.get("0")) == "1"
    ref = TimelineRef(
        project_id=project.value.uid,
        project_name=str(project_name.get("")),
        timeline_id=timeline.value.uid,
        timeline_name=str(name.get("")),
        rate=found[0],
        drop_frame=dropping and found[0] in (Fraction(30000, 1001), Fraction(60000, 1001)),
        start_frame=begin,
        start_timecode=shown,
        width=whole(width.get("")) or 0,
        height=whole(height.get("")) or 0,
    )
    return Open(project.value, timeline.value, ref, whole(tracks.get(0)) or 0)


def items_by_track(session: Session, opened: Open, kind: str = "video") -> list[list[Ref]]:
    """Return the items of every track of a kind, phantoms and holes left out."""
    count = opened.video_tracks
    if kind != "video":
        count = whole(session.call(opened.timeline, "GetTrackCount", kind)) or 0
    batch = session.batch()
    slots = [
        batch.call(opened.timeline, "GetItemListInTrack", kind, index)
        for index in range(1, count + 1)
    ]
    batch.run()
    return [
        [ref for ref in (slot.get([]) or []) if isinstance(ref, Ref) and ref.uid] for slot in slots
    ]


def locate(session: Session, opened: Open, item_id: str) -> Located | None:
    """Find an item of the current timeline by its unique id."""
    for track, refs in enumerate(items_by_track(session, opened), start=1):
        for ref in refs:
            if ref.uid == item_id:
                return Located(ref, "video", track)
    return None


def choose(
    session: Session,
    opened: Open,
    *,
    colour: str = "",
    pick: Pick | None = None,
    playhead: bool = False,
) -> tuple[Located, Chosen]:
    """Climb the ladder: the Fusion door's clip, the selection, the playhead, the clip colour.

    Parameters
    ----------
    colour : str
        A clip colour that marks shots, such as ``"Lime"``; '' for none.
    playhead : bool
        Whatever is selected or coloured: the clip under the playhead.

    Raises
    ------
    ManyClipsError
        Several clips are selected and none of them lies under the playhead.
    NoClipError
        No rung holds.
    """
    if pick is not None and pick.item_id:
        found = locate(session, opened, pick.item_id)
        if found is not None:
            return found, Chosen.FUSION
    batch = session.batch()
    current = batch.call(opened.timeline, "GetCurrentVideoItem")
    selected = batch.call(opened.timeline, "GetSelectedClips")
    places = batch.call(selected, "GetTrackTypeAndIndex")
    starts = batch.call(selected, "GetStart")
    batch.run()
    under = current.get(None)
    if pick is not None and isinstance(under, Ref):
        return _located(session, opened, under), Chosen.FUSION
    chosen = selected_video(selected.get([]), places.get([]), starts.get([]))
    if playhead:
        chosen, colour = [], ""
    if len(chosen) == 1:
        return chosen[0], Chosen.SELECTED
    if len(chosen) > 1:
        for each in chosen:
            if isinstance(under, Ref) and each.ref.uid == under.uid:
                return each, Chosen.SELECTED
        raise ManyClipsError(count=len(chosen))
    if isinstance(under, Ref) and under.uid:
        return _located(session, opened, under), Chosen.PLAYHEAD
    if colour:
        coloured = _by_colour(session, opened, colour)
        if len(coloured) == 1:
            return coloured[0], Chosen.COLOUR
        if len(coloured) > 1:
            raise ManyClipsError(count=len(coloured))
    session.suspect_dialog()
    raise NoClipError


def describe(
    session: Session,
    opened: Open,
    located: Located,
    chosen: Chosen,
    *,
    pick: Pick | None = None,
) -> Shot:
    """Ask everything about one item and judge it.

    Raises
    ------
    StaleObjectError
        The item is gone.
    ClipKindError, ClipOfflineError, ClipFactsError
        It cannot be edited; the sentence says why and what helps.
    """
    item = located.ref
    batch = session.batch()
    ask = {
        name: batch.call(item, name)
        for name in (
            "GetName",
            "GetStart",
            "GetEnd",
            "GetDuration",
            "GetLeftOffset",
            "GetRightOffset",
            "GetSourceStartFrame",
            "GetSourceEndFrame",
            "GetProperty",
            "GetMediaPoolItem",
            "GetClipEnabled",
            "GetClipColor",
            "GetFusionCompNameList",
            "GetTakesCount",
            "GetType",
            "GetSpeed",
        )
    }
    precise = batch.call(item, "GetDuration", True) if session.edition.at_least(19) else None
    media = ask["GetMediaPoolItem"]
    clip = batch.call(media, "GetClipProperty")
    inner = batch.call(media, "GetTimeline")
    track_on = batch.call(opened.timeline, "GetIsTrackEnabled", "video", located.track)
    track_locked = batch.call(opened.timeline, "GetIsTrackLocked", "video", located.track)
    batch.run()
    start, stop = whole(ask["GetStart"].get(None)), whole(ask["GetEnd"].get(None))
    duration = whole(ask["GetDuration"].get(None))
    if start is None or stop is None or duration is None:
        session.suspect_dialog()
        raise StaleObjectError(detail=f"item {item.uid}")
    properties = ask["GetProperty"].get({})
    media_ref = media.get(None)
    exact = precise.get(None) if precise is not None else None
    speed = ask["GetSpeed"].get(None)
    raw = RawItem(
        name=str(ask["GetName"].get("")),
        start=start,
        stop=stop,
        duration=duration,
        precise_duration=float(exact) if isinstance(exact, (int, float)) else None,
        left_offset=whole(ask["GetLeftOffset"].get(None)),
        right_offset=whole(ask["GetRightOffset"].get(None)),
        source_start=whole(ask["GetSourceStartFrame"].get(None)),
        source_end=whole(ask["GetSourceEndFrame"].get(None)),
        properties=properties if isinstance(properties, dict) else {},
        media_id=media_ref.uid if isinstance(media_ref, Ref) else None,
        clip=_strings(clip.get({})),
        media_is_timeline=isinstance(inner.get(None), Ref),
        track_kind=located.track_kind,
        item_type=_word(ask["GetType"].get(None)),
        speed=float(speed) if isinstance(speed, (int, float)) else None,
        enabled=_flag(ask["GetClipEnabled"].get(None)),
        comps=tuple(str(name) for name in ask["GetFusionCompNameList"].get([])),
        takes=whole(ask["GetTakesCount"].get(0)) or 0,
    )
    judged = judge(raw, opened.ref.rate)
    notes = list(judged.notes)
    if track_on.get(None) is False:
        notes.append(Note.TRACK_OFF)
    if track_locked.get(None) is True:
        notes.append(Note.TRACK_LOCKED)
    if _under_a_transition(session, opened, located, start, stop):
        notes.append(Note.TRANSITION)
    return Shot(
        timeline=opened.ref,
        item_id=item.uid,
        name=raw.name,
        kind=judged.kind,
        route=judged.route,
        chosen=chosen,
        retime=judged.retime,
        track=located.track,
        start=start,
        stop=stop,
        left_offset=judged.left_offset,
        source_start=judged.source_start,
        source_stop=judged.source_stop,
        media=judged.media,
        enabled=raw.enabled is not False,
        clip_colour=str(ask["GetClipColor"].get("")),
        comps=raw.comps,
        pick=pick.tool if pick else "",
        pick_comp=pick.comp if pick else 0,
        notes=tuple(notes),
    )


def _under_a_transition(
    session: Session, opened: Open, located: Located, start: int, stop: int
) -> bool:
    """Whether something without media overlaps the clip on its own track: only a transition can."""
    batch = session.batch()
    items = batch.call(opened.timeline, "GetItemListInTrack", "video", located.track)
    starts, stops = batch.call(items, "GetStart"), batch.call(items, "GetEnd")
    shown = batch.call(items, "GetMediaPoolItem")
    batch.run()
    for ref, first, last, media in zip(
        items.get([]), starts.get([]), stops.get([]), shown.get([]), strict=False
    ):
        begins, ends = whole(first), whole(last)
        if not isinstance(ref, Ref) or ref.uid == located.ref.uid or isinstance(media, Ref):
            continue
        if begins is not None and ends is not None and begins < stop and ends > start:
            return True
    return False


def selected_video(refs: Any, places: Any, starts: Any = None) -> list[Located]:
    """Return the video items of a selection by track and start; linked audio is left out."""
    found: list[tuple[int, int, Located]] = []
    for ref, place, start in zip_longest(refs or [], places or [], starts or []):
        if not isinstance(ref, Ref) or not isinstance(place, list) or len(place) != 2:
            continue
        track = whole(place[1])
        if place[0] == "video" and track is not None:
            found.append((track, whole(start) or 0, Located(ref, "video", track)))
    return [each for _, _, each in sorted(found, key=lambda entry: entry[:2])]


def _located(session: Session, opened: Open, ref: Ref) -> Located:
    if session.has("item", "GetTrackTypeAndIndex"):
        place = session.call(ref, "GetTrackTypeAndIndex")
        if isinstance(place, list) and len(place) == 2:
            return Located(ref, str(place[0]), whole(place[1]) or 0)
    found = locate(session, opened, ref.uid)
    if found is None:
        raise StaleObjectError(detail=f"item {ref.uid}")
    return found


def _by_colour(session: Session, opened: Open, colour: str) -> list[Located]:
    found: list[Located] = []
    for track, refs in enumerate(items_by_track(session, opened), start=1):
        for at in range(0, len(refs), MAX_STEPS):
            batch = session.batch()
            slots = [(ref, batch.call(ref, "GetClipColor")) for ref in refs[at : at + MAX_STEPS]]
            batch.run()
            found += [Located(ref, "video", track) for ref, slot in slots if slot.get("") == colour]
    return found


def _strings(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: "" if item is None else str(item) for key, item in value.items()}


def _word(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) and value else None


def _flag(value: Any) -> bool | None:
    return None if value is None or value is MISSING else bool(value)

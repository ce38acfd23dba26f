"""Bring Resolve to a clip: the playhead on it, the wanted page open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolve_bridge.errors.link import CallRefusedError, StaleObjectError
from resolve_bridge.find import locate, open_timeline
from resolve_bridge.frames import frames_of, timecode_of, whole
from resolve_bridge.withdraw import show_page

if TYPE_CHECKING:
    from resolve_bridge.call import Session
    from resolve_bridge.shot import TimelineRef

_WITHOUT_TIMECODE = ("fusion", "media", "photo")


def show_item(session: Session, item_id: str, page: str) -> None:
    """Open a page on an item of the current timeline; a playhead that is on it stays.

    Raises
    ------
    StaleObjectError
        The item is not on the current timeline.
    CallRefusedError
        The page does not open, or the playhead does not move.
    """
    opened = open_timeline(session)
    found = locate(session, opened, item_id)
    if found is None:
        raise StaleObjectError(detail=f"item {item_id}")
    batch = session.batch()
    start_slot, stop_slot = batch.call(found.ref, "GetStart"), batch.call(found.ref, "GetEnd")
    shown_slot = batch.call("resolve", "GetCurrentPage")
    batch.run()
    start, stop = whole(start_slot.get(None)), whole(stop_slot.get(None))
    if start is None or stop is None:
        raise StaleObjectError(detail=f"item {item_id}")
    if shown_slot.get("") in _WITHOUT_TIMECODE:
        show_page(session, "edit")
    here = frames_of(str(session.call("timeline", "GetCurrentTimecode") or ""), opened.ref.rate)
    at = None if here is None else here - _first(opened.ref) + opened.ref.start_frame
    if at is None or not start <= at < stop:
        count = _first(opened.ref) + start - opened.ref.start_frame
        timecode = timecode_of(count, opened.ref.rate, drop=opened.ref.drop_frame)
        if session.call("timeline", "SetCurrentTimecode", timecode) is not True:
            session.suspect_dialog()
            raise CallRefusedError(what="move the playhead", detail=timecode)
    show_page(session, page)


def _first(timeline: TimelineRef) -> int:
    """Return what the timecode of the timeline's first frame counts."""
    found = frames_of(timeline.start_timecode, timeline.rate)
    return timeline.start_frame if found is None else found

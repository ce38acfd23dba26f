"""Take away exactly what was added, by identity: after an error, after a crash, or on undo."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from resolve_bridge.call import SLOW_S, Ref, Session
from resolve_bridge.errors.link import CallRefusedError
from resolve_bridge.errors.placing import TrackLockedError
from resolve_bridge.find import Open, items_by_track, locate, open_timeline
from resolve_bridge.footage import shows
from resolve_bridge.frames import whole
from resolve_bridge.tracks import inserted_at, reopened, track_marks

TRACK_NAME = "FlowAnchor"
FOLDER_NAME = "FlowAnchor"

_PAGE_SETTLE_S = 20.0


@dataclass(frozen=True, slots=True)
class Added:
    """One thing that was added.

    Parameters
    ----------
    kind : str
        By identity: ``item``, ``our_track``, ``media``, ``take``, ``marker``. By intention, written
        before a call whose answer may never come: ``folder``, ``import``, ``track``, ``append``.
    uid : str
        Its own identity; for takes and markers the item that carries them, for imports the bin.
    where : int
        Track index.
    extra : str
        What else tells it: the timeline of a track, the media of a take, the key in a marker, the
        file or label of an import, what was there before.
    """

    kind: str
    uid: str
    where: int = 0
    extra: str = ""


def show_page(session: Session, page: str) -> None:
    """Open a page and wait until Resolve says so; `GetCurrentPage` may say nothing at all.

    Raises
    ------
    CallRefusedError
        The page does not open.
    """
    if session.call("resolve", "GetCurrentPage") == page:
        return
    session.must("resolve", "OpenPage", page, timeout_s=SLOW_S)
    stop = time.monotonic() + _PAGE_SETTLE_S
    while time.monotonic() < stop:
        shown = session.call("resolve", "GetCurrentPage", timeout_s=SLOW_S)
        if shown == page or not shown:
            return
        time.sleep(0.05)
    session.suspect_dialog()
    raise CallRefusedError(what=f"the {page} page")


def folder_by_id(session: Session, folder_id: str) -> Ref | None:
    """Find a bin by its unique id, level by level."""
    root = session.call("pool", "GetRootFolder")
    level = [root] if isinstance(root, Ref) else []
    while level:
        for ref in level:
            if ref.uid == folder_id:
                return ref
        deeper: list[Ref] = []
        for at in range(0, len(level), 300):
            batch = session.batch()
            slots = [batch.call(ref, "GetSubFolderList") for ref in level[at : at + 300]]
            batch.run()
            deeper += [ref for slot in slots for ref in slot.get([]) if isinstance(ref, Ref)]
        level = deeper
    return None


def withdraw(session: Session, added: tuple[Added, ...]) -> None:
    """Remove what was added, last first; what is already gone is fine.

    Raises
    ------
    TrackLockedError, CallRefusedError
        Something of ours cannot be removed.
    """
    if not added:
        return
    opened = open_timeline(session)
    for each in reversed(added):
        match each.kind:
            case "item":
                _drop_item(session, opened, each)
            case "append":
                _drop_appended(session, opened, each)
            case "track":
                _drop_new_track(session, opened, each)
            case "our_track":
                _drop_our_track(session, opened, each)
            case "import":
                _drop_import(session, opened, each)
            case "media":
                _drop_media(session, opened, each)
            case "folder":
                _drop_folder(session, each)
            case "take":
                _drop_take(session, opened, each)
            case "marker":
                drop_marker(session, opened, each)


def _drop_item(session: Session, opened: Open, added: Added) -> None:
    for attempt in range(3):
        found = locate(session, opened, added.uid)
        if found is None:
            return
        if session.call("timeline", "GetIsTrackLocked", "video", found.track) is True:
            raise TrackLockedError(track=found.track)
        if attempt:
            # False off the Edit page, and now and then once on it.
            show_page(session, "edit")
            found = locate(session, opened, added.uid)
            if found is None:
                return
        session.call("timeline", "DeleteClips", [found.ref], False, timeout_s=SLOW_S)
    if locate(session, opened, added.uid) is not None:
        session.suspect_dialog()
        raise CallRefusedError(what="delete the clip", detail=added.uid)


def _drop_appended(session: Session, opened: Open, added: Added) -> None:
    """Remove what an append put on a span of our track that had been free."""
    timeline_id, media_id, start = json.loads(added.extra)
    tracks = items_by_track(session, reopened(session, opened))
    if timeline_id != opened.timeline.uid or not 1 <= added.where <= len(tracks):
        return
    refs = tracks[added.where - 1]
    for at in range(0, len(refs), 190):
        batch = session.batch()
        slots = [
            (ref, batch.call(ref, "GetStart"), batch.call(ref, "GetMediaPoolItem"))
            for ref in refs[at : at + 190]
        ]
        batch.run()
        for ref, begins, shown in slots:
            media = shown.get(None)
            if isinstance(media, Ref) and (media.uid, whole(begins.get(None))) == (media_id, start):
                _drop_item(session, opened, Added("item", ref.uid))


def _drop_new_track(session: Session, opened: Open, added: Added) -> None:
    """Remove the one track that was not there before, if it is empty."""
    timeline_id, listed = json.loads(added.extra)
    if timeline_id != opened.timeline.uid:
        return
    before = [(name, on, locked, tuple(ids)) for name, on, locked, ids in listed]
    count = whole(session.call("timeline", "GetTrackCount", "video")) or 0
    if count != len(before) + 1:
        return
    now = track_marks(session, opened, count)
    index = inserted_at(before, now, wanted=added.where)
    if index is None:
        # Clips came or went meanwhile; then ours is the empty one that has its name already.
        ours = [n for n, mark in enumerate(now) if mark[0] == TRACK_NAME and not mark[3]]
        had = sum(mark[0] == TRACK_NAME for mark in before)
        if ours and sum(mark[0] == TRACK_NAME for mark in now) == had + 1:
            index = added.where if added.where in ours else ours[-1]
    if index is not None:
        _delete_track(session, index + 1, count)


def _drop_our_track(session: Session, opened: Open, added: Added) -> None:
    if added.extra != opened.timeline.uid:
        return
    count = whole(session.call("timeline", "GetTrackCount", "video")) or 0
    order = [added.where, *(index for index in range(count, 0, -1) if index != added.where)]
    for index in order:
        if not 1 <= index <= count or count == 1:
            continue
        if session.call("timeline", "GetTrackName", "video", index) != TRACK_NAME:
            continue
        if session.call("timeline", "GetItemListInTrack", "video", index):
            continue
        _delete_track(session, index, count)
        return


def _delete_track(session: Session, index: int, count: int) -> None:
    show_page(session, "edit")
    session.call("timeline", "DeleteTrack", "video", index)
    if whole(session.call("timeline", "GetTrackCount", "video")) != count - 1:
        session.suspect_dialog()
        raise CallRefusedError(what="delete the track", detail=str(index))


def _drop_import(session: Session, opened: Open, added: Added) -> None:
    folder = folder_by_id(session, added.uid)
    if folder is None:
        return
    batch = session.batch()
    clips = batch.call(folder, "GetClipList")
    paths = batch.call(clips, "GetClipProperty", "File Path")
    batch.run()
    for ref, shown in zip(clips.get([]), paths.get([]), strict=False):
        if isinstance(ref, Ref) and shows(str(shown), added.extra):
            _drop_media(session, opened, Added("media", ref.uid))


def media_by_id(session: Session, media_id: str) -> Ref | None:
    """Find a clip of the Media Pool: in our bin first, then everywhere."""
    root = session.call("pool", "GetRootFolder")
    if not isinstance(root, Ref):
        return None
    level = [root]
    while level:
        deeper: list[Ref] = []
        for folder in level:
            batch = session.batch()
            clips = batch.call(folder, "GetClipList")
            inner = batch.call(folder, "GetSubFolderList")
            batch.run()
            for ref in clips.get([]):
                if isinstance(ref, Ref) and ref.uid == media_id:
                    return ref
            deeper += [ref for ref in inner.get([]) if isinstance(ref, Ref)]
        level = deeper
    return None


def _drop_media(session: Session, opened: Open, added: Added) -> None:
    ref = media_by_id(session, added.uid)
    if ref is None:
        return
    # Deleting a pool clip takes every use of it along: only an unused one may go. What Resolve
    # counts may lag behind what lies on the timeline.
    usage = whole(session.call(ref, "GetClipProperty", "Usage"))
    if usage or _used_here(session, opened, added.uid):
        return
    session.call("pool", "DeleteClips", [ref], timeout_s=SLOW_S)
    if media_by_id(session, added.uid) is not None:
        session.suspect_dialog()
        raise CallRefusedError(what="delete the clip from the Media Pool")


def _used_here(session: Session, opened: Open, media_id: str) -> bool:
    tracks = items_by_track(session, reopened(session, opened))
    refs = [ref for track in tracks for ref in track]
    for at in range(0, len(refs), 300):
        batch = session.batch()
        slots = [batch.call(ref, "GetMediaPoolItem") for ref in refs[at : at + 300]]
        batch.run()
        for slot in slots:
            media = slot.get(None)
            if isinstance(media, Ref) and media.uid == media_id:
                return True
    return False


def _drop_folder(session: Session, added: Added) -> None:
    ref = folder_by_id(session, added.uid) if added.uid else _folder_named(session, added.extra)
    if ref is None:
        return
    batch = session.batch()
    clips = batch.call(ref, "GetClipList")
    inner = batch.call(ref, "GetSubFolderList")
    batch.run()
    if clips.get([]) or inner.get([]):
        return
    session.call("pool", "DeleteFolders", [ref])


def _folder_named(session: Session, name: str) -> Ref | None:
    batch = session.batch()
    root = batch.call("pool", "GetRootFolder")
    folders = batch.call(root, "GetSubFolderList")
    names = batch.call(folders, "GetName")
    batch.run()
    for ref, told in zip(folders.get([]), names.get([]), strict=False):
        if told == name and isinstance(ref, Ref):
            return ref
    return None


def _drop_take(session: Session, opened: Open, added: Added) -> None:
    found = locate(session, opened, added.uid)
    if found is None:
        return
    index = take_of(session, found.ref, added.extra)
    if index is None:
        return
    if added.where and added.where != index:
        session.call(found.ref, "SelectTakeByIndex", added.where)
    session.call(found.ref, "DeleteTakeByIndex", index)
    if take_of(session, found.ref, added.extra) is not None:
        session.suspect_dialog()
        raise CallRefusedError(what="delete the take")


def take_of(session: Session, item: Ref, media_id: str) -> int | None:
    """Return the number of the take that shows a media, or None."""
    count = whole(session.call(item, "GetTakesCount")) or 0
    batch = session.batch()
    slots = [batch.call(item, "GetTakeByIndex", index) for index in range(1, count + 1)]
    batch.run()
    for index, slot in enumerate(slots, start=1):
        take = slot.get({})
        media = take.get("mediaPoolItem") if isinstance(take, dict) else None
        if isinstance(media, Ref) and media.uid == media_id:
            return index
    return None


def drop_marker(session: Session, opened: Open, added: Added) -> None:
    """Remove our marker at a frame of an item, if it still is ours."""
    found = locate(session, opened, added.uid)
    if found is None:
        return
    markers = session.call(found.ref, "GetMarkers")
    for frame, marker in markers.items() if isinstance(markers, dict) else ():
        custom = str(marker.get("customData", "")) if isinstance(marker, dict) else ""
        at = whole(float(frame))
        if added.extra in custom and "flowanchor" in custom and at is not None:
            session.call(found.ref, "DeleteMarkerAtFrame", at)

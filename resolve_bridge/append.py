"""Append on a track of ours, and find out what really appeared.

Nothing that `AppendToTimeline` answers is proof: it drops, slides, invents and forgets. Its range
is floored to timeline frames where the rates differ.
"""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import TYPE_CHECKING

from resolve_bridge.call import SLOW_S, Ref, Session
from resolve_bridge.errors.link import CallRefusedError
from resolve_bridge.errors.placing import PlaceUnconfirmedError
from resolve_bridge.errors.shot import HostChangedError
from resolve_bridge.find import Open, items_by_track, locate
from resolve_bridge.frames import whole
from resolve_bridge.tracks import inserted_at, reopened, spans_by_track, track_marks
from resolve_bridge.withdraw import TRACK_NAME, Added, show_page

if TYPE_CHECKING:
    from resolve_bridge.placement import Result
    from resolve_bridge.shot import Shot
    from resolve_bridge.transaction import Transaction


def free_track(tx: Transaction, shot: Shot, span: tuple[int, int]) -> tuple[int, bool]:
    """Return a track of ours above the shot with room for it, making one where there is none."""
    session = tx.session
    located = locate(session, tx.opened, shot.item_id)
    if located is None:
        raise HostChangedError(detail="the clip is gone")
    below = located.track
    first, length = span
    spans = spans_by_track(session, tx.opened)
    for index in range(below + 1, len(spans) + 1):
        batch = session.batch()
        name = batch.call("timeline", "GetTrackName", "video", index)
        on = batch.call("timeline", "GetIsTrackEnabled", "video", index)
        locked = batch.call("timeline", "GetIsTrackLocked", "video", index)
        batch.run()
        free = all(stop <= first or start >= first + length for start, stop in spans[index - 1])
        if name.get("") == TRACK_NAME and free and on.get(False) and not locked.get(True):
            return index, False
    return _new_track(tx, below, len(spans)), True


def _new_track(tx: Transaction, below: int, count: int) -> int:
    session, opened = tx.session, tx.opened
    before = track_marks(session, opened, count)
    told = json.dumps([opened.timeline.uid, before])
    tx.added(Added("track", "", below, told))  # before the call: its answer may never come
    if session.edition.at_least(19):
        session.call("timeline", "AddTrack", "video", {"index": below + 1})
    else:
        session.call("timeline", "AddTrack", "video")
    now = whole(session.call("timeline", "GetTrackCount", "video"))
    if now != count + 1:
        session.suspect_dialog()
        raise CallRefusedError(what="add a track", detail=f"{count} -> {now}")
    index = inserted_at(before, track_marks(session, opened, now), wanted=below)
    if index is None:
        raise CallRefusedError(what="add a track", detail="the tracks changed meanwhile")
    session.call("timeline", "SetTrackName", "video", index + 1, TRACK_NAME)
    if session.call("timeline", "GetTrackName", "video", index + 1) != TRACK_NAME:
        raise CallRefusedError(what="name the track")
    return index + 1


def _all_ids(session: Session, opened: Open) -> dict[str, tuple[str, int, Ref]]:
    found: dict[str, tuple[str, int, Ref]] = {}
    now = reopened(session, opened)
    for kind in ("video", "audio"):
        for track, refs in enumerate(items_by_track(session, now, kind), start=1):
            found.update({ref.uid: (kind, track, ref) for ref in refs})
    return found


def append_counts(frames: int, source: Fraction, timeline: Fraction, wanted: int) -> list[int]:
    """Return how many source frames to ask for, best first.

    Append ranges are floored to timeline frames and may land one short.

    Parameters
    ----------
    frames : int
        What the file has.
    source, timeline : Fraction
        Rates.
    wanted : int
        Timeline frames to fill.
    """
    ratio = source / timeline
    least = math.ceil(wanted * ratio)  # fills `wanted` even when floored
    most = math.ceil((wanted + 1) * ratio) - 1  # one more would fill a frame too many
    ordered = [least, *range(least + 1, most + 1), *range(least - 1, least - 3, -1)]
    return [count for count in ordered if 0 < count <= min(frames, most)]


def append(
    tx: Transaction,
    shot: Shot,
    media: Ref,
    result: Result,
    track: int,
    *,
    still: bool,
    numbered_from: int = 0,
) -> tuple[Ref, tuple[str, ...], int]:
    """Place a pool clip over the shot.

    Parameters
    ----------
    still : bool
        The shot is a still.
    numbered_from : int
        The clip's first number; whether an append counts from it or from 0 is not documented.

    Returns
    -------
    (Ref, tuple of str, int)
        The placed item, notes, and the absolute frame where it stops.

    Raises
    ------
    PlaceUnconfirmedError
        What was asked for is not there; what appeared instead is removed again.
    """
    session, opened = tx.session, tx.opened
    first, wanted = result.lies(shot.start, shot.frames, shot.timeline.rate)
    if still:
        # A fresh still ignores the end until its Out was written once.
        session.call(media, "SetClipProperty", "Out", str(wanted - 1))
        session.call(media, "SetMarkInOut", 0, wanted - 1)
        counts = [wanted]
    else:
        counts = append_counts(result.frames, result.rate, shot.timeline.rate, wanted)
    told = json.dumps([opened.timeline.uid, media.uid, first])
    tx.added(Added("append", "", track, told))
    best: tuple[int, int] | None = None
    begin = _Begin(tx, first, media, track, numbered_from)
    for count in counts:
        ref, length = begin.append(count)
        if length == wanted:
            return ref, (), first + length
        _remove(session, opened, {ref.uid})
        if length == wanted - 1 and best is None:
            best = (count, length)
    if best is not None and result.rate != shot.timeline.rate:
        ref, length = begin.append(best[0])
        return ref, ("one_short",), first + length
    raise PlaceUnconfirmedError(detail=f"asked {counts} for {wanted} frames, got {best}")


class _Begin:
    """Appends a clip from its first frame, and learns how this Resolve counts that."""

    def __init__(
        self, tx: Transaction, record: int, media: Ref, track: int, numbered_from: int
    ) -> None:
        self._tx, self._record, self._media, self._track = tx, record, media, track
        self._offsets = list(dict.fromkeys((0, numbered_from)))
        self._lefts = {0, numbered_from}

    def append(self, count: int) -> tuple[Ref, int]:
        """Append `count` source frames; return the item and its length in timeline frames.

        Raises
        ------
        PlaceUnconfirmedError
            Nothing right appeared, from whichever number it was asked.
        """
        while True:
            try:
                return self._once(self._offsets[0], count)
            except PlaceUnconfirmedError:
                del self._offsets[0]
                if not self._offsets:
                    raise

    def _once(self, offset: int, count: int) -> tuple[Ref, int]:
        """Append on an empty span and find what really appeared there."""
        session, opened = self._tx.session, self._tx.opened
        before = _all_ids(session, opened)
        clip = {
            "mediaPoolItem": self._media,
            "startFrame": offset,
            "endFrame": offset + count,
            "mediaType": 1,
            "trackIndex": self._track,
            "recordFrame": self._record,
        }
        answer = session.call("pool", "AppendToTimeline", [clip], timeout_s=SLOW_S)
        after = _all_ids(session, opened)
        fresh = {uid: place for uid, place in after.items() if uid not in before}
        good: tuple[Ref, int] | None = None
        for kind, index, ref in fresh.values():
            measured = self._measured(ref) if (kind, index) == ("video", self._track) else None
            if measured is not None and good is None:
                good = (ref, measured)
        strays = {uid for uid in fresh if good is None or uid != good[0].uid}
        _remove(session, opened, strays)
        if good is None:
            session.suspect_dialog()
            raise PlaceUnconfirmedError(detail=f"answer {answer!r}, appeared {len(fresh)}")
        return good

    def _measured(self, ref: Ref) -> int | None:
        """Return the length of an item if it is ours, lies right and shows the first frame."""
        batch = self._tx.session.batch()
        start = batch.call(ref, "GetStart")
        length = batch.call(ref, "GetDuration")
        shown = batch.call(ref, "GetMediaPoolItem")
        left = batch.call(ref, "GetLeftOffset")
        batch.run()
        media = shown.get(None)
        right = (
            whole(start.get(None)) == self._record
            and isinstance(media, Ref)
            and media.uid == self._media.uid
            and (whole(left.get(0)) or 0) in self._lefts
        )
        return whole(length.get(None)) if right else None


def _remove(session: Session, opened: Open, uids: set[str]) -> None:
    if not uids:
        return
    for _attempt in range(3):
        refs = [place[2] for uid, place in _all_ids(session, opened).items() if uid in uids]
        if not refs:
            return
        session.call("timeline", "DeleteClips", refs, False, timeout_s=SLOW_S)
        if any(uid in uids for uid in _all_ids(session, opened)):
            show_page(session, "edit")
    if any(uid in uids for uid in _all_ids(session, opened)):
        raise PlaceUnconfirmedError(detail=f"cannot remove {sorted(uids)}")

"""The video tracks of the open timeline: which is ours, which is free, which is new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolve_bridge.find import Open, items_by_track
from resolve_bridge.frames import whole

if TYPE_CHECKING:
    from resolve_bridge.call import Session

TrackMark = tuple[str, bool, bool, tuple[str, ...]]
"""Name, enabled, locked and the items of a track: what tells it from the others."""


def inserted_at(before: list[TrackMark], after: list[TrackMark], *, wanted: int) -> int | None:
    """Return where a track was inserted, from 0: never mistake the user's empty track for ours.

    Parameters
    ----------
    before, after : list of TrackMark
        Bottom to top.
    wanted : int
        The position asked for, preferred where several would explain the change; else the top.
    """
    for nameless in (False, True):  # Resolve may renumber the names it gave itself
        old = [mark[1:] if nameless else mark for mark in before]
        new = [mark[1:] if nameless else mark for mark in after]
        fits = [
            index
            for index in range(len(new))
            if not after[index][3] and new[:index] + new[index + 1 :] == old
        ]
        if fits:
            return wanted if wanted in fits else fits[-1]
    return None


def track_marks(session: Session, opened: Open, count: int) -> list[TrackMark]:
    """Read what tells the tracks apart, bottom to top."""
    items = items_by_track(session, reopened(session, opened))
    batch = session.batch()
    slots = [
        (
            batch.call("timeline", "GetTrackName", "video", index),
            batch.call("timeline", "GetIsTrackEnabled", "video", index),
            batch.call("timeline", "GetIsTrackLocked", "video", index),
        )
        for index in range(1, min(count, 130) + 1)
    ]
    batch.run()
    return [
        (
            str(name.get("")),
            bool(on.get(False)),
            bool(locked.get(False)),
            tuple(ref.uid for ref in refs),
        )
        for (name, on, locked), refs in zip(slots, items, strict=False)
    ]


def spans_by_track(session: Session, opened: Open) -> list[list[tuple[int, int]]]:
    """Return what every track holds: starts and stops, absolute frames, half-open."""
    now = reopened(session, opened)
    found: list[list[tuple[int, int]]] = []
    for refs in items_by_track(session, now):
        spans: list[tuple[int, int]] = []
        for at in range(0, len(refs), 150):
            batch = session.batch()
            slots = [
                (batch.call(ref, "GetStart"), batch.call(ref, "GetEnd"))
                for ref in refs[at : at + 150]
            ]
            batch.run()
            for start_slot, stop_slot in slots:
                start, stop = whole(start_slot.get(None)), whole(stop_slot.get(None))
                if start is not None and stop is not None:
                    spans.append((start, stop))
        found.append(spans)
    return found


def reopened(session: Session, opened: Open) -> Open:
    """Return `opened` with the number of tracks there are now."""
    count = whole(session.call("timeline", "GetTrackCount", "video")) or 0
    return Open(opened.project, opened.timeline, opened.ref, count)

"""Bring a result back beside its shot: as a patch, a frame or a take; never touching the original.

Nothing that Resolve answers is taken as proof. What was placed is found again by listing the
tracks and comparing start, length and media, once after appending and once after saving.
"""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import TYPE_CHECKING

from resolve_bridge.append import append, free_track
from resolve_bridge.bookkeeping import find_placement, shared, write_marker, write_metadata
from resolve_bridge.call import SLOW_S, Ref, Session
from resolve_bridge.errors.placing import (
    PlaceUnconfirmedError,
    TakeKindError,
    TakeLengthError,
    TrackLockedError,
    UndoChangedError,
)
from resolve_bridge.errors.shot import HostChangedError, ProjectChangedError
from resolve_bridge.find import Open, describe, locate
from resolve_bridge.footage import footage_of
from resolve_bridge.frames import whole
from resolve_bridge.look import copy_colour, copy_look
from resolve_bridge.placement import Delivery, Placement, Result
from resolve_bridge.pool import pooled
from resolve_bridge.shot import ItemKind, Shot
from resolve_bridge.tracks import reopened
from resolve_bridge.withdraw import Added, take_of, withdraw

if TYPE_CHECKING:
    from resolve_bridge.transaction import Transaction

CLIP_COLOUR = "Teal"


def place(tx: Transaction, shot: Shot, result: Result, *, save: bool = True) -> Placement:
    """Place a result beside its shot.

    Parameters
    ----------
    tx : Transaction
        What it adds is withdrawn when this raises.
    shot : Shot
        As it was when the job began.
    result : Result
    save : bool
        Save a named project afterwards and look again: some placements vanish at the save.

    Returns
    -------
    Placement
        An equal earlier one where the same result already lies there.

    Raises
    ------
    ProjectChangedError, HostChangedError
        Another project or timeline is open, or the shot moved.
    ResultFileError, ResultPicturesError
        The file is not there, or the pictures are not one whole sequence.
    ImportRefusedError, ImportSplitError, ImportRateError
        Resolve does not take it, or not as it is.
    TakeLengthError, TakeKindError, TrackLockedError
        This way of placing does not fit.
    PlaceUnconfirmedError
        It cannot be read back.
    """
    session = tx.session
    item = confirm_shot(session, tx.opened, shot)
    known = find_placement(session, tx.opened, shot, result.key)
    if known is not None:
        return known  # the same result lies there already
    footage = footage_of(result.path, result.frames)
    if result.delivery is Delivery.TAKE:
        _check_take(session, shot, result)
    found = pooled(tx, result, footage)
    unset: list[str] = []
    if found.made:
        unset = copy_colour(session, tx.opened, shot, result, found.media, footage)
    if result.delivery is Delivery.TAKE:
        placement = _take(tx, shot, item, found.media, result, footage.first)
    else:
        placement = _above(tx, shot, item, found.media, result, footage.first)
    placement = dataclasses.replace(
        placement,
        folder_id=found.folder_id,
        folder_made=found.folder_made,
        media_made=found.made,
        notes=(*placement.notes, *unset),
    )
    placement = shared(session, reopened(session, tx.opened), placement)
    placement = _book(tx, placement, result, found.media)
    if save:
        _save(session)
    _read_back(session, tx.opened, placement)
    if tx.state.timecode and tx.state.page not in ("media", "fusion", "photo"):
        # An append draws nothing; setting the playhead to where it is does.
        session.call("timeline", "SetCurrentTimecode", tx.state.timecode)
    return placement


def confirm_shot(session: Session, opened: Open, shot: Shot) -> Ref:
    """Return the shot's live item, exactly where it was.

    Raises
    ------
    ProjectChangedError, HostChangedError
    """
    if opened.project.uid != shot.timeline.project_id:
        raise ProjectChangedError(what="project", name=shot.timeline.project_name)
    if opened.timeline.uid != shot.timeline.timeline_id:
        raise ProjectChangedError(what="timeline", name=shot.timeline.timeline_name)
    found = locate(session, opened, shot.item_id)
    if found is None:
        raise HostChangedError(detail="the clip is gone")
    now = describe(session, opened, found, shot.chosen)
    same = _without_track(now) == _without_track(shot)
    if not same and shot.media is not None and (now.start, now.stop) == (shot.start, shot.stop):
        # Another take is selected: the shot itself still is one of its takes.
        same = take_of(session, found.ref, shot.media.media_id) is not None
    if not same:
        raise HostChangedError(detail=f"{shot.fingerprint()} -> {now.fingerprint()}")
    return found.ref


def _without_track(shot: Shot) -> tuple[object, ...]:
    """Leave out the track's number: a track inserted below moves it, not the shot."""
    return tuple(part for index, part in enumerate(shot.fingerprint()) if index != 3)


# On a track above -------------------------------------------------------------------------------


def _above(
    tx: Transaction, shot: Shot, item: Ref, media: Ref, result: Result, numbered_from: int
) -> Placement:
    session, opened = tx.session, tx.opened
    span = result.lies(shot.start, shot.frames, shot.timeline.rate)
    track, made = free_track(tx, shot, span)
    still = shot.kind is ItemKind.STILL
    placed = append(tx, shot, media, result, track, still=still, numbered_from=numbered_from)
    notes = list(placed[1])
    source = locate(session, opened, item.uid)
    if source is None:
        raise HostChangedError(detail="the clip is gone")
    notes += copy_look(session, source.ref, placed[0], result.grade, result.transform)
    session.call(placed[0], "SetName", result.name)
    if session.call(placed[0], "SetClipColor", CLIP_COLOUR) is not True:
        notes.append("clip_colour")
    return Placement(
        key=result.key,
        delivery=result.delivery,
        project_id=opened.project.uid,
        timeline_id=opened.timeline.uid,
        source_item=shot.item_id,
        item_id=placed[0].uid,
        track=track,
        track_made=made,
        start=span[0],
        stop=placed[2],
        media_id=media.uid,
        path=result.path,
        notes=tuple(notes),
    )


# As a take --------------------------------------------------------------------------------------


def _check_take(session: Session, shot: Shot, result: Result) -> None:
    if shot.kind in (ItemKind.COMPOSITION, ItemKind.GENERATED) or shot.media is None:
        raise TakeKindError
    located_locked = session.call("timeline", "GetIsTrackLocked", "video", shot.track)
    if located_locked is True:
        raise TrackLockedError(track=shot.track)
    length = Fraction(result.frames) * shot.timeline.rate / result.rate
    if shot.kind is not ItemKind.STILL and length != shot.frames:
        # A take of another length ripples everything behind it.
        raise TakeLengthError(found=math.floor(length), needed=shot.frames)


def _take(
    tx: Transaction, shot: Shot, item: Ref, media: Ref, result: Result, numbered_from: int
) -> Placement:
    session, opened = tx.session, tx.opened
    found = locate(session, opened, item.uid)
    if found is None:
        raise HostChangedError(detail="the clip is gone")
    live = found.ref
    batch = session.batch()
    count_slot = batch.call(live, "GetTakesCount")
    selected_slot = batch.call(live, "GetSelectedTakeIndex")
    batch.run()
    before = whole(count_slot.get(0)) or 0
    selected = whole(selected_slot.get(0)) or 0
    tx.added(Added("take", shot.item_id, max(selected, 1), media.uid))
    index = None
    # From its first frame; a Resolve that counts pictures by their own numbers refuses that.
    for first in dict.fromkeys((0, numbered_from)):
        if index is None:
            session.call(live, "AddTake", media, first, first + result.frames, timeout_s=SLOW_S)
            index = take_of(session, live, media.uid)
    now = whole(session.call(live, "GetTakesCount")) or 0
    if index is None or now != max(before, 1) + 1:
        session.suspect_dialog()
        raise PlaceUnconfirmedError(detail=f"takes {before} -> {now}")
    if whole(session.call(live, "GetSelectedTakeIndex")) != index:
        session.call(live, "SelectTakeByIndex", index)
    batch = session.batch()
    shown = batch.call(live, "GetSelectedTakeIndex")
    start, stop = batch.call(live, "GetStart"), batch.call(live, "GetEnd")
    batch.run()
    if whole(shown.get(0)) != index:
        raise PlaceUnconfirmedError(detail=f"take {shown.get(0)} selected, not {index}")
    if (whole(start.get(None)), whole(stop.get(None))) != (shot.start, shot.stop):
        raise PlaceUnconfirmedError(detail="the take changed the clip's length")
    return Placement(
        key=result.key,
        delivery=Delivery.TAKE,
        project_id=opened.project.uid,
        timeline_id=opened.timeline.uid,
        source_item=shot.item_id,
        item_id=shot.item_id,
        track=found.track,
        track_made=False,
        start=shot.start,
        stop=shot.stop,
        media_id=media.uid,
        path=result.path,
        take_before=max(selected, 1),
        notes=("comp_works_on_result",) if shot.comps else (),
    )


# Afterwards -------------------------------------------------------------------------------------


def _book(tx: Transaction, placement: Placement, result: Result, media: Ref) -> Placement:
    session = tx.session
    found = locate(session, reopened(session, tx.opened), placement.item_id)
    if found is None:
        raise PlaceUnconfirmedError(detail="gone before its marker")
    tx.added(Added("marker", placement.item_id, extra=placement.key))
    frame = write_marker(session, found.ref, placement, result)
    if placement.media_made:  # a clip of the user's keeps its own keywords
        write_metadata(session, media, placement, result)
    return dataclasses.replace(placement, marker_frame=frame)


def _save(session: Session) -> None:
    name = session.call("project", "GetName")
    # An untitled project cannot be saved by a script, and a headless one would hang.
    if name and name != "Untitled Project":
        session.call("manager", "SaveProject", timeout_s=SLOW_S)


def _read_back(session: Session, opened: Open, placement: Placement) -> None:
    """Find it once more by itself: some placements vanish, some only claim to be there."""
    found = locate(session, reopened(session, opened), placement.item_id)
    if found is None:
        session.suspect_dialog()
        raise PlaceUnconfirmedError(detail="gone after saving")
    batch = session.batch()
    start, stop = batch.call(found.ref, "GetStart"), batch.call(found.ref, "GetEnd")
    media = batch.call(found.ref, "GetMediaPoolItem")
    batch.run()
    shown = media.get(None)
    if (whole(start.get(None)), whole(stop.get(None))) != (placement.start, placement.stop) or (
        isinstance(shown, Ref) and shown.uid != placement.media_id
    ):
        raise PlaceUnconfirmedError(detail="something else lies there")


def undo(tx: Transaction, placement: Placement) -> None:
    """Remove exactly what a placement added; what is already gone is fine.

    Raises
    ------
    ProjectChangedError
        Another project or timeline is open.
    UndoChangedError
        The placed clip was moved, trimmed or given other media since.
    TrackLockedError
        Its track is locked.
    """
    session, opened = tx.session, tx.opened
    if opened.project.uid != placement.project_id:
        raise ProjectChangedError(what="project", name="the one it was placed in")
    if opened.timeline.uid != placement.timeline_id:
        raise ProjectChangedError(what="timeline", name="the one it was placed on")
    _unchanged(session, opened, placement)
    take = placement.delivery is Delivery.TAKE
    added: list[Added] = []
    if placement.folder_made:
        added.append(Added("folder", placement.folder_id))
    if placement.media_made:
        added.append(Added("media", placement.media_id, extra=placement.folder_id))
    if placement.track_made:
        added.append(Added("our_track", "", placement.track, placement.timeline_id))
    if take:
        added.append(Added("take", placement.item_id, placement.take_before, placement.media_id))
        added.append(Added("marker", placement.item_id, extra=placement.key))
    else:
        added.append(Added("item", placement.item_id, placement.track, placement.timeline_id))
    withdraw(session, tuple(added))


def _unchanged(session: Session, opened: Open, placement: Placement) -> None:
    found = locate(session, opened, placement.item_id)
    if found is None:
        return
    if placement.delivery is Delivery.TAKE:
        return
    batch = session.batch()
    start, stop = batch.call(found.ref, "GetStart"), batch.call(found.ref, "GetEnd")
    media = batch.call(found.ref, "GetMediaPoolItem")
    batch.run()
    shown = media.get(None)
    now = (whole(start.get(None)), whole(stop.get(None)), shown.uid if shown else "")
    if now != (placement.start, placement.stop, placement.media_id):
        raise UndoChangedError(detail=f"{now}")

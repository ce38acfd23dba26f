"""Carry transform, grade and colour interpretation from the shot to what is placed on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolve_bridge.call import Ref, Session
from resolve_bridge.extract import Look
from resolve_bridge.find import locate

if TYPE_CHECKING:
    from resolve_bridge.find import Open
    from resolve_bridge.shot import Shot

_TIME_KEYS = frozenset({"Speed", "SpeedPitchCorrection", "RetimeProcess", "MotionEstimation"})
_COLOUR_KEYS = ("Input Color Space", "Input Gamma", "Data Level", "IDT", "PAR")


def copy_look(
    session: Session, source: Ref, target: Ref, grade: Look, transform: Look
) -> list[str]:
    """Copy what is not already in the pixels; return what did not take."""
    notes: list[str] = []
    if transform is Look.COPY and not _copy_properties(session, source, target):
        notes.append("transform")
    if grade is Look.COPY and session.call(source, "CopyGrades", [target]) is not True:
        notes.append("grade")
    return notes


def _copy_properties(session: Session, source: Ref, target: Ref) -> bool:
    batch = session.batch()
    wanted_slot, held_slot = batch.call(source, "GetProperty"), batch.call(target, "GetProperty")
    batch.run()
    wanted, held = wanted_slot.get({}), held_slot.get({})
    if not isinstance(wanted, dict) or not isinstance(held, dict):
        return False
    changed = {
        key: value
        for key, value in wanted.items()
        if key not in _TIME_KEYS and held.get(key) != value
    }
    if not changed:
        return True
    # A linked zoom sets both: the link first, then the values, so that the last write wins.
    order = sorted(changed, key=lambda key: (key != "ZoomGang", key))
    batch = session.batch()
    for key in order:
        batch.call(target, "SetProperty", key, changed[key])
    now_slot = batch.call(target, "GetProperty")
    batch.run()
    now = now_slot.get({})
    return isinstance(now, dict) and all(now.get(key) == value for key, value in changed.items())


def copy_colour(
    session: Session, opened: Open, shot: Shot, media: Ref, *, straight_alpha: bool
) -> list[str]:
    """Interpret the result's file as the source's is; return what did not take.

    Spellings differ between versions and languages and none is listed, so only the source's own
    words are used; the alpha mode, which the source may not have, is asked for by its English word.
    """
    source = _source_media(session, opened, shot)
    if source is None:
        return []
    batch = session.batch()
    theirs = batch.call(source, "GetClipProperty")
    ours = batch.call(media, "GetClipProperty")
    batch.run()
    wanted, held = theirs.get({}), ours.get({})
    if not isinstance(wanted, dict) or not isinstance(held, dict):
        return ["colour"]
    todo = {
        key: str(wanted[key])
        for key in _COLOUR_KEYS
        if wanted.get(key) and wanted.get(key) != held.get(key)
    }
    if straight_alpha and held.get("Alpha mode") not in (None, "Straight"):
        todo["Alpha mode"] = "Straight"
    missed: list[str] = []
    for key, value in todo.items():
        session.call(media, "SetClipProperty", key, value)
        if session.call(media, "GetClipProperty", key) != value:
            missed.append("alpha" if key == "Alpha mode" else "colour")
    return sorted(set(missed))


def _source_media(session: Session, opened: Open, shot: Shot) -> Ref | None:
    if shot.media is None:
        return None
    found = locate(session, opened, shot.item_id)
    media = session.call(found.ref, "GetMediaPoolItem") if found is not None else None
    return media if isinstance(media, Ref) else None

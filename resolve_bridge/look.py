"""Carry transform, grade and colour interpretation from the shot to what is placed on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resolve_bridge.call import Ref, Session
from resolve_bridge.extract import Look
from resolve_bridge.find import locate
from resolve_bridge.placement import Delivery
from resolve_bridge.shot import ItemKind

if TYPE_CHECKING:
    from resolve_bridge.find import Open
    from resolve_bridge.footage import Footage
    from resolve_bridge.placement import Result
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
    session: Session, opened: Open, shot: Shot, result: Result, media: Ref, footage: Footage
) -> list[str]:
    """Interpret the result's file as the source's is; return what did not take.

    Spellings differ between versions and languages and none is listed, so only words that Resolve
    itself has said are used; the alpha mode and the word for linear light, which the source may not
    have, are asked for in English. Where the pixels are of another kind than the source's, the
    source's words would be wrong: a rendered extract is in the timeline's output colour space,
    OpenEXR holds linear light, and pictures use the full range of levels.
    """
    source = _source_media(session, opened, shot)
    if source is None:
        return []
    batch = session.batch()
    theirs = batch.call(source, "GetClipProperty")
    ours = batch.call(media, "GetClipProperty")
    managed = batch.call("timeline", "GetSetting", "colorScienceMode")
    output = batch.call("timeline", "GetSetting", "colorSpaceOutput")
    batch.run()
    wanted, held = theirs.get({}), ours.get({})
    if not isinstance(wanted, dict) or not isinstance(held, dict):
        return ["colour"]
    todo = {key: str(wanted[key]) for key in _COLOUR_KEYS if wanted.get(key)}
    asked: dict[str, str] = {}
    linear = _is_linear(str(wanted.get("File Path")))
    if footage.pictures and shot.kind is not ItemKind.SEQUENCE:
        todo.pop("Data Level", None)
    if result.grade is Look.BAKED:
        todo, linear = {}, False
        if str(managed.get("")).startswith("davinciYRGBColorManaged") and output.get(""):
            asked["Input Color Space"] = str(output.value)
    missed: list[str] = []
    if _is_linear(footage.label) is not linear:
        for key in ("Input Color Space", "Input Gamma", "IDT"):
            todo.pop(key, None)
            asked.pop(key, None)
        missed.append("light")
        if not linear:
            asked["Input Color Space"] = "Linear"
    if result.delivery is Delivery.PATCH or held.get("Alpha mode") == "Premultiplied":
        asked["Alpha mode"] = "Straight"  # as the engine writes it, OpenEXR included
    todo |= {key: value for key, value in asked.items() if key in held}
    for key, value in todo.items():
        if held.get(key) == value:
            continue
        session.call(media, "SetClipProperty", key, value)
        if session.call(media, "GetClipProperty", key) != value:
            missed.append("alpha" if key == "Alpha mode" else "colour")
    return sorted(set(missed))


def _is_linear(path: str) -> bool:
    return path.lower().endswith(".exr")


def _source_media(session: Session, opened: Open, shot: Shot) -> Ref | None:
    if shot.media is None:
        return None
    found = locate(session, opened, shot.item_id)
    media = session.call(found.ref, "GetMediaPoolItem") if found is not None else None
    return media if isinstance(media, Ref) else None

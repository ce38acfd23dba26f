"""Between the bridge's facts and what the panel and the engine need; pure.

A `Shot`, an `Extract`, a `Placement` are kept with jobs and takes as JSON text (`record_of`,
`shot_of` ...): placing works from these alone, after a restart of everything.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, TypeVar

from plugin.state.naming import take_name
from plugin.state.shot import ShotView
from resolve_bridge import records
from resolve_bridge.extract import Extract
from resolve_bridge.frames import frames_of, timecode_of
from resolve_bridge.kinds import sequence_files
from resolve_bridge.placement import Delivery, Placement, Result
from resolve_bridge.shot import Chosen, ItemKind, Note, Retime, Route, Shot

__all__ = [
    "EngineFile",
    "engine_file",
    "extract_of",
    "needs_extract",
    "placement_of",
    "record_of",
    "result_for",
    "shot_of",
    "shot_view",
]

T = TypeVar("T")
_NUMBERED: Final = re.compile(r"^(?P<head>.*?)(?P<number>\d+)$")
_UNDER: Final = (Chosen.PLAYHEAD, Chosen.COLOUR)
_KINDS: Final = {
    ItemKind.CLIP: "clip",
    ItemKind.SEQUENCE: "clip",
    ItemKind.FILE: "clip",
    ItemKind.STILL: "clip",  # one frame: too short, and said so
    ItemKind.GENERATED: "generator",
    ItemKind.COMPOSITION: "title",
}
_TOLD_BY_VIEW: Final = (Note.RETIMED, Note.REVERSED)


@dataclass(frozen=True)
class EngineFile:
    """What `SourceSpec` needs: a file, its first frame counted from its first, and how many.

    Attributes
    ----------
    rate_given : bool
        Pictures carry no rate: the request has to say `rate`.
    """

    path: str
    start: int
    frames: int
    rate: Fraction
    width: int
    height: int
    rate_given: bool


# ---- records -----------------------------------------------------------------------------------


def record_of(value: Shot | Extract | Placement | Result) -> str:
    """Return one line of JSON that `shot_of`, `extract_of` and `placement_of` read."""
    return json.dumps(records.dump(value), ensure_ascii=False, separators=(",", ":"))


def shot_of(record: str) -> Shot:
    """Return the shot of a record.

    Raises
    ------
    ValueError
        The text is no such record.
    """
    return records.load(Shot, json.loads(record))


def extract_of(record: str) -> Extract:
    """Return the extract of a record (see `shot_of`)."""
    return records.load(Extract, json.loads(record))


def placement_of(record: str) -> Placement:
    """Return the placement of a record (see `shot_of`)."""
    return records.load(Placement, json.loads(record))


# ---- what the engine reads ---------------------------------------------------------------------


def needs_extract(shot: Shot) -> bool:
    """Whether the shot's own file is not what the timeline shows: retimed, nested, raw ..."""
    return shot.route is not Route.SOURCE


def engine_file(source: Shot | Extract) -> EngineFile | None:
    """Return which frames of which file the engine reads; None for a shot without its extract."""
    if isinstance(source, Shot):
        media = source.media
        if needs_extract(source) or media is None or source.source_start is None:
            return None
        path, first, count = media.path, source.source_start, source.frame_count
        rate, width, height = media.rate, media.width, media.height
    else:
        path, first, count = source.path, source.first, source.count
        rate, width, height = source.rate, source.width, source.height
    files = sequence_files(path)
    if files is None:
        return EngineFile(path, first, count, rate, width, height, rate_given=False)
    # The engine counts from the lowest number on disk, which may lie before the clip's.
    return EngineFile(
        str(files[0]), first + _earlier(files[0]), count, rate, width, height, rate_given=True
    )


def _earlier(first: Path) -> int:
    """Return how many pictures of the same sequence lie before this one."""
    name = _NUMBERED.match(first.stem)
    if name is None or not first.parent.is_dir():
        return 0
    numbers = (
        int(other.stem[len(name["head"]) :])
        for other in first.parent.iterdir()
        if other.suffix == first.suffix
        and other.stem.startswith(name["head"])
        and other.stem[len(name["head"]) :].isdigit()
    )
    return sum(number < int(name["number"]) for number in numbers)


# ---- what the panel shows ----------------------------------------------------------------------


def shot_view(shot: Shot, extract: Extract | None = None) -> ShotView:
    """Return a shot for the panel.

    Parameters
    ----------
    extract : Extract, optional
        Its frames, where `needs_extract`; before that `path` is ''.
    """
    found = engine_file(shot if extract is None or not needs_extract(shot) else extract)
    media = shot.media
    is_file = shot.kind is ItemKind.FILE
    how: Literal["selected", "under_playhead", "file"] = "selected"
    if is_file:
        how = "file"
    elif shot.chosen in _UNDER:
        how = "under_playhead"
    return ShotView(
        id=_file_id(shot.item_id) if is_file else shot.item_id,
        name=_name(shot),
        path=found.path if found else "",
        start=found.start if found else 0,
        frames=shot.frame_count,
        rate=shot.frame_rate,
        width=found.width if found else media.width if media else shot.timeline.width,
        height=found.height if found else media.height if media else shot.timeline.height,
        timecode_in="" if is_file else _timecode(shot, shot.start),
        timecode_out="" if is_file else _timecode(shot, shot.stop - 1),
        track="" if is_file else f"V{shot.track}",
        tags=_tags(shot),
        how=how,
        kind=_KINDS.get(shot.kind, str(shot.kind)),
        retimed=shot.retime in (Retime.CHANGED, Retime.REVERSED),
        rate_given=found.rate_given if found else False,
        warnings=tuple(str(note) for note in shot.notes if note not in _TOLD_BY_VIEW),
        record=record_of(shot),
        extract="" if extract is None else record_of(extract),
    )


def _file_id(path: str) -> str:
    return f"file-{hashlib.sha256(path.encode()).hexdigest()[:16]}"


def _name(shot: Shot) -> str:
    if shot.kind is ItemKind.FILE:
        return Path(shot.item_id).name
    return shot.name or (shot.media.name if shot.media else "")


def _timecode(shot: Shot, frame: int) -> str:
    """Return the timecode of an absolute timeline frame."""
    timeline = shot.timeline
    first = frames_of(timeline.start_timecode, timeline.rate)
    count = frame if first is None else frame - timeline.start_frame + first
    return timecode_of(max(count, 0), timeline.rate, drop=timeline.drop_frame)


def _tags(shot: Shot) -> str:
    space = shot.media.colour_space if shot.media is not None else ""
    return "" if space.lower() in ("", "project", "auto") else space


# ---- what returns ------------------------------------------------------------------------------


def result_for(
    extract: Extract,
    *,
    path: str,
    frames: int,
    kind: Literal["patch", "frame", "take"],
    key: str,
    shot_name: str,
    title: str,
    take: int,
    recipe: str,
) -> Result:
    """Return a finished take, ready to be placed.

    Parameters
    ----------
    extract : Extract
        What was edited: it knows which parts of the clip's look are in the pixels already.
    frames : int
        Of the result.
    kind : str
        How it returns.
    key : str
        Hash of everything that decided its pixels; an equal one is never placed twice.
    shot_name, title, take : str, str, int
        For the name on the timeline: ``A012_C004 - red leather jacket - t3``.
    recipe : str
        The request as JSON; it travels with the placed clip.
    """
    return Result(
        path=path,
        frames=frames,
        rate=extract.rate,
        delivery=Delivery(kind),
        key=key,
        name=take_name(shot_name, title, take, suffix=""),
        recipe=recipe,
        grade=extract.grade,
        transform=extract.transform,
    )

"""From a shot to frames on disk: the clip's own file, or a render of just that clip."""

from __future__ import annotations

import enum
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from resolve_bridge.errors.render import DiskError
from resolve_bridge.errors.shot import ClipOfflineError
from resolve_bridge.kinds import on_disk
from resolve_bridge.shot import Note, Route, Shot

__all__ = ["Extract", "Look", "Report", "extract_source", "fresh_folder", "picture_box"]

Report = Callable[[str, int, int], None]
"""Called with a phase (``duplicate``, ``render``, ``check``), done and total."""


def silent(_phase: str, _done: int, _total: int) -> None:
    """Report to nobody."""


class Look(enum.StrEnum):
    """Where a part of the clip's look is."""

    COPY = "copy"
    BAKED = "baked"


@dataclass(frozen=True, slots=True)
class Extract:
    """Frames to edit.

    Parameters
    ----------
    path : str
        The file, or a label ``name_[0001-0024].tif`` of a sequence.
    first, count : int
        First frame counted from the file's first, and how many.
    rate : Fraction
        Frames per second.
    box : (int, int, int, int) or None
        Left, top, width and height of the clip's own picture inside the file's frames, in pixels;
        a Fusion mask lives in this box. None where the clip's transform could not be taken out.
    grade, transform : Look
        `COPY`: not in these pixels, the result gets a copy; `BAKED`: already in them.
    temporary : str
        A folder to delete once the job is done, or ''.
    """

    route: Route
    path: str
    first: int
    count: int
    rate: Fraction
    width: int
    height: int
    box: tuple[int, int, int, int] | None
    grade: Look
    transform: Look
    temporary: str
    notes: tuple[Note, ...]


def extract_source(shot: Shot) -> Extract:
    """Return the clip's own file and range; nothing is asked of Resolve.

    Raises
    ------
    ClipOfflineError
        The file has gone since.
    """
    media = shot.media
    assert media is not None
    assert shot.source_start is not None
    assert shot.source_stop is not None
    if not on_disk(media.path):
        raise ClipOfflineError(name=Path(media.path).name, detail=media.path)
    return Extract(
        route=Route.SOURCE,
        path=media.path,
        first=shot.source_start,
        count=shot.source_stop - shot.source_start,
        rate=media.rate,
        width=media.width,
        height=media.height,
        box=(0, 0, media.width, media.height),
        grade=Look.COPY,
        transform=Look.COPY,
        temporary="",
        notes=shot.notes,
    )


def fresh_folder(parent: Path, name: str, *, need_bytes: int) -> Path:
    """Make an empty folder with room in it.

    Raises
    ------
    DiskError
        No room, or no right to write.
    """
    folder = parent / name
    number = 1
    try:
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
        while free >= need_bytes and folder.exists():
            number += 1
            folder = parent / f"{name}-{number}"
        if free >= need_bytes:
            folder.mkdir()
    except OSError as error:
        reason = error.strerror or "Nothing can be written"
        raise DiskError(reason=reason, folder=str(parent), detail=repr(error)) from error
    if free < need_bytes:
        raise DiskError(
            reason=f"{free / 1e9:.1f} GB free, {need_bytes / 1e9:.1f} GB needed",
            folder=str(parent),
        )
    return folder


def picture_box(
    source: tuple[int, int], frame: tuple[int, int], scaling: str
) -> tuple[int, int, int, int] | None:
    """Return where an untransformed clip lies inside a rendered frame.

    Parameters
    ----------
    source, frame : (int, int)
        Width and height of the clip and of the rendered frame, square pixels.
    scaling : {'fit', 'fill', 'stretch', 'crop'}
        What Resolve does with a clip of another size.

    Returns
    -------
    (left, top, width, height) or None
        May reach beyond the frame; None for an unknown scaling.
    """
    (sw, sh), (fw, fh) = source, frame
    if not (sw and sh and fw and fh):
        return None
    match scaling:
        case "stretch":
            return 0, 0, fw, fh
        case "crop":
            width, height = Fraction(sw), Fraction(sh)
        case "fit":
            factor = min(Fraction(fw, sw), Fraction(fh, sh))
            width, height = sw * factor, sh * factor
        case "fill":
            factor = max(Fraction(fw, sw), Fraction(fh, sh))
            width, height = sw * factor, sh * factor
        case _:
            return None
    left, top = (fw - width) / 2, (fh - height) / 2
    return round(left), round(top), round(width), round(height)

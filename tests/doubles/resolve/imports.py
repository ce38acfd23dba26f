"""From a path to an item of the Media Pool: only what decodes."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from tests.doubles.resolve import clips, frames, model

if TYPE_CHECKING:
    from tests.doubles.resolve.double import Double

_NUMBERED = re.compile(r"^(.*?)(\d+)(\.[A-Za-z0-9]+)$")


def read(double: Double, shown: str, *, kind: str | None = None) -> model.Media | None:
    """Give a new item for one file, None where the file is missing or does not decode."""
    real = double.files.real(shown)
    if not real.is_file():
        return None
    try:
        facts = clips.probe(real)
    except ValueError:
        return None
    rate = frames.name(facts.rate)
    if ";" in facts.timecode:
        rate += " DF"
    start = frames.parse(facts.timecode, rate) if facts.timecode else 0
    found = kind or ("still" if facts.still else "video" if facts.video else "audio")
    return model.Media(
        double.ids.new(),
        double.ids.new(),
        _basename(shown),
        found,
        shown,
        facts.frames,
        rate,
        facts.size,
        start=start or 0,
        alpha=facts.alpha,
        channels=facts.channels,
        codec=facts.codec,
        files=[shown],
    )


def read_all(double: Double, items: list[Any]) -> list[model.Media]:
    """Read the argument of ``ImportMedia``: paths, or dicts of numbered files.

    A dict is for sequences: with a single file's path it gives nothing. Where the Media page shows
    individual frames, each picture becomes a clip.
    """
    plain = [item for item in items if isinstance(item, str)]
    groups = _groups(plain)
    if double.faults.import_dicts:
        groups += [_numbered(item) for item in items if isinstance(item, dict)]
    found: list[model.Media | None] = []
    for group in groups:
        if double.faults.individual_frames:
            found += [read(double, path) for path in group]
        else:
            found.append(read(double, group[0]) if len(group) == 1 else _sequence(double, group))
    return [media for media in found if media is not None]


def _numbered(info: dict[str, Any]) -> list[str]:
    """The files that a dict means; none where it is not about numbered files."""
    pattern, first, last = info.get("FilePath"), info.get("StartIndex"), info.get("EndIndex")
    numbers = isinstance(first, (int, float)) and isinstance(last, (int, float))
    if not isinstance(pattern, str) or not numbers or pattern.count("%") != 1:
        return []
    return [pattern % n for n in range(int(first), int(last) + 1)]


def _groups(paths: list[str]) -> list[list[str]]:
    """Put stills numbered without a gap together, in order."""
    groups: list[list[str]] = []
    for path in paths:
        if groups and _follows(groups[-1][-1], path):
            groups[-1].append(path)
        else:
            groups.append([path])
    return groups


def _follows(old: str, new: str) -> bool:
    if os.path.splitext(new)[1].lower() not in clips.STILLS:
        return False
    a, b = _NUMBERED.match(old), _NUMBERED.match(new)
    if a is None or b is None or (a[1], a[3]) != (b[1], b[3]):
        return False
    return int(b[2]) == int(a[2]) + 1


def _sequence(double: Double, paths: list[str]) -> model.Media | None:
    """One item for numbered stills without a gap; it plays at the project's rate, not at theirs."""
    if not paths or not all(double.files.real(path).is_file() for path in paths):
        return None
    if not all(_follows(old, new) for old, new in pairwise(paths)):
        return None
    media = read(double, paths[0], kind="sequence")
    if media is None:
        return None
    first, last = _NUMBERED.match(paths[0]), _NUMBERED.match(paths[-1])
    assert first is not None
    assert last is not None
    media.path = f"{first[1]}[{first[2]}-{last[2]}]{first[3]}"
    media.name = _basename(media.path)
    media.files, media.frames, media.first = list(paths), len(paths), int(first[2])
    media.start = media.first
    media.rate = double.faults.sequence_rate or double.project.settings["timelineFrameRate"]
    return media


def _basename(path: str) -> str:
    return PureWindowsPath(path).name if "\\" in path else PurePosixPath(path).name

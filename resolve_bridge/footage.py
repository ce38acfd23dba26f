"""What a result is on disk: one file, or a folder of numbered pictures that Resolve shows as one.

A folder is handed to Resolve as a pattern with its first and last number, because a list of the
same files may become one clip each. Resolve then shows it under a label, ``take_[0001-0024].exr``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from resolve_bridge.errors.placing import ResultFileError, ResultPicturesError
from resolve_bridge.kinds import sequence_files
from resolve_bridge.probe import PICTURES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Footage", "footage_of", "path_key", "shows"]

_NUMBERED = re.compile(r"^(?P<head>.*?)(?P<number>\d+)$")
_LIST_BYTES = 50_000  # of paths in one request to the agent, before their escaping


@dataclass(frozen=True, slots=True)
class Footage:
    """A result's file or pictures.

    Parameters
    ----------
    path : Path
        The file, or the folder.
    label : str
        What Resolve shows as 'File Path'.
    pictures : tuple of Path
        In order; empty for a file.
    first : int
        Number of the first picture, from which Resolve may count; 0 for a file.
    ways : tuple of list
        Arguments of `ImportMedia` that mean it, best first.
    """

    path: Path
    label: str
    pictures: tuple[Path, ...]
    first: int
    ways: tuple[list[object], ...]


def footage_of(path: str, frames: int) -> Footage:
    """Return what lies at a result's path, whole and fit to be placed.

    Parameters
    ----------
    path : str
        A file, or a folder of pictures. Hidden files and other kinds of files beside the pictures
        are passed over.
    frames : int
        How many pictures the folder must hold.

    Raises
    ------
    ResultFileError
        Nothing is there.
    ResultPicturesError
        Not one gapless, evenly numbered sequence of that length.
    """
    here = Path(path)
    if here.is_file():
        return Footage(here, path, (), 0, ([path],))
    try:
        inside = sorted(each for each in here.iterdir() if each.suffix.lower() in PICTURES)
        found = [each for each in inside if not each.name.startswith(".")]
        empty = sum(each.stat().st_size == 0 for each in found)
    except OSError as error:
        raise ResultFileError(name=here.name, detail=repr(error)) from error

    def wrong(what: str, detail: str = "") -> ResultPicturesError:
        return ResultPicturesError(name=here.name, what=what, detail=detail or path)

    if not found:
        raise wrong("it holds no pictures")
    names = [_NUMBERED.match(each.stem) for each in found]
    heads = {(name["head"], each.suffix) for name, each in zip(names, found, strict=True) if name}
    digits = {len(name["number"]) for name in names if name}
    if None in names or len(heads) != 1 or len(digits) != 1:
        raise wrong("its pictures are not numbered alike", f"{sorted(map(str, heads))} {digits}")
    numbers = sorted(int(name["number"]) for name in names if name)
    span = numbers[-1] - numbers[0] + 1
    if span != len(numbers) or len(numbers) != frames:
        gaps = f"numbers {numbers[0]} to {numbers[-1]}"
        raise wrong(f"it holds {len(numbers)} pictures of {max(span, frames)}", gaps)
    if empty:
        raise wrong(f"{empty} of its pictures are empty files")
    if frames < 2:
        raise wrong("one picture is no sequence")
    ((head, suffix),) = heads
    ((width),) = digits
    first, last = (f"{number:0{width}d}" for number in (numbers[0], numbers[-1]))
    return Footage(
        here,
        str(here / f"{head}[{first}-{last}]{suffix}"),
        tuple(found),
        numbers[0],
        tuple(_ways(here, found, f"{head}%0{width}d{suffix}", numbers)),
    )


def _ways(
    folder: Path, found: list[Path], pattern: str, numbers: list[int]
) -> Iterable[list[object]]:
    """Give the pattern, then the plain list: either is refused by one Resolve or another."""
    paths = [str(each) for each in found]
    if "%" not in str(folder / found[0].name):  # else it would be part of the pattern
        yield [
            {
                "FilePath": str(folder / pattern),
                "StartIndex": numbers[0],
                "EndIndex": numbers[-1],
            }
        ]
    if sum(len(each.encode()) for each in paths) <= _LIST_BYTES:
        yield list(paths)


def path_key(path: str) -> str:
    """Compare paths as their system does; Resolve writes either slash on Windows."""
    slashed = path.replace("\\", "/") if os.name == "nt" or "\\" in path else path
    return os.path.normcase(os.path.normpath(slashed))


def shows(shown: str, label: str) -> bool:
    """Whether a path that Resolve shows is a file or sequence, or one picture of the sequence.

    Parameters
    ----------
    shown : str
        'File Path' of a clip in the Media Pool.
    label : str
        `Footage.label`.
    """
    if path_key(shown) == path_key(label):
        return True
    pictures = sequence_files(label)
    if pictures is None:
        return False
    parts = sequence_files(shown) or (_pure(shown),)
    return {path_key(str(each)) for each in parts} <= {path_key(str(each)) for each in pictures}


def _pure(path: str) -> PurePosixPath | PureWindowsPath:
    return PureWindowsPath(path) if "\\" in path else PurePosixPath(path)

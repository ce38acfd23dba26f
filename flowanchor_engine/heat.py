"""The words' attention beside a result: small maps that a viewer lays over the picture.

A folder ``<result>.attention`` in the form that `protocol.proxies` describes. It explains a
result and is no part of it: recipe, sheet and pictures are the same without it.
"""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING

import torch

from flowanchor_engine.errors import OutputError
from flowanchor_engine.method import words
from flowanchor_engine.protocol.proxies import (
    FRAMES_FILE,
    HEADER_FILE,
    AttentionHeader,
    WordMap,
)

if TYPE_CHECKING:
    from pathlib import Path

    from flowanchor_engine.clip.session import Working
    from flowanchor_engine.wan.words_maps import WordMaps

__all__ = ["folder_of", "keep", "save"]

_log = logging.getLogger(__name__)

Rectangle = tuple[float, float, float, float]


def keep(maps: WordMaps | None, working: Working, wanted: str, video: Path) -> Path | None:
    """Write the maps where there are any; a finished edit does not fail for them (see `save`)."""
    if maps is None:
        if (folder_of(video) / HEADER_FILE).is_file():  # of an earlier result of that name
            shutil.rmtree(folder_of(video), ignore_errors=True)
        return None
    try:
        return save(maps, working, wanted, video)
    except OutputError as error:
        _log.warning("no attention maps: %s", error.detail)
        return None


def folder_of(video: Path) -> Path:
    """Return where the maps of a result lie."""
    return video.with_name(video.stem + ".attention")


def save(maps: WordMaps, working: Working, wanted: str, video: Path) -> Path:
    """Write the maps of an edit beside its result; an older folder of that name is replaced.

    Parameters
    ----------
    maps : WordMaps
    working : Working
        The shot, for the place of the model's rectangle in the picture.
    wanted : str
        The wanted text as it was typed: words are told by its characters.
    video : Path
        The result.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    OutputError
    """
    folder = folder_of(video)
    temporary = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    header, kept = _header(maps, working, wanted)
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for name, data in (
            (FRAMES_FILE, maps.cells[kept].contiguous().numpy().tobytes()),
            (HEADER_FILE, header.model_dump_json(by_alias=True).encode() + b"\n"),
        ):
            with (temporary / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        if (folder / HEADER_FILE).is_file():
            shutil.rmtree(folder)
        temporary.replace(folder)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written.", hint=["choose_folder"], detail=str(error)
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _header(maps: WordMaps, working: Working, wanted: str) -> tuple[AttentionHeader, torch.Tensor]:
    _, went = words.follow(wanted)
    places = words.typed_spans(went, [word.span for word in maps.words])
    told, kept = [], []
    for number, (word, place) in enumerate(zip(maps.words, places, strict=True)):
        if place is None:
            continue
        kept.append(number)
        told.append(
            WordMap(
                text=word.text,
                start=place[0],
                stop=place[1],
                drives=word.drives,
                share=round(word.share, 6),
                matte_share=round(maps.matte_share, 6),
            )
        )
    _, frames, rows, columns = maps.cells.shape
    covered = [_pictures(number, working.count) for number in range(frames)]
    rectangles = [_rectangle(working, first, stop) for first, stop in covered]
    header = AttentionHeader(
        width=columns,
        height=rows,
        frames=frames,
        picture_frames=tuple(covered),
        words=tuple(told),
        rectangle=rectangles[0],
        rectangles=tuple(rectangles) if working.geometry.moving else (),
    )
    return header, torch.tensor(kept, dtype=torch.long)


def _pictures(latent: int, count: int) -> tuple[int, int]:
    """Return the pictures of a latent frame: the first stands alone, then come fours."""
    first = 0 if latent == 0 else 4 * latent - 3
    first = min(first, count - 1)
    return first, min(4 * latent + 1, count)


def _rectangle(working: Working, first: int, stop: int) -> Rectangle:
    """Return the model's part of the picture, 0..1, in the middle of some pictures."""
    geometry, facts = working.geometry, working.facts
    middle = (first + stop - 1) // 2
    left, top = geometry.x[middle], geometry.y[middle]
    return (
        left / facts.width,
        top / facts.height,
        (left + geometry.width) / facts.width,
        (top + geometry.height) / facts.height,
    )

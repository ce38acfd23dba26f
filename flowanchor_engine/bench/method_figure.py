"""How the method works, in one figure drawn from an edit: plain, with SAR, with SAR and AMM.

One row each. First what the addition looks at: the attention of the driving words, before and
after refinement, and the map by which AMM strengthens the edit direction. Then the edit on its
way, as the model gives it, without any compositing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from flowanchor_engine import models, pipeline
from flowanchor_engine.demo.scene_clip import DemoShot, demo_shot
from flowanchor_engine.method.amm import REFERENCE_FRAMES, magnitude_gain
from flowanchor_engine.showcase.generated import decoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.editor import Editor
    from flowanchor_engine.request import MethodSettings
    from flowanchor_engine.wan.words_maps import WordMaps

__all__ = ["ROWS", "Row", "draw"]

ROWS: Final = (
    ("FlowEdit", "words are read"),
    ("with SAR", "read now"),
    ("with SAR and AMM", "the map of the gain"),
)
_QUARTERS: Final = (1, 2, 3, 4)
_TILE: Final = (168, 168)
_GAP: Final = 8
_LEFT: Final = 150
_TOP: Final = 26
_INK: Final = (34, 34, 34)
_HOT: Final = np.array((255.0, 150.0, 30.0))


@dataclass(frozen=True, eq=False)
class Row:
    """One of the three edits.

    Attributes
    ----------
    map : float32 array, shape (H, W)
        What the addition looks at in the middle frame, 0..1, of the picture's size.
    share : float or None
        Part of the driving words' attention inside the matte; None for AMM.
    pictures : tuple of uint8 array, shape (H, W, 3)
        The middle frame after a quarter, a half, three quarters and all of the steps.
    """

    map: NDArray[np.float32]
    share: float | None
    pictures: tuple[NDArray[np.uint8], ...]


def draw(
    path: Path,
    *,
    seed: int,
    size: tuple[int, int] = (128, 128),
    on_edit: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Row, ...]:
    """Edit one generated shot three times and write the figure.

    Parameters
    ----------
    path : Path
        PNG.
    seed : int
        Of the shot, held out from training.

    Returns
    -------
    tuple of Row
        What the figure shows.
    """
    editor = pipeline.open_editor(models.spec("demo"))
    shot = demo_shot(seed, size=size, same_shape=True)
    # So that one step is one direction.
    reference = models.recommended("demo").model_copy(update={"solver": "euler"})
    with torch.no_grad():
        x_src = editor.encode(shot.frames.astype(np.float32) / 127.5 - 1)
    edits = []
    for number, (sar, gamma) in enumerate(((False, 0.0), (True, 0.0), (True, 1.0))):
        settings = reference.model_copy(update={"sar": sar, "gamma": gamma})
        edits.append(_edit(editor, x_src, shot, settings))
        on_edit(number + 1, len(ROWS))
    rows = [_read(editor, edit, shot) for edit in edits[:2]]
    rows.append(
        Row(
            _enlarged(_gain(edits[1].states, reference), shot),
            None,
            _pictures(editor, edits[2].states, shot),
        )
    )
    middle = len(shot.frames) // 2
    picture = _sheet(shot, decoded(editor, x_src, shot)[middle], middle, rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    picture.save(temporary)
    temporary.replace(path)
    return tuple(rows)


@dataclass(frozen=True, eq=False)
class _Edit:
    """The latent before and after every step, and where the words were read."""

    states: list[torch.Tensor]
    maps: WordMaps


def _edit(editor: Editor, x_src: torch.Tensor, shot: DemoShot, settings: MethodSettings) -> _Edit:
    states: list[torch.Tensor] = [x_src]
    outcome = editor.edit(
        x_src,
        shot.mask.astype(np.float32),
        shot.prompts,
        settings,
        seed=7,
        on_state=lambda done, latent: states.append(latent.clone()),
        attention=True,
    )
    assert outcome.attention is not None  # it was asked for
    return _Edit(states, outcome.attention)


def _read(editor: Editor, edit: _Edit, shot: DemoShot) -> Row:
    cells, share = _driving(edit.maps)
    return Row(_enlarged(cells, shot), share, _pictures(editor, edit.states, shot))


def _pictures(
    editor: Editor, states: list[torch.Tensor], shot: DemoShot
) -> tuple[NDArray[np.uint8], ...]:
    steps, middle = len(states) - 1, len(shot.frames) // 2
    return tuple(
        decoded(editor, states[round(steps * quarter / 4)], shot)[middle] for quarter in _QUARTERS
    )


def _gain(states: list[torch.Tensor], settings: MethodSettings) -> NDArray[np.float32]:
    """Return the map G of the middle step's direction in the middle frame, 0..1 (Eq. 25)."""
    at = (len(states) - 1) // 2
    # A step moves against the direction; its length is a factor that the map does not see.
    direction = states[at] - states[at + 1]
    gain = magnitude_gain(
        direction, gamma=1.0, window_frames=REFERENCE_FRAMES, map=settings.amm_map
    )
    cells: NDArray[np.float32] = (gain[0, gain.shape[1] // 2] - 1).numpy()
    return cells


def _driving(maps: WordMaps) -> tuple[NDArray[np.float32], float]:
    """Return the driving words' mean map of the middle frame, and their share in the matte."""
    chosen = [number for number, word in enumerate(maps.words) if word.drives]
    mean = maps.cells[chosen].float().mean(0)[maps.cells.shape[1] // 2]
    share = sum(maps.words[number].share for number in chosen) / len(chosen)
    return (mean / mean.max().clamp_min(1)).numpy(), share


def _enlarged(cells: NDArray[np.float32], shot: DemoShot) -> NDArray[np.float32]:
    height, width = shot.frames.shape[1:3]
    image = Image.fromarray(np.asarray(cells, np.float32)).resize(
        (width, height), Image.Resampling.BILINEAR
    )
    enlarged: NDArray[np.float32] = np.clip(np.asarray(image, np.float32), 0, 1)
    return enlarged


def _over(
    map_: NDArray[np.float32], source: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Lay a map over the grey picture, with the matte's outline."""
    grey = source.astype(np.float64).mean(-1, keepdims=True) * 0.45
    heat = map_[..., None].astype(np.float64)
    mixed = grey * (1 - heat) + _HOT * heat
    inner = mask.copy()
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        inner &= np.roll(mask, shift, axis)
    mixed[mask & ~inner] = 255
    laid: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return laid


def _sheet(shot: DemoShot, source: NDArray[np.uint8], middle: int, rows: list[Row]) -> Image.Image:
    columns = len(_QUARTERS) + 2
    width = _LEFT + columns * (_TILE[0] + _GAP) + _GAP
    height = _TOP + len(rows) * (_TILE[1] + 22 + _GAP) + 22
    picture = Image.new("RGB", (width, height), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    font, small = ImageFont.load_default(15), ImageFont.load_default(12)
    titles = ("", "1/4 of the steps", "1/2", "3/4", "the edit", "")
    matte = np.repeat((shot.mask[middle] * 255).astype(np.uint8)[..., None], 3, -1)
    beside = ((source, "the shot"), (shot.truth_frames[middle], "the truth"), (matte, "the matte"))
    for column, title in enumerate(titles):
        pen.text((_at(column) + _TILE[0] // 2, 5), title, fill=_INK, font=small, anchor="ma")
    for number, (row, (label, what), (last, name)) in enumerate(
        zip(rows, ROWS, beside, strict=True)
    ):
        top = _TOP + number * (_TILE[1] + 22 + _GAP)
        pen.text((_GAP, top + _TILE[1] // 2 - 10), label, fill=_INK, font=font)
        tiles = (_over(row.map, source, shot.mask[middle]), *row.pictures, last)
        for column, tile in enumerate(tiles):
            large = Image.fromarray(tile).resize(_TILE, Image.Resampling.BICUBIC)
            picture.paste(large, (_at(column), top))
        told = what if row.share is None else f"{what}: {row.share:.0%} in the matte"
        for column, text in ((0, told), (columns - 1, name)):
            pen.text((_at(column), top + _TILE[1] + 4), text, fill=_INK, font=small)
    texts = f"now: {shot.now}      wanted: {shot.wanted}"
    pen.text((_GAP, height - 18), texts, fill=_INK, font=small)
    return picture


def _at(column: int) -> int:
    return _LEFT + column * (_TILE[0] + _GAP)

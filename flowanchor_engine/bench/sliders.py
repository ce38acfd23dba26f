"""What the three sliders do, in pictures made with our own engine: one row a slider."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from flowanchor_engine import models, pipeline
from flowanchor_engine.demo.scene_clip import DemoShot, demo_shot
from flowanchor_engine.request import MethodSettings, Sliders
from flowanchor_engine.showcase.generated import decoded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flowanchor_engine.editor import Editor

__all__ = ["POSITIONS", "ROWS", "draw"]

POSITIONS: Final = (0, 25, 50, 75, 100)
ROWS: Final = (
    ("where", "Where", "loose", "exact"),
    ("strength", "How strongly", "subtle", "bold"),
    ("preserve", "Preserve", "free", "faithful"),
)
_TILE: Final = (192, 192)
_GAP: Final = 8
_LEFT: Final = 132
_TOP: Final = 30
_INK: Final = (34, 34, 34)


def draw(
    path: Path,
    *,
    seed: int,
    size: tuple[int, int] = (128, 128),
    on_edit: Callable[[int, int], None] = lambda done, total: None,
) -> DemoShot:
    """Edit one generated shot at five positions of each slider and write the sheet.

    The other two sliders stay at 50. The picture is the middle frame, before compositing, so
    that what leaks outside is seen.

    Parameters
    ----------
    path : Path
        PNG.
    seed : int
        Of the shot, held out from training.
    """
    editor = pipeline.open_editor(models.spec("demo"))
    shot = demo_shot(seed, size=size, same_shape=True)
    reference = models.recommended("demo")
    with torch.no_grad():
        x_src = editor.encode(shot.frames.astype(np.float32) / 127.5 - 1)
    middle = len(shot.frames) // 2
    sheet = _Sheet(shot, decoded(editor, x_src, shot)[middle], middle)
    total = len(ROWS) * len(POSITIONS)
    for row, (name, *_words) in enumerate(ROWS):
        for column, position in enumerate(POSITIONS):
            settings = Sliders(**{name: position}).numbers(reference)
            picture = _edited(editor, x_src, shot, settings)[middle]
            sheet.put(row, column, picture)
            on_edit(row * len(POSITIONS) + column + 1, total)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    sheet.picture.save(temporary)
    temporary.replace(path)
    return shot


def _edited(
    editor: Editor, x_src: torch.Tensor, shot: DemoShot, settings: MethodSettings
) -> NDArray[np.uint8]:
    outcome = editor.edit(x_src, shot.mask.astype(np.float32), shot.prompts, settings, seed=7)
    return decoded(editor, outcome.latent, shot)


class _Sheet:
    """The pictures, their words, and the shot with its truth at the left."""

    def __init__(self, shot: DemoShot, source: NDArray[np.uint8], middle: int) -> None:
        cells = len(POSITIONS) + 1
        width = _LEFT + cells * (_TILE[0] + _GAP) + _GAP
        height = _TOP + len(ROWS) * (_TILE[1] + _GAP) + 26
        self.picture = Image.new("RGB", (width, height), (255, 255, 255))
        self._pen = ImageDraw.Draw(self.picture)
        self._font, self._small = ImageFont.load_default(15), ImageFont.load_default(12)
        for row, (_, label, low, high) in enumerate(ROWS):
            top = self._top(row) + _TILE[1] // 2
            self._pen.text((_GAP, top - 20), label, fill=_INK, font=self._font)
            self._pen.text((_GAP, top + 2), f"{low} to {high}", fill=_INK, font=self._small)
        for column, position in enumerate(POSITIONS):
            self._pen.text(
                (self._left(column) + _TILE[0] // 2, 6),
                str(position),
                fill=_INK,
                font=self._font,
                anchor="ma",
            )
        last = len(POSITIONS)
        labels = ("the shot", "the truth", "the matte")
        matte = np.repeat((shot.mask[middle] * 255).astype(np.uint8)[..., None], 3, -1)
        for row, tile in enumerate((source, shot.truth_frames[middle], matte)):
            self._paste(row, last, tile)
            self._pen.text(
                (self._left(last) + 4, self._top(row) + 2),
                labels[row],
                fill=(255, 255, 255),
                font=self._small,
                stroke_width=2,
                stroke_fill=_INK,
            )
        self._pen.text(
            (_GAP, height - 20),
            f"now: {shot.now}      wanted: {shot.wanted}",
            fill=_INK,
            font=self._small,
        )

    def put(self, row: int, column: int, tile: NDArray[np.uint8]) -> None:
        """Put one picture into its place."""
        self._paste(row, column, tile)

    def _paste(self, row: int, column: int, tile: NDArray[np.uint8]) -> None:
        large = Image.fromarray(tile).resize(_TILE, Image.Resampling.BICUBIC)
        self.picture.paste(large, (self._left(column), self._top(row)))

    def _left(self, column: int) -> int:
        return _LEFT + column * (_TILE[0] + _GAP)

    def _top(self, row: int) -> int:
        return _TOP + row * (_TILE[1] + _GAP)

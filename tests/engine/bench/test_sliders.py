"""The sheet that explains the sliders shows what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flowanchor_engine.bench import sliders


@pytest.mark.slow
def test_the_sheet_shows_every_position_of_every_slider(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = tmp_path / "made" / "sliders.png"
    sliders.draw(
        path, seed=11, size=(96, 96), on_edit=lambda done, total: told.append((done, total))
    )
    assert told == [(number, 15) for number in range(1, 16)]
    assert [each.name for each in path.parent.iterdir()] == ["sliders.png"]
    sheet = np.asarray(Image.open(path).convert("RGB")).astype(int)
    tile, gap, left, top = 192, 8, 132, 30

    def cell(row: int, column: int) -> np.ndarray:
        y, x = top + row * (tile + gap), left + column * (tile + gap)
        return sheet[y : y + tile, x : x + tile]

    for row in range(1, 3):  # 50 is the reference, whichever slider stands there
        assert np.array_equal(cell(0, 2), cell(row, 2))
    for row in range(3):
        assert not np.array_equal(cell(row, 0), cell(row, 4))

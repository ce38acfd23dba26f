"""The figure that explains the method shows what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flowanchor_engine.bench import method_figure


@pytest.mark.slow
def test_the_figure_shows_words_that_move_into_the_matte(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = tmp_path / "made" / "method.png"
    rows = method_figure.draw(
        path, seed=11, size=(96, 96), on_edit=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [each.name for each in path.parent.iterdir()] == ["method.png"]
    plain, anchored, modulated = rows
    assert plain.share is not None
    assert anchored.share is not None
    assert 0 < plain.share < anchored.share < 1
    assert modulated.share is None
    for row in rows:
        assert row.map.shape == (96, 96)
        assert 0 <= row.map.min() < row.map.max() <= 1
        assert len(row.pictures) == 4
        assert not np.array_equal(row.pictures[0], row.pictures[3])
    # Each addition changes the edit, and the last picture of a row is in the figure.
    ends = [row.pictures[3] for row in rows]
    assert not np.array_equal(ends[0], ends[1])
    assert not np.array_equal(ends[1], ends[2])
    sheet = np.asarray(Image.open(path).convert("RGB"))
    for number, end in enumerate(ends):
        tile = np.asarray(Image.fromarray(end).resize((168, 168), Image.Resampling.BICUBIC))
        top, left = 26 + number * (168 + 22 + 8), 150 + 4 * (168 + 8)
        assert np.array_equal(sheet[top : top + 168, left : left + 168], tile)

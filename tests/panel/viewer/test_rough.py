"""The rough picture of a running edit: where it lies, when, and for which frames."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage

from plugin.state.viewer import PreviewPicture
from plugin.theme import THEMES, Theme, contrast, mixed
from plugin.ui.viewer.paint import TAG_GROUND
from plugin.ui.viewer.views import view_of
from tests.panel.viewer.canvas import cut
from tests.panel.viewer.conftest import Desk, painted, take_of


def rough_file(desk: Desk, value: int = 250) -> str:
    image = QImage(20, 12, QImage.Format.Format_RGB32)
    image.fill(0xFF000000 | value << 16)
    path = desk.folder / "rough.png"
    assert image.save(str(path))
    return str(path)


def test_live_preview_lies_inside_the_matte_in_a_dashed_frame(desk: Desk) -> None:
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    desk.state.go(8)
    desk.state.compare.set(("", None))  # the first run: nothing but the shot under it
    desk.state.preview.set(PreviewPicture("j", rough_file(desk), 8, 12, 23))
    target = view_of(desk.core, desk.canvas.viewport).target
    shown = cut(painted(desk.canvas), target).astype(int)
    assert shown[45, 80].tolist() == pytest.approx([250, 0, 0], abs=3)
    assert np.array_equal(shown[65:80, 20:150], desk.before[8][65:80, 20:150])
    border = shown[-1]
    accent = np.abs(border - [0x56, 0xB8, 0xC9]).max(axis=1) < 40
    dark = border.max(axis=1) < 40
    assert 0.3 < accent.mean() < 0.8  # dashes, not a line
    assert dark.any()
    desk.state.go(9)  # another frame has no rough picture
    assert not np.array_equal(cut(painted(desk.canvas), target)[45, 80], [250, 0, 0])


def test_one_rough_picture_stands_for_the_frames_of_its_latent(desk: Desk) -> None:
    desk.state.mode.set("after")
    desk.state.compare.set(("", None))
    desk.state.zoom.set(1.0)
    desk.state.preview.set(PreviewPicture("j", rough_file(desk), 6, 12, 23, 5, 8))
    target = view_of(desk.core, desk.canvas.viewport).target
    matte = desk.matte.copy()
    matte[8] = np.roll(matte[8], 40, axis=1)  # each frame is seen through its own matte
    desk.core.book.matte.set(take_of(desk.folder, "moved", matte))
    for frame, hot in ((4, False), (5, True), (6, True), (8, False), (9, False)):
        desk.state.go(frame)
        shown = cut(painted(desk.canvas), target).astype(int)
        assert (shown[45, 80].tolist() == pytest.approx([250, 0, 0], abs=3)) == hot, frame
    desk.state.go(8)
    shown = cut(painted(desk.canvas), target).astype(int)
    assert shown[45, 120].tolist() == pytest.approx([250, 0, 0], abs=3)


def test_the_rough_picture_of_a_crop_lies_where_the_model_looked(desk: Desk) -> None:
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    desk.state.compare.set(("", None))
    desk.core.book.matte.set(None)
    desk.state.go(8)
    share = (0.25, 0.2, 0.75, 0.8)
    desk.state.preview.set(PreviewPicture("j", rough_file(desk), 8, 12, 23, 5, 8, share))
    target = view_of(desk.core, desk.canvas.viewport).target
    shown = cut(painted(desk.canvas), target).astype(int)
    inside = shown[40:66, 46:114]  # within the dashed frame, below what is written
    assert np.abs(inside - [250, 0, 0]).max() <= 3
    assert np.array_equal(shown[80:, :], desk.before[8][80:, :])
    assert np.array_equal(shown[45:70, 125:], desk.before[8][45:70, 125:])


def test_a_rough_picture_alone_is_no_difference(desk: Desk) -> None:
    desk.state.compare.set(("", None))
    desk.state.mode.set("difference")
    desk.state.preview.set(PreviewPicture("j", rough_file(desk), 8, 12, 23))
    assert desk.core.mode == "after"
    assert not desk.canvas.gain.isVisibleTo(desk.canvas)


@pytest.mark.parametrize("colours", THEMES.values(), ids=list(THEMES))
def test_every_tone_is_read_on_its_plate_over_white(colours: Theme) -> None:
    plate = mixed("#ffffff", colours.shade, TAG_GROUND)
    for tone in ("bright", "muted", "warn", "accent_text"):
        assert contrast(getattr(colours, tone), plate) >= 4.5, tone


def test_a_preview_that_is_gone_leaves_the_last_one(desk: Desk) -> None:
    path = rough_file(desk)
    desk.state.preview.set(PreviewPicture("j", path, 8, 12, 23))
    assert desk.core.rough is not None
    desk.state.preview.set(PreviewPicture("j", str(desk.folder / "gone.png"), 8, 13, 23))
    assert desk.core.rough is not None
    desk.state.preview.set(None)
    assert desk.core.rough is None

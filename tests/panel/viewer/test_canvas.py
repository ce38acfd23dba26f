"""What is painted, pixel by pixel, and what the mouse does to it."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from flowanchor_engine.request import MatteShape
from plugin.state.viewer import PreviewPicture
from plugin.theme import THEMES, Theme, contrast, mixed
from plugin.ui.viewer.geometry import Box
from plugin.ui.viewer.paint import TAG_GROUND
from plugin.ui.viewer.scene import SURROUND
from plugin.ui.viewer.views import view_of, views_of, wipe_of
from tests.panel.viewer.conftest import HEIGHT, WIDTH, Desk, painted, take_of, turn_wheel

RATIOS = [1.0, 1.5, 2.0]
LABEL_ROWS = 40  # device rows at ratio 1 that the corner label may cover


def viewport(desk: Desk, ratio: float) -> Box:
    canvas = desk.canvas
    return Box(0, 0, round(canvas.width() * ratio), round(canvas.height() * ratio))


def cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    return pixels[box.y : box.bottom, box.x : box.right]


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("frame", [0, 17])
def test_one_to_one_paints_the_proxy_exactly(desk: Desk, ratio: float, frame: int) -> None:
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    desk.state.go(frame)
    target = view_of(desk.core, viewport(desk, ratio)).target
    assert (target.width, target.height) == (WIDTH, HEIGHT)
    shown = cut(painted(desk.canvas, ratio), target)
    below = round(LABEL_ROWS * ratio)
    assert np.array_equal(shown[below:], desk.after[frame][below:])


@pytest.mark.parametrize("ratio", [1.25, 1.5, 1.75])
def test_pixels_stay_whole_where_the_widget_begins_between_them(
    qtbot: QtBot, desk: Desk, ratio: float
) -> None:
    outer = QWidget()
    qtbot.addWidget(outer)
    outer.resize(360, 260)
    desk.canvas.setParent(outer)
    desk.canvas.setGeometry(7, 5, 300, 220)
    outer.show()
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    everything = painted(outer, ratio)
    wanted = desk.after[desk.state.frame.value][60:]
    left, top = round(7 * ratio), round(5 * ratio)
    found = [
        (y, x)
        for y in range(top, everything.shape[0] - 30)
        for x in range(left, everything.shape[1] - WIDTH)
        if np.array_equal(everything[y : y + 30, x : x + WIDTH], wanted)
    ]
    assert len(found) == 1


def test_four_to_one_paints_squares_of_one_colour(desk: Desk) -> None:
    desk.state.mode.set("before")
    desk.state.zoom.set(4.0)
    view = view_of(desk.core, viewport(desk, 1))
    shown = painted(desk.canvas)
    area = Box(0, 60, desk.canvas.width(), 90).crossed(view.visible)
    frame = desk.before[desk.state.frame.value]
    rows = (np.arange(area.y, area.bottom) - view.target.y) // 4
    columns = (np.arange(area.x, area.right) - view.target.x) // 4
    assert np.array_equal(cut(shown, area), frame[rows][:, columns])


@pytest.mark.parametrize("ratio", RATIOS)
def test_fit_letterboxes_evenly_on_a_neutral_surround(desk: Desk, ratio: float) -> None:
    desk.viewer.resize(500, 330)
    desk.state.mode.set("before")
    shown = painted(desk.canvas, ratio)
    box = viewport(desk, ratio)
    target = view_of(desk.core, box).target
    assert target.height == box.height or target.width == box.width
    neutral = [SURROUND.red()] * 3
    for stripe in (shown[:, : target.x], shown[:, target.right :], shown[: target.y]):
        assert stripe.size == 0 or np.all(stripe == neutral)
    assert abs(target.x - (box.width - target.right)) <= 1
    # the picture's own borders are painted up to the last column and row
    assert not np.all(shown[target.y : target.bottom, target.x] == neutral)
    assert not np.all(shown[target.y : target.bottom, target.right - 1] == neutral)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("angle", [0.0, 90.0])
def test_wipe_splits_on_a_whole_pixel(desk: Desk, ratio: float, angle: float) -> None:
    flat_before = np.full((32, HEIGHT, WIDTH, 3), 40, np.uint8)
    flat_after = np.full((32, HEIGHT, WIDTH, 3), 200, np.uint8)
    desk.core.book.shot.set(take_of(desk.folder, "b", flat_before))
    desk.core.book.ready.set(32)
    desk.core.book.takes.set({"t1": take_of(desk.folder, "a", flat_after)})
    desk.state.mode.set("wipe")
    desk.state.wipe_angle.set(angle)
    desk.state.wipe.set(0.37)
    box = viewport(desk, ratio)
    view = view_of(desk.core, box)
    edge = round(wipe_of(desk.core, view).offset)
    shown = painted(desk.canvas, ratio).astype(int)
    target = view.target
    if angle == 0:
        assert edge == round(target.x + 0.37 * target.width)
        row = shown[target.bottom - round(12 * ratio)][target.x : target.right, 0]
        start = target.x
    else:
        assert edge == round(target.y + 0.37 * target.height)
        row = shown[target.y : target.bottom, target.x + round(110 * ratio), 0]
        start = target.y
    line = 3 * max(1, round(ratio))
    assert set(row[: edge - start - line]) == {40}
    assert set(row[edge - start + line :]) == {200}
    assert row[edge - start - line : edge - start + line].max() == 255  # the thin line


def drag(canvas: QWidget, start: QPoint, end: QPoint, modifiers=Qt.KeyboardModifier.NoModifier):
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(canvas, left, modifiers, start)
    middle = (start + end) / 2
    QTest.mouseMove(canvas, middle)
    _move(canvas, middle, modifiers)
    _move(canvas, end, modifiers)
    QTest.mouseRelease(canvas, left, modifiers, end)


def _move(canvas: QWidget, to: QPoint, modifiers: Qt.KeyboardModifier) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(to),
        QPointF(canvas.mapToGlobal(to)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        modifiers,
    )
    QApplication.sendEvent(canvas, event)


def test_wipe_is_dragged_by_its_line_and_from_every_edge(desk: Desk) -> None:
    state, canvas = desk.state, desk.canvas
    state.mode.set("wipe")
    target = view_of(desk.core, canvas.viewport).target
    middle_y = target.y + target.height // 2 + 20
    drag(canvas, QPoint(target.x + target.width // 2, middle_y), QPoint(target.x + 80, middle_y))
    assert state.wipe.value == pytest.approx(80 / target.width, abs=0.01)
    drag(canvas, QPoint(target.right - 2, middle_y), QPoint(target.x + 240, middle_y))
    assert (state.wipe.value, state.wipe_angle.value) == (
        pytest.approx(240 / target.width, abs=0.01),
        0,
    )
    drag(canvas, QPoint(target.x + 40, target.y + 2), QPoint(target.x + 40, target.y + 60))
    assert (state.wipe.value, state.wipe_angle.value) == (
        pytest.approx(60 / target.height, abs=0.02),
        90,
    )
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(target.x + 50, middle_y))
    assert (state.wipe.value, state.wipe_angle.value) == (0.5, 0)


def test_shift_lays_the_wipe_level(desk: Desk) -> None:
    state, canvas = desk.state, desk.canvas
    state.mode.set("wipe")
    target = view_of(desk.core, canvas.viewport).target
    shift = Qt.KeyboardModifier.ShiftModifier
    start = QPoint(target.x + target.width // 2, target.y + 70)
    drag(canvas, start, QPoint(target.x + 100, target.y + 45), shift)
    assert state.wipe_angle.value == 90
    assert state.wipe.value == pytest.approx(45 / target.height, abs=0.02)


def test_a_press_away_from_every_edge_leaves_the_wipe(desk: Desk) -> None:
    desk.state.mode.set("wipe")
    target = view_of(desk.core, desk.canvas.viewport).target
    start = QPoint(target.x + 60, target.y + 60)
    drag(desk.canvas, start, start + QPoint(60, 20))
    assert desk.state.wipe.value == 0.5


def test_side_shows_both_at_the_same_place_and_zoom(desk: Desk) -> None:
    desk.viewer.resize(420, 330)
    desk.state.mode.set("side")
    desk.state.zoom.set(1.0)
    desk.state.pan.set((0.1, 0.2))
    one, two = views_of(desk.core, desk.canvas.viewport)
    shown = painted(desk.canvas)
    frame = desk.state.frame.value
    for view, frames in ((one, desk.before), (two, desk.after)):
        area = view.visible
        top, left = area.y - view.target.y, area.x - view.target.x
        part = frames[frame][top : top + area.height, left : left + area.width]
        rows = slice(LABEL_ROWS, area.height - LABEL_ROWS)
        assert np.array_equal(cut(shown, area)[rows], part[rows])
    gap = shown[one.viewport.bottom : two.viewport.y]  # one above the other here
    assert gap.size
    assert np.all(gap == SURROUND.red())


def test_hold_before_shows_the_original_whatever_the_mode(desk: Desk) -> None:
    desk.state.mode.set("after")
    after = painted(desk.canvas)
    desk.state.hold_before.set(True)
    held = painted(desk.canvas)
    desk.state.hold_before.set(False)
    desk.state.mode.set("before")
    assert np.array_equal(held, painted(desk.canvas))
    assert not np.array_equal(held, after)


def test_without_a_take_every_mode_shows_the_shot(desk: Desk) -> None:
    desk.state.compare.set(("", None))
    desk.state.mode.set("before")
    before = painted(desk.canvas)
    for mode in ("after", "wipe", "side", "difference"):
        desk.state.mode.set(mode)
        assert np.array_equal(painted(desk.canvas), before)


def test_take_against_take_compares_the_two(desk: Desk) -> None:
    other = np.full_like(desk.after, 9)
    takes = {**desk.core.book.takes.value, "t2": take_of(desk.folder, "Take 2", other)}
    desk.core.book.takes.set(takes)
    desk.state.compare.set(("t1", "t2"))
    one, two = desk.core.pair
    assert (one.label, two.label) == ("Take 1", "Take 2")
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    target = view_of(desk.core, desk.canvas.viewport).target
    assert np.all(cut(painted(desk.canvas), target)[LABEL_ROWS:] == 9)
    desk.state.hold_before.set(True)  # always the original, never the other take
    shown = cut(painted(desk.canvas), target)[LABEL_ROWS:]
    assert np.array_equal(shown, desk.before[desk.state.frame.value][LABEL_ROWS:])


def test_a_test_take_shows_its_own_frames_only(desk: Desk) -> None:
    part = desk.after[10:19]
    desk.core.book.takes.set({"t1": take_of(desk.folder, "Test 1", part, first=10)})
    desk.state.mode.set("after")
    desk.state.zoom.set(1.0)
    target = view_of(desk.core, desk.canvas.viewport).target
    desk.state.go(12)
    assert np.array_equal(
        cut(painted(desk.canvas), target)[LABEL_ROWS:], desk.after[12][LABEL_ROWS:]
    )
    desk.state.go(25)
    shown = painted(desk.canvas)
    assert np.mean(np.all(shown == SURROUND.red(), axis=2)) > 0.8  # a sentence, no picture
    desk.state.mode.set("difference")
    assert desk.core.reading() is None


def test_a_frame_that_is_not_read_yet_is_not_made_up(desk: Desk) -> None:
    desk.core.book.ready.set(5)
    desk.state.mode.set("before")
    desk.state.go(20)
    shown = painted(desk.canvas)
    assert np.mean(np.all(shown == SURROUND.red(), axis=2)) > 0.8
    desk.core.book.ready.set(21)
    assert np.mean(np.all(painted(desk.canvas) == SURROUND.red(), axis=2)) < 0.8


# ---- overlays ------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", RATIOS)
def test_matte_overlay_tints_inside_and_outlines_for_every_eye(desk: Desk, ratio: float) -> None:
    grey = np.full((32, HEIGHT, WIDTH, 3), 100, np.uint8)
    desk.core.book.shot.set(take_of(desk.folder, "grey", grey))
    desk.core.book.ready.set(32)
    desk.state.mode.set("before")
    desk.state.overlay.set(True)
    view = view_of(desk.core, viewport(desk, ratio))
    shown = painted(desk.canvas, ratio).astype(int)

    def at(x: float, y: float) -> list[int]:
        device = view.to_device(x / WIDTH, y / HEIGHT)
        return shown[int(device[1]), int(device[0])].tolist()

    tint = np.array([226, 58, 74]) * 0.4 + 100 * 0.6
    assert at(80, 45) == pytest.approx(tint.tolist(), abs=2)
    assert at(130, 60) == [100, 100, 100]
    assert at(80, 28.5)[0] - 100 == pytest.approx((tint[0] - 100) * 100 / 255, abs=3)  # feather
    edge = view.to_device(60 / WIDTH, 0)[0]
    row = shown[int(view.to_device(0, 45 / HEIGHT)[1])]
    thick = max(1, round(ratio))
    light = row[round(edge) : round(edge) + thick]
    dark = row[round(edge) - thick : round(edge)]
    assert light.min() == 255
    assert dark.max() < 40


def test_matte_overlay_leaves_the_colours_of_the_difference(desk: Desk) -> None:
    desk.state.mode.set("difference")
    view = view_of(desk.core, desk.canvas.viewport)
    plain = painted(desk.canvas)
    desk.state.overlay.set(True)
    shown = painted(desk.canvas)
    x, y = (int(value) for value in view.to_device(80 / WIDTH, 45 / HEIGHT))
    inside = np.s_[y - 10 : y + 10, x - 10 : x + 10]
    assert np.array_equal(shown[inside], plain[inside])
    assert not np.array_equal(shown, plain)  # the outline is there


def test_matte_overlay_stays_in_place_on_a_picture_smaller_than_its_proxy(desk: Desk) -> None:
    desk.viewer.resize(desk.viewer.minimumSizeHint().width(), 190)
    desk.state.mode.set("before")
    view = view_of(desk.core, desk.canvas.viewport)
    if view.target.width >= WIDTH:
        desk.canvas.resize(131, 90)
        view = view_of(desk.core, desk.canvas.viewport)
    plain = painted(desk.canvas).astype(int)
    desk.state.overlay.set(True)
    changed = np.abs(painted(desk.canvas).astype(int) - plain).sum(axis=2) > 12
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    left, top = view.to_device(60 / WIDTH, 28 / HEIGHT)
    right, bottom = view.to_device(100 / WIDTH, 60 / HEIGHT)
    assert [columns[0], rows[0]] == pytest.approx([left, top], abs=2)
    assert [columns[-1] + 1, rows[-1] + 1] == pytest.approx([right, bottom], abs=2)


def test_matte_of_the_whole_picture_or_of_nothing_has_no_outline(desk: Desk) -> None:
    for value in (0, 255):
        flat = np.full((32, HEIGHT, WIDTH), value, np.uint8)
        desk.core.book.matte.set(take_of(desk.folder, f"flat{value}", flat))
        desk.state.overlay.set(True)
        desk.state.mode.set("before")
        desk.state.zoom.set(1.0)
        target = view_of(desk.core, desk.canvas.viewport).target
        shown = cut(painted(desk.canvas), target)[LABEL_ROWS:].astype(int)
        plain = desk.before[desk.state.frame.value][LABEL_ROWS:]
        share = 0.4 * value / 255
        expected = plain * (1 - share) + np.array([226, 58, 74]) * share
        assert np.abs(shown - expected).max() <= 2


def test_words_overlay_heats_where_the_chosen_word_acts(desk: Desk) -> None:
    desk.state.mode.set("before")
    plain = painted(desk.canvas).astype(int)
    desk.core.next_word()
    assert desk.state.words_overlay.value == 0
    red = np.abs(painted(desk.canvas).astype(int) - plain).sum(axis=2)
    view = view_of(desk.core, desk.canvas.viewport)
    hot = tuple(int(v) for v in view.to_device(0.5, 0.5))
    cold = tuple(int(v) for v in view.to_device(0.9, 0.3))
    assert red[hot[1] - 5 : hot[1] + 5, hot[0] - 5 : hot[0] + 5].mean() > 60
    assert red[cold[1] - 5 : cold[1] + 5, cold[0] - 5 : cold[0] + 5].mean() < 2
    desk.core.next_word()
    leather = np.abs(painted(desk.canvas).astype(int) - plain).sum(axis=2)
    assert leather[cold[1] - 5 : cold[1] + 5, cold[0] + 10 : cold[0] + 15].mean() > 60
    desk.core.next_word()  # the chip that the take never knew is left out
    assert desk.state.words_overlay.value is None
    assert np.array_equal(painted(desk.canvas).astype(int), plain)


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


# ---- zoom and pan --------------------------------------------------------------------------


def test_wheel_zooms_at_the_cursor(desk: Desk) -> None:
    canvas = desk.canvas
    desk.state.zoom.set(2.0)
    at = QPointF(200, 60)
    before = canvas.view_at(at).to_picture(at.x(), at.y())
    turn_wheel(canvas, at, 2)
    assert desk.state.zoom.value == pytest.approx(2 * 1.25**2)
    after = canvas.view_at(at).to_picture(at.x(), at.y())
    assert after == pytest.approx(before, abs=0.01)
    for _ in range(20):
        turn_wheel(canvas, at, -1)
    assert desk.state.zoom.value == 0


@pytest.mark.parametrize("with_space", [False, True])
def test_middle_button_or_space_drags_the_picture(desk: Desk, with_space: bool) -> None:
    canvas, state = desk.canvas, desk.state
    state.zoom.set(4.0)
    canvas.setFocus()
    button = Qt.MouseButton.LeftButton if with_space else Qt.MouseButton.MiddleButton
    if with_space:
        QTest.keyPress(canvas, Qt.Key.Key_Space)
    QTest.mousePress(canvas, button, pos=QPoint(100, 80))
    _move(canvas, QPoint(60, 100), Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(canvas, button, pos=QPoint(60, 100))
    if with_space:
        QTest.keyRelease(canvas, Qt.Key.Key_Space)
    assert state.pan.value == pytest.approx((40 / (4 * WIDTH), -20 / (4 * HEIGHT)))
    assert state.playing.value == 0  # the drag was meant, not the play key


def test_double_click_goes_to_single_pixels_and_back(desk: Desk) -> None:
    desk.state.mode.set("before")
    at = QPoint(100, 90)
    before = desk.canvas.view_at(QPointF(at)).to_picture(100, 90)
    QTest.mouseDClick(desk.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.zoom.value == 1.0
    assert desk.canvas.view_at(QPointF(at)).to_picture(100, 90) == pytest.approx(before, abs=0.01)
    QTest.mouseDClick(desk.canvas, Qt.MouseButton.LeftButton, pos=at)
    assert desk.state.zoom.value == 0


# ---- drawing -------------------------------------------------------------------------------


@pytest.mark.parametrize(("zoom", "pan"), [(0.0, (0.0, 0.0)), (3.0, (0.1, -0.2))])
def test_box_is_drawn_in_picture_coordinates(desk: Desk, zoom: float, pan) -> None:
    drawn: list[MatteShape] = []
    desk.core.shape_drawn.connect(drawn.append)
    desk.state.mode.set("before")
    desk.state.zoom.set(zoom)
    desk.state.pan.set(pan)
    desk.state.go(7)
    desk.viewer.draw_box()
    start, end = QPoint(220, 130), QPoint(120, 60)
    view = desk.canvas.view_at(QPointF(start))
    drag(desk.canvas, start, end)
    (shape,) = drawn
    assert (shape.kind, shape.frame) == ("box", 7)
    assert shape.points[0] == pytest.approx(view.to_picture(120, 60))
    assert shape.points[1] == pytest.approx(view.to_picture(220, 130))
    assert desk.core.tool.value is None


@pytest.mark.parametrize(("zoom", "pan"), [(0.0, (0.0, 0.0)), (5.0, (-0.1, 0.2))])
def test_lasso_is_drawn_in_picture_coordinates(desk: Desk, zoom: float, pan) -> None:
    drawn: list[MatteShape] = []
    desk.core.shape_drawn.connect(drawn.append)
    desk.state.mode.set("before")
    desk.state.zoom.set(zoom)
    desk.state.pan.set(pan)
    desk.viewer.draw_lasso()
    corners = [QPoint(90, 60), QPoint(180, 41), QPoint(203, 120), QPoint(113, 131)]
    view = desk.canvas.view_at(QPointF(corners[0]))
    QTest.mousePress(desk.canvas, Qt.MouseButton.LeftButton, pos=corners[0])
    for one, two in zip(corners, [*corners[1:], corners[0]], strict=True):
        for step in range(1, 11):
            _move(desk.canvas, one + (two - one) * step / 10, Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(desk.canvas, Qt.MouseButton.LeftButton, pos=corners[0])
    (shape,) = drawn
    assert shape.kind == "lasso"
    assert len(shape.points) <= 6  # forty moves, four corners
    for corner in corners:
        wanted = view.to_picture(corner.x(), corner.y())
        assert min(np.hypot(*(np.subtract(p, wanted))) for p in shape.points) < 0.01


def test_a_shape_ends_at_the_border_of_the_picture(desk: Desk) -> None:
    drawn: list[MatteShape] = []
    desk.core.shape_drawn.connect(drawn.append)
    desk.viewer.resize(600, 330)
    desk.viewer.draw_box()
    drag(desk.canvas, QPoint(2, 2), QPoint(desk.canvas.width() - 2, desk.canvas.height() - 2))
    (shape,) = drawn
    values = [value for point in shape.points for value in point]
    assert min(values) >= 0
    assert max(values) <= 1


def test_a_click_or_escape_draws_nothing(desk: Desk) -> None:
    drawn: list[MatteShape] = []
    desk.core.shape_drawn.connect(drawn.append)
    desk.viewer.draw_box()
    QTest.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    assert desk.core.tool.value == "box"  # still waiting for a real one
    QTest.keyClick(desk.canvas, Qt.Key.Key_Escape)
    assert desk.core.tool.value is None
    QTest.mousePress(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    _move(desk.canvas, QPoint(150, 120), Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(150, 120))
    assert drawn == []

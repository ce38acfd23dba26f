"""The clock, the keys and the scrub bar."""

from __future__ import annotations

from fractions import Fraction

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from plugin.state.viewer import ViewerState
from plugin.ui.viewer import PopOut
from plugin.ui.viewer.player import Player
from tests.panel.viewer.canvas import move
from tests.panel.viewer.conftest import FRAMES, Desk


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns

    def after(self, seconds: Fraction) -> None:
        self.ns += int(seconds * 1_000_000_000)


def player_of(qtbot: QtBot, frames: int, rate: Fraction, ready: int | None = None):
    state = ViewerState()
    state.frames.set(frames)
    clock = Clock()
    held = [frames if ready is None else ready]
    player = Player(state, ready=lambda: held[0], rate=lambda: rate, clock=clock)
    return player, state, clock, held


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(24000, 1001), Fraction(60000, 1001)])
@pytest.mark.parametrize("speed", [1, 2, -1, -2])
def test_playing_never_drifts_from_the_rate(qtbot: QtBot, rate: Fraction, speed: int) -> None:
    player, state, clock, _ = player_of(qtbot, 100_000, rate)
    state.frame.set(50_000)
    state.playing.set(speed)
    ticks = 3000
    for _ in range(ticks):  # an uneven beat of a busy machine, about 70 a second
        clock.after(Fraction(1, 70))
        player.tick()
    gone = (state.frame.value - 50_000) * (1 if speed > 0 else -1)
    assert gone == int(Fraction(ticks, 70) * rate * abs(speed) - Fraction(1, 10**6))
    player.close()


def test_a_late_machine_drops_frames_and_keeps_the_tempo(qtbot: QtBot) -> None:
    player, state, clock, _ = player_of(qtbot, 1000, Fraction(25))
    state.playing.set(1)
    for _ in range(10):  # pictures take 120 ms each: three frames of 40 ms
        clock.after(Fraction(12, 100))
        player.tick()
    assert state.frame.value == 30
    assert player.dropped.value == 20
    state.playing.set(0)
    state.playing.set(1)
    assert player.dropped.value == 0  # a new run counts anew
    player.close()


def test_what_the_screen_cannot_show_is_not_called_dropped(qtbot: QtBot) -> None:
    player, state, clock, _ = player_of(qtbot, 1000, Fraction(25))
    state.playing.set(4)  # 100 a second
    for _ in range(50):
        clock.after(Fraction(1, 50))
        player.tick()
    assert state.frame.value == 100
    assert player.dropped.value == 0
    player.close()


def test_the_end_loops_or_stops(qtbot: QtBot) -> None:
    player, state, clock, _ = player_of(qtbot, 10, Fraction(10))
    state.frame.set(8)
    state.playing.set(1)
    clock.after(Fraction(25, 100))
    player.tick()
    assert state.frame.value == 0
    player.loop.set(False)
    clock.after(Fraction(3))
    player.tick()
    assert (state.frame.value, state.playing.value) == (9, 0)
    state.playing.set(1)  # from the end: from the start
    assert state.frame.value == 0
    player.close()


def test_playing_waits_for_frames_that_are_not_read(qtbot: QtBot) -> None:
    player, state, clock, ready = player_of(qtbot, 100, Fraction(10), ready=5)
    state.playing.set(1)
    for _ in range(20):
        clock.after(Fraction(1, 10))
        player.tick()
    assert state.frame.value == 4
    assert state.playing.value == 1
    ready[0] = 100
    clock.after(Fraction(11, 100))
    player.tick()
    assert state.frame.value == 5  # no jump over what nobody has seen
    assert player.dropped.value == 0
    player.close()


def test_scrubbing_while_it_plays_goes_on_from_there(qtbot: QtBot) -> None:
    player, state, clock, _ = player_of(qtbot, 1000, Fraction(10))
    state.playing.set(1)
    clock.after(Fraction(1))
    player.tick()
    state.frame.set(500)
    clock.after(Fraction(31, 100))
    player.tick()
    assert state.frame.value == 503
    player.close()


def test_real_time_playback_keeps_the_clips_rate(qtbot: QtBot, desk: Desk) -> None:
    desk.core.book.facts.set(type(desk.core.book.facts.value)(Fraction(50), "01:00:00:00", 160, 90))
    desk.state.go(0)
    seen: list[int] = []
    connection = desk.state.frame.changed.connect(seen.append)
    desk.core.player.loop.set(False)
    with qtbot.waitSignal(desk.core.changed, timeout=60000):
        desk.core.player.toggle()
    qtbot.waitUntil(lambda: desk.state.playing.value == 0, timeout=60000)
    connection.disconnect()
    assert seen == sorted(seen)
    assert seen[-1] == FRAMES - 1


# ---- keys ----------------------------------------------------------------------------------


def keys(desk: Desk, *pressed: Qt.Key, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    for key in pressed:
        QTest.keyClick(desk.canvas, key, modifiers)


def test_j_k_l_play_faster_with_every_press_and_stop(desk: Desk) -> None:
    state = desk.state
    desk.canvas.setFocus()
    speeds = []
    for key in (Qt.Key.Key_L, Qt.Key.Key_L, Qt.Key.Key_L, Qt.Key.Key_K, Qt.Key.Key_J, Qt.Key.Key_J):
        keys(desk, key)
        speeds.append(state.playing.value)
    assert speeds == [1, 2, 4, 0, -1, -2]
    frame = state.frame.value
    keys(desk, Qt.Key.Key_K)
    assert (state.playing.value, state.frame.value) == (0, frame)


def test_k_held_with_l_or_j_steps_one_frame(desk: Desk) -> None:
    desk.state.go(10)
    desk.canvas.setFocus()
    QTest.keyPress(desk.canvas, Qt.Key.Key_K)
    keys(desk, Qt.Key.Key_L, Qt.Key.Key_L)
    assert (desk.state.frame.value, desk.state.playing.value) == (12, 0)
    keys(desk, Qt.Key.Key_J)
    assert desk.state.frame.value == 11
    QTest.keyRelease(desk.canvas, Qt.Key.Key_K)
    keys(desk, Qt.Key.Key_L)
    assert desk.state.playing.value == 1
    desk.state.stop()


def test_arrows_home_end_and_marks(desk: Desk) -> None:
    state = desk.state
    state.go(10)
    desk.canvas.setFocus()
    keys(desk, Qt.Key.Key_Right)
    assert state.frame.value == 11
    keys(desk, Qt.Key.Key_Left, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert state.frame.value == 1
    keys(desk, Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Left)
    assert state.frame.value == 0
    keys(desk, Qt.Key.Key_End)
    assert state.frame.value == FRAMES - 1
    keys(desk, Qt.Key.Key_Home)
    assert state.frame.value == 0
    state.go(3)
    keys(desk, Qt.Key.Key_I)
    state.go(9)
    keys(desk, Qt.Key.Key_O)
    assert state.range.value == (3, 10)


def test_mode_keys_overlays_and_gain(desk: Desk) -> None:
    state = desk.state
    desk.canvas.setFocus()
    for key, mode in (
        (Qt.Key.Key_1, "before"),
        (Qt.Key.Key_2, "after"),
        (Qt.Key.Key_3, "wipe"),
        (Qt.Key.Key_4, "side"),
        (Qt.Key.Key_5, "difference"),
        (Qt.Key.Key_1, "before"),
        (Qt.Key.Key_D, "difference"),
    ):
        keys(desk, key)
        assert state.mode.value == mode
    keys(desk, Qt.Key.Key_Up)
    assert state.gain.value == 8
    assert desk.canvas.gain.value() == 8
    keys(desk, Qt.Key.Key_M)
    assert state.overlay.value
    keys(desk, Qt.Key.Key_H)
    assert state.words_overlay.value == 0


def test_zoom_keys(desk: Desk) -> None:
    state = desk.state
    desk.canvas.setFocus()
    keys(desk, Qt.Key.Key_Plus, modifiers=Qt.KeyboardModifier.ControlModifier)
    first = state.zoom.value
    assert first > 0
    keys(desk, Qt.Key.Key_Plus)
    assert state.zoom.value > first
    keys(desk, Qt.Key.Key_Z, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert state.zoom.value == 1
    keys(desk, Qt.Key.Key_Z)
    assert state.zoom.value == 0


def test_b_is_held_not_switched(desk: Desk) -> None:
    desk.canvas.setFocus()
    QTest.keyPress(desk.canvas, Qt.Key.Key_B)
    assert desk.state.hold_before.value
    assert desk.core.mode == "before"
    QTest.keyRelease(desk.canvas, Qt.Key.Key_B)
    assert not desk.state.hold_before.value
    QTest.keyPress(desk.canvas, Qt.Key.Key_B)
    desk.viewer.transport.play.setFocus()  # the release would go elsewhere
    assert not desk.state.hold_before.value


def test_space_plays_and_pauses(desk: Desk) -> None:
    desk.canvas.setFocus()
    keys(desk, Qt.Key.Key_Space)
    assert desk.state.playing.value == 1
    keys(desk, Qt.Key.Key_Space)
    assert desk.state.playing.value == 0


def test_after_a_click_on_a_button_the_keys_are_the_pictures(desk: Desk) -> None:
    QTest.mouseClick(desk.viewer.modes.matte, Qt.MouseButton.LeftButton)
    assert desk.state.overlay.value
    assert desk.canvas.hasFocus()
    keys(desk, Qt.Key.Key_Space)
    assert desk.state.playing.value == 1
    assert desk.state.overlay.value
    desk.state.stop()
    desk.viewer.modes.matte.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(desk.viewer.modes.matte, Qt.Key.Key_Space)  # reached by Tab: it is pressed
    assert not desk.state.overlay.value
    assert desk.viewer.modes.matte.hasFocus()


def test_viewer_keys_win_inside_and_do_nothing_outside(qtbot: QtBot, desk: Desk) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    text, button = QLineEdit(), QPushButton("x")
    for part in (desk.viewer, text, button):
        column.addWidget(part)
    fired: list[int] = []
    shortcut = QShortcut(QKeySequence("L"), window)
    shortcut.activated.connect(lambda: fired.append(1))
    with qtbot.waitActive(window, timeout=60000):
        window.show()
        window.activateWindow()
    button.setFocus()
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_L)
    assert fired == [1]  # the window's shortcut works, outside of the viewer
    desk.canvas.setFocus()
    QTest.keyClick(window.windowHandle(), Qt.Key.Key_L)
    assert desk.state.playing.value == 1
    assert fired == [1]
    desk.state.stop()
    text.setFocus()
    QTest.keyClicks(text, "jk5 b")
    assert desk.state.playing.value == 0
    assert not desk.state.hold_before.value
    assert desk.state.mode.value == "after"
    desk.viewer.setParent(None)  # it outlives this window


def test_the_persons_own_keys_are_obeyed(desk: Desk) -> None:
    desk.viewer.keymap.set("play_forward", ["P"])
    desk.canvas.setFocus()
    keys(desk, Qt.Key.Key_L)
    assert desk.state.playing.value == 0
    keys(desk, Qt.Key.Key_P)
    assert desk.state.playing.value == 1
    desk.state.stop()


# ---- scrub bar -----------------------------------------------------------------------------


def at(desk: Desk, frame: float, *, lane: bool = False) -> QPoint:
    bar = desk.viewer.transport.scrub
    return QPoint(round(bar.x_of(frame)), 5 if lane else bar.height() - 10)


def test_scrubbing_shows_the_frame_under_the_mouse_and_stops(desk: Desk) -> None:
    bar, state = desk.viewer.transport.scrub, desk.state
    state.playing.set(1)
    QTest.mousePress(bar, Qt.MouseButton.LeftButton, pos=at(desk, 6.5))
    assert (state.frame.value, state.playing.value) == (6, 0)
    for frame in (9, 20, 31):
        move(bar, at(desk, frame + 0.5), Qt.KeyboardModifier.NoModifier)
        assert state.frame.value == frame
    move(bar, QPoint(5000, 10), Qt.KeyboardModifier.NoModifier)
    assert state.frame.value == FRAMES - 1
    QTest.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=at(desk, 31))
    assert bar.value() == FRAMES - 1


def test_every_frame_has_its_place_on_the_bar(desk: Desk) -> None:
    bar = desk.viewer.transport.scrub
    assert [bar.frame_at(bar.x_of(frame + 0.5)) for frame in range(FRAMES)] == list(range(FRAMES))


def test_range_handles_and_band_are_dragged(desk: Desk) -> None:
    bar, state = desk.viewer.transport.scrub, desk.state
    state.mark_in(8)
    state.mark_out(15)
    left = Qt.MouseButton.LeftButton
    QTest.mousePress(bar, left, pos=at(desk, 8, lane=True))
    move(bar, at(desk, 4, lane=True), Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(bar, left, pos=at(desk, 4, lane=True))
    assert state.range.value == (4, 16)
    QTest.mousePress(bar, left, pos=at(desk, 16, lane=True))
    move(bar, at(desk, 20, lane=True), Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(bar, left, pos=at(desk, 20, lane=True))
    assert state.range.value == (4, 20)
    QTest.mousePress(bar, left, pos=at(desk, 10.5, lane=True))
    move(bar, at(desk, 16.5, lane=True), Qt.KeyboardModifier.NoModifier)
    assert state.range.value == (10, 26)
    move(bar, at(desk, 40, lane=True), Qt.KeyboardModifier.NoModifier)
    assert state.range.value == (16, 32)
    move(bar, at(desk, -9, lane=True), Qt.KeyboardModifier.NoModifier)
    QTest.mouseRelease(bar, left, pos=at(desk, 0, lane=True))
    assert state.range.value == (0, 16)
    QTest.mouseDClick(bar, left, pos=at(desk, 5, lane=True))
    assert not state.range_is_own


def test_tooltips_tell_frame_timecode_and_marks(desk: Desk) -> None:
    from flowanchor_engine.request import MatteShape

    bar, book = desk.viewer.transport.scrub, desk.core.book
    book.empty_frames.set((7,))
    book.shapes.set((MatteShape(kind="box", frame=3, points=((0, 0), (1, 1))),))
    book.ready.set(20)
    assert bar.told_at(bar.x_of(24.5)).splitlines() == ["25/32   01:00:01:00", "Not read yet."]
    assert "empty" in bar.told_at(bar.x_of(7.5))
    assert "drawn" in bar.told_at(bar.x_of(3.5))


def test_counter_and_timecode_follow_the_frame(desk: Desk) -> None:
    transport = desk.viewer.transport
    desk.state.go(25)
    assert transport.counter.text() == "26/32"
    assert transport.timecode.text() == "01:00:01:01"
    desk.core.player.dropped.set(3)
    assert transport.counter.toolTip() == "3 frames dropped while playing."
    desk.state.playing.set(-2)
    assert transport.counter.text().startswith("−2×")
    desk.state.stop()


def test_buttons_are_enabled_by_what_there_is(desk: Desk) -> None:
    modes = desk.viewer.modes
    assert modes.modes.button("wipe").isEnabled()
    assert modes.matte.isEnabled()
    desk.state.compare.set(("", None))
    desk.core.book.matte.set(None)
    desk.core.book.words.set(None)
    assert not modes.modes.button("wipe").isEnabled()
    assert not modes.matte.isEnabled()
    assert not modes.words.isEnabled()


# ---- own window ----------------------------------------------------------------------------


def test_own_window_shows_the_same_state(qtbot: QtBot, desk: Desk) -> None:
    window = PopOut(desk.core)
    qtbot.addWidget(window)
    desk.canvas.setFocus()
    keys(desk, Qt.Key.Key_F)
    assert window.isVisible()
    other = window.viewer.canvas
    QTest.keyClick(other, Qt.Key.Key_3)
    QTest.keyClick(other, Qt.Key.Key_End)
    assert desk.state.mode.value == "wipe"
    assert desk.viewer.transport.counter.text() == f"{FRAMES}/{FRAMES}"
    QTest.keyClick(other, Qt.Key.Key_Escape)
    assert not window.isVisible()
    assert not desk.state.popped_out.value
    desk.state.popped_out.set(True)
    window.close()
    assert not desk.state.popped_out.value


def test_every_control_has_a_name_and_the_tab_order_reads(desk: Desk) -> None:
    viewer = desk.viewer
    controls = [
        viewer.canvas,
        viewer.canvas.gain,
        viewer.modes.matte,
        viewer.modes.words,
        viewer.modes.pop_out,
        viewer.modes.fit,
        viewer.transport.scrub,
        viewer.transport.play,
        viewer.transport.step,
        viewer.transport.loop,
    ]
    assert all(control.accessibleName() for control in controls)
    order = []
    widget = viewer.canvas
    for _ in range(60):
        order.append(widget)
        widget = widget.nextInFocusChain()
    places = [
        order.index(part)
        for part in (
            viewer.canvas,
            viewer.modes.matte,
            viewer.transport.scrub,
            viewer.transport.play,
        )
    ]
    assert places == sorted(places)


def test_focus_ring_comes_with_keys_only(qtbot: QtBot, desk: Desk) -> None:
    QTest.mouseClick(desk.canvas, Qt.MouseButton.LeftButton, pos=QPoint(150, 100))
    assert desk.canvas.hasFocus()
    assert not desk.canvas.ring_shown()
    keys(desk, Qt.Key.Key_Right)
    assert desk.canvas.ring_shown()

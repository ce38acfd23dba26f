"""The clock of playback: which frame is due, at the clip's own rate.

Frames are dropped, never the tempo. What is due follows from the time since playing began and
the clip's rate as a fraction, so nothing drifts, however long it plays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Final

from PySide6.QtCore import QObject, Qt, QTimer

from plugin.state.observable import Observable
from plugin.state.viewer import ViewerState

__all__ = ["REFRESH_HZ", "Player"]

REFRESH_HZ: Final = 60  # more pictures than that in a second nobody can see
_NS: Final = 1_000_000_000


class Player(QObject):
    """Moves `state.frame` while `state.playing` is not 0.

    Parameters
    ----------
    state : ViewerState
        `playing` is the speed: 1, 2, 4, 8 forwards, negative backwards, 0 stopped.
    ready : () -> int
        Frames that can be shown; playback waits at the last one that was read.
    rate : () -> Fraction
        Frames per second.
    clock : () -> int
        Monotonic nanoseconds.
    """

    def __init__(
        self,
        state: ViewerState,
        *,
        ready: Callable[[], int],
        rate: Callable[[], Fraction],
        clock: Callable[[], int] = time.perf_counter_ns,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.state = state
        self.dropped: Observable[int] = Observable(0)
        self.loop: Observable[bool] = Observable(True)
        self._ready = ready
        self._rate = rate
        self._clock = clock
        self._origin_ns = 0
        self._origin_frame = 0
        self._steps = 0  # frames gone since the origin, without sign
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.tick)
        self._connections = [
            state.playing.changed.connect(self._on_playing),
            state.frame.changed.connect(self._on_frame),
        ]
        self._moving = False

    def close(self) -> None:
        """Stop for good."""
        self._timer.stop()
        for connection in self._connections:
            connection.disconnect()

    def toggle(self) -> None:
        """Play at the clip's rate, or stop."""
        self.state.playing.set(0 if self.state.playing.value else 1)

    # ---- the clock -------------------------------------------------------------------------

    @property
    def budget_ms(self) -> float:
        """Milliseconds until the next frame is due; plenty while stopped."""
        if not self.state.playing.value:
            return 1000.0
        return (self._due_ns(self._steps + 1) - self._clock()) / 1e6

    def _per_second(self) -> Fraction:
        return self._rate() * abs(self.state.playing.value)

    def _due_ns(self, steps: int) -> int:
        return self._origin_ns + int(steps * _NS / self._per_second())

    def _on_playing(self, speed: int) -> None:
        if speed == 0:
            self._timer.stop()
            return
        if not self._timer.isActive():
            self.dropped.set(0)
        if self.state.frames.value < 2:
            self.state.playing.set(0)
            return
        last = self.state.frames.value - 1
        frame = self.state.frame.value
        if speed > 0 and frame >= last:  # from the end: begin anew
            self._move(0)
        elif speed < 0 and frame <= 0:
            self._move(last)
        self._restart()

    def _on_frame(self, _frame: int) -> None:
        if not self._moving and self.state.playing.value:  # somebody scrubs while it plays
            self._restart()

    def _restart(self) -> None:
        self._origin_ns = self._clock()
        self._origin_frame = self.state.frame.value
        self._steps = 0
        self._schedule()

    def _stride(self) -> int:
        """Frames from picture to picture: more than one only above the screen's own rate."""
        return max(1, -(-self._per_second() // REFRESH_HZ))

    def _schedule(self) -> None:
        wait_ns = self._due_ns(self._steps + self._stride()) - self._clock()
        self._timer.start(max(0, -(-wait_ns // 1_000_000)))

    def tick(self) -> None:
        """Show what is due now."""
        speed = self.state.playing.value
        frames = self.state.frames.value
        if speed == 0 or frames < 1:
            return
        due = int((self._clock() - self._origin_ns) * self._per_second() / _NS)
        if due <= self._steps:
            self._schedule()
            return
        sign = 1 if speed > 0 else -1
        target = self._origin_frame + sign * due
        if not 0 <= target < frames:
            if not self.loop.value:
                self._move(frames - 1 if sign > 0 else 0)
                self.state.playing.set(0)
                return
            target %= frames
        ready = self._ready()
        if target >= ready:  # still being read: wait here, the clock waits too
            self._move(max(0, ready - 1))
            self._restart()
            return
        missed = due - self._steps - self._stride()
        if missed > 0:
            self.dropped.set(self.dropped.value + missed)
        self._steps = due
        self._move(target)
        self._schedule()

    def _move(self, frame: int) -> None:
        self._moving = True
        try:
            self.state.frame.set(frame)
        finally:
            self._moving = False

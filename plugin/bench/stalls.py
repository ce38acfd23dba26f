"""Finds moments in which the window could not answer, and what the program did meanwhile.

A timer in the window's thread beats; a second thread looks at the beat and, when it is late,
takes the Python stack of the window's thread. The thread's own processor time tells a stall
that the program made from one of a busy machine or a slow disk: then little of it was used.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass
from types import FrameType, TracebackType
from typing import Any, Final, Self

from PySide6.QtCore import QObject, Qt, QTimer

__all__ = ["BEAT_MS", "THRESHOLD_MS", "Stall", "StallDetector"]

THRESHOLD_MS: Final = 50.0
BEAT_MS: Final = 5
_KEPT_STACKS: Final = 8
_LINES: Final = 24


@dataclass(frozen=True)
class Stall:
    """One moment without an answer.

    Attributes
    ----------
    at_s : float
        Since the detector was started.
    lasted_ms : float
    busy_ms : float
        Processor time that the window's thread used of it.
    stack : tuple of str
        Innermost line last; the sample on which most samples agree. Empty if the stall was
        over before a sample could be taken.
    """

    at_s: float
    lasted_ms: float
    busy_ms: float
    stack: tuple[str, ...]

    @property
    def own(self) -> bool:
        """Whether the program worked through most of it, rather than waited."""
        return self.busy_ms > 0.5 * self.lasted_ms


class StallDetector:
    """Records stalls of the thread that starts it, until `stop`; also a context manager.

    Parameters
    ----------
    threshold_ms : float
        Longer than this is a stall.
    """

    def __init__(
        self, *, threshold_ms: float = THRESHOLD_MS, parent: QObject | None = None
    ) -> None:
        self.threshold_ms = threshold_ms
        self.found: list[Stall] = []
        self.beats = 0
        self.longest_ms = 0.0
        self._timer = QTimer(parent)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watched = 0
        self._samples: list[tuple[str, ...]] = []
        self._began = self._last = time.perf_counter()
        self._cpu = time.thread_time()

    def start(self) -> None:
        """Begin, in the window's thread."""
        self._watched = threading.get_ident()
        self._began = self._last = time.perf_counter()
        self._cpu = time.thread_time()
        self._stop.clear()
        self._thread = threading.Thread(target=self._watch, name="stall-detector", daemon=True)
        self._thread.start()
        self._timer.start()

    def stop(self) -> None:
        """End, and count what is still going on."""
        if self._thread is None:
            return
        self._beat()
        self._timer.stop()
        self._stop.set()
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # ---- in the window's thread ------------------------------------------------------------

    def _beat(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        late_ms = 1000 * (now - self._last) - BEAT_MS
        self.beats += 1
        self.longest_ms = max(self.longest_ms, late_ms)
        if late_ms > self.threshold_ms:
            samples, self._samples = self._samples, []
            stack = max(samples, key=samples.count) if samples else ()
            self.found.append(
                Stall(
                    round(self._last - self._began, 3),
                    round(late_ms, 1),
                    round(1000 * (cpu - self._cpu), 1),
                    stack,
                )
            )
        else:
            self._samples = []
        self._last, self._cpu = now, cpu

    # ---- in the thread that looks ----------------------------------------------------------

    def _watch(self) -> None:
        pause_s = self.threshold_ms / 4000
        while not self._stop.wait(pause_s):
            late_ms = 1000 * (time.perf_counter() - self._last) - BEAT_MS
            if late_ms <= self.threshold_ms / 2 or len(self._samples) >= _KEPT_STACKS:
                continue
            frame = sys._current_frames().get(self._watched)
            if frame is not None:
                self._samples.append(_told(frame))

    # ---- report ----------------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "threshold_ms": self.threshold_ms,
            "seconds": round(self._last - self._began, 2),
            "beats": self.beats,
            "longest_ms": round(self.longest_ms, 1),
            "stalls": [{**asdict(stall), "own": stall.own} for stall in self.found],
        }

    def text(self) -> str:
        """Return the stalls with the innermost lines of their stacks."""
        lines = [
            f"{len(self.found)} stalls over {self.threshold_ms:.0f} ms, "
            f"longest gap {self.longest_ms:.0f} ms, {self.beats} beats"
        ]
        for stall in self.found:
            kind = "own" if stall.own else "waiting"
            lines.append(
                f"  at {stall.at_s:.2f} s: {stall.lasted_ms:.0f} ms"
                f" ({stall.busy_ms:.0f} ms busy, {kind})"
            )
            lines += [f"      {line}" for line in stall.stack[-6:]]
        return "\n".join(lines)


def _told(frame: FrameType) -> tuple[str, ...]:
    stack = traceback.extract_stack(frame, limit=None)
    return tuple(f"{item.filename}:{item.lineno} {item.name}" for item in stack[-_LINES:])

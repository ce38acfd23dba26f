"""Time inside Resolve: the machine's, faster on request, or skipped by a stepped script."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch that run ``speed`` times as fast as the machine's."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._origin = time.time()
        self._began = time.monotonic()
        self._skipped = 0.0

    def now(self) -> float:
        return self._origin + (time.monotonic() - self._began) * self.speed + self._skipped

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds) / self.speed)

    def skip(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        self._skipped += max(0.0, seconds)

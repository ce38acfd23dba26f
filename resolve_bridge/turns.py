"""Whose turn it is: one thread speaks to Resolve at a time, and a patient one makes room."""

from __future__ import annotations

import threading

__all__ = ["Turns"]


class Turns:
    """A lock that its owner may enter again, and that tells whether somebody waits for it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._guard = threading.Lock()
        self._waiting = 0

    @property
    def wanted(self) -> bool:
        """Whether another thread waits."""
        return self._waiting > 0

    def __enter__(self) -> None:
        if self._lock.acquire(blocking=False):
            return
        with self._guard:
            self._waiting += 1
        try:
            self._lock.acquire()
        finally:
            with self._guard:
                self._waiting -= 1

    def __exit__(self, *_: object) -> None:
        self._lock.release()

"""Whether Resolve runs on this computer, by the list of processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

import psutil

__all__ = ["RESOLVE_NAMES", "Presence", "is_running"]

RESOLVE_NAMES: Final = frozenset({"resolve", "resolve.exe", "davinci resolve"})
"""What its process is called on the three systems, lower case."""


def is_running(names: Iterable[str] = RESOLVE_NAMES) -> bool:
    """Whether a process of one of these names runs; names are compared without case."""
    wanted = set(names)
    for process in psutil.process_iter():
        try:
            name = process.name().lower()
            if name in wanted and process.status() != psutil.STATUS_ZOMBIE:
                return True
        except psutil.Error:
            continue  # gone, or not ours to ask
    return False


class Presence(threading.Thread):
    """Looks every few seconds, and tells when the answer changes.

    Parameters
    ----------
    changed : callable
        Called in this thread.
    names : iterable of str
        Lower case.
    """

    def __init__(
        self,
        changed: Callable[[], object],
        *,
        names: Iterable[str] = RESOLVE_NAMES,
        every_s: float = 5.0,
    ) -> None:
        super().__init__(name="presence", daemon=True)
        self._changed = changed
        self._names = frozenset(name.lower() for name in names)
        self._every_s = every_s
        self._stopped = threading.Event()
        self._looking = threading.Lock()  # else an older look could be believed over a newer one
        self.present = False

    def look(self) -> bool:
        """Look now."""
        with self._looking:
            self.present = found = is_running(self._names)
        return found

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopped.wait(self._every_s):
            before = self.present
            if self.look() != before:
                self._changed()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

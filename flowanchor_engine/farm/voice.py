"""What a shot's command says on stdout: lines for a log, or for a manager that reads OpenJD's."""

from __future__ import annotations

import sys
from typing import Any, Final

__all__ = ["Voice"]

# phase -> its name for people, and its part of the whole; editing takes most of every shot.
_PHASES: Final = {
    "load": ("Loading the model", 5),
    "read": ("Reading the shot", 2),
    "text": ("Reading the words", 3),
    "encode": ("Encoding", 5),
    "edit": ("Editing", 72),
    "decode": ("Decoding", 5),
    "composite": ("Compositing", 5),
    "write": ("Writing", 3),
}
_WHOLE: Final = sum(part for _, part in _PHASES.values())


class Voice:
    """Tells how far a shot is; progress never goes back.

    Parameters
    ----------
    openjd : bool
        Say progress, status and the reason of a failure as OpenJD's sessions read them:
        ``openjd_progress: 37.5``, ``openjd_status: ...``, ``openjd_fail: ...``.
    """

    def __init__(self, *, openjd: bool) -> None:
        self._openjd = openjd
        self._percent = -1.0
        self._status = ""
        self._told: set[str] = set()

    def say(self, sentence: str) -> None:
        """Say something for the log alone."""
        # A line of ours must not be taken for a message to the manager, nor be two lines.
        line = " ".join(sentence.split())
        self._line(f"· {line}" if line.startswith("openjd_") else line)

    def status(self, sentence: str) -> None:
        """Say what is going on; the same sentence is not said twice in a row."""
        line = " ".join(sentence.split())
        if line == self._status:
            return
        self._status = line
        self._line(f"openjd_status: {line}" if self._openjd else line)

    def fail(self, sentence: str) -> None:
        """Say why the shot fails."""
        line = " ".join(sentence.split())
        self._line(f"openjd_fail: {line}" if self._openjd else f"Failed: {line}")

    def done(self) -> None:
        """Say that nothing is left to do."""
        self._progress(100.0)

    def phase(self, event: dict[str, Any]) -> None:
        """Say how far a shot is, from a phase event of the engine."""
        name, done, total = event["phase"], event["done"], event["total"]
        word, part = _PHASES.get(name, (name, 0))
        before = 0
        for each, (_, size) in _PHASES.items():
            if each == name:
                break
            before += size
        share = min(1.0, done / total) if total else 1.0
        # Bytes and pictures are too many to be told one by one, steps are not; and phases that
        # hand pictures to each other take turns.
        if name == "edit":
            self.status(f"{word} {done} of {total}")
        elif name not in self._told:
            self.status(word)
        self._told.add(name)
        if name in _PHASES:
            self._progress(min(99.5, 100 * (before + part * share) / _WHOLE))

    def _progress(self, percent: float) -> None:
        percent = round(percent, 1)
        if percent < min(100.0, self._percent + 0.5):
            return
        self._percent = percent
        self._line(f"openjd_progress: {percent}" if self._openjd else f"{percent:5.1f} %")

    @staticmethod
    def _line(line: str) -> None:
        # A session's pipe may have any encoding; a log line must never end an edit.
        kind = sys.stdout.encoding or "utf-8"
        sys.stdout.write(line.encode(kind, "replace").decode(kind) + "\n")
        sys.stdout.flush()

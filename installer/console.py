"""Shows steps, their progress and their failure on a terminal or in a log."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Console", "StepFailed"]

_QUIET_S = 15  # without a terminal: one line of life per this many seconds


class StepFailed(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """A step of the installation failed.

    Parameters
    ----------
    step, reason, way_out : str
        What was being done, why it failed, what the person can do.
    """

    def __init__(self, step: str, reason: str, way_out: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason
        self.way_out = way_out


class Console:
    """One line per step; the full output of every command goes to `log`."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._live = sys.stdout.isatty()

    def say(self, text: str) -> None:
        """Show a line."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def fail(self, failure: StepFailed) -> None:
        """Show which step failed, why, and what helps."""
        sys.stderr.write(f"\n✗ {failure.step}: {failure.reason}\n  {failure.way_out}\n")
        if self._log.exists():
            sys.stderr.write(f"  Full log: {self._log}\n")

    def run(
        self,
        step: str,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        way_out: str,
    ) -> None:
        """Run a command as one step, showing its last line while it works.

        Raises
        ------
        StepFailed
            The command could not be started or ended with a status other than 0.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        begun = time.monotonic()
        tail: deque[str] = deque(maxlen=12)
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"\n== {step}\n$ {' '.join(command)}\n")
            try:
                child = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    encoding="utf-8",
                    errors="replace",
                )
            except OSError as error:
                raise StepFailed(step, str(error), way_out) from error
            with child:
                assert child.stdout is not None
                spoken = begun
                for line in child.stdout:
                    log.write(line)
                    tail.append(line.rstrip())
                    now = time.monotonic()
                    if self._live:
                        self._show_live(step, now - begun, tail[-1])
                    elif now - spoken >= _QUIET_S:
                        spoken = now
                        self.say(f"  … {step} ({now - begun:.0f} s): {tail[-1][:80]}")
                status = child.wait()
        seconds = time.monotonic() - begun
        if self._live:
            sys.stdout.write("\r\033[K")
        if status != 0:
            reason = next((line for line in reversed(tail) if "ERROR" in line), "")
            raise StepFailed(step, reason or f"ended with status {status}", way_out)
        self.say(f"✓ {step} ({seconds:.0f} s)")

    def _show_live(self, step: str, seconds: float, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stdout.write("\r\033[K" + f"… {step} ({seconds:.0f} s) {line}"[:width])
        sys.stdout.flush()

"""A real engine or media end that stays where a test tells it to, until the test lets it go.

What comes after "while it works" needs no luck then: the job is still there.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Gate"]

# Loaded by every Python process that has its folder on PYTHONPATH.
_SITE = """
import pathlib, time
from flowanchor_engine.worker.job import Job

FILE = pathlib.Path(__file__).with_name("hold")
tell = Job.phase

def held(phase, done):
    try:
        name, first = FILE.read_text().split()
    except FileNotFoundError:
        return False
    return phase.value == name and done >= int(first)

def phase(self, phase, done, total):
    tell(self, phase, done, total)
    while held(phase, done) and not self._stop.is_set():
        time.sleep(0.01)

Job.phase = phase
"""


@dataclass(frozen=True)
class Gate:
    """A folder on the path of a process whose jobs it holds.

    Parameters
    ----------
    folder : Path
        Made by it.
    """

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        (self.folder / "sitecustomize.py").write_text(_SITE)

    @property
    def path(self) -> str:
        """PYTHONPATH of a process that is held."""
        return os.pathsep.join((str(self.folder), str(Path(__file__).resolve().parents[2])))

    def hold(self, phase: str, done: int) -> None:
        """Let jobs stay from this unit of a phase on, once it was told; a stop frees them."""
        part = self.folder / "hold.tmp"
        part.write_text(f"{phase} {done}")
        part.replace(self.folder / "hold")

    def let_go(self) -> None:
        """Let jobs go on."""
        (self.folder / "hold").unlink()

"""A real engine that stays where it is told: what is meant to happen there happens there.

However late the panel is: an edit of the embedded model is over in a second or two.
"""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["Hold"]

# Loaded by every Python that has its folder on PYTHONPATH; the media ends are no engine.
_SITE = """
import json, os, sys, time

if "flowanchor_engine.worker" in sys.orig_argv and "--media" not in sys.orig_argv:
    sys.path.insert(0, os.getcwd())  # where an engine is started its package lies, too
    from flowanchor_engine.worker.job import Job
    del sys.path[0]

    FILE = os.path.join(os.path.dirname(__file__), "hold.json")
    tell = Job.phase

    def held(phase, done):
        try:
            with open(FILE) as file:
                asked = json.load(file)
        except FileNotFoundError:
            return False
        return phase.value in asked["phases"] and done >= asked["done"]

    def phase(self, phase, done, total):
        tell(self, phase, done, total)
        while self.command.type == "run" and held(phase, done):
            self.check()
            time.sleep(0.02)

    Job.phase = phase
"""


class Hold:
    """Open at first.

    Parameters
    ----------
    folder : Path
        Made; goes into `variables` of whoever starts the engine.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "sitecustomize.py").write_text(_SITE)
        self.folder = folder

    def at(self, *phases: str, done: int = 0) -> None:
        """Let runs stay in the first of these phases, once so much of it is done."""
        part = self.folder / "hold.tmp"
        part.write_text(json.dumps({"phases": phases, "done": done}))
        part.replace(self.folder / "hold.json")

    def open(self) -> None:
        """Let runs go on."""
        (self.folder / "hold.json").unlink(missing_ok=True)

    @property
    def variables(self) -> dict[str, str]:
        """What an engine needs in its environment to stay."""
        return {"PYTHONPATH": str(self.folder)}

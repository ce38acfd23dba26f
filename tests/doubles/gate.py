"""A real engine or media end that stays where a test tells it to, until the test lets it go.

So what is meant to happen "while it works" happens while it works, however late the test is: an
edit of the embedded model is over in a second or two.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Final

__all__ = ["Gate"]

_SOURCES: Final = Path(__file__).resolve().parents[2]

# Loaded by every Python that has its folder on PYTHONPATH.
_SITE = """
import json, os, sys, time

if any(each.startswith("flowanchor_engine") for each in sys.orig_argv):
    sys.path.insert(0, os.getcwd())  # where an engine is started its package lies, too
    from flowanchor_engine.worker.job import Job
    del sys.path[0]

    FILE = os.path.join(os.path.dirname(__file__), "hold.json")
    tell = Job.phase

    def held(command, phase, done):
        try:
            with open(FILE) as file:
                asked = json.load(file)
        except FileNotFoundError:
            return False
        here = phase in asked["phases"] and done >= asked["done"]
        return here and command in (asked["commands"] or [command])

    def phase(self, phase, done, total):
        tell(self, phase, done, total)
        while held(self.command.type, phase.value, done):
            self.check()
            time.sleep(0.01)

    Job.phase = phase
"""


class Gate:
    """Open at first.

    Parameters
    ----------
    folder : Path
        Made; it goes into the environment of whoever starts the engine.
    *commands : str
        The types of the commands whose jobs stay; all of them by default.
    """

    def __init__(self, folder: Path, *commands: str) -> None:
        folder.mkdir(parents=True)
        (folder / "sitecustomize.py").write_text(_SITE)
        self.folder = folder
        self._commands = commands

    def hold(self, *phases: str, done: int = 0) -> None:
        """Let jobs stay in the first of these phases, once so much was told; a stop frees them."""
        part = self.folder / "hold.tmp"
        asked = {"phases": phases, "done": done, "commands": self._commands}
        part.write_text(json.dumps(asked))
        part.replace(self.folder / "hold.json")

    def let_go(self) -> None:
        """Let jobs go on."""
        (self.folder / "hold.json").unlink(missing_ok=True)

    @property
    def variables(self) -> dict[str, str]:
        """What an engine needs in its environment to stay."""
        return {"PYTHONPATH": str(self.folder)}

    @property
    def variables_elsewhere(self) -> dict[str, str]:
        """The same for one that is started in another folder than the checkout's."""
        return {"PYTHONPATH": os.pathsep.join((str(self.folder), str(_SOURCES)))}

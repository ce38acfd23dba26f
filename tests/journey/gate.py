"""A gate in the middle of an edit: the real engine stays there while it is shut.

So a test that strikes during an edit strikes during an edit, however late it comes to it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["STEP", "Gate"]

STEP = 2
"""The steps of an edit that are done when the engine stays."""

# Loaded by a Python that has its folder on PYTHONPATH; the engine's own child is no engine.
_SITE = f"""
import os, sys, time

if sys.orig_argv[-2:] == ["-m", "flowanchor_engine.worker"]:
    sys.path.insert(0, os.getcwd())  # where an engine is started its package lies, too
    from flowanchor_engine.worker.job import Job
    del sys.path[0]

    SHUT = os.path.join(os.path.dirname(__file__), "shut")
    tell = Job.phase

    def phase(self, phase, done, total):
        tell(self, phase, done, total)
        while (phase.value == "edit" and done >= {STEP} and self.command.type == "run"
               and os.path.exists(SHUT)):
            self.check()
            time.sleep(0.02)

    Job.phase = phase
"""


class Gate:
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

    def shut(self) -> None:
        """Let every edit that comes stay after its first steps."""
        (self.folder / "shut").touch()

    def open(self) -> None:
        """Let edits go on."""
        (self.folder / "shut").unlink(missing_ok=True)

    @property
    def variables(self) -> dict[str, str]:
        """What an engine needs in its environment to stay here."""
        return {"PYTHONPATH": str(self.folder)}

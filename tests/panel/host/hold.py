"""A host child that stays in one command until it is let go or cancelled, however late that is."""

from __future__ import annotations

from pathlib import Path

__all__ = ["Hold"]

# Loaded by every Python that has its folder on PYTHONPATH.
_SITE = """
import os, sys, time

if "plugin.services.host_child" in sys.orig_argv:
    sys.path.insert(0, os.getcwd())  # where a child is started its package lies, too
    from plugin.services.host_work import Job
    del sys.path[0]

    FILE = os.path.join(os.path.dirname(__file__), "hold")
    check, report = Job.check, Job.report
    told = set()

    def held(self):
        try:
            with open(FILE) as file:
                kind, _, first = file.read().partition(" ")
        except FileNotFoundError:
            return False
        return self.command.type == kind and (not first or self.command.id in told)

    def held_check(self):
        while held(self) and not self._cancelled.is_set():
            time.sleep(0.02)
        check(self)

    def held_report(self, phase, done, total):
        report(self, phase, done, total)
        told.add(self.command.id)

    Job.check, Job.report = held_check, held_report
"""


class Hold:
    """A folder for the child's PYTHONPATH.

    Parameters
    ----------
    folder : Path
        Made.
    command : str
        The type of the command that stays.
    reported : bool
        Stay only after its first progress.
    """

    def __init__(self, folder: Path, command: str, *, reported: bool = False) -> None:
        folder.mkdir(parents=True)
        (folder / "sitecustomize.py").write_text(_SITE)
        self.folder = folder
        self._asked = f"{command} reported" if reported else command
        self.shut()

    def shut(self) -> None:
        """Let commands of this type stay; as it is at first."""
        part = self.folder / "hold.tmp"
        part.write_text(self._asked)
        part.replace(self.folder / "hold")

    def open(self) -> None:
        """Let the command go on."""
        (self.folder / "hold").unlink(missing_ok=True)

    @property
    def variables(self) -> dict[str, str]:
        """What a child needs in its environment to stay."""
        return {"PYTHONPATH": str(self.folder)}

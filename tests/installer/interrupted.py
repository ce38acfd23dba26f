"""Runs the installer of the current folder and strikes at the nth change it makes on disk.

    python interrupted.py MODE NUMBER COUNTER installer-arguments...

Every change goes through these few calls of Python, whatever module makes it; so do the children
that fill the environment. ``kill`` ends the process there as a power cut would; ``full`` lets
every write from there on fail as on a full disk; ``count`` only counts.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHANGES = ("replace", "rename", "unlink", "remove", "rmdir", "mkdir", "symlink", "fsync")
WRITES = frozenset({"replace", "rename", "mkdir", "symlink", "fsync"})


def main() -> int:
    mode, number, counter = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    sys.argv = ["installer", *sys.argv[4:]]
    sys.path.insert(0, os.getcwd())
    seen = [0]
    made_room: list[str] = []
    home = os.environ["HOME"]

    def point(name: str, *, writes: bool) -> None:
        seen[0] += 1
        if mode == "kill" and seen[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        if mode == "full" and seen[0] >= number and writes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
        if mode == "tight" and writes and not made_room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            # What happens in the system's temporary folder is no change to the installation.
            if name == "fsync" or home in os.path.abspath(os.fspath(arguments[0])):
                point(name, writes=name in WRITES)
            if name == "unlink" and str(arguments[0]).endswith("install.log"):
                made_room.append(str(arguments[0]))
            return call(*arguments, **named)

        return done

    for name in CHANGES:
        setattr(os, name, watched(name, getattr(os, name)))

    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *arguments: Any, **named: Any) -> None:
            point("child begins", writes=False)
            super().__init__(*arguments, **named)

        def wait(self, timeout: float | None = None) -> int:
            status = super().wait(timeout)
            point("child ended", writes=False)
            return status

    subprocess.Popen = Popen  # type: ignore[misc]
    from installer.__main__ import main as installer

    try:
        return installer()
    finally:
        sys.modules["pathlib"].Path(counter).open("w").write(str(seen[0]))


if __name__ == "__main__":
    sys.exit(main())

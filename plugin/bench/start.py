"""How soon the window is painted after its process was started, and what that loads."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any, Final

__all__ = ["HEAVY", "MOST_S", "run", "table"]

MOST_S: Final = 1.0
HEAVY: Final = ("torch", "diffusers", "transformers", "av", "cv2", "resolve_bridge.matte")

# Runs in the child: everything as `python -m plugin` does it, up to the first paint.
_CHILD: Final = """
import json, os, sys, time
from pathlib import Path
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
import plugin.app as app
from plugin.control.folders import Folders

class Paint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            QApplication.instance().processEvents()
            spent = os.times()
            heavy = [name for name in {heavy!r} if name in sys.modules]
            print(json.dumps(dict(at=time.time(), cpu=spent.user + spent.system, heavy=heavy)))
            sys.stdout.flush()
            os._exit(0)
        return False

qt = QApplication([])
folders = Folders.under(Path(sys.argv[1]))
folders.make()
panel = app.Application(folders, language="en")
paint = Paint()
panel.panel.installEventFilter(paint)
panel.show()
QApplication.exec()
"""


def run(times: int = 7) -> dict[str, Any]:
    """Start the panel so many times and return seconds to the first paint.

    Returns
    -------
    dict
        `seconds` by the clock and `cpu_s` of each start (the first, which may compile, is left
        out), and the heavy modules that were loaded by then.
    """
    seconds, cpu, heavy = [], [], set()
    code = _CHILD.replace("{heavy!r}", repr(HEAVY))
    with tempfile.TemporaryDirectory(prefix="flowanchor-start-") as folder:
        for _ in range(times + 1):
            begun = time.time()
            done = subprocess.run(
                [sys.executable, "-c", code, folder],
                env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            told = json.loads(done.stdout.splitlines()[-1])
            seconds.append(told["at"] - begun)
            cpu.append(told["cpu"])
            heavy |= set(told["heavy"])
    return {
        "seconds": [round(each, 3) for each in seconds[1:]],
        "cpu_s": [round(each, 3) for each in cpu[1:]],
        "heavy": sorted(heavy),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def table(data: dict[str, Any]) -> str:
    """Return the numbers as text."""
    middle, cpu = statistics.median(data["seconds"]), statistics.median(data["cpu_s"])
    return "\n".join(
        (
            f"first paint   {middle:.2f} s by the clock (least {min(data['seconds']):.2f}), "
            f"target {MOST_S:g} s",
            f"processor     {cpu:.2f} s",
            f"heavy modules {', '.join(data['heavy']) or 'none'}",
            f"load          {data['load']}",
        )
    )

"""The detectors themselves: each kind of thing left behind fails its test, and is named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

LEAVING = {
    "timer": "t = QTimer(); KEEP.append(t); t.start(10_000)",
    "single_shot": "t = QTimer(); t.setSingleShot(True); KEEP.append(t); t.start(10_000)",
    "thread": "t = Endless(); KEEP.append(t); t.start()",
    "animation": "w = QWidget(); a = QPropertyAnimation(w, b'pos'); KEEP.extend((w, a));"
    " a.setDuration(10_000); a.start()",
    "child": "KEEP.append(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']))",
    "qprocess": "p = QProcess(); KEEP.append(p);"
    " p.start(sys.executable, ['-c', 'import time; time.sleep(60)']); p.waitForStarted()",
    "file": "tempfile.mkstemp()",
    "folder": "KEEP.append(tempfile.mkdtemp())",
    "pool": "QThreadPool.globalInstance().start(lambda: DONE.wait(600))",
}
TIDY = {
    "timer": "t = QTimer(); t.start(10_000); t.stop()",
    "parented": "w = QWidget(); t = QTimer(w); t.start(10_000); w.deleteLater()",
    "thread": "t = QThread(); t.start(); t.quit(); t.wait()",
    "ending": "t = QThread(); KEEP.append(t); t.start(); t.quit()",
    "child": "subprocess.run([sys.executable, '-c', ''], check=True)",
    "file": "tempfile.TemporaryFile().close()",
    "folder": "tempfile.TemporaryDirectory().cleanup()",
}

HEAD = """
import subprocess, sys, tempfile, threading
from PySide6.QtCore import QThread, QThreadPool, QTimer, QPropertyAnimation, QProcess
from PySide6.QtWidgets import QWidget

KEEP = []
DONE = threading.Event()

class Endless(QThread):
    def run(self):
        while not self.isInterruptionRequested():
            self.msleep(20)

"""


def run(folder: Path, bodies: dict[str, str], **environment: str) -> str:
    shutil.copy(ROOT / "tests" / "panel" / "conftest.py", folder / "conftest.py")
    code = HEAD
    for name, body in bodies.items():
        code += f"def test_{name}(qapp):\n    {body}\n\n"
    if "thread" in bodies and "Endless" in bodies["thread"]:  # let the interpreter itself end
        code += "def test_last(qapp):\n    DONE.set()\n"
        code += (
            "    [t.requestInterruption() or t.wait() for t in KEEP if isinstance(t, Endless)]\n"
        )
    (folder / "test_it.py").write_text(code)
    (folder / "pytest.ini").write_text("[pytest]\nqt_api = pyside6\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-rA",
            "-p",
            "no:cacheprovider",
            f"--basetemp={folder / 'base'}",
            "test_it.py",
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
def test_whatever_is_left_behind_fails_its_test_and_is_named(tmp_path: Path) -> None:
    told = run(tmp_path, LEAVING, FLOWANCHOR_GRACE_MS="500")
    for name in LEAVING:
        assert re.search(rf"^ERROR test_it\.py::test_{name}\b", told, re.MULTILINE), told
    for words in (
        "an active", "a running", "a job in the thread pool", "a child process",
        "a temporary file",
    ):  # fmt: skip
        assert words in told
    assert "t.start(10_000)" in told, "the line that began it is quoted"
    assert "tempfile.mkstemp()" in told


@pytest.mark.slow
def test_what_ends_in_time_is_left_in_peace(tmp_path: Path) -> None:
    told = run(tmp_path, TIDY)
    assert f"{len(TIDY)} passed" in told, told
    assert "ERROR" not in told

"""An editor's session on a UHD clip: open, scrub, run, cancel; and every stall of the window.

Real children: the media end makes the proxies, the engine edits with the embedded model.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from plugin.app import Application
from plugin.bench.stalls import THRESHOLD_MS, StallDetector
from plugin.control.folders import Folders
from plugin.control.suite import Launches
from plugin.ui.actions import Target

if TYPE_CHECKING:
    from plugin.state.session import PanelModel

__all__ = ["run", "table"]

_SCRUB_S: Final = 4.0
_BOX: Final = ((0.3, 0.3), (0.6, 0.7))


def run(clip: Path) -> dict[str, Any]:
    """Drive a panel through a session and return its stalls.

    Parameters
    ----------
    clip : Path
        A UHD clip of some twenty frames or more; `flowanchor bench clip` makes one.
    """
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    with tempfile.TemporaryDirectory(prefix="flowanchor-session-") as name:
        home = Path(name)
        os.environ["XDG_STATE_HOME"] = str(home / "state")
        os.environ["FLOWANCHOR_CACHE"] = str(home / "engine-cache")
        folders = Folders.under(home)
        folders.make()
        panel = Application(folders, Launches.usual(folders), language="en")
        try:
            return _session(panel, clip)
        finally:
            panel.close()


def _session(panel: Application, clip: Path) -> dict[str, Any]:
    model, suite = panel.suite.model, panel.suite
    parts: dict[str, dict[str, Any]] = {}

    def part(name: str, work: Callable[[], object]) -> None:
        with StallDetector() as detector:
            begun = time.perf_counter()
            work()
            seconds = time.perf_counter() - begun
        parts[name] = {"seconds": round(seconds, 2), **detector.data()}

    def show() -> None:
        panel.show()
        _until(lambda: model.engine.value.phase == "ready")

    panel.panel.resize(640, 1000)
    part("start", show)
    panel.panel.show_work()

    def open_clip() -> None:
        suite.actions.run("open_file", Target(path=str(clip)))
        _until(lambda: suite.book.shot.value is not None)
        shot = model.shot.shot.value
        assert shot is not None
        _until(lambda: suite.book.ready.value == shot.frames, seconds=300)

    part("open", open_clip)
    drawn: list[float] = []
    part("scrub", lambda: drawn.extend(_scrub(panel)))
    part("matte", lambda: _draw(model, lambda: suite.book.matte.value is not None))

    def write() -> None:
        for wanted in ("a red", "a red ball on a", "a red ball on a black background"):
            model.prompts.now.set("a cyan ball on a black background")
            model.prompts.wanted.set(wanted)
            _wait(0.3)
        _until(lambda: model.can_run.value)

    part("write", write)

    def run_and_stop() -> None:
        model.strengths.quality.set("draft")
        panel.panel.act.edit.click()
        _until(lambda: model.queue.running is not None and model.queue.running.phase == "edit")
        _scrub(panel)
        job = model.queue.running
        if job is not None:
            suite.actions.run("stop_job", Target(job=job.id))
        _until(lambda: model.queue.running is None, seconds=300)

    part("run and stop", run_and_stop)
    fps = 1 / statistics.median(drawn) if drawn else 0.0
    return {"parts": parts, "scrub_fps": round(fps, 1), "load": os.getloadavg()[0]}


def _scrub(panel: Application) -> list[float]:
    """Drag through the shot for some seconds; return the seconds between painted frames."""
    model = panel.suite.model
    frames = model.viewer.frames.value
    taken, begun, number = [], time.perf_counter(), 0
    while time.perf_counter() - begun < _SCRUB_S:
        number += 1
        at = time.perf_counter()
        model.viewer.frame.set((number * 7) % max(frames, 1))
        panel.panel.viewer.repaint()
        QApplication.processEvents()
        taken.append(time.perf_counter() - at)
    return taken


def _draw(model: PanelModel, done: Callable[[], bool]) -> None:
    from flowanchor_engine.request import MatteShape

    model.matte.draw(MatteShape(kind="box", points=_BOX))
    _until(done, seconds=300)


def _until(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    begun = time.perf_counter()
    while not condition():
        if time.perf_counter() - begun > seconds:
            msg = "the session did not get there in time"
            raise TimeoutError(msg)
        _wait(0.02)


def _wait(seconds: float) -> None:
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def table(data: dict[str, Any]) -> str:
    """Return the numbers as text."""
    lines = [f"{'part':14}{'seconds':>9}{'longest':>10}{'stalls':>8}{'own':>6}"]
    for name, part in data["parts"].items():
        own = sum(stall["own"] for stall in part["stalls"])
        lines.append(
            f"{name:14}{part['seconds']:>9.1f}{part['longest_ms']:>7.0f} ms"
            f"{len(part['stalls']):>8}{own:>6}"
        )
    lines.append(f"scrubbing: {data['scrub_fps']} frames/s; load {data['load']:.1f}")
    lines.append(f"a stall is longer than {THRESHOLD_MS:g} ms; own: the window's own work")
    return "\n".join(lines)

"""The live preview follows the scrub bar, through real widgets and a real child."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from plugin.state.viewer import PreviewPicture
from tests.panel.app.conftest import Running

STEPS = 3000  # ten minutes: it is stopped before


def script(folder: Path) -> str:
    """Write an edit that lasts until it is stopped, with a preview every fifth of a second."""
    edit = [
        act
        for step in range(1, STEPS + 1)
        for act in (
            {"event": {"type": "phase", "phase": "edit", "done": step, "total": STEPS}},
            {"preview": {"step": step}},
            {"wait_s": 0.2},
        )
    ]
    path = folder / "script.json"
    path.write_text(json.dumps({"run": edit}))
    return str(path)


def scrub(here: Running, frame: int) -> None:
    """Click on a frame of the scrub bar."""
    bar = here.panel.viewer.transport.scrub
    at = QPoint(round(bar.x_of(frame + 0.5)), bar.height() - 3)
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=at)
    assert here.model.viewer.frame.value == frame


def test_the_preview_follows_the_scrub_bar(
    launch: Callable[..., Running], qtbot: Any, tmp_path: Path, first: Path
) -> None:
    here = launch(mock=script(tmp_path))
    here.open(first / "first.mp4")
    here.model.matte.use_whole()
    here.write("a cyan ball", "a pink ball")
    here.until(lambda: here.model.can_run.value)
    frames = here.model.viewer.frames.value
    last = frames - 1
    shown: list[PreviewPicture | None] = []
    here.model.viewer.preview.changed.connect(shown.append)

    def now() -> PreviewPicture | None:
        return here.model.viewer.preview.value

    scrub(here, last)
    here.panel.act.edit.click()
    here.until(lambda: now() is not None)
    first = shown[0]
    assert first is not None
    assert (first.frame, first.last) == (last, last)  # it began where the scrubber stood
    # A panel that is late may find one gone and waits for the next.
    here.until(lambda: here.panel.core.rough is not None)
    for frame in (0, 3, last - 1):
        scrub(here, frame)
        here.until(lambda frame=frame: now() and now().frame == frame)  # type: ignore[misc]
        told = now()
        assert told is not None
        assert told.shows(frame)
    job = here.model.queue.running
    assert job is not None
    here.model.queue.cancel(job.id)
    here.until(lambda: here.model.queue.get(job.id).state == "stopped")  # type: ignore[union-attr]
    assert now() is None

    # A test works on the marked frames alone; its pictures lie on the shot's own frames.
    here.model.viewer.range.set((2, 7))
    scrub(here, 4)
    here.panel.act.test.click()
    here.until(lambda: now() is not None)
    told = now()
    assert told is not None
    assert told.frame == 4
    assert (told.first, told.last) == (3, 6)  # latent frame 1 of frames 2 to 6
    scrub(here, last)
    here.until(lambda: now() and now().frame == 6)  # type: ignore[union-attr]
    here.model.queue.cancel_all()
    here.until(lambda: here.model.queue.running is None)

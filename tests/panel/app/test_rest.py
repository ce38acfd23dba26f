"""A panel that nothing happens to does nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from tests.panel.app.conftest import FIRST, Running

DRAWING = {
    QEvent.Type.LayoutRequest,
    QEvent.Type.UpdateRequest,
    QEvent.Type.UpdateLater,
    QEvent.Type.Paint,
    QEvent.Type.Polish,
    QEvent.Type.Resize,
}


class Events(QObject):
    """Counts what every object of the program is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: Counter[QEvent.Type] = Counter()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        self.told[event.type()] += 1
        return False


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(370, 700), (420, 980), (640, 1200)])
def test_a_window_at_rest_draws_nothing(
    launch: Callable[..., Running], qtbot: Any, width: int, height: int
) -> None:
    """A layout that asked for itself for ever told its widgets so thousands of times.

    Estimates, words and pictures come when they come; once they are there the window rests.
    """
    here = launch(mock="-")
    here.panel.resize(width, height)
    here.open(FIRST / "first.mp4")
    here.model.matte.use_whole()
    here.write("a cyan ball", "a pink ball")
    application = QApplication.instance()
    assert application is not None

    def told() -> Counter[QEvent.Type]:
        """What is told in two seconds."""
        events = Events()
        application.installEventFilter(events)
        try:
            qtbot.wait(2000)
        finally:
            application.removeEventFilter(events)
        return events.told

    stop = time.monotonic() + 60
    while True:
        seen = told()
        if sum(seen[kind] for kind in DRAWING) < 40 and seen.total() < 400:
            break
        assert time.monotonic() < stop, seen

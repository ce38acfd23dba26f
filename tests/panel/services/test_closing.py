"""What still changes while the panel is being closed begins nothing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from plugin.services.launch import local_engine
from tests.panel.services.stage import Stage


def test_wishes_after_the_end_start_no_clock(qtbot: QtBot, tmp_path: Path) -> None:
    with Stage(qtbot, tmp_path, local_engine(mock="-")) as stage:
        stage.engine.close()
        stage.engine.warmer.settle(lambda: stage.request(1))
        stage.engine.warmer.resume()
        stage.engine.forecasts.want(lambda: stage.request(1))
        stage.engine.forecasts.measured()
        timers = stage.engine.findChildren(QTimer)
        assert timers
        assert not any(timer.isActive() for timer in timers)

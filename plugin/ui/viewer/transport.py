"""Under the picture: the scrub bar, the buttons of playback, counter and timecode."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QWidget

from plugin.locale import tr, trn
from plugin.theme import metrics
from plugin.ui.base import IconButton, bind, describe, follow
from plugin.ui.viewer.core import Core
from plugin.ui.viewer.scrub import ScrubBar
from plugin.ui.viewer.timecode import counter

__all__ = ["Transport"]


class Transport(QWidget):
    """Scrub bar above; below timecode, buttons and counter."""

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.core = core
        state, player = core.state, core.player
        self.scrub = ScrubBar(core)
        self.back = IconButton("play_back", tr("viewer.back"), tr("tip.viewer.back"))
        self.step_back = IconButton("step_back", tr("viewer.step_back"), tr("tip.viewer.step_back"))
        self.play = IconButton("play", tr("viewer.play"), tr("tip.viewer.play"))
        self.step = IconButton("step", tr("viewer.step"), tr("tip.viewer.step"))
        self.loop = IconButton("loop", tr("viewer.loop"), tr("tip.viewer.loop"), checkable=True)
        self.timecode = _numbers(Qt.AlignmentFlag.AlignLeft)
        self.counter = _numbers(Qt.AlignmentFlag.AlignRight)
        describe(self.timecode, tr("viewer.timecode"))
        buttons = QHBoxLayout()
        buttons.setSpacing(metrics().space(0.5))
        for button in (self.back, self.step_back, self.play, self.step, self.loop):
            buttons.addWidget(button)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(metrics().gap)
        grid.setVerticalSpacing(0)
        grid.addWidget(self.scrub, 0, 0, 1, 3)
        grid.addWidget(self.timecode, 1, 0)
        grid.addLayout(buttons, 1, 1)
        grid.addWidget(self.counter, 1, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(2, 1)
        self.back.clicked.connect(lambda: state.play(-1))
        self.step_back.clicked.connect(lambda: state.step(-1))
        self.play.clicked.connect(player.toggle)
        self.step.clicked.connect(lambda: state.step(1))
        bind(player.loop, self.loop)
        follow(self, state.playing, self._on_playing)
        for watched in (state.frame, state.frames, core.book.facts):
            follow(self, watched, self._on_frame)
        follow(self, player.dropped, self._on_dropped)

    def _on_playing(self, speed: int) -> None:
        self.play.set_picture("pause" if speed else "play")
        describe(
            self.play,
            tr("viewer.pause") if speed else tr("viewer.play"),
            tr("tip.viewer.pause") if speed else tr("tip.viewer.play"),
        )
        self._on_frame(0)

    def _on_frame(self, _value: object) -> None:
        core = self.core
        frames = core.frames
        speed = core.state.playing.value
        text = counter(core.state.frame.value, frames) if frames else ""
        if abs(speed) > 1 or speed < 0:
            text = f"{speed}×  {text}".replace("-", "−")
        self.counter.setText(text)
        self.timecode.setText(core.timecode)
        for button in (self.back, self.step_back, self.play, self.step, self.loop):
            button.setEnabled(frames > 1)

    def _on_dropped(self, frames: int) -> None:
        describe(self.counter, tr("viewer.counter"), trn("tip.viewer.dropped", frames))


def _numbers(side: Qt.AlignmentFlag) -> QLabel:
    """Return a label whose digits stand still while they change."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", "value")
    label.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    font = label.font()
    font.setFeature(QFont.Tag("tnum"), 1)
    label.setFont(font)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    return label

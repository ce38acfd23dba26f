"""Proxies on disk and a real viewer over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from flowanchor_engine.protocol.proxies import (
    FRAMES_FILE,
    HEADER_FILE,
    AttentionHeader,
    ProxyHeader,
    WordMap,
)
from plugin.services.proxies import AttentionReader, ProxyReader
from plugin.state.viewer import ViewerState
from plugin.ui.viewer import Book, Canvas, Core, Picture, ShotFacts, Viewer, Words

Bytes = NDArray[np.uint8]
WIDTH, HEIGHT, FRAMES = 160, 90, 32


def write_proxy(folder: Path, frames: Bytes, *, pad: int = 0) -> Path:
    """Write frames, (n, h, w) or (n, h, w, 3), as the media end does; `pad` widens the rows."""
    folder.mkdir(parents=True, exist_ok=True)
    channels = 3 if frames.ndim == 4 else 1
    count, height, width = frames.shape[:3]
    used = width * channels
    stride = -(-used // 4) * 4 + 4 * pad
    rows = np.full((count, height, stride), 77, np.uint8)
    rows[:, :, :used] = frames.reshape(count, height, used)
    (folder / FRAMES_FILE).write_bytes(rows.tobytes())
    header = ProxyHeader(
        width=width, height=height, channels=channels, stride=stride, frames=count, ready=count
    )
    (folder / HEADER_FILE).write_text(header.model_dump_json(by_alias=True))
    return folder


def write_maps(folder: Path, maps: Bytes, words: tuple[WordMap, ...]) -> Path:
    """Write attention maps, (words, frames, h, w); map i covers four pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FRAMES_FILE).write_bytes(maps.tobytes())
    header = AttentionHeader(
        width=maps.shape[3],
        height=maps.shape[2],
        frames=maps.shape[1],
        picture_frames=tuple((4 * i, 4 * i + 4) for i in range(maps.shape[1])),
        words=words,
    )
    (folder / HEADER_FILE).write_text(header.model_dump_json(by_alias=True))
    return folder


def word(text: str, start: int) -> WordMap:
    return WordMap(
        text=text, start=start, stop=start + len(text), drives=True, share=0.5, matte_share=0.1
    )


@dataclass(frozen=True)
class Chip:
    text: str
    start: int
    stop: int


def noise(seed: int, *, width: int = WIDTH, height: int = HEIGHT, frames: int = FRAMES) -> Bytes:
    picked = np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3))
    return picked.astype(np.uint8)


@dataclass
class Desk:
    """A viewer over a shot, a take that differs inside the matte alone, and the matte."""

    folder: Path
    core: Core
    viewer: Viewer
    before: Bytes
    after: Bytes
    matte: Bytes

    @property
    def state(self) -> ViewerState:
        return self.core.state

    @property
    def canvas(self) -> Canvas:
        return self.viewer.canvas


def take_of(folder: Path, name: str, frames: Bytes, *, first: int = 0) -> Picture:
    return Picture(name, ProxyReader(write_proxy(folder / name, frames)), name, first)


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    before = noise(1)
    matte = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    matte[:, 30:60, 60:100] = 255
    matte[:, 28:30, 60:100] = 100  # a feather
    after = before.copy()
    after[:, 28:60, 60:100] = 255 - after[:, 28:60, 60:100]
    state, book = ViewerState(), Book()
    core = Core(state, book)
    state.show_shot(FRAMES)
    book.facts.set(ShotFacts(Fraction(24), "01:00:00:00", WIDTH, HEIGHT))
    book.shot.set(Picture("shot", ProxyReader(write_proxy(tmp_path / "shot", before, pad=3))))
    book.ready.set(FRAMES)
    book.matte.set(Picture("matte", ProxyReader(write_proxy(tmp_path / "matte", matte))))
    book.takes.set({"t1": take_of(tmp_path, "Take 1", after)})
    state.compare.set(("t1", None))
    maps = np.zeros((2, 8, 6, 10), np.uint8)
    maps[0, :, 2:4, 4:6] = 255
    maps[1, :, :, 8:] = 255
    words = (word("red", 2), word("leather", 6))
    book.words.set(Words("w", AttentionReader(write_maps(tmp_path / "maps", maps, words))))
    book.chips.set((Chip("red", 2, 5), Chip("leather", 6, 13), Chip("jacket", 14, 20)))
    viewer = Viewer(core)
    qtbot.addWidget(viewer)
    viewer.resize(320, 330)
    viewer.show()
    qtbot.waitExposed(viewer)
    viewer.activateWindow()
    yield Desk(tmp_path, core, viewer, before, after, matte)
    core.close()


def painted(widget: QWidget, ratio: float = 1.0) -> Bytes:
    """Return what a widget paints at a device pixel ratio, (height, width, 3)."""
    QApplication.processEvents()
    image = QImage(
        round(widget.width() * ratio), round(widget.height() * ratio), QImage.Format.Format_RGB32
    )
    image.setDevicePixelRatio(ratio)
    image.fill(0xFF00FF00)
    widget.render(image, QPoint())
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)
    return rows[:, : image.width(), 2::-1].copy()


def turn_wheel(
    widget: QWidget,
    at: QPointF,
    notches: int,
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    event = QWheelEvent(
        at,
        widget.mapToGlobal(at),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)


Painted = Callable[[QWidget, float], Bytes]

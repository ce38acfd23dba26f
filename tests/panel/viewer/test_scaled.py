"""A screen that really is scaled: painting and mouse agree on every pixel.

Qt reads the scale once per process, so each scale has its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from pathlib import Path
import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
app = QApplication([])
from plugin import theme
theme.apply(app)
from plugin.services.proxies import ProxyReader
from plugin.state.viewer import ViewerState
from plugin.ui.viewer import Book, Core, Picture, Viewer
from tests.panel.viewer.conftest import noise, write_proxy

folder, ratio = Path(sys.argv[1]), float(sys.argv[2])
frames = noise(1, frames=5)
core = Core(ViewerState(), Book())
core.state.show_shot(5)
core.book.shot.set(Picture("s", ProxyReader(write_proxy(folder / "s", frames))))
core.book.ready.set(5)
viewer = Viewer(core)
viewer.resize(321, 301)
viewer.show()
app.processEvents()
canvas = viewer.canvas
assert canvas.devicePixelRatioF() == ratio, canvas.devicePixelRatioF()

core.state.zoom.set(1.0)
core.state.go(2)
app.processEvents()
image = viewer.grab().toImage()
rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[:, :, 2::-1]
wanted = frames[2][60:80]
found = [
    (y, x)
    for y in range(image.height() - 20)
    for x in range(image.width() - 160)
    if np.array_equal(rows[y, x : x + 160], wanted[0])
    and np.array_equal(rows[y : y + 20, x : x + 160], wanted)
]
assert len(found) == 1, found

# No row or column is left as it was before: canvases begin and end between two pixels.
for height in range(298, 303):
    viewer.resize(321, height)
    app.processEvents()
    paper = QImage(viewer.size() * ratio, QImage.Format.Format_RGB32)
    paper.setDevicePixelRatio(ratio)
    paper.fill(Qt.GlobalColor.magenta)
    viewer.render(paper, QPoint())
    left_over = np.frombuffer(paper.constBits(), np.uint8).reshape(paper.height(), -1, 4)
    assert not (left_over[..., :3] == (255, 0, 255)).all(-1).any(), height
viewer.resize(321, 301)
app.processEvents()

drawn = []
core.shape_drawn.connect(drawn.append)
viewer.draw_box()
left = Qt.MouseButton.LeftButton
top = found[0][0] - 60, found[0][1]
start, end = QPoint(130, 90), QPoint(170, 110)
QTest.mousePress(canvas, left, pos=start)
QTest.mouseMove(canvas, end)
QTest.mouseRelease(canvas, left, pos=end)
for point, corner in zip((start, end), drawn[0].points):
    at = canvas.mapTo(viewer, point)
    pixel = (at.x() * ratio - top[1]) / 160, (at.y() * ratio - top[0]) / 90
    assert np.allclose(pixel, corner, atol=1.0 / 90), (pixel, corner)
core.close()
"""


@pytest.mark.parametrize("scale", ["1", "1.5", "1.75", "2"])
def test_painting_and_mouse_agree_on_a_scaled_screen(tmp_path: Path, scale: str) -> None:
    root = Path(__file__).parents[3]
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "QT_SCALE_FACTOR": scale,
        "QT_SCALE_FACTOR_ROUNDING_POLICY": "PassThrough",
        "PYTHONPATH": str(root),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), scale],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]

"""Pictures for README and docs, taken from a gallery.

``python -m plugin.gallery.documents GALLERY/en-100 docs/panel``
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Final

from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter

__all__ = ["SINGLE", "TOGETHER", "main"]

TOGETHER: Final = ("running", "result-wipe", "result-difference")
SINGLE: Final = (
    *("ready", "running", "takes", "result-wipe", "result-side", "result-difference"),
    *("words-overlay", "matte-overlay", "matte-drawn", "expert", "queue-states"),
    *("first-check", "settings-keys", "report"),
)
_GAP: Final = 16
_GROUND: Final = QColor("#17171a")


def main(arguments: list[str] | None = None) -> int:
    """Copy the chosen pictures and lay three of them side by side as ``panel.png``."""
    parser = argparse.ArgumentParser(prog="python -m plugin.gallery.documents", description=__doc__)
    parser.add_argument("gallery", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QGuiApplication.instance() or QGuiApplication(sys.argv[:1])
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name in SINGLE:
        shutil.copyfile(chosen.gallery / f"{name}.png", chosen.out / f"{name}.png")
    _side_by_side([chosen.gallery / f"{name}.png" for name in TOGETHER], chosen.out / "panel.png")
    del application
    return 0


def _side_by_side(paths: list[Path], out: Path) -> None:
    pictures = [QImage(str(path)) for path in paths]
    height = max(picture.height() for picture in pictures)
    width = sum(picture.width() for picture in pictures) + _GAP * (len(pictures) + 1)
    whole = QImage(width, height + 2 * _GAP, QImage.Format.Format_RGB32)
    whole.fill(_GROUND)
    painter = QPainter(whole)
    x = _GAP
    for picture in pictures:
        painter.drawImage(x, _GAP, picture)
        x += picture.width() + _GAP
    painter.end()
    whole.save(str(out))


if __name__ == "__main__":
    sys.exit(main())

"""Icons, drawn by our own code on a grid of 16 and fitted to the pixels they land on.

A drawing is a tuple of strokes (``s``) and fills (``f``). Each is a line of commands with
coordinates of the 16-grid: ``M x y``, ``L x y``, ``C`` two controls and end, ``Z``,
``O cx cy r`` a circle, ``R x y w h r`` a rounded box, ``A cx cy r from sweep`` an arc in
degrees, counter-clockwise from three o'clock. ``h`` before a stroke makes it half as strong.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from math import cos, floor, radians, sin
from typing import Final, Literal

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

from plugin.theme._now import theme
from plugin.theme._theme import Theme  # noqa: TC001 - a key of the cache

__all__ = ["ICONS", "Tone", "draw_icon", "icon"]

Tone = Literal["text", "bright", "muted", "disabled", "accent", "warn", "error", "done"]
GRID: Final = 16
PHYSICAL: Final = (16, 20, 24, 32, 40, 48)  # 16, 20, 24 at one and two pixels per point

_PAGE: Final = "s R 2 3 12 10 1"
_STAR: Final = "M8 2 L9.8 6 L14 6.5 L10.9 9.4 L11.7 13.7 L8 11.6 L4.3 13.7 L5.1 9.4 L2 6.5 L6.2 6 Z"
ICONS: Final[dict[str, tuple[str, ...]]] = {
    "play": ("f M4 3 L13 8 L4 13 Z",),
    "play_back": ("f M12 3 L3 8 L12 13 Z",),
    "pause": ("f M4 3 L7 3 L7 13 L4 13 Z", "f M9 3 L12 3 L12 13 L9 13 Z"),
    "stop": ("f M4 4 L12 4 L12 12 L4 12 Z",),
    "step": ("f M4 3 L10 8 L4 13 Z", "f M11 3 L13 3 L13 13 L11 13 Z"),
    "step_back": ("f M12 3 L6 8 L12 13 Z", "f M3 3 L5 3 L5 13 L3 13 Z"),
    "loop": (
        "s M3 7 L3 6 C3 4.5 4 4 5 4 L12 4",
        "s M10 2 L12 4 L10 6",
        "s M13 9 L13 10 C13 11.5 12 12 11 12 L4 12",
        "s M6 10 L4 12 L6 14",
    ),
    "pop_out": ("s M9 3 L13 3 L13 7", "s M13 3 L8 8", "s M7 4 L3 4 L3 13 L12 13 L12 9"),
    "before": (_PAGE, "f M3 4 L8 4 L8 12 L3 12 Z"),
    "after": (_PAGE, "f M8 4 L13 4 L13 12 L8 12 Z"),
    "wipe": (_PAGE, "f M3 4 L10 4 L6 12 L3 12 Z"),
    "side": ("s R 2 4 5 8 1", "s R 9 4 5 8 1"),
    "difference": ("s O 6 8 4", "s O 10 8 4"),
    "matte": ("h R 2 2 12 12 1", "f O 8 8 4"),
    "words": ("s M3 4 L13 4", "s M3 8 L8 8", "h M10 8 L13 8", "s M3 12 L11 12"),
    "lock": ("s R 3 7 10 7 1", "s M5 7 L5 5 C5 1.6 11 1.6 11 5 L11 7"),
    "unlock": ("s R 3 7 10 7 1", "s M5 7 L5 5 C5 1.6 11 1.6 11 4"),
    "dice": (
        "s R 2 2 12 12 2",
        "f O 5.5 5.5 1.2",
        "f O 10.5 5.5 1.2",
        "f O 8 8 1.2",
        "f O 5.5 10.5 1.2",
        "f O 10.5 10.5 1.2",
    ),
    "star": (f"s {_STAR}",),
    "star_full": (f"f {_STAR}",),
    "close": ("s M4 4 L12 12", "s M12 4 L4 12"),
    "menu": ("f O 3 8 1.3", "f O 8 8 1.3", "f O 13 8 1.3"),
    "grip": tuple(
        f"f M{x} {y} L{x + 2} {y} L{x + 2} {y + 2} L{x} {y + 2} Z"
        for y in (3, 7, 11)
        for x in (5, 9)
    ),
    "search": ("s O 7 7 4", "s M10 10 L14 14"),
    "settings": (
        "s M2 5 L9 5",
        "s M13 5 L14 5",
        "s O 11 5 2",
        "s M2 11 L3 11",
        "s M7 11 L14 11",
        "s O 5 11 2",
    ),
    "help": (
        "s O 8 8 6",
        "s M6 6.5 C6 4.2 10 4.2 10 6.5 C10 8 8 7.8 8 9.3",
        "f O 8 11.4 0.9",
    ),
    "info": ("s O 8 8 6", "s M8 7.5 L8 11.5", "f O 8 5 0.9"),
    "warn": ("s M8 2 L14.5 13.5 L1.5 13.5 Z", "s M8 6.5 L8 9.8", "f O 8 11.6 0.8"),
    "error": ("s M5.5 2 L10.5 2 L14 5.5 L14 10.5 L10.5 14 L5.5 14 L2 10.5 L2 5.5 Z",
              "s M8 5 L8 8.8", "f O 8 11 0.9"),
    "done": ("s O 8 8 6", "s M5 8.3 L7.2 10.5 L11 6"),
    "check": ("s M3 8.5 L6.5 12 L13 4.5",),
    "undo": ("s M6 3 L3 6 L6 9", "s M3 6 L9 6 C14.3 6 14.3 13 9 13 L6 13"),
    "redo": ("s M10 3 L13 6 L10 9", "s M13 6 L7 6 C1.7 6 1.7 13 7 13 L10 13"),
    "show": ("s O 8 8 4", "s M8 1 L8 4", "s M8 12 L8 15", "s M1 8 L4 8", "s M12 8 L15 8"),
    "eye": ("s M1.5 8 C4.5 2.8 11.5 2.8 14.5 8 C11.5 13.2 4.5 13.2 1.5 8 Z", "f O 8 8 2"),
    "folder": ("s M2 13 L2 3 L6 3 L8 5 L14 5 L14 13 Z",),
    "reread": ("s A 8 8 5 35 290", "s M13 2 L13 6 L9 6"),
    "box": ("s M2 5 L2 2 L5 2", "s M11 2 L14 2 L14 5", "s M14 11 L14 14 L11 14",
            "s M5 14 L2 14 L2 11"),
    "lasso": (
        "s M6 11.6 C0 10 1.2 3 8 3 C14.8 3 15.4 10.4 8.5 11",
        "s O 6.5 11.5 1.5",
        "s M6.5 13 C6.5 14.2 5.8 14.8 4.5 15",
    ),
    "track": ("s O 4 12 2", "s O 12 4 2", "h M5.6 10.4 L10.4 5.6", "s M8 12 L14 12",
              "s M12 10 L14 12 L12 14"),
    "invert": ("s O 8 8 6", "f A 8 8 6 90 180 Z"),
    "add": ("s M8 3 L8 13", "s M3 8 L13 8"),
    "remove": ("s M3 8 L13 8",),
    "chevron_down": ("s M4 6 L8 10 L12 6",),
    "chevron_up": ("s M4 10 L8 6 L12 10",),
    "chevron_right": ("s M6 4 L10 8 L6 12",),
    "chevron_left": ("s M10 4 L6 8 L10 12",),
    "link": ("s M9 4 L10 3 C12 1 15 4 13 6 L11 8 C10 9 8.6 9 7.6 8",
             "s M7 12 L6 13 C4 15 1 12 3 10 L5 8 C6 7 7.4 7 8.4 8"),
    "unlink": ("s M9 4 L10 3 C12 1 15 4 13 6 L12 7", "s M7 12 L6 13 C4 15 1 12 3 10 L4 9",
               "s M4 2 L5 4.5", "s M2 5 L4 5.5", "s M12 14 L11 11.5", "s M14 11 L12 10.5"),
    "trash": ("s M3 4 L13 4", "s M6 4 L6 2 L10 2 L10 4", "s M4 4 L5 14 L11 14 L12 4"),
    "copy": ("s R 5 5 9 9 1", "s M11 5 L11 2 L2 2 L2 11 L5 11"),
    "edit": ("s M3 13 L3 10 L10 3 L13 6 L6 13 Z", "s M8.5 4.5 L11.5 7.5"),
    "to_front": ("s M3 3 L13 3", "s M8 13 L8 6", "s M5 9 L8 6 L11 9"),
    "download": ("s M8 2 L8 10", "s M5 7 L8 10 L11 7", "s M3 13 L13 13"),
    "place": ("s M8 2 L8 8", "s M5.5 5.5 L8 8 L10.5 5.5", "f M3 10 L13 10 L13 13 L3 13 Z"),
    "pin": ("s M5 2 L11 2", "s M6 2 L6 7 L4 9.5 L12 9.5 L10 7 L10 2", "s M8 10 L8 14"),
    "fit": ("s M2 6 L2 3 L5 3", "s M11 3 L14 3 L14 6", "s M14 10 L14 13 L11 13",
            "s M5 13 L2 13 L2 10", "s R 5 6 6 4 0"),
    "keep": ("s R 4 4 8 8 0",),
    "drive": ("f M8 4 L13 12 L3 12 Z",),
    "neutral": ("s M4 8 L12 8",),
}  # fmt: skip


class _Pen:
    """Puts coordinates of the grid on whole pixels of a square of `side` pixels."""

    def __init__(self, side: float, *, stroke: bool) -> None:
        self.scale = side / GRID
        self.width = max(1, round(self.scale * 1.15))
        self._shift = self.width / 2 if stroke else 0.0

    def at(self, value: float) -> float:
        return floor(value * self.scale - self._shift + 0.5) + self._shift

    def point(self, x: float, y: float) -> QPointF:
        return QPointF(self.at(x), self.at(y))

    def box(self, cx: float, cy: float, r: float) -> QRectF:
        diameter = max(1.0, round(2 * r * self.scale))
        left = floor(cx * self.scale - diameter / 2 - self._shift + 0.5) + self._shift
        top = floor(cy * self.scale - diameter / 2 - self._shift + 0.5) + self._shift
        return QRectF(left, top, diameter, diameter)


def _words(line: str) -> Iterator[tuple[str, list[float]]]:
    command, values = "", list[float]()
    for word in line.replace(",", " ").split():
        if word[0].isalpha():
            if command:
                yield command, values
            command, values = word[0], []
            word = word[1:]
        if word:
            values.append(float(word))
    yield command, values


def _path(line: str, pen: _Pen) -> QPainterPath:
    path = QPainterPath()
    for command, v in _words(line):
        if command == "M":
            path.moveTo(pen.point(v[0], v[1]))
        elif command == "L":
            path.lineTo(pen.point(v[0], v[1]))
        elif command == "C":
            s = pen.scale
            path.cubicTo(v[0] * s, v[1] * s, v[2] * s, v[3] * s, pen.at(v[4]), pen.at(v[5]))
        elif command == "O":
            path.addEllipse(pen.box(v[0], v[1], v[2]))
        elif command == "R":
            corner = QRectF(pen.point(v[0], v[1]), pen.point(v[0] + v[2], v[1] + v[3]))
            path.addRoundedRect(corner, v[4] * pen.scale, v[4] * pen.scale)
        elif command == "A":
            box = pen.box(v[0], v[1], v[2])
            path.moveTo(
                box.center().x() + box.width() / 2 * cos(radians(v[3])),
                box.center().y() - box.width() / 2 * sin(radians(v[3])),
            )
            path.arcTo(box, v[3], v[4])
        else:
            path.closeSubpath()
    return path


def _slanted(path: QPainterPath) -> bool:
    """Return whether a path has curves or slants, which look thinner than straight lines."""
    points = [path.elementAt(index) for index in range(path.elementCount())]
    return any(
        after.type != QPainterPath.ElementType.MoveToElement
        and before.x != after.x
        and before.y != after.y
        for before, after in pairwise(points)
    )


def draw_icon(painter: QPainter, name: str, area: QRectF | QRect, colour: QColor | str) -> None:
    """Draw an icon into the largest centred square of `area`, sharp on this painter's device.

    Raises
    ------
    KeyError
        There is no icon of that name.
    """
    drawing = ICONS[name]
    area = QRectF(area)
    scale = painter.device().devicePixelRatioF() if painter.device() is not None else 1.0
    side = round(min(area.width(), area.height()) * scale)
    ink = QColor(colour)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    corner = painter.transform().map(area.center())
    left = round(corner.x() * scale - side / 2) / scale  # the square begins on a whole pixel
    top = round(corner.y() * scale - side / 2) / scale
    painter.translate(area.center().x() + left - corner.x(), area.center().y() + top - corner.y())
    painter.scale(1 / scale, 1 / scale)
    for line in drawing:
        kind, commands = line[0], line[1:]
        pen = _Pen(side, stroke=kind != "f")
        path = _path(commands, pen)
        if kind == "f":
            painter.fillPath(path, ink)
            continue
        shade = QColor(ink)
        shade.setAlphaF(ink.alphaF() * (0.55 if kind == "h" else 1.0))
        width = max(pen.width, 1.3 * pen.scale) if _slanted(path) else pen.width
        brush = QPen(shade, width)
        brush.setCapStyle(Qt.PenCapStyle.SquareCap if pen.width == 1 else Qt.PenCapStyle.RoundCap)
        brush.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.strokePath(path, brush)
    painter.restore()


def _pixmap(name: str, side: int, colour: str) -> QPixmap:
    pixmap = QPixmap(QSize(side, side))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    draw_icon(painter, name, QRectF(0, 0, side, side), colour)
    painter.end()
    return pixmap


@cache
def _icon(name: str, tone: Tone, colours: Theme) -> QIcon:
    normal = getattr(colours, tone)
    active = colours.bright if tone in ("text", "muted") else normal
    found = QIcon()
    for side in PHYSICAL:
        for mode, colour in (
            (QIcon.Mode.Normal, normal),
            (QIcon.Mode.Active, active),
            (QIcon.Mode.Selected, active),
            (QIcon.Mode.Disabled, colours.disabled),
        ):
            found.addPixmap(_pixmap(name, side, colour), mode)
    return found


def icon(name: str, tone: Tone = "text") -> QIcon:
    """Return an icon in a tone of the theme, brighter under the mouse, greyed when disabled.

    Raises
    ------
    KeyError
        There is no icon of that name.
    """
    if name not in ICONS:
        raise KeyError(name)
    return _icon(name, tone, theme())

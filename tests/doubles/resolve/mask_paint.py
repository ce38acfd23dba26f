"""Pictures of Fusion tools for Saver renders: slow, plain, and independent of the product.

Shapes are covered line by line, even-odd. What has no closed form here (trackers, paint, wand,
expressions) needs a painter given by the test, else the render fails.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from tests.doubles.resolve import model, picture
from tests.doubles.resolve.comp_text import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.doubles.resolve.clips import Picture
    from tests.doubles.resolve.double import Double

ROWS = 16
"""Scan lines per pixel row; along a line coverage is exact."""

MASKS = ("PolylineMask", "BSplineMask", "EllipseMask", "RectangleMask")


@dataclass(frozen=True)
class Wanted:
    """One picture of one composition."""

    double: Double
    comp: model.Comp
    item: model.Item | None
    timeline: model.Timeline | None
    number: int
    size: tuple[int, int]


def output(wanted: Wanted, name: str) -> Picture:
    """Give a tool's output, RGBA.

    Raises
    ------
    ValueError
        The tool, or one it stands on, cannot be evaluated here.
    """
    width, height = wanted.size
    table = wanted.comp.document.tool(name)
    if table is None:
        raise ValueError(f"no tool {name}")
    out = np.zeros((height, width, 4), np.float32)
    if name in wanted.comp.painters or table.head in MASKS:
        out[..., 3] = mask(wanted, name)
        return out
    if table.head == "MediaIn":
        return _media(wanted)
    if table.head == "Background":
        red = number(wanted, name, "TopLeftRed", 0.0)
        green = number(wanted, name, "TopLeftGreen", 0.0)
        blue = number(wanted, name, "TopLeftBlue", 0.0)
        out[...] = (red, green, blue, number(wanted, name, "TopLeftAlpha", 1.0))
        limit = table.get("Inputs", "EffectMask", "SourceOp")
        return out * mask(wanted, str(limit))[..., None] if limit else out
    through = table.get("Inputs", "Input", "SourceOp")
    if through is None:
        raise ValueError(f"{name} has no picture here")
    shown = output(wanted, str(through))
    if table.head == "BrightnessContrast" and table.get("PassThrough") is not True:
        gain = number(wanted, name, "Gain", 1.0) - 1
        limit = table.get("Inputs", "EffectMask", "SourceOp")
        cover = mask(wanted, str(limit))[..., None] if limit else 1.0
        shown[..., :3] = np.clip(shown[..., :3] * (1 + gain * cover), 0, 1)
    return shown


def rooted(comp: model.Comp) -> bool:
    """Whether MediaOut1 has a path from a MediaIn."""
    tools, name, seen = comp.document, "MediaOut1", set[str]()
    while name not in seen:
        seen.add(name)
        table = tools.tool(name)
        if table is None:
            return False
        if table.head == "MediaIn":
            return True
        name = str(table.get("Inputs", "Input", "SourceOp"))
    return False


def _media(wanted: Wanted) -> Picture:
    if wanted.item is None or wanted.timeline is None:
        raise ValueError("no media")
    first, _ = wanted.comp.document.span()
    along = int(wanted.item.start) + wanted.number - first
    return picture.source_picture(wanted.double, wanted.timeline, wanted.item, along).copy()


def mask(wanted: Wanted, name: str) -> NDArray[np.float32]:
    """Give a mask tool's coverage (height, width), 0..1, with those it is chained to."""
    table = wanted.comp.document.tool(name)
    if table is None:
        raise ValueError(f"no tool {name}")
    if table.get("PassThrough") is True:
        own = np.zeros(wanted.size[::-1], np.float32)
    elif name in wanted.comp.painters:
        painted = wanted.comp.painters[name](wanted.number, *wanted.size)
        own = np.asarray(painted, np.float32)
    elif table.head in MASKS:
        own = _shape(wanted, name, table)
    else:
        raise ValueError(f"{table.head} cannot be evaluated here")
    below = table.get("Inputs", "EffectMask", "SourceOp")
    if below is None:
        return own
    under = mask(wanted, str(below))
    mode = table.get("Inputs", "PaintMode", "Value")
    mode = mode.values()[0] if isinstance(mode, Table) else mode
    match mode:
        case "Subtract":
            return np.clip(under - own, 0, 1)
        case "Multiply":
            return under * own
        case "Add":
            return np.clip(under + own, 0, 1)
        case None | "Merge":
            return own + under * (1 - own)
    raise ValueError(f"paint mode {mode}")


def _shape(wanted: Wanted, name: str, table: Table) -> NDArray[np.float32]:
    width, height = wanted.size
    centre = value_at(wanted.comp, name, "Center", wanted.number)
    x, y = centre.values()[:2] if isinstance(centre, Table) else (0.5, 0.5)
    if table.head in ("EllipseMask", "RectangleMask"):
        points = _figure(wanted, name, table.head) + np.array((x * width, (1 - y) * height))
    else:
        line = value_at(wanted.comp, name, "Polyline", wanted.number)
        points = _outline(line, curve=table.head == "BSplineMask")
        points *= number(wanted, name, "Size", 1.0) * np.array([width, -height])
        points = _turned(points, number(wanted, name, "ZRotation", 0.0))
        points += np.array((x * width, (1 - y) * height))
    out = coverage(points, width, height)
    soft = number(wanted, name, "SoftEdge", 0.0) * width / 2
    if soft > 0:
        out = cv2.GaussianBlur(out, (0, 0), soft)
    out = out * number(wanted, name, "Level", 1.0)
    return 1 - out if number(wanted, name, "Invert", 0.0) else out


def coverage(points: NDArray[np.float64], width: int, height: int) -> NDArray[np.float32]:
    """Give the share of each pixel inside a closed polygon (n, 2) in pixels, y down."""
    out = np.zeros((height, width), np.float64)
    if len(points) < 3:
        return out.astype(np.float32)
    start, end = points, np.roll(points, -1, axis=0)
    edges = np.arange(width + 1, dtype=float)
    for line in range(height * ROWS):
        y = (line + 0.5) / ROWS
        cut = (start[:, 1] <= y) != (end[:, 1] <= y)
        if not cut.any():
            continue
        a, b = start[cut], end[cut]
        x = np.sort(a[:, 0] + (y - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0]))
        for left, right in zip(x[::2], x[1::2], strict=True):
            inside = np.clip(np.minimum(edges[1:], right) - np.maximum(edges[:-1], left), 0, 1)
            out[line // ROWS] += inside / ROWS
    return np.clip(out, 0, 1).astype(np.float32)


def _figure(wanted: Wanted, name: str, kind: str) -> NDArray[np.float64]:
    """Ellipse and rectangle: sizes are fractions of the picture's width, as far as known."""
    of_height = wanted.double.faults.rectangle_height_of == "height" and kind != "EllipseMask"
    wide = number(wanted, name, "Width", 0.5) * wanted.size[0] / 2
    high = number(wanted, name, "Height", 0.5) * wanted.size[1 if of_height else 0] / 2
    if kind == "EllipseMask":
        angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
        points = np.stack([wide * np.cos(angle), high * np.sin(angle)], axis=1)
    else:
        if number(wanted, name, "CornerRadius", 0.0):
            raise ValueError("rounded rectangles are not evaluated here")
        points = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)])
    return _turned(points, number(wanted, name, "Angle", 0.0))


def _turned(points: NDArray[np.float64], degrees: float) -> NDArray[np.float64]:
    """Turn pixels anticlockwise on the screen (y points down)."""
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, -sin], [sin, cos]])


def _outline(line: Any, *, curve: bool) -> NDArray[np.float64]:
    points = line.get("Points") if isinstance(line, Table) else None
    vertices = [dict(p.entries) for p in points.values()] if isinstance(points, Table) else []
    if len(vertices) < 3:
        return np.zeros((0, 2))
    anchors = np.array([(v.get("X", 0.0), v.get("Y", 0.0)) for v in vertices], float)
    if curve:
        return _bspline(anchors)
    right = np.array([(v.get("RX", 0.0), v.get("RY", 0.0)) for v in vertices], float)
    left = np.array([(v.get("LX", 0.0), v.get("LY", 0.0)) for v in vertices], float)
    t = np.linspace(0, 1, 48, endpoint=False)[:, None]
    parts = []
    for index, start in enumerate(anchors):
        after = (index + 1) % len(anchors)
        end = anchors[after]
        first, second = start + right[index], end + left[after]
        u = 1 - t
        parts.append(u**3 * start + 3 * u * u * t * first + 3 * u * t * t * second + t**3 * end)
    return np.concatenate(parts)


def _bspline(control: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.linspace(0, 1, 48, endpoint=False)[:, None]
    basis = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    count = len(control)
    return np.concatenate(
        [sum(b * control[(i + k) % count] for k, b in enumerate(basis)) / 6 for i in range(count)]
    )


def number(wanted: Wanted, name: str, key: str, default: float) -> float:
    found = value_at(wanted.comp, name, key, wanted.number)
    if found is None:
        return default
    if isinstance(found, (int, float)):
        return float(found)
    raise ValueError(f"{name}.{key} is not a number")


def value_at(comp: model.Comp, name: str, key: str, time: float) -> Any:
    """Give an input's value: static, or from its spline, straight between keys."""
    table = comp.document.tool(name)
    entry = table.get("Inputs", key) if table is not None else None
    if not isinstance(entry, Table):
        return None
    if entry.get("Expression") is not None:
        raise ValueError(f"{name}.{key} is an expression")
    source = entry.get("SourceOp")
    if source is None:
        return entry.get("Value")
    spline = comp.document.tool(str(source))
    keys = spline.get("KeyFrames") if spline is not None else None
    if spline is None or spline.head != "BezierSpline" or not isinstance(keys, Table):
        raise ValueError(f"{name}.{key} follows {source}")
    frames = sorted((float(at), _held(entry)) for at, entry in keys.entries)
    index = bisect_right([at for at, _ in frames], time) - 1
    if index < 0:
        return frames[0][1]
    if index == len(frames) - 1:
        return frames[-1][1]
    (before, old), (after, new) = frames[index], frames[index + 1]
    return _between(old, new, (time - before) / (after - before))


def _held(entry: Any) -> Any:
    if not isinstance(entry, Table):
        return entry
    shape = entry.get("Value")
    return shape if isinstance(shape, Table) else (entry.values() or [0.0])[0]


def _between(old: Any, new: Any, share: float) -> Any:
    if isinstance(old, (int, float)) and isinstance(new, (int, float)):
        return old + (new - old) * share
    if isinstance(old, Table) and isinstance(new, Table):
        if len(old.entries) != len(new.entries):
            raise ValueError("unequal numbers of points")
        pairs = zip(old.entries, new.entries, strict=True)
        merged = [(k, _between(a, b, share)) for (k, a), (_, b) in pairs]
        return Table(old.head, merged)
    return old

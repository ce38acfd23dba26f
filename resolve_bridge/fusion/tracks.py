"""Inputs of mask tools as functions of comp time.

A number may stand still, follow a Bezier spline or a published number; a point may also
follow an X/Y path, or a drawn path whose travel the text determines. Whatever else drives an
input is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from resolve_bridge.fusion.model import Comp, Tool
from resolve_bridge.fusion.outline import (
    read_polyline,
)
from resolve_bridge.fusion.path import DrawnPath
from resolve_bridge.fusion.spline import Curve, read_curve
from resolve_bridge.fusion.table import Bare, Table, Value
from resolve_bridge.fusion.verdict import Assumption, Reason, refuse

__all__ = ["Inputs", "NumberTrack", "PointTrack"]

NumberTrack = Callable[[float], float]
PointTrack = Callable[[float], tuple[float, float]]

_TRACKERS: Final = ("Tracker", "PlanarTracker", "Dimension.PlanarTracker", "CameraTracker")
_PATH_TOLERANCE_PX: Final = 0.25
_MAX_HOPS: Final = 64


@dataclass
class Inputs:
    """Reads the inputs of one mask tool.

    Attributes
    ----------
    comp, tool : Comp, Tool
    width, height : int
        Size of the picture in pixels.
    times : tuple of float
        Every comp time that will be asked for; what cannot be told at one of them is refused
        now, not in the middle of a clip.
    prefix : str
        ``PolyMask1.`` for a polygon inside a MultiPoly, else empty.
    """

    comp: Comp
    tool: Tool
    width: int
    height: int
    times: tuple[float, ...]
    prefix: str = ""

    def __post_init__(self) -> None:
        self.assumed: set[Assumption] = set()

    # What is written --------------------------------------------------------------------

    def source(self, name: str) -> tuple[Value, Tool | None, str]:
        """Return the still value, or the tool that drives the input and its output."""
        name = self.prefix + name
        owner = self.tool.name
        control = self.comp.published_as(self.tool, name)
        if control is not None:
            raise refuse(
                owner, Reason.PUBLISHED, f"is driven by the group control {control}", detail=name
            )
        given = self.comp.input(self.tool, name)
        if given is None:
            return None, None, ""
        if given.expression is not None:
            raise refuse(
                owner,
                Reason.EXPRESSION,
                f"uses an expression for its {name}",
                detail=given.expression,
            )
        if given.source_op is None:
            return given.value, None, ""
        end = self.comp.source(self.tool, name)
        if end is None:
            raise refuse(
                owner,
                Reason.MISSING_TOOL,
                f"takes its {name} from {given.source_op}, which is not in the export",
            )
        return None, end.tool, end.output

    def refuse_driver(self, name: str, driver: Tool) -> Exception:
        """Make the refusal that names what drives an input."""
        owner = self.tool.name
        if any(driver.reg_id.endswith(kind) for kind in _TRACKERS):
            return refuse(owner, Reason.TRACKER, f"follows the tracker {driver.name}", detail=name)
        if driver.reg_id in ("Expression", "Custom", "CustomPoly"):
            return refuse(
                owner, Reason.EXPRESSION, f"uses an expression for its {name}", detail=driver.name
            )
        return refuse(
            owner,
            Reason.MODIFIER,
            f"has its {name} driven by {driver.name}, a modifier ({driver.reg_id})",
        )

    def fixed(self, name: str) -> Value:
        """Return a value that may not be animated; None where it stands at its default."""
        value, driver, _ = self.source(name)
        if driver is not None:
            raise self.refuse_driver(name, driver)
        return value

    def choice(self, name: str, default: str) -> str:
        """Return the spelling of a menu (`FuID { "..." }` or plain text)."""
        value = self.fixed(name)
        if value is None:
            return default
        if isinstance(value, Table) and value.ctor in ("FuID", "Text") and value.text(1):
            return str(value.text(1))
        if isinstance(value, str) and not isinstance(value, Bare):
            return value
        raise refuse(
            self.tool.name,
            Reason.UNKNOWN_VALUE,
            f"has a setting of {name} that cannot be read",
            detail=repr(value),
        )

    # Numbers ----------------------------------------------------------------------------

    def number(self, name: str, default: float) -> NumberTrack:
        """Return a number over time.

        Raises
        ------
        Refusal
            Reasons ``expression``, ``tracker``, ``modifier``, ``published``,
            ``missing_tool``, ``spline``, ``bad_number``.
        """
        value, driver, _ = self.source(name)
        if driver is not None:
            return self._driven_number(name, driver)
        if value is None:
            return _still(default)
        return _still(self._plain(name, value))

    def _plain(self, name: str, value: Value) -> float:
        if isinstance(value, Table) and value.ctor == "Number":
            value = value.get("Value")
        if isinstance(value, bool):
            return float(value)
        if isinstance(value, int | float) and math.isfinite(value):
            return float(value)
        raise refuse(
            self.tool.name,
            Reason.BAD_NUMBER,
            f"has a number for {self.prefix}{name} that cannot be read",
            detail=repr(value),
        )

    def _driven_number(self, name: str, driver: Tool) -> NumberTrack:
        for _ in range(_MAX_HOPS):
            if driver.reg_id == "BezierSpline":
                return self.curve(driver).value
            if driver.reg_id != "PublishNumber":
                raise self.refuse_driver(name, driver)
            published = self.comp.input(driver, "Value")
            end = self.comp.source(driver, "Value")
            if published is not None and published.expression is not None:
                raise self.refuse_driver(name, driver)
            if end is not None:
                driver = end.tool
            elif published is not None and published.source_op is None:
                return _still(self._plain(name, published.value))
            else:
                raise self.refuse_driver(name, driver)
        raise refuse(self.tool.name, Reason.LOOP, f"has a {name} that drives itself")

    def curve(self, driver: Tool) -> Curve:
        """Read the spline that drives an input."""
        curve, assumed = read_curve(driver, self.tool.name)
        self.assumed |= assumed
        return curve

    # Points -----------------------------------------------------------------------------

    def point(self, name: str, default: tuple[float, float] | None) -> PointTrack:
        """Return a point over time, in 0..1 of width and height, up; refusals as `number`."""
        value, driver, output = self.source(name)
        if driver is not None:
            return self._driven_point(name, driver, output)
        if value is None:
            if default is None:
                raise refuse(self.tool.name, Reason.UNKNOWN_VALUE, f"has no {name}")
            return _still_point(default)
        return _still_point(self.plain_point(name, value))

    def plain_point(self, name: str, value: Value) -> tuple[float, float]:
        """Read a point that stands still, `{ x, y }` or `Point { X =, Y = }`."""
        if isinstance(value, Table):
            x = value.get("X") if value.ctor == "Point" else value.get(1)
            y = value.get("Y") if value.ctor == "Point" else value.get(2)
            return self._plain(name, x), self._plain(name, y)
        raise refuse(
            self.tool.name,
            Reason.BAD_NUMBER,
            f"has a {name} that cannot be read",
            detail=repr(value),
        )

    def _driven_point(self, name: str, driver: Tool, output: str) -> PointTrack:
        for _ in range(_MAX_HOPS):
            if driver.reg_id == "XYPath" and output == "Value":
                return self._xy_path(name, driver)
            if driver.reg_id == "PolyPath" and output == "Position":
                return self._poly_path(name, driver)
            if driver.reg_id != "PublishPoint":
                raise self.refuse_driver(name, driver)
            published = self.comp.input(driver, "Value")
            end = self.comp.source(driver, "Value")
            if published is not None and published.expression is not None:
                raise self.refuse_driver(name, driver)
            if end is not None:
                driver, output = end.tool, end.output
            elif published is not None and published.source_op is None:
                return _still_point(self.plain_point(name, published.value))
            else:
                raise self.refuse_driver(name, driver)
        raise refuse(self.tool.name, Reason.LOOP, f"has a {name} that drives itself")

    def _inner(self, driver: Tool) -> Inputs:
        """Read the inputs of a path, refused in the name of the mask."""
        stand_in = Tool(
            self.tool.name,
            driver.reg_id,
            driver.inputs,
            driver.table,
            driver.scope,
            driver.instance_of,
        )
        inner = Inputs(self.comp, stand_in, self.width, self.height, self.times)
        inner.assumed = self.assumed
        return inner

    def _xy_path(self, name: str, driver: Tool) -> PointTrack:
        self._only(name, driver, {"X", "Y", "Z"})
        inner = self._inner(driver)
        if self.comp.input(driver, "X") is None or self.comp.input(driver, "Y") is None:
            raise refuse(
                self.tool.name,
                Reason.PATH,
                f"has a {name} on an X/Y path without both coordinates",
                detail=driver.name,
            )
        x, y = inner.number("X", 0.5), inner.number("Y", 0.5)
        return lambda time: (x(time), y(time))

    def _poly_path(self, name: str, driver: Tool) -> PointTrack:
        """Travel along a drawn path.

        The displacement is the share of the path's length already travelled. Fusion's text
        does not say whether lengths are taken in pixels or in the picture's own units; where
        the two differ by more than a quarter of a pixel, the keys decide if they mark the
        path's corners in one of the two ways, and otherwise the path is refused.
        """
        self._only(name, driver, {"Displacement", "PolyLine", "Center"})
        inner = self._inner(driver)
        centre = inner.fixed("Center")
        origin = (0.5, 0.5) if centre is None else self.plain_point(name, centre)
        line = inner.fixed("PolyLine")
        if not isinstance(line, Table) or line.ctor != "Polyline":
            raise refuse(
                self.tool.name,
                Reason.PATH,
                f"moves along the path {driver.name}, which is itself animated",
            )
        outline = read_polyline(line, self.tool.name)
        if len(outline.nodes) == 0:
            raise refuse(self.tool.name, Reason.PATH, f"moves along the empty path {driver.name}")
        travelled = inner.number("Displacement", 0.0)
        size = np.array([self.width, self.height], dtype=np.float64)
        ways = [DrawnPath(outline, size), DrawnPath(outline, np.ones(2))]
        shares = np.array([travelled(time) for time in self.times])
        apart = np.abs(ways[0].at(shares) - ways[1].at(shares)) * size
        chosen = ways[0]
        if apart.size and float(apart.max()) > _PATH_TOLERANCE_PX:
            marks = self._displacements(driver)
            fitting = [way for way in ways if way.is_marked_by(marks)]
            if len(fitting) != 1:
                raise refuse(
                    self.tool.name,
                    Reason.PATH,
                    f"moves along the path {driver.name}, whose speed the export does not settle",
                )
            chosen = fitting[0]

        def position(time: float) -> tuple[float, float]:
            x, y = chosen.at(np.array([travelled(time)]))[0]
            return origin[0] + float(x), origin[1] + float(y)

        return position

    def _displacements(self, driver: Tool) -> list[float]:
        end = self.comp.source(driver, "Displacement")
        if end is None or end.tool.reg_id != "BezierSpline":
            return []
        return [key.value for key in self.curve(end.tool).keys]

    def _only(self, name: str, driver: Tool, known: set[str]) -> None:
        for given in self.comp.input_ids(driver):
            if given not in known and self.comp.input(driver, given) is not None:
                raise refuse(
                    self.tool.name,
                    Reason.PATH,
                    f"has a {name} on a path with an unknown setting ({given})",
                    detail=driver.name,
                )


def _still(value: float) -> NumberTrack:
    return lambda _: value


def _still_point(value: tuple[float, float]) -> PointTrack:
    return lambda _: value

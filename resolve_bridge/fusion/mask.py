"""A chain of mask tools as layers over time, or the reason why the text does not suffice.

A mask tool draws one shape (a MultiPoly several) and joins it, by its paint mode, to the
mask on its own `EffectMask` input. `evaluate` walks that chain, turns every input into a
function of comp time, and refuses by name whatever the text leaves open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from resolve_bridge.errors.masks import MaskRequestError
from resolve_bridge.fusion.checks import (
    DRAWN,
    FRAME,
    POLYGON,
    SHAPE_INPUTS,
    check_frame,
    check_known,
    check_presence,
    check_readable,
)
from resolve_bridge.fusion.coverage import FillRule
from resolve_bridge.fusion.layer import Layer, PaintMode
from resolve_bridge.fusion.shapes import RingTrack, polygon, shape, triangle
from resolve_bridge.fusion.soften import SIGMA_PER_SOFT_EDGE, Filter
from resolve_bridge.fusion.table import Table
from resolve_bridge.fusion.tracks import Inputs, NumberTrack
from resolve_bridge.fusion.verdict import (
    Assumption,
    NotAnalytic,
    Reason,
    Refusal,
    WayOut,
    refuse,
)

if TYPE_CHECKING:
    from resolve_bridge.fusion.model import Comp, Tool

__all__ = ["Mask", "evaluate"]

MAX_SIDE_PX: Final = 32768
MAX_FRAMES: Final = 1_000_000


_LayerTrack = Callable[[float], Layer]


@dataclass(frozen=True, slots=True)
class Mask:
    """A mask that the text determines completely, for every asked time.

    Attributes
    ----------
    tool : str
    width, height : int
        The picture in pixels.
    times : tuple of float
        Comp times, one per frame.
    chain : tuple of str
        Names of the combined mask tools, lowest first.
    assumed : frozenset of Assumption
        What no document confirms about it.
    """

    tool: str
    width: int
    height: int
    times: tuple[float, ...]
    chain: tuple[str, ...]
    assumed: frozenset[Assumption]
    _layers: tuple[_LayerTrack, ...]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.times)

    def layers(self, index: int) -> list[Layer]:
        """Return the shapes of one frame, lowest first."""
        time = self.times[index]
        return [track(time) for track in self._layers]


def evaluate(
    comp: Comp, tool: str, *, times: Sequence[float], width: int, height: int
) -> Mask | NotAnalytic:
    """Work out a mask for every frame, or say why the text does not suffice.

    Parameters
    ----------
    comp : Comp
    tool : str
        Name of the mask tool.
    times : sequence of float
        Comp times in frames, one per wanted frame (see `timing`).
    width, height : int
        Size of the source picture in pixels.

    Returns
    -------
    Mask or NotAnalytic

    Raises
    ------
    MaskRequestError
        Code ``fusion.request``: no such tool, no frames, or an impossible size.
    """
    if not (1 <= width <= MAX_SIDE_PX and 1 <= height <= MAX_SIDE_PX):
        raise MaskRequestError(f"A picture of {width}x{height} pixels is not possible.")
    if not 1 <= len(times) <= MAX_FRAMES or not all(math.isfinite(time) for time in times):
        raise MaskRequestError(f"A mask of {len(times)} frames is not possible.")
    chosen = comp.tool(tool)
    frames = tuple(float(time) for time in times)
    try:
        return _Planner(comp, width, height, frames).mask(chosen)
    except Refusal as refusal:
        return refusal.verdict


_KINDS_REFUSED: Final = {
    "BitmapMask": (Reason.BITMAP, "is made from a picture (Bitmap)"),
    "PaintMask": (Reason.PAINT, "is painted"),
    "WandMask": (Reason.WAND, "is made by the Wand from the picture"),
    "RangesMask": (Reason.RANGES, "is made from the picture's brightness (Ranges)"),
    "MagicMask": (Reason.MAGIC_MASK, "is a Magic Mask"),
}

_FILTERS: Final = {
    "box": Filter.BOX, "bartlett": Filter.BARTLETT, "multibox": Filter.MULTI_BOX,
    "gaussian": Filter.GAUSSIAN, "fastgaussian": Filter.GAUSSIAN,
}  # fmt: skip

_FILL_RULES: Final = {
    "alternate": FillRule.ALTERNATE, "nonzerowinding": FillRule.NON_ZERO,
    "nonzero": FillRule.NON_ZERO, "winding": FillRule.NON_ZERO,
}  # fmt: skip


def _spelling(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())


class _Planner:
    """Turns one chain of mask tools into layers over time."""

    def __init__(self, comp: Comp, width: int, height: int, times: tuple[float, ...]) -> None:
        self._comp = comp
        self._width = width
        self._height = height
        self._times = times
        self._assumed: set[Assumption] = set()

    def mask(self, tool: Tool) -> Mask:
        chain = self._chain(tool)
        layers: list[_LayerTrack] = []
        for position, member in enumerate(chain):
            layers.extend(self._member(member, is_lowest=position == 0))
        return Mask(
            tool=tool.name,
            width=self._width,
            height=self._height,
            times=self._times,
            chain=tuple(member.name for member in chain),
            assumed=frozenset(self._assumed),
            _layers=tuple(layers),
        )

    # The chain --------------------------------------------------------------------------

    def _chain(self, tool: Tool) -> list[Tool]:
        """Follow `EffectMask` down; return what draws, lowest first."""
        chain: list[Tool] = []
        seen: set[int] = set()
        at: Tool | None = tool
        while at is not None:
            if id(at) in seen:
                raise refuse(at.name, Reason.LOOP, "feeds itself")
            seen.add(id(at))
            if not at.pass_through:
                if not at.is_mask:
                    raise self._refuse_kind(at)
                chain.append(at)
            given = self._comp.input(at, "EffectMask")
            if given is not None and given.expression is not None:
                raise refuse(at.name, Reason.EXPRESSION, "uses an expression for its mask input")
            below = self._comp.source(at, "EffectMask")
            if given is not None and given.source_op is not None and below is None:
                raise refuse(
                    at.name,
                    Reason.MISSING_TOOL,
                    f"is combined with {given.source_op}, which is not in the export",
                )
            at = None if below is None else below.tool
        if not chain:
            raise refuse(
                tool.name,
                Reason.SWITCHED_OFF,
                "is switched off",
                ways_out=(WayOut.OPEN_FUSION, WayOut.MATTE_FILE),
            )
        return chain[::-1]

    def _refuse_kind(self, tool: Tool) -> Refusal:
        if tool.reg_id in ("sRender", "sPolygon", "sEllipse", "sRectangle", "sBSpline", "sNGon"):
            return refuse(tool.name, Reason.SHAPE_TOOL, "is built from shape tools")
        return refuse(tool.name, Reason.UNKNOWN_TOOL, f"is made by {tool.reg_id}, which cannot be "
                      "drawn from the export")  # fmt: skip

    def _member(self, tool: Tool, *, is_lowest: bool) -> list[_LayerTrack]:
        if tool.reg_id in _KINDS_REFUSED:
            reason, what = _KINDS_REFUSED[tool.reg_id]
            raise refuse(tool.name, reason, what)
        check_readable(self._inputs(tool))
        check_presence(self._inputs(tool))
        if tool.reg_id == "MultiPoly":
            if not is_lowest:
                raise refuse(tool.name, Reason.CHAIN, "combines several polygons with another mask")
            return self._multi_poly(tool)
        inputs = self._inputs(tool)
        check_frame(inputs)
        if tool.reg_id == "TriangleMask":
            ring = triangle(inputs)
        else:
            known = DRAWN | FRAME | SHAPE_INPUTS[tool.reg_id]
            check_known(inputs, self._comp.input_ids(tool), known)
            ring = shape(inputs, tool.reg_id)
        return [self._layer(inputs, ring, is_lowest=is_lowest)]

    def _inputs(self, tool: Tool, prefix: str = "") -> Inputs:
        inputs = Inputs(self._comp, tool, self._width, self._height, self._times, prefix)
        inputs.assumed = self._assumed
        return inputs

    def _multi_poly(self, tool: Tool) -> list[_LayerTrack]:
        shared = self._inputs(tool)
        check_frame(shared)
        numbers = [
            int(key.removeprefix("PolyMask"))
            for level in self._comp.original(tool)
            for key, child in level.table.fields.items()
            if isinstance(key, str) and key.removeprefix("PolyMask").isdigit()
            and isinstance(child, Table) and child.ctor == "PolyMaskInputs"
        ]  # fmt: skip
        order = self._poly_order(shared, sorted(set(numbers)))
        ids = self._comp.input_ids(tool)
        known = FRAME | {"PolyOrder", "EffectMask", "PaintMode"}
        check_known(shared, [name for name in ids if not name.startswith("PolyMask")], known)
        strange = [
            name
            for name in ids
            if name.startswith("PolyMask")
            and not any(name.startswith(f"PolyMask{n}.") for n in order)
        ]
        if not order or strange:
            raise refuse(
                tool.name,
                Reason.UNKNOWN_VALUE,
                "has polygons that cannot be told apart",
                detail=str(strange),
            )
        layers: list[_LayerTrack] = []
        for place, number in enumerate(order):
            prefix = f"PolyMask{number}."
            inputs = self._inputs(tool, prefix)
            mine = [name for name in ids if name.startswith(prefix)]
            check_known(inputs, mine, DRAWN | POLYGON)
            ring = polygon(inputs, is_bspline=False)
            layers.append(self._layer(inputs, ring, is_lowest=place == 0))
        if len(order) > 1:
            self._assumed.add(Assumption.MULTI_POLY_ORDER)
        return layers

    def _poly_order(self, shared: Inputs, numbers: list[int]) -> list[int]:
        value = shared.fixed("PolyOrder")
        if not isinstance(value, Table):
            return numbers
        inner = value.table(1) if value.ctor == "ScriptVal" else value
        if inner is None:
            return numbers
        listed = [inner.get(0), *inner.array] if 0 in inner.fields else list(inner.array)
        order = [int(n) for n in listed if isinstance(n, int | float)]
        if sorted(order) != numbers:
            raise refuse(
                shared.tool.name,
                Reason.UNKNOWN_VALUE,
                "has polygons in an order that cannot be read",
                detail=f"{listed} {numbers}",
            )
        return order

    # Layers -----------------------------------------------------------------------------

    def _layer(
        self,
        inputs: Inputs,
        ring: RingTrack,
        *,
        is_lowest: bool,
    ) -> _LayerTrack:
        name = inputs.tool.name
        soft, border = inputs.number("SoftEdge", 0.0), inputs.number("BorderWidth", 0.0)
        level, solid = inputs.number("Level", 1.0), inputs.number("Solid", 1.0)
        invert = inputs.number("Invert", 0.0)
        passes = inputs.number("NumPasses", 4.0)
        # New masks write "Fast Gaussian"; where nothing is written the first of the menu holds.
        spelled = inputs.choice("Filter", "Box")
        kind = _FILTERS.get(_spelling(spelled))
        if kind is None:
            raise refuse(name, Reason.UNKNOWN_VALUE, f"uses an unknown filter ({spelled})")
        mode = PaintMode.MERGE
        spelled = inputs.choice("PaintMode", "Merge")
        if not is_lowest:
            found = next((m for m in PaintMode if m == _spelling(spelled)), None)
            if found is None:
                raise refuse(name, Reason.UNKNOWN_VALUE, f"uses an unknown mode ({spelled})")
            mode = found
        fill = _fill_rule(inputs, name)
        self._note(soft, border, level, invert, is_lowest=is_lowest)

        def layer(time: float) -> Layer:
            points, closed = ring(time)
            return Layer(
                rings=(points,),
                closed=closed,
                solid=solid(time) != 0,
                border_px=border(time) * self._width,
                sigma_px=max(soft(time), 0.0) * self._width * SIGMA_PER_SOFT_EDGE,
                filter=kind,
                passes=max(1, round(passes(time))),
                level=level(time),
                mode=mode,
                invert=invert(time) != 0,
                fill=fill,
            )

        return layer

    def _note(
        self,
        soft: NumberTrack,
        border: NumberTrack,
        level: NumberTrack,
        invert: NumberTrack,
        *,
        is_lowest: bool,
    ) -> None:
        """Write down what this layer relies on without proof."""
        for time in self._times:
            if soft(time) > 0:
                self._assumed.add(Assumption.SOFT_EDGE_WIDTH)
            if border(time) != 0:
                self._assumed.add(Assumption.BORDER_WIDTH)
            if invert(time) != 0 and (not is_lowest or level(time) != 1):
                self._assumed.add(Assumption.INVERT_WHOLE_CHAIN)


def _fill_rule(inputs: Inputs, name: str) -> FillRule:
    value = inputs.fixed("FillMethod")
    if isinstance(value, int | float):
        # The menu's two entries, counted from 0.
        value = {0: "Alternate", 1: "NonZeroWinding"}.get(int(value), str(value))
    spelled = value if isinstance(value, str) else inputs.choice("FillMethod", "Alternate")
    rule = _FILL_RULES.get(_spelling(spelled))
    if rule is None:
        raise refuse(name, Reason.UNKNOWN_VALUE, f"uses an unknown fill ({spelled})")
    return rule

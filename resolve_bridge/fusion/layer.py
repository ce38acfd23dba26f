"""One drawn shape and how it joins what lies below it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resolve_bridge.fusion.coverage import FillRule
    from resolve_bridge.fusion.outline import Points
    from resolve_bridge.fusion.soften import Filter

__all__ = ["Layer", "PaintMode"]


class PaintMode(StrEnum):
    """How a mask joins the mask on its own input."""

    MERGE = "merge"
    ADD = "add"
    SUBTRACT = "subtract"
    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    AVERAGE = "average"
    MULTIPLY = "multiply"
    REPLACE = "replace"
    INVERT = "invert"
    COPY = "copy"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Layer:
    """One drawn shape at one time, in pixels, y down.

    Attributes
    ----------
    rings : tuple of Points, each of shape (n, 2)
    closed, solid : bool
        Solid shapes are filled; the others are their outline alone.
    border_px : float
        Width of the outline's stroke; negative narrows a solid shape.
    sigma_px : float
        Standard deviation of the soft edge, 0 for none.
    level : float
        Value inside.
    mode : PaintMode
        How it joins the layers below.
    invert : bool
        Whether the mask is turned around after this layer.
    """

    rings: tuple[Points, ...]
    closed: bool
    solid: bool
    border_px: float
    sigma_px: float
    filter: Filter
    passes: int
    level: float
    mode: PaintMode
    invert: bool
    fill: FillRule

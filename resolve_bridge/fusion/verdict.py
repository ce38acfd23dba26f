"""What the text of a composition does not settle, and what was assumed where it nearly does.

A mask that cannot be evaluated is a result, not a fault: it names the tool, the reason and
the ways out. An assumption is a fact about Fusion that no document and no measurement
confirms yet; it travels with the mask so that a person can be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Assumption", "NotAnalytic", "Reason", "Refusal", "WayOut", "refuse"]


class WayOut(StrEnum):
    """Actions a panel can offer in place of the analytic mask."""

    SAVER = "saver_render"
    MATTE_FILE = "choose_matte"
    OPEN_FUSION = "open_fusion"


class Reason(StrEnum):
    """Why a mask cannot be evaluated from the text."""

    BITMAP = "bitmap"
    PAINT = "paint"
    WAND = "wand"
    RANGES = "ranges"
    MAGIC_MASK = "magic_mask"
    SHAPE_TOOL = "shape_tool"
    UNKNOWN_TOOL = "unknown_tool"
    MISSING_TOOL = "missing_tool"
    TRACKER = "tracker"
    EXPRESSION = "expression"
    SCRIPT = "script"
    MODIFIER = "modifier"
    PUBLISHED = "published"
    PATH = "path"
    SPLINE = "spline"
    POINT_COUNT = "point_count"
    DOUBLE_POLYGON = "double_polygon"
    OPEN_SHAPE = "open_shape"
    BLANK = "blank"
    TENSION = "tension"
    TRIANGLE = "triangle"
    SWITCHED_OFF = "switched_off"
    OUT_OF_RANGE = "out_of_range"
    ROTATION_3D = "rotation_3d"
    MASK_SIZE = "mask_size"
    MOTION_BLUR = "motion_blur"
    UNKNOWN_INPUT = "unknown_input"
    UNKNOWN_VALUE = "unknown_value"
    BAD_NUMBER = "bad_number"
    CHAIN = "chain"
    LOOP = "loop"
    TIMING = "timing"


class Assumption(StrEnum):
    """Facts relied on that nothing public confirms yet."""

    SOFT_EDGE_WIDTH = "soft_edge_width"
    BORDER_WIDTH = "border_width"
    STEP_OUT = "step_out"
    BSPLINE_BASIS = "bspline_basis"
    INVERT_WHOLE_CHAIN = "invert_whole_chain"
    MULTI_POLY_ORDER = "multi_poly_order"
    DEFAULT_SIZE = "default_size"

    @property
    def sentence(self) -> str:
        """One plain sentence about what was assumed."""
        return _ASSUMED[self]


_ASSUMED = {
    Assumption.SOFT_EDGE_WIDTH: "The width of the soft edge may differ a little from Fusion's.",
    Assumption.BORDER_WIDTH: "The border is taken as half inside and half outside the outline.",
    Assumption.STEP_OUT: "A key that steps out is taken to jump to the next key at once.",
    Assumption.BSPLINE_BASIS: "The B-spline is taken as uniform and cubic.",
    Assumption.INVERT_WHOLE_CHAIN: "Invert is taken to turn the whole combined mask around.",
    Assumption.DEFAULT_SIZE: "A width or height that was never changed is taken as one half.",
    Assumption.MULTI_POLY_ORDER: "The polygons are laid over each other in their listed order.",
}


@dataclass(frozen=True, slots=True)
class NotAnalytic:
    """A mask that must come another way.

    Attributes
    ----------
    tool : str
        The tool that stands in the way, by its name in the composition.
    reason : Reason
        Stable, for the panel and for tests.
    sentence : str
        One plain sentence that names tool and reason.
    detail : str
        For the log: input, time, spelling.
    ways_out : tuple of WayOut
        What can be offered, most useful first.
    """

    tool: str
    reason: Reason
    sentence: str
    detail: str = ""
    ways_out: tuple[WayOut, ...] = (WayOut.SAVER, WayOut.MATTE_FILE)


class Refusal(Exception):  # noqa: N818 - unwinds the evaluation and becomes a result at its edge
    """Carries a `NotAnalytic` out of the evaluation; never crosses the package's edge."""

    def __init__(self, verdict: NotAnalytic) -> None:
        super().__init__(verdict.sentence)
        self.verdict = verdict


def refuse(
    tool: str,
    reason: Reason,
    what: str,
    *,
    detail: str = "",
    ways_out: tuple[WayOut, ...] = (WayOut.SAVER, WayOut.MATTE_FILE),
) -> Refusal:
    """Make the refusal to raise; `what` continues the sentence ``The mask <tool> …``."""
    return Refusal(NotAnalytic(tool, reason, f"The mask {tool} {what}.", detail, ways_out))

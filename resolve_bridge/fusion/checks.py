"""What must hold before a mask may be drawn from its text: nothing unknown, nothing trimmed."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from typing import TYPE_CHECKING, Final

from resolve_bridge.fusion.table import Table
from resolve_bridge.fusion.verdict import Reason, refuse

if TYPE_CHECKING:
    from resolve_bridge.fusion.tracks import Inputs

__all__ = [
    "DRAWN",
    "FRAME",
    "POLYGON",
    "SHAPE_INPUTS",
    "check_frame",
    "check_known",
    "check_presence",
    "check_readable",
]

DRAWN: Final = frozenset(
    {"Level", "Filter", "SoftEdge", "BorderWidth", "Invert", "Solid", "PaintMode", "EffectMask",
     "Center", "NumPasses", "Passes"}
)  # fmt: skip
FRAME: Final = frozenset(
    {"MaskWidth", "MaskHeight", "PixelAspect", "UseFrameFormatSettings", "ClippingMode",
     "OutputSize", "GlobalIn", "GlobalOut", "MotionBlur", "Quality", "ShutterAngle",
     "CenterBias", "SampleSpread", "ProcessMode", "Depth"}
)  # fmt: skip
SILENT: Final = frozenset(
    {"Comments", "ShowViewControls", "UseGPU", "Version", "Name", "NameSet", "FrameRenderScript",
     "StartRenderScript", "EndRenderScript"}
)  # fmt: skip
POLYGON: Final = frozenset(
    {"Polyline", "Polyline2", "Size", "XRotation", "YRotation", "ZRotation", "FillMethod",
     "CapStyle", "JoinStyle", "WritePosition", "WriteLength", "RotationOrder"}
)  # fmt: skip
SHAPE_INPUTS: Final = {
    "PolylineMask": POLYGON,
    "BSplineMask": POLYGON,
    "EllipseMask": frozenset({"Width", "Height", "Angle"}),
    "RectangleMask": frozenset({"Width", "Height", "Angle", "CornerRadius"}),
}


def check_presence(inputs: Inputs) -> None:
    """Refuse frames in which the tool is trimmed away."""
    tool = inputs.tool
    low, high = min(inputs.times), max(inputs.times)
    inside = not tool.regions or any(a <= low and high <= b for a, b in tool.regions)
    first, last = inputs.fixed("GlobalIn"), inputs.fixed("GlobalOut")
    if isinstance(first, int | float) and first > low:
        inside = False
    if isinstance(last, int | float) and last < high:
        inside = False
    if not inside:
        raise refuse(
            tool.name,
            Reason.OUT_OF_RANGE,
            f"does not exist in every frame from {low:g} to {high:g}",
            detail=f"{tool.regions} {first} {last}",
        )


def check_readable(inputs: Inputs) -> None:
    """Refuse a tool of which a part cannot be read, or whose original is not there."""
    tool = inputs.tool
    levels = inputs.comp.original(tool)
    if levels[-1].instance_of:
        raise refuse(
            tool.name,
            Reason.MISSING_TOOL,
            f"is an instance of {levels[-1].instance_of}, which is not in the export",
        )
    for level in levels:
        if level.unread:
            raise refuse(
                tool.name,
                Reason.UNKNOWN_INPUT,
                f"has a setting this version cannot read ({level.unread[0]})",
                detail=", ".join(level.unread),
            )


def check_frame(inputs: Inputs) -> None:
    """Refuse a mask whose own frame differs in shape from the picture."""
    name = inputs.tool.name
    aspect = inputs.fixed("PixelAspect")
    if isinstance(aspect, Table) and (aspect.number(1), aspect.number(2)) != (1.0, 1.0):
        raise refuse(name, Reason.MASK_SIZE, "is drawn for pixels that are not square")
    width, height = inputs.fixed("MaskWidth"), inputs.fixed("MaskHeight")
    if isinstance(width, int | float) and isinstance(height, int | float):
        if width <= 0 or height <= 0 or not math.isfinite(width / height):
            raise refuse(name, Reason.BAD_NUMBER, "has a frame without a size")
        skew = (width / height) / (inputs.width / inputs.height)
        if abs(skew - 1) > 0.005:
            raise refuse(
                name,
                Reason.MASK_SIZE,
                f"is drawn for {width:g}x{height:g} pixels, "
                f"but the clip has {inputs.width}x{inputs.height}",
            )
    blur = inputs.number("MotionBlur", 0.0)
    if any(blur(time) != 0 for time in inputs.times):
        raise refuse(name, Reason.MOTION_BLUR, "uses motion blur")
    for script in ("FrameRenderScript", "StartRenderScript"):
        text = inputs.fixed(script)
        if text not in (None, ""):
            raise refuse(name, Reason.SCRIPT, "runs a script of its own", detail=str(text))


def check_known(inputs: Inputs, ids: Sequence[str], known: Set[str]) -> None:
    """Refuse a setting that is neither known nor without effect on the matte."""
    for name in ids:
        plain = name.removeprefix(inputs.prefix)
        if plain in known or plain in SILENT or plain.endswith("Nest"):
            continue
        if plain.startswith("Point") and plain[5:].isdigit():
            continue  # published points are looked at with the outline
        given = inputs.comp.input(inputs.tool, name)
        if given is not None:
            raise refuse(
                inputs.tool.name,
                Reason.UNKNOWN_INPUT,
                f"has a setting this version does not know ({plain})",
                detail=repr(given),
            )

"""One delivered picture at a time: original and edit become what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowanchor_engine.clip.composite import Border, EdgeMatch, blend, split
from flowanchor_engine.clip.convert import convert, to_rgb8
from flowanchor_engine.clip.crop import Geometry, cut
from flowanchor_engine.clip.patch import empty_patch, make_patch
from flowanchor_engine.clip.resample import resize_smooth

if TYPE_CHECKING:
    from flowanchor_engine.clip.colour import Colour, Float
    from flowanchor_engine.clip.delivery import DeliveryPlan
    from flowanchor_engine.clip.planes import Array, Picture
    from flowanchor_engine.clip.session import Working
    from flowanchor_engine.request import EditRequest

__all__ = ["Maker", "SheetFrame", "model_view", "sheet_frame"]

_SHEET_HEIGHT = 216


@dataclass(frozen=True)
class SheetFrame:
    """One column of a contact sheet: 8-bit RGB pictures (h, w, 3) and the matte (h, w)."""

    number: int
    before: Array
    after: Array
    matte: Array | None


def model_view(picture: Picture, colour: Colour, geometry: Geometry, number: int) -> Float:
    """Return what the model sees of a picture: RGB (h, w, 3) in [-1, 1]."""
    pixels = picture.format
    size = (geometry.model_width, geometry.model_height)
    units = []
    for place in range(1 if pixels.family == "gray" else 3):
        step_x, step_y = (1, 1)
        if pixels.is_chroma(place):
            step_x, step_y = 1 << pixels.sub_x, 1 << pixels.sub_y
        part = cut(
            picture.planes[place],
            geometry.x[number] / step_x,
            geometry.y[number] / step_y,
            -(-geometry.width // step_x),
            -(-geometry.height // step_y),
            size,
        )
        units.append(colour.unit(part, pixels, place))
    return colour.to_display(colour.rgb_from_planes(units, pixels)) * np.float32(2) - np.float32(1)


class Maker:
    """Makes delivered pictures out of originals and edits."""

    def __init__(self, working: Working, request: EditRequest, plan: DeliveryPlan) -> None:
        self._working, self._plan = working, plan
        self._patch = request.delivery.kind == "patch"
        self._whole = not request.delivery.keep_original and not self._patch
        self._edge = EdgeMatch() if request.delivery.match_edge else None
        self._size = (working.facts.width, working.facts.height)
        self.border = working.border
        if self._whole:
            self.border = Border(
                None,
                working.geometry,
                width=self._size[0],
                height=self._size[1],
                grow_px=0,
                feather_px=0,
            )

    def make(self, number: int, original: Picture, edit: Float) -> Picture | None:
        """Return the picture to encode, or None to take the original over as it is."""
        working, plan = self._working, self._plan
        alpha = self.border.at(number)
        if alpha is None:
            if self._patch:
                return empty_patch(plan.format, plan.colour, *self._size)
            if plan.copies:
                return None
            return convert(original, working.facts.colour, plan.format, plan.colour)
        if self._edge is not None and working.matte is not None:
            seen = model_view(original, working.facts.colour, working.geometry, number)
            edit = self._edge.apply(edit, seen, working.matte[number])
        planes = split(edit, plan.colour, plan.format)
        geometry = working.geometry
        if self._patch:
            return make_patch(plan.format, plan.colour, planes, alpha, geometry, number, self._size)
        canvas = convert(original, working.facts.colour, plan.format, plan.colour).writable()
        blend(canvas, planes, plan.colour, alpha, geometry, number)
        return canvas


def sheet_frame(
    working: Working,
    plan: DeliveryPlan,
    number: int,
    original: Picture,
    result: Picture | None,
    maker: Maker,
) -> SheetFrame:
    """Return a small before and after of a delivered picture, for the contact sheet."""
    facts = working.facts
    height = min(_SHEET_HEIGHT, facts.height)
    size = (max(2, round(height * facts.width * float(facts.par) / facts.height)), height)
    before = to_rgb8(original, facts.colour, size)
    after = before
    if result is not None:
        after = to_rgb8(result, plan.colour, size)
        if result.format.alpha and plan.format.alpha and not facts.format.alpha:
            peak = 1.0 if result.format.is_float else result.format.peak
            cover = resize_smooth(result.planes[-1], size)
            share = (cover.astype(np.float32) / np.float32(peak))[..., None]
            after = np.rint(before + share * (after.astype(np.float32) - before)).astype(np.uint8)
    matte = None
    if working.mattes is not None:
        matte = resize_smooth(working.mattes.at(number), size)
    return SheetFrame(working.start + number, before, after, matte)

"""The child's mattes: which masks there are, and their pictures fitted to what is edited."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from plugin.services.host_events import MaskName, MatteAsked, MatteRead, MatteRefused
from resolve_bridge.errors.masks import MaskRequestError
from resolve_bridge.fusion import choice, model
from resolve_bridge.kinds import sequence_files
from resolve_bridge.matte import Lay, Matte, MatteQuestion, MatteRefusal
from resolve_bridge.shot import Route

if TYPE_CHECKING:
    from resolve_bridge.extract import Extract
    from resolve_bridge.host import CompFile, Host
    from resolve_bridge.matte_pictures import Picture
    from resolve_bridge.shot import Shot

__all__ = ["answer_of", "lay_of", "masks_of"]


def masks_of(host: Host, shot: Shot) -> tuple[MaskName, ...]:
    """Return every mask of the clip's compositions, those that may be meant first.

    Raises
    ------
    NoMaskError, CompExportError, CompReadError, CompSyntaxError
    """
    return _named(host.comps(shot))


def _named(files: tuple[CompFile, ...]) -> tuple[MaskName, ...]:
    meant: list[MaskName] = []
    others: list[MaskName] = []
    for each in files:
        parsed = model.load(each.path)
        match choice.choose(parsed):
            case choice.Chosen(mask=only):
                candidates: tuple[choice.Candidate, ...] = (only,)
            case choice.Ask(candidates=candidates):
                pass
            case choice.NoMask():
                candidates = ()
        meant += [
            MaskName(
                comp=each.index,
                comp_name=each.name,
                tool=found.tool,
                why=str(found.why),
                consumers=found.consumers,
            )
            for found in candidates
        ]
        known = {found.tool for found in candidates}
        others += [
            MaskName(comp=each.index, comp_name=each.name, tool=parsed.address(tool))
            for tool in parsed.tools
            if tool.is_mask and not tool.pass_through and parsed.address(tool) not in known
        ]
    return (*meant, *others)


def answer_of(
    number: int, found: Matte | MatteQuestion | MatteRefusal
) -> MatteRead | MatteAsked | MatteRefused:
    """Return the message for what the bridge found."""
    match found:
        case Matte():
            files = sequence_files(found.label) or (Path(found.label),)
            return MatteRead(
                id=number,
                path=str(files[0]),
                frames=found.frames,
                width=found.width,
                height=found.height,
                tool=found.tool,
                comp=found.comp,
                via="saver" if found.via == "saver" else "text",
                assumed=found.assumed,
            )
        case MatteQuestion():
            masks = tuple(MaskName(comp=c, comp_name="", tool=tool) for c, tool in found.tools)
            return MatteAsked(id=number, sentence=found.sentence, masks=masks)
        case MatteRefusal():
            start, stop = found.saver_frames or (None, None)
            return MatteRefused(
                id=number,
                sentence=found.sentence,
                reason=found.reason,
                ways_out=found.ways_out,
                tool=found.tool,
                comp=found.comp,
                start=start,
                stop=stop,
            )


def lay_of(shot: Shot, extract: Extract | None) -> Lay | None:
    """Return how a mask, drawn in the clip's own picture, is laid where that lies in a render.

    Returns
    -------
    callable or None
        None: it is the same picture. The callable raises `MaskRequestError` where the clip's
        transform could not be taken out of the render: nobody knows where its picture lies.
    """
    if extract is None or extract.route is Route.SOURCE:
        return None
    box, size = extract.box, (extract.width, extract.height)
    own = None if shot.media is None else (shot.media.width, shot.media.height)
    if box == (0, 0, *size) and size == own:
        return None

    def lay(picture: Picture) -> Picture:
        if box is None:
            raise MaskRequestError(
                "This clip's mask cannot be laid over its rendered picture, "
                "because its size or position is keyed.",
                hint=("load_matte", "whole_picture"),
            )
        return _laid(picture, box, size)

    return lay


def _laid(picture: Picture, box: tuple[int, int, int, int], size: tuple[int, int]) -> Picture:
    """Return a black frame with the picture, scaled, in its box; what sticks out is cut."""
    left, top, width, height = box
    smaller = width * height < picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    scaled = cv2.resize(picture, (width, height), interpolation=how)
    frame = np.zeros((size[1], size[0]), np.uint16)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, size[0]), min(top + height, size[1])
    if x1 > x0 and y1 > y0:
        frame[y0:y1, x0:x1] = scaled[y0 - top : y1 - top, x0 - left : x1 - left]
    return frame

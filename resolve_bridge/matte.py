"""The clip's Fusion mask as pictures: evaluated from the text, else rendered by Fusion, else asked.

Never a silent guess: a mask that the text does not determine comes back as a `MatteRefusal` that
names the tool, the reason and the ways out; several masks come back as a `MatteQuestion`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from resolve_bridge.errors.masks import MaskRequestError, NoMaskError, SaverError
from resolve_bridge.extract import Report, silent
from resolve_bridge.fusion import choice, model, raster
from resolve_bridge.fusion.mask import Mask, evaluate
from resolve_bridge.fusion.timing import CompClock, comp_clock
from resolve_bridge.fusion.verdict import NotAnalytic, WayOut
from resolve_bridge.matte_pictures import Picture, keep

if TYPE_CHECKING:
    from resolve_bridge.host import CompFile, Host
    from resolve_bridge.shot import Shot

__all__ = [
    "Lay",
    "Matte",
    "MatteQuestion",
    "MatteRefusal",
    "find_mask",
    "read_matte",
    "saver_matte",
]

Lay = Callable[[Picture], Picture]
"""Moves a mask from the clip's own picture to another one, in which that picture lies."""


@dataclass(frozen=True, slots=True)
class Matte:
    """One picture a frame, 16-bit grey PNG, white where the edit may happen.

    Parameters
    ----------
    label : str
        ``.../matte_[0000-0080].png``, in a folder that is named by what the pictures are.
    tool, comp : str, int
        Where it came from.
    via : {'text', 'saver'}
        Evaluated here, or rendered by Fusion.
    assumed : tuple of str
        One sentence for everything about it that no document confirms.
    """

    label: str
    frames: int
    width: int
    height: int
    tool: str
    comp: int
    via: str
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatteQuestion:
    """Several masks may be meant; ask again with one of `tools` and its comp."""

    sentence: str
    tools: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class MatteRefusal:
    """The text does not determine the mask.

    Parameters
    ----------
    saver_frames : (int, int) or None
        Comp frames to render, half-open, where the Saver is a way out.
    """

    sentence: str
    reason: str
    ways_out: tuple[str, ...]
    tool: str
    comp: int
    saver_frames: tuple[int, int] | None


def read_matte(
    host: Host,
    shot: Shot,
    folder: Path,
    *,
    tool: str = "",
    comp: int = 0,
    lay: Lay | None = None,
    report: Report = silent,
    check: Callable[[], None] = lambda: None,
) -> Matte | MatteQuestion | MatteRefusal:
    """Return the meant mask of a shot, one picture per frame of `shot.frame_count`.

    Parameters
    ----------
    folder : Path
        Where the folder with the pictures is made, or found.
    tool, comp : str, int
        The person's answer to a question; '' and 0 take the Fusion door's pick, else choose.
    lay : callable, optional
        Applied to every picture.

    Raises
    ------
    NoMaskError
        The clip has no composition, or no composition has a mask.
    CompExportError, CompReadError, CompSyntaxError
        The text cannot be had or read.
    MaskRequestError
        The named tool is not there, or the picture's size is unknown.
    DiskError
        The pictures cannot be written.
    """
    found = find_mask(host, shot, tool=tool, comp=comp)
    if not isinstance(found, tuple):
        return found
    mask, index = found
    pictures = (np.rint(picture * 65535).astype(np.uint16) for picture in raster.frames(mask))
    kept = keep(_laid(pictures, lay), len(mask), folder, report=report, check=check)
    return Matte(
        label=kept.label,
        frames=kept.frames,
        width=kept.width,
        height=kept.height,
        tool=mask.tool,
        comp=index,
        via="text",
        assumed=tuple(sorted(each.sentence for each in mask.assumed)),
    )


def find_mask(
    host: Host, shot: Shot, *, tool: str = "", comp: int = 0
) -> tuple[Mask, int] | MatteQuestion | MatteRefusal:
    """Return the evaluated mask and the number of its composition; see `read_matte`."""
    if shot.media is None or not (shot.media.width and shot.media.height):
        raise MaskRequestError("The size of this clip is not known.", hint=("load_matte",))
    tool, comp = tool or shot.pick, comp or shot.pick_comp
    files = host.comps(shot)
    wanted = [each for each in files if comp in (0, each.index)]
    masks: list[tuple[CompFile, model.Comp, str]] = []
    ask: list[tuple[int, str]] = []
    sentence = ""
    for each in wanted:
        parsed = model.load(each.path)
        if tool and not _has(parsed, tool):
            continue
        chosen = choice.choose(parsed, tool or None)
        match chosen:
            case choice.Chosen(mask=candidate):
                masks.append((each, parsed, candidate.tool))
            case choice.Ask(candidates=candidates, sentence=sentence):
                ask += [(each.index, candidate.tool) for candidate in candidates]
            case choice.NoMask():
                continue
    if ask or len(masks) > 1:
        tools = (*((each.index, name) for each, _, name in masks), *ask)
        return MatteQuestion(sentence or f"The clip has {len(tools)} masks; choose one.", tools)
    if not masks:
        return _nothing(tool, wanted)
    each, parsed, name = masks[0]
    clock = _clock(shot, each)
    if isinstance(clock, NotAnalytic):
        return _refusal(clock, name, each, None)
    step = shot.timeline.rate / shot.frame_rate
    times = [float(clock.start + Fraction(frame) * step) for frame in range(shot.frame_count)]
    mask = evaluate(parsed, name, times=times, width=shot.media.width, height=shot.media.height)
    if isinstance(mask, NotAnalytic):
        return _refusal(mask, name, each, clock)
    return mask, each.index


def saver_matte(
    host: Host,
    shot: Shot,
    refusal: MatteRefusal,
    folder: Path,
    *,
    lay: Lay | None = None,
    report: Report = silent,
    check: Callable[[], None] = lambda: None,
) -> Matte:
    """Let Fusion render what the text does not determine; see `read_matte`.

    Raises
    ------
    MaskRequestError
        The Saver is no way out of this refusal.
    SaverError, CompAlteredError
        Fusion could not, or the composition reads otherwise now.
    DiskError
        The pictures cannot be written.
    """
    if refusal.saver_frames is None or shot.media is None:
        raise MaskRequestError("Fusion cannot render this mask frame by frame.")
    size = (shot.media.width, shot.media.height)
    files = host.saver_matte(shot, refusal.comp, refusal.tool, refusal.saver_frames, size)
    # One a timeline frame; the edit counts in frames of its own rate.
    step = shot.timeline.rate / shot.frame_rate
    order = [min(int(frame * step), len(files) - 1) for frame in range(shot.frame_count)]
    pictures = (_grey(files[index], refusal.tool) for index in order)
    kept = keep(_laid(pictures, lay), len(order), folder, report=report, check=check)
    return Matte(
        kept.label, kept.frames, kept.width, kept.height, refusal.tool, refusal.comp, "saver"
    )


def _laid(pictures: Iterator[Picture], lay: Lay | None) -> Iterator[Picture]:
    return pictures if lay is None else map(lay, pictures)


def _grey(path: Path, tool: str) -> Picture:
    """Read what Fusion wrote: the mask stands in every colour channel."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise SaverError(tool=tool, detail=path.name)
    grey = image if image.ndim == 2 else image[..., 1]
    deep = grey.astype(np.uint16)
    return deep * np.uint16(257) if image.dtype == np.uint8 else deep


def _has(parsed: model.Comp, tool: str) -> bool:
    try:
        parsed.tool(tool)
    except MaskRequestError:
        return False
    return True


def _nothing(tool: str, wanted: list[CompFile]) -> MatteRefusal:
    if tool:
        raise MaskRequestError(
            f"The Fusion composition has no tool called “{tool}”.",
            hint=("reread", "load_matte"),
            detail=", ".join(each.name for each in wanted),
        )
    raise NoMaskError


def _clock(shot: Shot, comp: CompFile) -> CompClock | NotAnalytic:
    end = None if comp.render_stop is None else comp.render_stop - 1
    return comp_clock(render_start=comp.render_start, render_end=end, duration=shot.frames)


def _refusal(
    verdict: NotAnalytic, tool: str, comp: CompFile, clock: CompClock | None
) -> MatteRefusal:
    ways = tuple(str(way) for way in verdict.ways_out)
    frames = None if clock is None else (clock.start, clock.start + clock.duration)
    if frames is None:
        ways = tuple(way for way in ways if way != WayOut.SAVER)
    return MatteRefusal(verdict.sentence, str(verdict.reason), ways, tool, comp.index, frames)

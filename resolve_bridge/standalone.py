"""No Resolve at all: a clip file in, a clip file out, by the same protocol."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2

from resolve_bridge import saved
from resolve_bridge.errors.masks import NoMaskError
from resolve_bridge.errors.placing import NoRecipeError, UndoChangedError
from resolve_bridge.errors.render import DiskError
from resolve_bridge.errors.shot import (
    ClipKindError,
    ClipOfflineError,
    HostChangedError,
    NoClipError,
)
from resolve_bridge.extract import Extract, Report, extract_source, silent
from resolve_bridge.footage import footage_of
from resolve_bridge.frames import rate_of, timecode_of
from resolve_bridge.host import CompFile, HostInfo, Watch
from resolve_bridge.picture_rate import picture_rate
from resolve_bridge.placement import Delivery, Placement, Recipe, Result
from resolve_bridge.probe import Probe, probe
from resolve_bridge.shot import (
    Chosen,
    ItemKind,
    MediaFacts,
    Note,
    Retime,
    Route,
    Shot,
    TimelineRef,
)

__all__ = ["StandaloneHost"]

_NUMBERED = re.compile(r"^(?P<head>.*?)(?P<number>\d+)$")
_PICTURE_RATE = Fraction(24)  # of pictures of which nothing tells; the engine takes the same
_STILLS = frozenset({".png", ".tif", ".tiff", ".exr", ".dpx", ".jpg", ".jpeg"})


class StandaloneHost:
    """Files in place of a timeline.

    Parameters
    ----------
    results : Path
        Where results are saved, `FlowAnchor` inside the clip's folder by default of the panel.
    decode : callable
        Counts frames by decoding.
    """

    name = "standalone"

    def __init__(self, results: Path, *, decode: Probe = probe) -> None:
        self._results = results
        self._decode = decode
        self._open: Path | None = None

    def open(self, path: Path) -> None:
        """Choose the clip to work on; `shot` reads it."""
        self._open = path

    def connect(self, *, timeout_s: float = 0.0) -> HostInfo:
        """Nothing to connect to: always ready."""
        del timeout_s
        return HostInfo(
            name=self.name, product="", version="", studio=False, link="", recovered=False
        )

    def watch(self) -> Watch:
        """Return which file is open."""
        return Watch("", "", str(self._open or ""), picked=False)

    def shot(self, *, item_id: str = "", colour: str = "", playhead: bool = False) -> Shot:
        """Read the open file, or the one at that path.

        Raises
        ------
        NoClipError
            None is open.
        ClipOfflineError
            It is not there.
        ClipKindError
            It is no moving picture.
        """
        del colour, playhead
        path = Path(item_id) if item_id else self._open
        if path is None:
            raise NoClipError
        if not path.exists():
            raise ClipOfflineError(name=path.name, detail=str(path))
        files, label = _pictures(path) or ((path,), str(path))
        try:
            found = self._decode(files)
        except (ValueError, OSError) as error:
            raise ClipKindError(
                what="This file", way_out="Open a video clip.", detail=str(error)
            ) from error
        told = picture_rate(files) if len(files) > 1 else _rate(path)
        rate = told or _PICTURE_RATE
        media = MediaFacts(
            media_id=str(path),
            name=path.name,
            type_label="Video",
            path=label,
            rate=rate,
            frames=found.frames,
            first_frame=0,
            start_timecode=timecode_of(0, rate, drop=False),
            width=found.width,
            height=found.height,
            pixel_aspect="",
            codec="",
            bit_depth="",
            data_level="",
            colour_space="",
            alpha_mode="",
            field_order="",
        )
        return Shot(
            timeline=TimelineRef(
                project_id="",
                project_name="",
                timeline_id="",
                timeline_name="",
                rate=rate,
                drop_frame=False,
                start_frame=0,
                start_timecode=timecode_of(0, rate, drop=False),
                width=found.width,
                height=found.height,
            ),
            item_id=str(path),
            name=path.stem,
            kind=ItemKind.FILE,
            route=Route.SOURCE,
            chosen=Chosen.NAMED if item_id else Chosen.OPENED,
            retime=Retime.NONE,
            track=1,
            start=0,
            stop=found.frames,
            left_offset=0,
            source_start=0,
            source_stop=found.frames,
            media=media,
            enabled=True,
            clip_colour="",
            comps=(),
            pick="",
            pick_comp=0,
            notes=() if told else (Note.RATE_ASSUMED,),
        )

    def comps(self, shot: Shot) -> tuple[CompFile, ...]:
        """Raise `NoMaskError`: a file carries no compositions; a matte is loaded instead."""
        raise NoMaskError(hint=("load_matte", "whole_picture"), detail=shot.item_id)

    def saver_matte(
        self, shot: Shot, comp: int, tool: str, frames: tuple[int, int], size: tuple[int, int]
    ) -> tuple[Path, ...]:
        """Raise `NoMaskError`: there is no Fusion here."""
        raise NoMaskError(
            hint=("load_matte", "whole_picture"),
            detail=f"{shot.item_id} {comp} {tool} {frames} {size}",
        )

    def extract(
        self,
        shot: Shot,
        *,
        report: Report = silent,
        check: Callable[[], None] = lambda: None,
    ) -> Extract:
        """Return the file itself."""
        check()
        report("check", 1, 1)
        return extract_source(shot)

    def place(self, shot: Shot, result: Result, *, save: bool = True) -> Placement:
        """Save the result under its name, the recipe beside it; the same one twice is one.

        Raises
        ------
        HostChangedError
            The source file is another one by now.
        ResultFileError, ResultPicturesError
            The result is not there, or its pictures are not one whole sequence.
        DiskError
            It cannot be written; nothing is left behind.
        """
        del save
        now = self.shot(item_id=shot.item_id)
        if now.fingerprint() != shot.fingerprint():
            raise HostChangedError(detail=f"{shot.fingerprint()} -> {now.fingerprint()}")
        known = saved.known(self._results, result.key, shot.item_id)
        if known is not None:
            return known
        source = Path(result.path)
        footage_of(result.path, result.frames)
        take = result.delivery is Delivery.TAKE
        delivery = Delivery.FRAME if take else result.delivery
        folder_made = not self._results.exists()
        # A take that was written there in the first place stays as it is.
        there = source.resolve().parent == self._results.resolve()
        suffix = "" if source.is_dir() else source.suffix
        target = source if there else saved.free_name(self._results, result.name, suffix)
        try:
            self._results.mkdir(parents=True, exist_ok=True)
            if not there:
                saved.copy(source, target)
            placement = Placement(
                key=result.key,
                delivery=delivery,
                project_id="",
                timeline_id="",
                source_item=shot.item_id,
                item_id=str(target),
                track=0,
                track_made=False,
                start=0,
                stop=result.frames,
                media_id=saved.digest(target),
                path=str(target),
                folder_id=str(self._results),
                folder_made=folder_made,
                media_made=not there,
            )
            saved.keep_recipe(target, placement, result.recipe)
        except OSError as error:
            if not there:
                saved.remove(target)
            saved.beside(target).unlink(missing_ok=True)
            raise DiskError(
                reason=error.strerror or "Nothing can be written",
                folder=str(self._results),
                detail=repr(error),
            ) from error
        return placement

    def undo(self, placement: Placement) -> None:
        """Delete the saved copy and its recipe; the folder too, if it was made and is empty.

        Raises
        ------
        UndoChangedError
            The file, or one of the pictures, is not the one that was saved.
        """
        target = Path(placement.item_id)
        if target.exists() and saved.digest(target) != placement.media_id:
            raise UndoChangedError(detail=str(target))
        if placement.media_made:
            saved.remove(target)
        saved.beside(target).unlink(missing_ok=True)
        folder = Path(placement.folder_id)
        if placement.folder_made and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def recipe(self, shot: Shot) -> Recipe:
        """Return the recipe beside a saved result.

        Raises
        ------
        NoRecipeError
            There is none.
        """
        found = saved.recipe_beside(Path(shot.item_id))
        if found is None:
            raise NoRecipeError(detail=shot.item_id)
        return found

    def source_of(self, placement: Placement) -> Shot:
        """Return the file that a result was made from."""
        return self.shot(item_id=placement.source_item)

    def close(self) -> None:
        """Nothing runs."""
        self._open = None


def _pictures(path: Path) -> tuple[tuple[Path, ...], str] | None:
    """Return the numbered pictures that a folder, or one of them, stands for, and their label.

    Raises
    ------
    ClipKindError
        A single picture, or numbers that do not follow each other.
    """
    inside = sorted(path.iterdir()) if path.is_dir() else []
    one = next((each for each in inside if each.suffix.lower() in _STILLS), path)
    if one.suffix.lower() not in _STILLS:
        return None
    name = _NUMBERED.match(one.stem)
    numbered: dict[int, Path] = {}
    for each in one.parent.iterdir() if name is not None else ():
        other = _NUMBERED.match(each.stem)
        if other and name and other["head"] == name["head"] and each.suffix == one.suffix:
            numbered[int(other["number"])] = each
    numbers = sorted(numbered)
    if len(numbers) < 2:
        raise ClipKindError(
            what="A single picture", way_out="Open a clip or an image sequence as a clip."
        )
    if numbers[-1] - numbers[0] + 1 != len(numbers):
        missing = numbers[-1] - numbers[0] + 1 - len(numbers)
        raise ClipKindError(
            what="A sequence with gaps", way_out=f"{missing} of its pictures are missing."
        )
    files = tuple(numbered[number] for number in numbers)
    first, last = files[0].stem, files[-1].stem
    assert name is not None
    at = len(name["head"])
    return files, str(files[0].with_name(f"{first[:at]}[{first[at:]}-{last[at:]}]{one.suffix}"))


def _rate(path: Path) -> Fraction:
    capture = cv2.VideoCapture(str(path))
    try:
        told = float(capture.get(cv2.CAP_PROP_FPS))
    finally:
        capture.release()
    found = rate_of(f"{told:.3f}")
    if found is None:
        raise ClipKindError(what="A file without a frame rate", way_out="Open a video clip.")
    return found[0]

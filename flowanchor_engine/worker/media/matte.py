"""`Matte`: the composite matte of a request, made by the code that an edit uses.

Drawn, loaded or tracked, grown and feathered at the clip's size; only then made small. A
tracked matte is kept, so that moving Grow and Feather does not track again.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from flowanchor_engine import models, protocol
from flowanchor_engine.clip import session
from flowanchor_engine.clip.atomic import new_file
from flowanchor_engine.clip.crop import ModelFrame
from flowanchor_engine.clip.resample import resize_smooth
from flowanchor_engine.errors import FlowAnchorError
from flowanchor_engine.progress import Silent
from flowanchor_engine.protocol.proxies import ProxyHeader
from flowanchor_engine.request import EditRequest
from flowanchor_engine.worker.media import folder, shot
from flowanchor_engine.worker.media.pixels import Viewer

if TYPE_CHECKING:
    from flowanchor_engine.clip.colour import Float
    from flowanchor_engine.clip.matte import Mattes
    from flowanchor_engine.clip.session import Working
    from flowanchor_engine.progress import Phase
    from flowanchor_engine.worker.job import Job

__all__ = ["alpha_of", "forget", "prepared", "run"]

_REPORT_FILE: Final = "matte.json"
_KEPT: Final = 2
_resolved: OrderedDict[str, Mattes] = OrderedDict()


class _Report(BaseModel):
    """What `MatteDone` tells beside the pictures, kept with them."""

    model_config = ConfigDict(frozen=True)

    coverage: tuple[float, ...]
    empty_frames: tuple[int, ...]
    drift: tuple[float, ...]
    notes: tuple[str, ...]


def run(job: Job, command: protocol.Matte) -> None:
    """Write the matte's proxy, or find it finished.

    Raises
    ------
    FlowAnchorError, Cancelled
        As `clip.session.prepare`, `OutputError` and `DiskError`.
    """
    request = EditRequest.load(command.request)
    out = Path(command.out)
    key = folder.digest(["matte", command.max_height, _decides(request)])
    known = folder.finished(out, key)
    told = None if known is None else _kept_report(out)
    if known is not None and known.facts is not None and told is not None:
        job.tell(protocol.ProxyOpened, path=str(out), facts=known.facts)
        job.phase(shot.READ, known.frames, known.frames)
    else:
        told = _write(job, out, request, command.max_height, key)
    job.end(protocol.MatteDone, path=str(out), **told.model_dump())


def _write(job: Job, out: Path, request: EditRequest, max_height: int, key: str) -> _Report:
    with prepared(request, job) as working:
        seen = _shot_of(working)
        width, height = seen.shown_size(max_height)
        facts = seen.told()
        header = ProxyHeader(
            width=width,
            height=height,
            channels=1,
            stride=folder.stride_of(width, 1),
            frames=working.count,
            facts=facts,
            key=key,
        )
        coverage = []
        with folder.ProxyWriter(out, header, job) as writer:
            job.tell(protocol.ProxyOpened, path=str(out), facts=facts)
            for number in range(working.count):
                alpha = alpha_of(working, number)
                coverage.append(float(alpha.mean()))
                grey = np.rint(alpha * 255).astype(np.uint8)
                writer.put(resize_smooth(grey, (width, height)))
            told = _report(working, coverage)
            with new_file(out / _REPORT_FILE) as temporary:
                temporary.write_text(told.model_dump_json() + "\n", encoding="utf-8")
        return told


def _report(working: Working, coverage: list[float]) -> _Report:
    found = working.matte_report
    drawn_empty = set() if found is None else set(found.empty_frames)
    track = None if found is None else found.track
    return _Report(
        coverage=tuple(round(share, 6) for share in coverage),
        # What fades in from the frames before does not make an empty frame a full one.
        empty_frames=tuple(i for i, share in enumerate(coverage) if share == 0 or i in drawn_empty),
        drift=() if track is None else tuple(round(1 - sure, 4) for sure in track.consistent),
        notes=(*(() if found is None else found.notes), *working.geometry.notes),
    )


def _kept_report(out: Path) -> _Report | None:
    try:
        return _Report.model_validate_json((out / _REPORT_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def _shot_of(working: Working) -> shot.Shot:
    facts = working.facts
    viewer = Viewer.of(facts.colour, facts.format)
    return shot.Shot(working.clip, working.start, working.count, viewer)


def alpha_of(working: Working, number: int) -> Float:
    """Return the composite matte of a frame at the clip's size, (H, W) in 0..1."""
    full = np.zeros((working.facts.height, working.facts.width), np.float32)
    part = working.border.at(number)
    if part is not None:
        tall, wide = part.values.shape
        full[part.y : part.y + tall, part.x : part.x + wide] = part.values
    return full


def prepared(request: EditRequest, job: Job) -> Working:
    """Open a request's clip and matte; a matte that was resolved lately is taken again."""
    key = folder.digest(["resolved", _decides(request, border=False)])
    known = _resolved.get(key)
    working = session.prepare(request, _Ear(job), _model_frame(request), mattes=known)
    if working.mattes is not None:
        _resolved[key] = working.mattes
        _resolved.move_to_end(key)
        while len(_resolved) > _KEPT:
            _resolved.popitem(last=False)
    return working


def forget() -> None:
    """Free the mattes that are kept."""
    _resolved.clear()


class _Ear(Silent):
    """Hears progress and the wish to stop; the notes are told with the result."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pace = folder.Pace()

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Pass on at a bearable rate."""
        if self._pace.due(always=done == total):
            self._job.phase(phase, done, total)

    def check(self) -> None:
        """Pass on."""
        self._job.check()


def _decides(request: EditRequest, *, border: bool = True) -> object:
    """Return everything of a request that decides its matte."""
    source, matte = request.source, request.matte
    drawn = None
    if matte is not None:
        drawn = matte.model_dump(mode="json", exclude=None if border else {"grow_px", "feather_px"})
    return [
        source.model_dump(mode="json"),
        folder.file_marks(source.path),
        drawn,
        folder.file_marks(matte.path) if matte is not None and matte.path else None,
        request.working.model_dump(mode="json") if border else None,
        request.model.model_dump(mode="json") if border else None,
    ]


def _model_frame(request: EditRequest) -> ModelFrame:
    """Return what the model needs of a picture, from its folder or, without one, its family."""
    from flowanchor_engine.wan.facts import inspect

    width, height = models.working_size(request.model)
    try:
        return ModelFrame(width, height, inspect(models.folder(request.model)).token_px)
    except FlowAnchorError:  # not on this computer: an edit would say so
        family = next((e.family for e in models.entries() if e.id == request.model.id), None)
        return ModelFrame(width, height, 32 if family == "wan2.2-ti2v" else 16)

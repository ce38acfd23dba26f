"""Edits: the engine stays warm between them.

The model is kept until another is asked for, memory is asked back, or the engine has been
idle long enough.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowanchor_engine import protocol, room
from flowanchor_engine.progress import Phase
from flowanchor_engine.request import EditRequest
from flowanchor_engine.worker.job import Job, run_to_end

if TYPE_CHECKING:
    from flowanchor_engine.cache import Store
    from flowanchor_engine.editor import Editor
    from flowanchor_engine.pipeline import Result
    from flowanchor_engine.worker.estimate import Memory

__all__ = ["Runner"]


class Runner:
    """Runs jobs one after the other on a warm model.

    Parameters
    ----------
    timings : Memory
        Learns from every finished edit.
    """

    def __init__(self, timings: Memory) -> None:
        self._timings = timings
        self._store: Store | None = None
        self._editor: Editor | None = None
        self._holds: _Wanted | None = None

    @property
    def model(self) -> str | None:
        """The id of the model that is in memory."""
        editor = self._editor  # another thread asks while this one is freed
        return None if editor is None else str(editor.model.model_id)

    def run(self, job: Job) -> None:
        """Run a job to its one terminal event; only an interrupt is raised again."""
        run_to_end(job, lambda: self._do(job))

    def _do(self, job: Job) -> None:
        match job.command:
            case protocol.Precompute() as command:
                request = EditRequest.load(command.request)
                room.check(request, frugal=command.memory == "low")
                self._precompute(job, request, memory=command.memory)
            case protocol.Run() as command:
                request = EditRequest.load(command.request)
                out = Path(command.out)
                if not self._is_warm(_wanted(request, command.memory)):
                    job.phase(Phase.LOAD, 0, 1)  # even torch may still be on the disk
                    _foresee(request, out)
                if not command.anyway:
                    room.check(request, frugal=command.memory == "low")
                self._edit(job, request, out, resume=command.resume, memory=command.memory)

    def release(self) -> None:
        """Free the model."""
        self._editor = None
        self._holds = None
        residency = sys.modules.get("flowanchor_engine.wan.residency")
        if residency is not None:  # else nothing was ever loaded
            residency.free()

    def _edit(
        self, job: Job, request: EditRequest, out: Path, *, resume: bool, memory: str
    ) -> None:
        from flowanchor_engine import pipeline

        editor = self._warm(job, request, memory)
        result = pipeline.edit(
            request,
            out,
            report=job,
            editor=editor,
            store=self._cache(),
            resume=resume,
            attention=True,
        )
        self._learn(request, result)
        job.end(
            protocol.Result,
            path=str(result.video),
            recipe=str(result.recipe),
            sheet=str(result.sheet),
            frames=result.frames,
            width=result.width,
            height=result.height,
            rate=f"{result.rate.numerator}/{result.rate.denominator}",
            sha256=_sha256(result.video),
            words=result.words,
            forwards=result.forwards,
            forwards_saved=result.forwards_saved,
            peak_memory_mb=result.peak_memory_mb,
            seconds=result.seconds,
            notes=result.notes,
            attention="" if result.attention is None else str(result.attention),
        )

    def _precompute(self, job: Job, request: EditRequest, *, memory: str) -> None:
        from flowanchor_engine import pipeline

        editor = self._warm(job, request, memory)
        outcome = pipeline.precompute(request, store=self._cache(), report=job, editor=editor)
        job.end(
            protocol.Precomputed,
            forwards=outcome.forwards,
            forwards_saved=outcome.forwards_saved,
        )

    def _cache(self) -> Store:
        if self._store is None:
            from flowanchor_engine.cache import Store, default_root

            self._store = Store(default_root())
        return self._store

    def _learn(self, request: EditRequest, result: Result) -> None:
        """Remember how long this kind of job took."""
        if result.forwards == 0:
            return
        from flowanchor_engine.worker.outlook import bucket_of

        edit_s = result.seconds.get(Phase.EDIT.value, 0.0)
        besides = sum(result.seconds.values()) - edit_s
        latents = -(-(result.frames - 1) // 4) + 1
        self._timings.record(
            bucket_of(request, latents),
            s_per_forward=edit_s / result.forwards,
            s_besides=besides,
        )

    def _warm(self, job: Job, request: EditRequest, memory: str) -> Editor:
        from flowanchor_engine import pipeline

        wanted = _wanted(request, memory)
        if self._editor is None or not self._is_warm(wanted):
            self.release()
            self._editor = pipeline.open_editor(
                request.model, working=request.working, report=job, frugal=memory == "low"
            )
            self._holds = wanted
        return self._editor

    def _is_warm(self, wanted: _Wanted) -> bool:
        """Whether the model in memory will do; what was planned for more serves less."""
        if self._holds is None or self._holds.model != wanted.model:
            return False
        return all(n <= most for n, most in zip(wanted.extent, self._holds.extent, strict=True))


class _Wanted(NamedTuple):
    """The model that a request needs and how it is held, and what memory is planned for."""

    model: tuple[object, ...]
    extent: tuple[int, int, int]


def _wanted(request: EditRequest, memory: str) -> _Wanted:
    from flowanchor_engine import models

    spec = request.model
    return _Wanted(
        model=(spec.id, spec.folder, spec.revision, spec.precision, memory == "low"),
        extent=models.extent(spec, request.working),
    )


def _foresee(request: EditRequest, out: Path) -> None:
    """Do not load a model for minutes to say that the clip is not there."""
    from flowanchor_engine import pipeline

    pipeline.foresee(request, out)


def _sha256(path: Path) -> str:
    if path.is_dir():  # a picture sequence: the pictures in order
        total = hashlib.sha256()
        for name in sorted(os.listdir(path)):
            total.update((path / name).read_bytes())
        return total.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

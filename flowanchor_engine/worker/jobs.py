"""One job from a request to exactly one terminal event.

The engine stays warm between jobs: the model is kept until another is asked for, memory is
asked back, or the engine has been idle long enough.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowanchor_engine import protocol
from flowanchor_engine.errors import Cancelled, FlowAnchorError, RamError, VramError
from flowanchor_engine.progress import Phase
from flowanchor_engine.request import EditRequest

if TYPE_CHECKING:
    from pydantic import BaseModel

    from flowanchor_engine.cache import Store
    from flowanchor_engine.editor import Editor
    from flowanchor_engine.pipeline import Result
    from flowanchor_engine.worker.channel import Channel
    from flowanchor_engine.worker.estimate import Memory

__all__ = ["Job", "Runner"]

_log = logging.getLogger(__name__)

# cuDNN and cuBLAS word a full card in their own ways.
_OUT_OF_MEMORY = (
    "out of memory",
    "cudnn_status_alloc_failed",
    "cublas_status_alloc_failed",
    "cudnn_status_not_supported. this error may appear if you passed in a non-contiguous",
    "failed to allocate",
)


class Job:
    """A job's voice: it implements `Reporter`, numbers its events and knows where it is.

    Parameters
    ----------
    channel : Channel
        Where events go.
    command : Run or Precompute
        What was asked.
    scratch : Path
        Folder for preview pictures.
    """

    def __init__(
        self,
        channel: Channel,
        command: protocol.Run | protocol.Precompute,
        scratch: Path,
    ) -> None:
        self.command = command
        self.name = command.job
        self._channel = channel
        self._scratch = scratch
        self._seq = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ended = False
        self._phase: tuple[Phase, int, int] | None = None
        self._begun: dict[Phase, float] = {}
        self._previews: list[Path] = []

    # ---- stopping

    def cancel(self) -> None:
        """Ask the job to stop; it does at its next check."""
        self._stop.set()

    def check(self) -> None:
        """Raise `Cancelled` once the job was asked to stop."""
        if self._stop.is_set():
            raise Cancelled

    @property
    def at(self) -> str:
        """Where the job is, such as 'edit 12/23'."""
        if self._phase is None:
            return "waiting"
        phase, done, total = self._phase
        return f"{phase.value} {done}/{total}"

    # ---- speaking

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Report progress with measured seconds per unit and the time left in this phase."""
        now = time.monotonic()
        self._phase = (phase, done, total)
        begun = self._begun.setdefault(phase, now)
        each = (now - begun) / done if done > 0 and now > begun else None
        self._send(
            protocol.Phase,
            phase=phase.value,
            done=done,
            total=total,
            s_per_unit=None if each is None else round(each, 4),
            eta_s=None if each is None else round(each * (total - done), 2),
        )

    def preview(self, step: int, frame: int, picture: Any) -> None:
        """Write a rough picture and announce it; older ones of the job are removed."""
        import cv2

        self._scratch.mkdir(parents=True, exist_ok=True)
        path = self._scratch / f"{self.name}-{step:03d}.png"
        whole, data = cv2.imencode(".png", picture[..., ::-1])
        if not whole:
            return
        temporary = path.with_suffix(".tmp")
        temporary.write_bytes(data.tobytes())
        temporary.replace(path)
        self._send(protocol.Preview, step=step, path=str(path), frame=frame)
        self._previews.append(path)
        for old in self._previews[:-2]:
            old.unlink(missing_ok=True)
        self._previews = self._previews[-2:]

    def note(self, code: str, sentence: str) -> None:
        """Tell something that does not stop the job."""
        self._send(protocol.Note, code=code, user_message=sentence)

    def end(self, kind: type[BaseModel], **fields: Any) -> None:
        """Send the terminal event; only the first one is sent."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            self._emit(kind, fields)
        for path in self._previews:
            path.unlink(missing_ok=True)

    @property
    def ended(self) -> bool:
        """Whether the terminal event was sent."""
        return self._ended

    def _send(self, kind: type[BaseModel], **fields: Any) -> None:
        with self._lock:
            if not self._ended:
                self._emit(kind, fields)

    def _emit(self, kind: type[BaseModel], fields: dict[str, Any]) -> None:
        self._channel.send(kind.model_validate({"job": self.name, "seq": self._seq, **fields}))
        self._seq += 1


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
        self._holds: tuple[object, ...] | None = None

    @property
    def model(self) -> str | None:
        """The id of the model that is in memory."""
        return None if self._editor is None else str(self._editor.model.model_id)

    def run(self, job: Job) -> None:
        """Run a job to its one terminal event; only an interrupt is raised again."""
        try:
            job.check()
            request = EditRequest.load(job.command.request)
            if isinstance(job.command, protocol.Precompute):
                self._precompute(job, request)
            else:
                self._edit(job, request, Path(job.command.out), resume=job.command.resume)
        except Cancelled:
            job.end(protocol.Cancelled, at=job.at)
        except KeyboardInterrupt:  # the system ends the engine: say so, then go
            job.end(protocol.Cancelled, at=job.at)
            raise
        except FlowAnchorError as error:
            _fail(job, error)
        except MemoryError as error:
            _fail(job, RamError("The computer ran out of memory.", hint=["save_memory"],
                                detail=repr(error)))  # fmt: skip
        except Exception as error:  # noqa: BLE001 - the process boundary: a job must end
            _log.exception("job %s failed", job.name)
            _fail(job, _known(error))

    def release(self) -> None:
        """Free the model."""
        self._editor = None
        self._holds = None
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _edit(self, job: Job, request: EditRequest, out: Path, *, resume: bool) -> None:
        from flowanchor_engine import pipeline

        editor = self._warm(job, request)
        result = pipeline.edit(
            request, out, report=job, editor=editor, store=self._cache(), resume=resume
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
        )

    def _precompute(self, job: Job, request: EditRequest) -> None:
        from flowanchor_engine import pipeline

        editor = self._warm(job, request)
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

    def _warm(self, job: Job, request: EditRequest) -> Editor:
        from flowanchor_engine import pipeline

        holds = (request.model.id, request.model.folder, request.model.precision)
        if self._editor is None or self._holds != holds:
            self.release()
            self._editor = pipeline.open_editor(request.model, report=job)
            self._holds = holds
        return self._editor


def _fail(job: Job, error: FlowAnchorError) -> None:
    job.end(
        protocol.Failed,
        code=error.code,
        user_message=error.user_message,
        hint=error.hint,
        detail=error.detail[:4000],
    )


def _known(error: Exception) -> FlowAnchorError:
    """Turn an unexpected failure into a coded one."""
    text = str(error).lower()
    if any(words in text for words in _OUT_OF_MEMORY):
        return VramError(
            "Not enough graphics memory for this shot.",
            hint=["save_memory", "set_range"],
            detail=repr(error),
        )
    if isinstance(error, OSError) and error.errno == 28:
        from flowanchor_engine.errors import DiskError

        return DiskError("The disk is full.", hint=["other_folder"], detail=repr(error))
    return FlowAnchorError(
        "The engine met an error that it does not know.",
        hint=["report"],
        detail=f"{type(error).__name__}: {error}",
    )


def _sha256(path: Path) -> str:
    if path.is_dir():  # a picture sequence: the pictures in order
        total = hashlib.sha256()
        for name in sorted(os.listdir(path)):
            total.update((path / name).read_bytes())
        return total.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""A job's voice and its way to exactly one terminal event, whatever happens inside."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from flowanchor_engine import protocol
from flowanchor_engine.errors import (
    Cancelled,
    DiskError,
    FlowAnchorError,
    RamError,
    VramError,
    unknown,
)
from flowanchor_engine.worker.pace import Pace

if TYPE_CHECKING:
    from pydantic import BaseModel

    from flowanchor_engine.progress import Phase, Rough
    from flowanchor_engine.worker.channel import Channel

__all__ = ["Job", "run_to_end"]

_log = logging.getLogger(__name__)

_TERMINAL: Final = {kind.model_fields["type"].default for kind in get_args(protocol.Terminal)}


class Job:
    """A job's voice: it implements `Reporter`, numbers its events and knows where it is.

    Parameters
    ----------
    channel : Channel
        Where events go.
    command : JobCommand
        What was asked.
    scratch : Path
        Folder for preview pictures.
    """

    def __init__(self, channel: Channel, command: protocol.JobCommand, scratch: Path) -> None:
        self.command = command
        self.name = command.job
        self._channel = channel
        self._scratch = scratch
        self._seq = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._ended = False
        self._phase: tuple[Phase, int, int] | None = None
        self._paces: dict[Phase, Pace] = {}
        self._previews: list[Path] = []
        self._shown = 0
        # Set by the reader's thread, read by the one that runs the job: one reference, no lock.
        self._watched = command.preview_frame if isinstance(command, protocol.Run) else None

    # ---- stopping

    def cancel(self) -> None:
        """Ask the job to stop; it does at its next check."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether the job was asked to stop."""
        return self._stop.is_set()

    def check(self) -> None:
        """Raise `Cancelled` once the job was asked to stop."""
        if self._stop.is_set():
            raise Cancelled

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until the job is asked to stop."""
        self._stop.wait(seconds)

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
        self._phase = (phase, done, total)
        each = self._paces.setdefault(phase, Pace()).seconds(time.monotonic(), done)
        self.tell(
            protocol.Phase,
            phase=phase.value,
            done=done,
            total=total,
            s_per_unit=None if each is None else float(f"{each:.4g}"),
            eta_s=None if each is None else round(each * (total - done), 2),
        )

    def watch(self, frame: int) -> None:
        """Let previews show another frame, from any thread."""
        self._watched = frame

    def watched(self) -> int | None:
        """Return the frame that previews should show, None if nobody said."""
        return self._watched

    def preview(self, rough: Rough) -> None:
        """Write a rough picture and announce it; older ones of the job are removed.

        A full disk costs the preview, not the job.
        """
        import cv2

        whole, data = cv2.imencode(".png", rough.picture[..., ::-1])
        if not whole:
            return
        try:
            self.show(rough, data.tobytes())
        except OSError as error:
            _log.warning("preview not shown: %s", error)

    def show(self, rough: Rough, png: bytes) -> None:
        """Write a finished PNG file as a preview and announce it."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        # Jobs may be called anything, files may not.
        name = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self._shown += 1  # a picture that was read is never another one later
        path = self._scratch / f"{name}-{self._shown:04d}.png"
        temporary = path.with_suffix(".tmp")
        try:
            temporary.write_bytes(png)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        self.tell(
            protocol.Preview,
            step=rough.step,
            path=str(path),
            frame=rough.frame,
            start=rough.start,
            stop=rough.stop,
            share=rough.share,
        )
        self._previews.append(path)
        for old in self._previews[:-2]:
            old.unlink(missing_ok=True)
        self._previews = self._previews[-2:]

    def note(self, code: str, sentence: str) -> None:
        """Tell something that does not stop the job."""
        self.tell(protocol.Note, code=code, user_message=sentence)

    def end(self, kind: type[BaseModel], **fields: Any) -> None:
        """Send the terminal event; only the first one is sent."""
        with self._lock:
            if self._ended:
                return
            line = self._line(kind, fields)  # what cannot be said leaves another end possible
            self._ended = True
            self._write(line)
        self._forget_previews()

    def _forget_previews(self) -> None:
        for path in self._previews:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    @property
    def ended(self) -> bool:
        """Whether the terminal event was sent."""
        return self._ended

    def tell(self, kind: type[BaseModel], **fields: Any) -> None:
        """Send an event of this job, numbered; nothing follows the terminal one."""
        with self._lock:
            if not self._ended:
                self._write(self._line(kind, fields))

    def _line(self, kind: type[BaseModel], fields: dict[str, Any]) -> bytes:
        event = kind.model_validate({"job": self.name, "seq": self._seq, **fields})
        return protocol.write_line(event)

    def _write(self, line: bytes) -> None:
        self._seq += 1  # before sending: an interrupt may come between
        self._channel.write(line)

    def tell_as_is(self, event: dict[str, Any]) -> None:
        """Send an event as it is written, unchecked: what the mock's scripts hold."""
        with self._lock:
            seq, self._seq = self._seq, self._seq + 1
            line = {"v": 1, "job": self.name, "seq": seq, **event}
            # Before it is heard: who answers at once finds it so.
            ended = self._ended = self._ended or event.get("type") in _TERMINAL
            self._channel.write(json.dumps(line).encode() + b"\n")
        if ended:
            self._forget_previews()


def run_to_end(job: Job, work: Callable[[], None]) -> None:
    """Run a job's work; whatever it raises becomes the job's one terminal event.

    Raises
    ------
    KeyboardInterrupt
        The system ends the process; the job has been told so.
    """
    try:
        job.check()
        work()
    except Cancelled:
        job.end(protocol.Cancelled, at=job.at)
    except KeyboardInterrupt:  # the system ends the engine: say so, then go
        job.end(protocol.Cancelled, at=job.at)
        raise
    except FlowAnchorError as error:
        _fail(job, error)
    except MemoryError as error:
        _fail(
            job,
            RamError("The computer ran out of memory.", hint=["save_memory"], detail=repr(error)),
        )
    except Exception as error:  # noqa: BLE001 - the process boundary: a job must end
        _log.exception("job %s failed", job.name)
        _fail(job, _known(error))
    else:
        if not job.ended:  # a terminal event is promised, even where code forgot it
            _log.error("job %s ended without a word", job.name)
            _fail(job, FlowAnchorError("The job ended without a result.", hint=["report"]))


def _fail(job: Job, error: FlowAnchorError) -> None:
    job.end(
        protocol.Failed,
        code=error.code,
        user_message=error.user_message,
        hint=error.hint,
        detail=error.detail,
        values=error.values,
    )


def _known(error: Exception) -> FlowAnchorError:
    """Turn an unexpected failure into a coded one."""
    if _out_of_memory(error):
        return VramError(
            "Not enough graphics memory for this shot.",
            hint=["save_memory", "set_range"],
            detail=repr(error),
        )
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return DiskError("The disk is full.", hint=["other_folder"], detail=repr(error))
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return RamError("The computer ran out of memory.", hint=["save_memory"], detail=repr(error))
    return unknown(error)


def _out_of_memory(error: Exception) -> bool:
    """Whether torch says so, in any of its wordings; a media end never loads torch."""
    if "torch" not in sys.modules:
        return False
    try:
        from flowanchor_engine.wan.shortage import out_of_memory
    except Exception:  # noqa: BLE001 - torch itself may be what failed, half loaded
        return False
    return out_of_memory(error)

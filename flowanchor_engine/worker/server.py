"""The conversation: commands in from stdin, events out, jobs one at a time.

The main thread runs jobs; a reader thread answers what must not wait (cancel, status,
estimate, shutdown). The end of stdin is the end of the engine.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import tempfile
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from flowanchor_engine import protocol
from flowanchor_engine.errors import FlowAnchorError
from flowanchor_engine.protocol import LineError
from flowanchor_engine.request import EditRequest
from flowanchor_engine.worker import device, estimate, life
from flowanchor_engine.worker.channel import Channel, lines
from flowanchor_engine.worker.jobs import Job, Runner

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["FEATURES", "Server"]

_log = logging.getLogger(__name__)

FEATURES: Final = (
    "cancel.block",
    "estimate",
    "precompute",
    "preview.latent_rgb",
    "release",
    "resume",
    "windows",
)
_GRACE_S: Final = 10.0


class Server:
    """One engine.

    Parameters
    ----------
    source, out : binary files
        The panel's lines and the protocol's stdout.
    idle_s : float
        The model is freed after so many seconds without a job.
    """

    def __init__(self, source: IO[bytes], out: IO[bytes], *, idle_s: float = 600.0) -> None:
        self._source = source
        self._channel = Channel(out)
        self._idle_s = idle_s
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._known: dict[str, Job] = {}
        self._running: Job | None = None
        self._lock = threading.Lock()
        self._greeted = False
        self._ending = threading.Event()
        self._release = threading.Event()
        self._timings = estimate.Memory(estimate.default_file())
        self._runner = Runner(self._timings)
        self._scratch = Path(tempfile.mkdtemp(prefix="flowanchor-"))

    def serve(self) -> int:
        """Serve until shutdown or the end of stdin; return the exit status."""
        heart = life.Heart(self._channel)
        heart.start()
        reader = threading.Thread(target=self._read, name="reader", daemon=True)
        reader.start()
        try:
            self._work()
        except KeyboardInterrupt:
            self._cancel_everything()
            return 130
        finally:
            heart.stop()
            self._clean()
        return 0

    # ---- jobs, on the main thread

    def _work(self) -> None:
        idle_since = time.monotonic()
        while not self._ending.is_set():
            try:
                job = self._jobs.get(timeout=0.5)
            except queue.Empty:
                idle = time.monotonic() - idle_since > self._idle_s
                if self._runner.model is not None and (idle or self._release.is_set()):
                    self._runner.release()
                self._release.clear()
                continue
            if job is None:
                break
            with self._lock:
                self._running = job
            self._runner.run(job)
            with self._lock:
                self._running = None
                self._known.pop(job.name, None)
            idle_since = time.monotonic()
        self._cancel_everything()

    def _cancel_everything(self) -> None:
        with self._lock:
            waiting = [job for job in self._known.values() if job is not self._running]
        for job in waiting:
            job.end(protocol.Cancelled, at=job.at)

    def _clean(self) -> None:
        for path in self._scratch.glob("*"):
            path.unlink(missing_ok=True)
        if self._scratch.is_dir():
            self._scratch.rmdir()

    # ---- lines, on the reader thread

    def _read(self) -> None:
        try:
            for line in lines(self._source):
                if isinstance(line, LineError):
                    self._refuse(None, line)
                else:
                    self._hear(line)
        except OSError as error:
            _log.warning("stdin failed: %s", error)
        self._end()

    def _end(self) -> None:
        """Stop the running job and let the main thread out; force it if it does not go."""
        self._ending.set()
        with self._lock:
            if self._running is not None:
                self._running.cancel()
        self._jobs.put(None)
        watchdog = threading.Timer(_GRACE_S, os._exit, args=(1,))
        watchdog.daemon = True
        watchdog.start()

    def _hear(self, line: bytes) -> None:
        try:
            command = protocol.read_command(line)
        except LineError as error:
            self._refuse(None, error)
            return
        try:
            self._obey(command)
        except FlowAnchorError as error:
            self._refuse(command.id, error)

    def _obey(self, command: protocol.Command) -> None:
        if isinstance(command, protocol.Hello):
            self._greet(command)
            return
        if not self._greeted:
            raise LineError("The conversation starts with hello.")
        match command:
            case protocol.Run() | protocol.Precompute():
                self._take(command)
            case protocol.Cancel():
                self._cancel(command)
            case protocol.Estimate():
                self._estimate(command)
            case protocol.Status():
                self._status(command)
            case protocol.Release():
                self._release.set()
                self._send(protocol.Accepted(id=command.id))
            case protocol.Shutdown():
                self._send(protocol.Accepted(id=command.id))
                self._end()

    def _greet(self, command: protocol.Hello) -> None:
        if protocol.PROTOCOL not in command.protocols:
            raise VersionError(
                f"Panel {command.panel or 'of unknown version'} and engine {_version()} "
                "do not match.",
                hint=["update_engine"],
                detail=f"panel speaks {command.protocols}, engine {protocol.PROTOCOL}",
            )
        self._greeted = True
        self._send(
            protocol.HelloReply(
                id=command.id,
                engine=_version(),
                pid=os.getpid(),
                device=device.describe(),
                features=FEATURES,
            )
        )

    def _take(self, command: protocol.Run | protocol.Precompute) -> None:
        job = Job(self._channel, command, self._scratch)
        with self._lock:
            if command.job in self._known:
                raise LineError(f"There is a job “{command.job}” already.")
            self._known[command.job] = job
        self._send(protocol.Accepted(id=command.id))
        self._jobs.put(job)

    def _cancel(self, command: protocol.Cancel) -> None:
        with self._lock:
            job = self._known.get(command.job)
            running = job is not None and job is self._running
        if job is None:
            raise LineError(f"There is no job “{command.job}”.")
        self._send(protocol.Accepted(id=command.id))
        job.cancel()
        if not running:  # it ends now, not when its turn would come
            job.end(protocol.Cancelled, at=job.at)

    def _estimate(self, command: protocol.Estimate) -> None:
        from flowanchor_engine.worker.outlook import outlook

        request = EditRequest.load(command.request)
        self._send(outlook(command.id, request, self._timings))

    def _status(self, command: protocol.Status) -> None:
        rss, vram = life.memory_mb()
        with self._lock:
            running = self._running.name if self._running else None
            waiting = tuple(n for n, j in self._known.items() if n != running and not j.ended)
        self._send(
            protocol.StatusReply(
                id=command.id,
                running=running,
                waiting=waiting,
                model=self._runner.model,
                rss_mb=rss,
                vram_mb=vram,
            )
        )

    def _refuse(self, command: int | None, error: FlowAnchorError) -> None:
        self._send(
            protocol.Refused(
                id=command,
                code=error.code,
                user_message=error.user_message,
                hint=error.hint,
                detail=error.detail[:2000],
            )
        )

    def _send(self, message: BaseModel) -> None:
        self._channel.send(message)


class VersionError(FlowAnchorError):
    """Panel and engine speak no common protocol."""

    code = "version"


def _version() -> str:
    try:
        return metadata.version("flowanchor")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "0+checkout"


def configure_logging() -> None:
    """Log to stderr, one line per record; stdout belongs to the protocol."""
    logging.basicConfig(
        stream=sys.stderr,
        level=os.environ.get("FLOWANCHOR_LOG", "INFO"),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )

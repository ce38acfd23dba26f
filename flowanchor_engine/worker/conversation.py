"""The conversation: commands in from a panel, events out, jobs one at a time.

The main thread runs jobs; a reader thread answers what must not wait (cancel, status,
shutdown). The end of stdin is the end of the process. What the jobs are and which questions
are answered is said by the two ends, `server` (the engine) and `media.end` (the media end).
"""

from __future__ import annotations

import logging
import os
import queue
import re
import shutil
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar, Final

import psutil

from flowanchor_engine import protocol
from flowanchor_engine.errors import FlowAnchorError, unknown
from flowanchor_engine.protocol import LineError
from flowanchor_engine.worker import device, life
from flowanchor_engine.worker.channel import Channel, lines
from flowanchor_engine.worker.job import Job

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["Conversation", "VersionError", "configure_logging"]

_log = logging.getLogger(__name__)

_GRACE_S: Final = 10.0
_TELLING_S: Final = 1.0
_SCRATCH: Final = "flowanchor-"


class Conversation(ABC):
    """One end of the lines; an end says what it runs and answers.

    Parameters
    ----------
    source, out : binary files
        The panel's lines and the protocol's stdout.

    Attributes
    ----------
    name : str
        What this end calls itself when it refuses a command.
    features : tuple of str
        What its hello promises.
    runs : tuple of types
        The job commands that it takes.
    greeted : bool
        Whether hello was answered.
    """

    name: ClassVar[str]
    features: ClassVar[tuple[str, ...]]
    runs: ClassVar[tuple[type[BaseModel], ...]]

    def __init__(self, source: IO[bytes], out: IO[bytes]) -> None:
        self._source = source
        self._channel = Channel(out)
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._known: dict[str, Job] = {}
        self._running: Job | None = None
        self._lock = threading.Lock()
        self.greeted = False
        self._ending = threading.Event()
        self._watchdog = threading.Timer(_GRACE_S, self._force)
        self._watchdog.daemon = True
        self._scratch = _scratch()
        self.heart = life.Heart(self._channel)

    # ---- what an end adds

    @abstractmethod
    def perform(self, job: Job) -> None:
        """Run a job to its one terminal event, on the main thread."""

    @abstractmethod
    def answer(self, command: protocol.Command) -> bool:
        """Answer a command of this end alone, on the reader thread; False refuses it."""

    def idle(self, since_s: float) -> None:  # noqa: B027 - an end may have nothing to do
        """Do what an idle end does, on the main thread, now and then."""

    @property
    def holds(self) -> str | None:
        """The model in memory, for `Status`."""
        return None

    @property
    def free_mb(self) -> int | None:
        """What a job could have of the card now, for `Status`; None without a card."""
        return None

    @property
    def version(self) -> str:
        """What hello calls this end's version."""
        return _version()

    @property
    def device(self) -> protocol.Device:
        """What this end computes on."""
        return device.describe()

    # ---- jobs, on the main thread

    def serve(self) -> int:
        """Serve until shutdown or the end of stdin; return the exit status."""
        self.heart.start()
        reader = threading.Thread(target=self._read, name="reader", daemon=True)
        reader.start()
        try:
            self._work()
        except KeyboardInterrupt:
            self._ending.set()
            self._cancel_everything()
            return 130
        finally:
            self.heart.stop()
            self._clean()
            self._watchdog.cancel()  # also one that starts only now
        return 0

    def _work(self) -> None:
        idle_since = time.monotonic()
        while not self._ending.is_set():
            try:
                job = self._jobs.get(timeout=0.5)
            except queue.Empty:
                self.idle(time.monotonic() - idle_since)
                continue
            if job is None:
                break
            with self._lock:
                if job.stopped:  # while it waited: who stopped it tells its end
                    continue
                self._running = job
                if self._ending.is_set():  # the end came between the queue and here
                    job.cancel()
            self.perform(job)
            with self._lock:
                self._running = None
            self._forget(job)
            idle_since = time.monotonic()
        self._cancel_everything()

    def _forget(self, job: Job) -> None:
        """Free the name of a job that has ended, unless the next one has it already."""
        with self._lock:
            if self._known.get(job.name) is job:
                del self._known[job.name]

    def _cancel_everything(self) -> None:
        with self._lock:
            known = list(self._known.values())
        for job in known:
            job.end(protocol.Cancelled, at=job.at)

    def _clean(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _force(self) -> None:
        """Go although the main thread does not come back, as from an import; tell every job."""
        _log.warning("the running job does not stop; the process ends all the same")
        telling = threading.Thread(target=self._cancel_everything, daemon=True)
        telling.start()
        telling.join(_TELLING_S)  # nobody may be reading
        self._clean()
        os._exit(1)

    # ---- lines, on the reader thread

    def _read(self) -> None:
        try:
            for line in lines(self._source):
                if isinstance(line, LineError):
                    self.refuse(None, line)
                else:
                    self._hear(line)
        except OSError as error:
            _log.warning("stdin failed: %s", error)
        self._end()

    def _end(self) -> None:
        """Stop the running job and let the main thread out; force it if it does not go."""
        if self._ending.is_set():
            return
        self._ending.set()
        with self._lock:
            if self._running is not None:  # those that wait are told by the main thread
                self._running.cancel()
        self._jobs.put(None)
        self._watchdog.start()

    def _hear(self, line: bytes) -> None:
        try:
            command = protocol.read_command(line)
        except LineError as error:
            self.refuse(None, error)
            return
        try:
            self._obey(command)
        except FlowAnchorError as error:
            self.refuse(command.id, error)
        except Exception as error:  # noqa: BLE001 - an engine that hears no more is worse
            _log.exception("a command of type %s failed", command.type)
            self.refuse(command.id, unknown(error))

    def _obey(self, command: protocol.Command) -> None:
        if isinstance(command, protocol.Hello):
            self._greet(command)
            return
        if not self.greeted:
            raise LineError("The conversation starts with hello.")
        match command:
            case protocol.Cancel():
                self._cancel(command)
            case protocol.Watch() if "preview.frame" in self.features:
                self._watch(command)
            case protocol.Status():
                self._status(command)
            case protocol.Shutdown():
                self.send(protocol.Accepted(id=command.id))
                self._end()
            case _ if isinstance(command, protocol.JobCommand) and isinstance(command, self.runs):
                self._take(command)
            case _:
                if isinstance(command, protocol.JobCommand) or not self.answer(command):
                    raise LineError(
                        f"“{command.type}” is not for {self.name}.",
                        detail=f"{self.name}: {', '.join(self.features)}",
                    )

    def _greet(self, command: protocol.Hello) -> None:
        if protocol.PROTOCOL not in command.protocols:
            raise VersionError(
                f"Panel {command.panel or 'of unknown version'} and engine {self.version} "
                "do not match.",
                hint=["update_engine"],
                detail=f"panel speaks {command.protocols}, engine {protocol.PROTOCOL}",
            )
        self.send(
            protocol.HelloReply(
                id=command.id,
                engine=self.version,
                pid=os.getpid(),
                device=self.device,
                features=self.features,
            )
        )
        self.greeted = True

    def _take(self, command: protocol.JobCommand) -> None:
        job = Job(self._channel, command, self._scratch)
        with self._lock:
            if self._ending.is_set():  # nobody would run it, nor tell its end
                raise LineError(f"{self.name.capitalize()} is ending and takes no more jobs.")
            known = self._known.get(command.job)
            if known is not None and not known.ended:
                raise LineError(f"There is a job “{command.job}” already.")
            self._known[command.job] = job
        self.send(protocol.Accepted(id=command.id))
        self._jobs.put(job)

    def _cancel(self, command: protocol.Cancel) -> None:
        with self._lock:
            job = self._known.get(command.job)
            if job is None:
                raise LineError(f"There is no job “{command.job}”.")
            waiting = job is not self._running
            if waiting:
                job.cancel()  # before anybody could begin it
        self.send(protocol.Accepted(id=command.id))
        job.cancel()
        if waiting:  # it ends now, not when its turn would come; known until then to a sudden end
            job.end(protocol.Cancelled, at=job.at)
            self._forget(job)

    def _watch(self, command: protocol.Watch) -> None:
        with self._lock:
            job = self._known.get(command.job)
        if job is None or job.ended:
            raise LineError(f"There is no job “{command.job}”.")
        job.watch(command.frame)
        self.send(protocol.Accepted(id=command.id))

    def _status(self, command: protocol.Status) -> None:
        rss, vram = life.memory_mb()
        with self._lock:
            running = self._running.name if self._running else None
            waiting = tuple(n for n, j in self._known.items() if n != running and not j.ended)
        self.send(
            protocol.StatusReply(
                id=command.id,
                running=running,
                waiting=waiting,
                model=self.holds,
                rss_mb=rss,
                vram_mb=vram,
                free_mb=self.free_mb,
            )
        )

    def refuse(self, command: int | None, error: FlowAnchorError) -> None:
        """Say why a command, or a line that is none, is not done."""
        self.send(
            protocol.Refused(
                id=command,
                code=error.code,
                user_message=error.user_message,
                hint=error.hint,
                detail=error.detail,
            )
        )

    def send(self, message: BaseModel) -> None:
        """Write one message, from any thread."""
        self._channel.send(message)


class VersionError(FlowAnchorError):
    """Panel and engine speak no common protocol."""

    code = "version"


def _scratch() -> Path:
    """Return a folder for previews; those of killed ends are removed."""
    folder = Path(tempfile.gettempdir())
    for path in folder.glob(f"{_SCRATCH}*-*"):
        number = path.name.removeprefix(_SCRATCH).partition("-")[0]
        if re.fullmatch("[0-9]{1,9}", number) and not psutil.pid_exists(int(number)):
            shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_SCRATCH}{os.getpid()}-"))


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

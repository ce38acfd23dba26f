"""The media end of the conversation: viewer, words and models beside a busy engine.

No device lock and no torch, so it says hello at once and several may run. Jobs run one at a
time on the main thread; questions (`Words`, `Models`) are answered meanwhile by a thread of
their own, so that a cancel never waits behind a tokenizer that is being loaded.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

from flowanchor_engine import protocol
from flowanchor_engine.errors import FlowAnchorError, unknown
from flowanchor_engine.worker.conversation import Conversation
from flowanchor_engine.worker.job import run_to_end

if TYPE_CHECKING:
    from pydantic import BaseModel

    from flowanchor_engine.worker.job import Job

__all__ = ["MediaEnd"]

_log = logging.getLogger(__name__)

_THREADS = 2  # of OpenCV: the host and the engine want the other cores


class MediaEnd(Conversation):
    """One media end.

    Parameters
    ----------
    source, out : binary files
        The panel's lines and the protocol's stdout.
    """

    name: ClassVar[str] = "the media end"
    features: ClassVar[tuple[str, ...]] = ("matte", "measure", "models", "proxy", "words")
    runs: ClassVar[tuple[type[BaseModel], ...]] = (
        protocol.Proxy,
        protocol.Matte,
        protocol.Measure,
        protocol.GetModel,
        protocol.VerifyModel,
        protocol.ImportModel,
        protocol.RemoveModel,
    )

    def __init__(self, source: IO[bytes], out: IO[bytes]) -> None:
        super().__init__(source, out)
        self._questions: queue.Queue[protocol.Words | protocol.Models] = queue.Queue()
        self._release = threading.Event()
        self._warm = False
        threading.Thread(target=self._reply, name="questions", daemon=True).start()

    # ---- jobs, on the main thread

    def perform(self, job: Job) -> None:
        """Run one job."""
        run_to_end(job, self._work_of(job))

    def _work_of(self, job: Job) -> Callable[[], None]:
        command = job.command
        match command:
            case protocol.Proxy() | protocol.Matte() | protocol.Measure():
                return lambda: _picture_job(job)
            case _:
                return lambda: _model_job(job)

    def idle(self, since_s: float) -> None:
        """Load what the first job will need; later forget the mattes of the last shot."""
        if self.greeted and not self._warm:  # nothing heavy delays the hello
            self._warm = True
            from flowanchor_engine.worker.media import measure, wording  # noqa: F401
        if self._release.is_set() or since_s > 600:
            from flowanchor_engine.worker.media import shot

            self._release.clear()
            shot.forget()

    # ---- questions, on a thread of their own

    def answer(self, command: protocol.Command) -> bool:
        """Take a question; release what is kept."""
        match command:
            case protocol.Words() | protocol.Models():
                self._questions.put(command)
            case protocol.Release():
                self._release.set()
                self.send(protocol.Accepted(id=command.id))
            case _:
                return False
        return True

    def _reply(self) -> None:
        while True:
            question = self._questions.get()
            try:
                self.send(_reply_to(question))
            except FlowAnchorError as error:
                self.refuse(question.id, error)
            except Exception as error:  # noqa: BLE001 - a question is always answered
                _log.exception("a question of type %s failed", question.type)
                self.refuse(question.id, unknown(error))


def _reply_to(question: protocol.Words | protocol.Models) -> BaseModel:
    if isinstance(question, protocol.Words):
        from flowanchor_engine.worker.media import wording

        return wording.reply(question)
    from flowanchor_engine.worker.media import library

    return library.reply(question)


def _picture_job(job: Job) -> None:
    import cv2

    cv2.setNumThreads(_THREADS)
    match job.command:
        case protocol.Proxy() as command:
            from flowanchor_engine.worker.media import proxy

            proxy.run(job, command)
        case protocol.Matte() as command:
            from flowanchor_engine.worker.media import matte

            matte.run(job, command)
        case protocol.Measure() as command:
            from flowanchor_engine.worker.media import measure

            measure.run(job, command)


def _model_job(job: Job) -> None:
    from flowanchor_engine.worker.media import library

    match job.command:
        case protocol.GetModel() as command:
            home = library.get(command.model, job)
        case protocol.VerifyModel() as command:
            home = library.verify(command.model, job)
        case protocol.ImportModel() as command:
            home = library.take(
                command.model, Path(command.folder), copy=command.copy_files, report=job
            )
        case protocol.RemoveModel() as command:
            home = library.remove(command.model)
        case _ as command:
            raise FlowAnchorError("This is no job for the models.", detail=command.type)
    job.end(protocol.ModelDone, model=home.model, folder=home.folder, size_bytes=home.size_bytes)

"""The engine's end of the conversation: edits, one at a time, on a warm model."""

from __future__ import annotations

import threading
from typing import IO, TYPE_CHECKING, ClassVar

from flowanchor_engine import nvml, protocol
from flowanchor_engine.request import EditRequest
from flowanchor_engine.worker import estimate, life
from flowanchor_engine.worker.conversation import Conversation
from flowanchor_engine.worker.jobs import Runner

if TYPE_CHECKING:
    from pydantic import BaseModel

    from flowanchor_engine.worker.job import Job

__all__ = ["Server"]


class Server(Conversation):
    """One engine.

    Parameters
    ----------
    source, out : binary files
        The panel's lines and the protocol's stdout.
    idle_s : float
        The model is freed after so many seconds without a job.
    """

    name: ClassVar[str] = "the engine"
    features: ClassVar[tuple[str, ...]] = (
        "attention",
        "cancel.block",
        "estimate",
        "memory.low",
        "precompute",
        "preview.frame",
        "preview.latent_rgb",
        "release",
        "resume",
        "room",
        "windows",
    )
    runs: ClassVar[tuple[type[BaseModel], ...]] = (protocol.Run, protocol.Precompute)

    def __init__(self, source: IO[bytes], out: IO[bytes], *, idle_s: float = 600.0) -> None:
        super().__init__(source, out)
        self._idle_s = idle_s
        self._release = threading.Event()
        self._timings = estimate.Memory(estimate.default_file())
        self._runner = Runner(self._timings)

    def perform(self, job: Job) -> None:
        """Run an edit, or warm its source side."""
        self._runner.run(job)

    def idle(self, since_s: float) -> None:
        """Free the model when asked, or when nobody needs it for long."""
        asked = self._release.is_set()
        if asked:  # before it is done: a wish that comes meanwhile is another one
            self._release.clear()
        if self._runner.model is not None and (asked or since_s > self._idle_s):
            self._runner.release()

    @property
    def holds(self) -> str | None:
        """The model in memory."""
        return self._runner.model

    @property
    def free_mb(self) -> int | None:
        """What the card has free, with what this engine holds of it."""
        free = nvml.free_bytes()
        return None if free is None else (free >> 20) + life.memory_mb()[1]

    def answer(self, command: protocol.Command) -> bool:
        """Answer estimates and releases."""
        match command:
            case protocol.Estimate():
                self._estimate(command)
            case protocol.Release():
                self._release.set()
                self.send(protocol.Accepted(id=command.id))
            case _:
                return False
        return True

    def _estimate(self, command: protocol.Estimate) -> None:
        from flowanchor_engine.worker.outlook import outlook

        request = EditRequest.load(command.request)
        self.send(outlook(command.id, request, self._timings))

"""Jobs that wait until other programs give the graphics card's memory back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QObject, QTimer

from flowanchor_engine import protocol
from plugin.state.observable import Signal

if TYPE_CHECKING:
    from plugin.state.job_queue import Job, JobQueue

__all__ = ["Room"]

_NOTE: Final = "say.queue.card_taken"


class Asked(Protocol):
    """The engine, as far as it is asked."""

    def ask(
        self,
        command: Callable[[int], protocol.Command],
        on_answer: Callable[[protocol.Event | None], object],
    ) -> bool:
        """Send a question; the answer is None if none comes."""
        ...


class Room(QObject):
    """Chooses the next job, past those that would find the card full.

    A job that failed with ``vram_busy`` holds back all that waited behind it, since they would
    fail as well; one that is added later is tried, it may need less. The engine is asked now and
    then what the card has free, and they go on by themselves.

    Parameters
    ----------
    pause_ms : int
        Between two looks.

    Attributes
    ----------
    freed : Signal of None
        The jobs that were held back may begin.
    """

    def __init__(
        self, engine: Asked, queue: JobQueue, *, pause_ms: int, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.freed: Signal[None] = Signal()
        self._engine = engine
        self._queue = queue
        self._held: set[str] = set()
        self._need_mb = 0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(pause_ms)
        self._pause.timeout.connect(self._ask)

    def first(self) -> Job | None:
        """Return the job that may begin now."""
        if self._queue.next_waiting() is None:
            return None
        return next((j for j in self._queue.waiting if j.anyway or j.id not in self._held), None)

    def ended(self, job_id: str) -> None:
        """Hold back what waits, if a job ended because the card is full."""
        job = self._queue.get(job_id)
        if job is not None and job.state == "failed" and job.code == "vram_busy":
            self._hold(job, [each for each in self._queue.waiting if not each.anyway])

    def wait(self, job_id: str) -> None:
        """Let a failed job begin in its old place as soon as there is room."""
        failed = self._queue.get(job_id)
        again = self._queue.retry(job_id, in_place=True)
        if failed is not None and again is not None:
            self._hold(failed, [again])

    def try_anyway(self, job_id: str) -> None:
        """Let a failed job begin in its old place, whatever the card has free."""
        self._queue.retry(job_id, in_place=True, anyway=True)

    def close(self) -> None:
        """Look no more."""
        self._held.clear()
        self._pause.stop()

    def _hold(self, full: Job, jobs: list[Job]) -> None:
        need = int(full.values.get("need_mb", 0))
        self._need_mb = max(self._need_mb, need) if self._held else need
        for job in jobs:
            self._held.add(job.id)
            self._queue.note(job.id, _NOTE)
        if self._held and not self._pause.isActive():
            self._pause.start()

    def _ask(self) -> None:
        self._held &= {job.id for job in self._queue.waiting}
        if self._held and not self._engine.ask(
            lambda number: protocol.Status(id=number), self._on_status
        ):
            self._pause.start()  # there will be another engine

    def _on_status(self, event: protocol.Event | None) -> None:
        if not self._held:
            return
        told = event if isinstance(event, protocol.StatusReply) else None
        if told is None or (told.free_mb is not None and told.free_mb < self._need_mb):
            self._pause.start()
            return
        held, self._held = self._held, set()
        for job_id in held:
            self._queue.note(job_id, "")
        self.freed.emit(None)

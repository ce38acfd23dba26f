"""Asks the engine how long things take: the wish as it stands, and every waiting job."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QTimer

from flowanchor_engine import protocol
from flowanchor_engine.protocol import LineError
from plugin.state.observable import Observable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from flowanchor_engine.protocol import Estimated
    from flowanchor_engine.request import EditRequest
    from plugin.state.job_queue import JobQueue

__all__ = ["Asked", "Forecasts"]


class Asked(Protocol):
    """The engine, as far as it is asked."""

    @property
    def ready(self) -> bool:
        """Whether it hears."""
        ...

    def ask(
        self,
        command: Callable[[int], protocol.Command],
        on_answer: Callable[[protocol.Event | None], object],
    ) -> bool:
        """Send a question; the answer is None if none comes."""
        ...


class Forecasts(QObject):
    """Keeps estimates up to date without asking at every key.

    Parameters
    ----------
    engine : Asked
    queue : JobQueue
        Its waiting jobs get their `estimate_s`.
    pause_ms : int
        A wish is asked about when it has stood still for so long.

    Attributes
    ----------
    wish : Observable of Estimated or None
        The answer for the newest wish; None while there is none.
    """

    def __init__(
        self,
        engine: Asked,
        queue: JobQueue,
        *,
        pause_ms: int = 250,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.wish: Observable[Estimated | None] = Observable(None)
        self._engine = engine
        self._queue = queue
        self._wanted: Callable[[], EditRequest | None] | None = None
        self._newest = 0
        self._asked: set[str] = set()
        self._closed = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(pause_ms)
        self._pause.timeout.connect(self._ask_wish)

    def want(self, make: Callable[[], EditRequest | None]) -> None:
        """Ask about what `make` returns, as soon as nothing has changed for a moment."""
        if self._closed:
            return  # the panel's models still change while it is being closed
        self._wanted = make
        self._pause.start()

    def measured(self) -> None:
        """Ask everything anew: the engine has learned, or is a new one."""
        self._asked.clear()
        self.ask_waiting()
        if self._wanted is not None:
            self._pause.start()

    def ask_waiting(self) -> None:
        """Ask about waiting jobs that were not asked about yet."""
        if not self._engine.ready:
            return
        for job in self._queue.waiting:
            if job.id not in self._asked:
                self._asked.add(job.id)
                self._ask(job.request, self._for_job(job.id))

    def close(self) -> None:
        """Ask no more."""
        self._closed = True
        self._wanted = None
        self._pause.stop()

    def _ask_wish(self) -> None:
        if self._wanted is None or not self._engine.ready:
            return  # `measured` comes with the next greeting
        request = self._wanted()
        self._newest += 1
        number = self._newest
        if request is None:
            self.wish.set(None)
            return

        def take(told: Estimated | None) -> None:
            if number == self._newest:
                self.wish.set(told)

        self._ask(request.dump(), take)

    def _for_job(self, job_id: str) -> Callable[[Estimated | None], None]:
        def take(told: Estimated | None) -> None:
            if told is not None:
                self._queue.estimate(job_id, told.total_s)

        return take

    def _ask(self, request: Mapping[str, Any], take: Callable[[Estimated | None], object]) -> None:
        def answer(event: protocol.Event | None) -> None:
            take(event if isinstance(event, protocol.Estimated) else None)

        try:
            self._engine.ask(
                lambda number: protocol.Estimate(id=number, request=dict(request)), answer
            )
        except LineError:
            take(None)

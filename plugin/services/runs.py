"""The running job: begun, followed, stopped in tiers, and brought to exactly one end.

Every run of a job has a name of its own and its events grow in number, so a late line of an
abandoned run finds nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from PySide6.QtCore import QObject, QTimer

from flowanchor_engine import protocol
from flowanchor_engine.errors import FlowAnchorError
from flowanchor_engine.protocol import LineError
from plugin.services.estimate import RunClock
from plugin.state.observable import Observable, Signal
from plugin.state.viewer import PreviewPicture

if TYPE_CHECKING:
    from plugin.services.death import Death
    from plugin.services.deliveries import Deliveries
    from plugin.state.job_queue import Job, JobQueue
    from plugin.state.takes import Take

__all__ = ["Runs"]

_WATCH_MS: Final = 250  # so often the engine hears which frame is looked at


class Engine(Protocol):
    """The engine, as far as a run needs it."""

    @property
    def features(self) -> tuple[str, ...]:
        """What its greeting promised."""
        ...

    @property
    def memory(self) -> Literal["auto", "low"]:
        """What the next job is told about memory."""
        ...

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of its log."""
        ...

    def number(self) -> int:
        """Return a new number for a command."""
        ...

    def send(self, command: protocol.Command) -> bool:
        """Send a numbered command."""
        ...

    def ask(
        self,
        command: Callable[[int], protocol.Command],
        on_answer: Callable[[protocol.Event | None], object],
    ) -> bool:
        """Send a question."""
        ...


@dataclass
class _Run:
    """One run of a job in one engine."""

    job: str
    name: str
    command: int
    clock: RunClock
    seq: int = -1
    steps: int = 0
    watched: int | None = None
    asked_to_stop: bool = False


class Runs(QObject):
    """At most one run at a time.

    Parameters
    ----------
    slow_stop_ms, force_stop_ms : int
        A stop that takes longer is shown as slow; then `too_slow` is emitted.
    again_ms : int
        Until an end that the disk did not take is written again.
    watched : callable
        Gives the frame of a job's edit, counted from its first one, that the person looks at;
        None if they look at something else.

    Attributes
    ----------
    slow : Observable of bool
        A stop was asked for and is not obeyed yet.
    ended : Signal of str
        A run is over and its job settled; the id of the job.
    too_slow : Signal of None
        The engine does not stop; it has to be killed.
    """

    def __init__(
        self,
        engine: Engine,
        queue: JobQueue,
        deliveries: Deliveries,
        *,
        slow_stop_ms: int,
        force_stop_ms: int,
        again_ms: int,
        watched: Callable[[Job], int | None] = lambda job: None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.preview: Observable[PreviewPicture | None] = Observable(None)
        self.slow: Observable[bool] = Observable(False)
        self.took: Signal[Take] = Signal()
        self.noted: Signal[tuple[str, str, str]] = Signal()
        self.trouble: Signal[FlowAnchorError] = Signal()
        self.ended: Signal[str] = Signal()
        self.too_slow: Signal[None] = Signal()
        self._engine = engine
        self._queue = queue
        self._deliveries = deliveries
        self._watched = watched
        self._run: _Run | None = None
        self._count = 0
        self._owed: list[Callable[[], object]] = []
        self._slow_stop = self._timer(slow_stop_ms, lambda: self.slow.set(True))
        self._force_stop = self._timer(force_stop_ms, lambda: self.too_slow.emit(None))
        self._again = self._timer(again_ms, self._pay)
        self._watch = self._timer(_WATCH_MS, self._tell_watched)

    def _timer(self, milliseconds: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._run is not None

    @property
    def free(self) -> bool:
        """Whether another job may begin: none runs and every end is written."""
        return self._run is None and not self._owed

    # ---- beginning and stopping

    def begin(self, job: Job) -> None:
        """Give a waiting job to the engine.

        Raises
        ------
        StoreError
            It cannot be noted as running, and so does not run.
        """
        started = self._queue.start(job.id)
        if started is None:
            return
        try:
            out = self._deliveries.out(started)
        except (OSError, FlowAnchorError) as error:
            code = error.code if isinstance(error, FlowAnchorError) else "output"
            said = str(error)
            self.safely(
                lambda: self._queue.fail(job.id, code, "", ("other_folder",), said), owed=True
            )
            return
        self._count += 1
        number = self._engine.number()
        run = _Run(job.id, f"{job.id}-{self._count}", number, RunClock(time.monotonic()))
        run.watched = self._watched(started)
        request = dict(started.request)
        command = protocol.Run(
            id=number,
            job=run.name,
            request=request,
            out=str(out),
            resume=started.attempts > 0 and "resume" in self._engine.features,
            memory=self._engine.memory,
            anyway=started.anyway,
            preview_frame=run.watched,
        )

        def told(answer: protocol.Event | None) -> None:
            if isinstance(answer, protocol.Estimated):
                run.clock.told = answer

        self._run = run
        try:
            self._engine.ask(lambda each: protocol.Estimate(id=each, request=request), told)
            self._engine.send(command)  # to a dying engine: its end settles the job
        except LineError as error:
            code, sentence = error.code, error.user_message
            self._end(run, lambda: self._queue.fail(run.job, code, sentence))

    def look(self) -> None:
        """Ask the engine to stop the job if the queue wants that."""
        run = self._run
        job = None if run is None else self._queue.get(run.job)
        if run is None or job is None or not job.stopping or run.asked_to_stop:
            return
        run.asked_to_stop = True
        self._engine.send(protocol.Cancel(id=self._engine.number(), job=run.name))
        self._slow_stop.start()
        self._force_stop.start()

    def look_elsewhere(self) -> None:
        """Note that another frame may be looked at; the engine is told a moment later."""
        if self._run is not None and not self._watch.isActive():
            self._watch.start()

    def _tell_watched(self) -> None:
        run = self._run
        job = None if run is None else self._queue.get(run.job)
        if run is None or job is None or "preview.frame" not in self._engine.features:
            return
        frame = self._watched(job)
        if frame is None or frame == run.watched:
            return
        run.watched = frame
        self._engine.send(protocol.Watch(id=self._engine.number(), job=run.name, frame=frame))

    def close(self) -> None:
        """Leave the running job as it is: it waits for the next start."""
        self._run = None
        self._quiet()
        self._again.stop()

    # ---- what the engine says

    def hear(self, event: Any) -> bool:
        """Take an event; return whether it was the running job's."""
        run = self._run
        if run is None or getattr(event, "job", None) != run.name:
            return False
        if event.seq <= run.seq:
            return True
        run.seq = event.seq
        match event:
            case protocol.Phase():
                self._on_phase(run, event)
            case protocol.Preview():
                self._on_preview(run, event)
            case protocol.Note():
                self.noted.emit((run.job, event.code, event.user_message))
            case protocol.Result():
                self._on_result(run, event)
            case protocol.Failed():
                self._end(run, lambda: self._fail(run, event))
            case protocol.Cancelled():
                self._on_cancelled(run, event)
        return True

    def refused(self, event: protocol.Refused) -> bool:
        """Take a refusal; return whether it was of the running job."""
        run = self._run
        if run is None or event.id != run.command:
            return False
        self._end(run, lambda: self._fail(run, event))
        return True

    def died(self, death: Death) -> None:
        """Settle the running job of an engine that is gone."""
        run = self._run
        if run is None:
            return
        cause = f"{death.code or death.cause} ({death.status})"
        self._end(
            run,
            lambda: self._queue.engine_died(
                run.job,
                code="ram" if death.code == "ram" else "engine_died",
                detail="\n".join(part for part in (cause, death.detail) if part),
                last_lines=death.last_lines,
            ),
        )

    def _on_preview(self, run: _Run, event: protocol.Preview) -> None:
        job = self._queue.get(run.job)
        begin = 0 if job is None else job.part[0]
        start, stop = (event.start, event.stop) if event.stop else (event.frame, event.frame + 1)
        self.preview.set(
            PreviewPicture(
                run.job,
                event.path,
                begin + event.frame,
                event.step,
                run.steps,
                begin + start,
                begin + stop - 1,
                event.share,
            )
        )

    def _on_phase(self, run: _Run, event: protocol.Phase) -> None:
        left = run.clock.left_s(time.monotonic(), event.phase, event.eta_s)
        if event.phase == "edit":
            run.steps = event.total
        self.safely(
            lambda: self._queue.progress(run.job, event.phase, event.done, event.total, left)
        )

    def _on_result(self, run: _Run, event: protocol.Result) -> None:
        job = self._queue.get(run.job)
        if job is None:
            self._end(run, lambda: None)
            return
        if not Path(event.path).exists():
            missing = f"{event.path} is not there"
            self._end(run, lambda: self._queue.fail(run.job, "output", "", ("try_again",), missing))
            return
        take = self._deliveries.take(job, event)

        def keep() -> None:
            kept = self._queue.finish(run.job, take)
            if kept is not None:
                self.took.emit(kept)

        self._end(run, keep)

    def _on_cancelled(self, run: _Run, event: protocol.Cancelled) -> None:
        if run.asked_to_stop:
            self._end(run, lambda: self._queue.stopped(run.job))
        else:  # the system is ending the engine: the job comes back in the next one
            self._end(run, lambda: self._queue.engine_died(run.job, detail=event.at))
            self.too_slow.emit(None)

    def _fail(self, run: _Run, event: protocol.Failed | protocol.Refused) -> None:
        lines = self._engine.last_lines
        values = event.values if isinstance(event, protocol.Failed) else {}
        self._queue.fail(
            *(run.job, event.code, event.user_message, event.hint, event.detail, lines),
            values=values,
        )

    # ---- ends

    def _end(self, run: _Run, settle: Callable[[], object]) -> None:
        if self._run is run:
            self._run = None
        self._quiet()
        self.safely(settle, owed=True)
        self.ended.emit(run.job)

    def _quiet(self) -> None:
        self._watch.stop()
        self._slow_stop.stop()
        self._force_stop.stop()
        self.slow.set(False)
        self.preview.set(None)

    def safely(self, act: Callable[[], object], *, owed: bool = False) -> None:
        """Change the lists; what has to be kept is tried again until the disk takes it."""
        try:
            act()
        except FlowAnchorError as error:
            self.trouble.emit(error)
            if owed:
                self._owed.append(act)
                self._again.start()

    def _pay(self) -> None:
        owed, self._owed = self._owed, []
        for act in owed:
            self.safely(act, owed=True)
        if not self._owed:
            self.ended.emit("")

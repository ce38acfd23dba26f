"""The engine's supervisor: gives it the queue's jobs, judges its deaths, shows how it is.

The queue is the truth; this reads it and acts. What a person stops, moves or adds there is
obeyed here, and every begun job gets exactly one end (`plugin.services.runs`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from PySide6.QtCore import QObject, QTimer

from flowanchor_engine import protocol
from flowanchor_engine.request import EditRequest
from plugin.services.child import Child, Patience
from plugin.services.forecasts import Forecasts
from plugin.services.room import Room
from plugin.services.runs import Runs
from plugin.services.times import EngineTimes
from plugin.services.warm import Warmer
from plugin.state.errors import StoreError
from plugin.state.links import EngineState
from plugin.state.observable import Observable, Signal

if TYPE_CHECKING:
    from flowanchor_engine.errors import FlowAnchorError
    from plugin.services.death import Death
    from plugin.services.deliveries import Deliveries
    from plugin.services.launch import Launch
    from plugin.services.logfile import LogFile
    from plugin.state.job_queue import Job, JobQueue
    from plugin.state.takes import Take
    from plugin.state.viewer import PreviewPicture

__all__ = ["EngineService", "EngineTimes"]

_log = logging.getLogger(__name__)
_MOST_DEATHS: Final = 3  # in a row, without a job that ended


class EngineService(QObject):
    """Owns the engine process.

    Parameters
    ----------
    queue : JobQueue
        Watched: whatever becomes waiting, is moved or is being stopped there is obeyed here.
    deliveries : Deliveries
        Says where results go and makes takes of them.
    launch : Launch
    low_memory : callable
        Asked before every job: whether to save memory at the cost of time.
    watched : callable
        Which frame of a job's edit is looked at (see `Runs`); `look_elsewhere` asks again.
    log : LogFile, optional

    Attributes
    ----------
    state : Observable of EngineState
    preview : Observable of PreviewPicture or None
        Its file lives until the next but one; load it at once.
    silent : Observable of bool
        It has not been heard for 30 s: ask whether to wait or to force a stop.
    forecasts, warmer, room : Forecasts, Warmer, Room
    greeted : Signal of HelloReply
    took : Signal of Take
        A job ended well; the take is kept.
    noted : Signal of (job id, code, sentence)
    died : Signal of Death
        It ended without being asked; `state` tells what comes of it.
    trouble : Signal of FlowAnchorError
        The lists could not be written; it is tried again.
    """

    def __init__(
        self,
        queue: JobQueue,
        deliveries: Deliveries,
        launch: Launch,
        *,
        low_memory: Callable[[], bool] = lambda: False,
        watched: Callable[[Job], int | None] = lambda job: None,
        log: LogFile | None = None,
        patience: Patience | None = None,
        times: EngineTimes | None = None,
        version: str = "",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._times = times or EngineTimes()
        self.state: Observable[EngineState] = Observable(EngineState())
        self.silent: Observable[bool] = Observable(False)
        self.greeted: Signal[protocol.HelloReply] = Signal()
        self.died: Signal[Death] = Signal()
        self._queue = queue
        self._low_memory = low_memory
        self._hello: protocol.HelloReply | None = None
        self._answers: dict[int, Callable[[protocol.Event | None], object]] = {}
        self._broken: tuple[Literal["crashed", "mismatch", "no_engine"], str, str] | None = None
        self._deaths = 0
        self._held = True  # until someone needs it
        self._closed = False
        self._memory_mb = 0
        self._child = Child(launch, log=log, patience=patience, version=version, parent=self)
        self._child.greeted.connect(self._on_greeted)
        self._child.received.connect(self._on_event)
        self._child.beat.connect(self._on_beat)
        self._child.fell_silent.connect(lambda: self.silent.set(True))
        self._child.spoke_again.connect(lambda: self.silent.set(False))
        self._child.ended.connect(self._on_ended)
        self._soon = self._timer(0, self._look)
        self._again = self._timer(self._times.again_ms, self._on_again)
        self._idle = self._timer(self._times.idle_ms, self.release)
        self._runs = Runs(
            self,
            queue,
            deliveries,
            slow_stop_ms=self._times.slow_stop_ms,
            force_stop_ms=self._times.force_stop_ms,
            again_ms=self._times.again_ms,
            watched=watched,
            parent=self,
        )
        self.look_elsewhere = self._runs.look_elsewhere
        self.preview: Observable[PreviewPicture | None] = self._runs.preview
        self.took: Signal[Take] = self._runs.took
        self.noted: Signal[tuple[str, str, str]] = self._runs.noted
        self.trouble: Signal[FlowAnchorError] = self._runs.trouble
        self._runs.ended.connect(self._on_run_ended)
        self._runs.took.connect(self._on_took)
        self._runs.slow.changed.connect(lambda slow: self._show())
        self._runs.too_slow.connect(lambda _: self.force_stop())
        self.warmer = Warmer(self, pause_ms=self._times.settle_ms, parent=self)
        self.room = Room(self, queue, pause_ms=self._times.room_ms, parent=self)
        self.room.freed.connect(lambda _: self._soon.start())
        self.forecasts = Forecasts(self, queue, pause_ms=self._times.forecast_ms, parent=self)
        self._connections = (
            queue.jobs.changed.connect(lambda jobs: self._soon.start()),
            queue.paused.changed.connect(lambda paused: self._soon.start()),
        )
        self._soon.start()

    def _timer(self, milliseconds: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    # ---- what it is now

    @property
    def ready(self) -> bool:
        """Whether commands are heard."""
        return self._child.stage == "ready"

    @property
    def idle(self) -> bool:
        """Whether it hears and has nothing to do."""
        return self.ready and self._runs.free and self.room.first() is None

    @property
    def features(self) -> tuple[str, ...]:
        """What the greeting promised."""
        return self._hello.features if self._hello is not None else ()

    @property
    def memory(self) -> Literal["auto", "low"]:
        """What the next job is told about memory."""
        return "low" if self._low_memory() else "auto"

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of the engine's log."""
        return self._child.last_lines

    @property
    def pid(self) -> int:
        """The engine's process number, 0 without one."""
        return self._child.pid

    # ---- life

    def start(self) -> None:
        """Start the engine, now or once more after it could not be started."""
        self._held, self._broken, self._deaths = False, None, 0
        self._ensure()

    def restart(self, launch: Launch | None = None) -> None:
        """End the engine in order and start it again, perhaps another one."""
        if launch is not None:
            self._child.follow(launch)
        self._held, self._broken, self._deaths = False, None, 0
        if self._child.alive:
            self._child.stop()
        else:
            self._ensure()

    def force_stop(self) -> None:
        """Kill the engine and start a fresh one; a job that was being stopped is stopped."""
        self._child.force_stop()

    def release(self) -> None:
        """Free the model's memory if nothing runs."""
        if self.idle:
            self.post(lambda number: protocol.Release(id=number))

    def set_idle(self, minutes: int) -> None:
        """Free the model after so many idle minutes; 0: never."""
        self._idle.setInterval(minutes * 60_000)
        self._wind()

    def close(self) -> None:
        """End the engine before returning; a running job waits for the next start."""
        self._closed = True
        for connection in self._connections:
            connection.disconnect()
        for timer in (self._soon, self._again, self._idle):
            timer.stop()
        self.warmer.close()
        self.forecasts.close()
        self.room.close()
        self._runs.close()
        self._child.close()
        self.state.set(EngineState())

    # ---- speaking

    def number(self) -> int:
        """Return a new number for a command."""
        return self._child.number()

    def send(self, command: protocol.Command) -> bool:
        """Send a numbered command; return whether someone was there to hear it."""
        return self._child.send(command)

    def post(self, command: Callable[[int], protocol.Command]) -> bool:
        """Send a command whose answer does not matter."""
        return self._child.send(command(self._child.number()))

    def ask(
        self,
        command: Callable[[int], protocol.Command],
        on_answer: Callable[[protocol.Event | None], object],
    ) -> bool:
        """Send a question; the answer is None if it is refused or the engine ends."""
        number = self._child.number()
        if not self._child.send(command(number)):
            return False
        self._answers[number] = on_answer
        return True

    # ---- the queue

    def _look(self) -> None:
        """Do what the queue asks for."""
        if self._closed:
            return
        self._runs.look()
        job = self.room.first() if self._runs.free else None
        if job is not None:
            if self._broken is None:
                self._held = False
            if self.ready:
                self.warmer.step_aside()
                self._begin(job)
            else:
                self._ensure()
        self.forecasts.ask_waiting()
        self._wind()
        self._show()

    def _begin(self, job: Job) -> None:
        try:
            self._runs.begin(job)
        except StoreError as error:
            self.trouble.emit(error)
            self._again.start()

    # ---- what the engine says

    def _on_greeted(self, hello: protocol.HelloReply) -> None:
        self._hello = hello
        self._broken = None
        self.greeted.emit(hello)
        self.forecasts.measured()
        self.warmer.resume()
        self._look()

    def _on_beat(self, beat: protocol.Heartbeat) -> None:
        card = self._hello is not None and self._hello.device.kind == "cuda"
        self._memory_mb = beat.vram_mb if card else beat.rss_mb
        self._show()

    def _on_event(self, event: protocol.Event) -> None:
        if self._closed:
            return
        number = getattr(event, "id", None)
        answer = self._answers.pop(number, None) if isinstance(number, int) else None
        if answer is not None:
            self._runs.safely(lambda: answer(event))
        elif isinstance(event, protocol.Refused):
            self._runs.refused(event)
        elif not self._runs.hear(event) and not self.warmer.hear(event):
            _log.debug("late or nobody's: %s", event)

    def _on_run_ended(self, job: str) -> None:
        self._deaths = 0
        self._runs.safely(lambda: self.room.ended(job))
        self.warmer.resume()
        self._soon.start()

    def _on_took(self, take: Take) -> None:
        self._runs.safely(lambda: self.warmer.knows(EditRequest.load(take.request)))
        self.forecasts.measured()

    # ---- its end

    def _on_ended(self, death: Death) -> None:
        greeted, self._hello = self._hello is not None, None
        self._memory_mb = 0
        answers, self._answers = self._answers, {}
        with ExitStack() as steps:  # the last one first; none is left out for another's failure
            if not self._closed:
                steps.callback(self._go_on, death, greeted, self._deaths)
                steps.callback(self._runs.died, death)
            for answer in answers.values():
                steps.callback(answer, None)
            steps.callback(self.warmer.forget)
            steps.callback(self.silent.set, False)

    def _go_on(self, death: Death, greeted: bool, deaths: int) -> None:
        """Begin anew after the end of an engine that was the `deaths` + 1st to die in a row."""
        self._deaths = deaths
        self._judge(death, greeted=greeted)
        if not death.wanted:
            self.died.emit(death)
        self._ensure()
        self._show()

    def _judge(self, death: Death, *, greeted: bool) -> None:
        """Decide whether a fresh engine is worth a try."""
        if death.wanted:
            return
        self._deaths += 1
        if death.code == "engine_missing":
            self._broken = ("no_engine", death.code, death.detail)
        elif death.code == "version":
            self._broken = ("mismatch", death.code, death.detail)
        elif not greeted or self._deaths > _MOST_DEATHS:
            self._broken = ("crashed", death.code, death.detail)
        if self._broken is not None:
            self._held = True
            if death.code == "engine_busy":
                self._again.start()

    def _on_again(self) -> None:
        self._broken, self._held = None, False
        self._look()

    def _ensure(self) -> None:
        if self._closed or self._held or self._child.alive:
            return
        self._child.start()
        self._show()

    # ---- what is shown

    def _wind(self) -> None:
        """Let the idle clock run while nothing runs."""
        if not self.idle or self.warmer.busy or self._idle.interval() == 0:
            self._idle.stop()
        elif not self._idle.isActive():
            self._idle.start()

    def _show(self) -> None:
        if self._closed:
            return
        hello = self._hello
        phase = {"off": "off", "starting": "starting", "stopping": "stopping"}.get(
            self._child.stage, "busy" if self._runs.busy else "ready"
        )
        if self._runs.slow.value:
            phase = "stopping"
        state = EngineState(phase=phase)  # type: ignore[arg-type]
        if hello is not None:
            state = replace(
                state,
                device=hello.device.name,
                memory_used_mb=self._memory_mb,
                memory_total_mb=hello.device.memory_mb,
                features=hello.features,
            )
        elif phase == "off" and self._broken is not None:
            broken, code, sentence = self._broken
            state = EngineState(phase=broken, code=code, sentence=sentence)
        self.state.set(state)

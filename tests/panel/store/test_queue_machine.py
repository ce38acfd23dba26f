"""The queue against a plain list, with the real store underneath and reopenings in between."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from plugin.services.store import Store
from plugin.state.job_queue import AFTER_EDIT, JobQueue
from tests.panel.store import records

PHASES = ("load", "read", "text", "encode", "edit", "decode", "composite", "write")
ENDED = ("done", "failed", "stopped")


@dataclass(frozen=True)
class Plain:
    """What the queue is, told without order keys, store and clock."""

    id: str
    state: str
    seed: int
    attempts: int = 0
    phase: str = ""
    stopping: bool = False


class QueueMachine(RuleBasedStateMachine):
    @initialize(jobs=st.integers(2, 6))
    def open_first(self, jobs: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="queue-"))
        self.model: list[Plain] = []
        self.takes: list[str] = []
        self.paused = False
        self.seeds = 0
        self.ids = records.counter("job")
        self._open()
        for _ in range(jobs):
            self.add()

    def _open(self) -> None:
        self.store = Store(self.folder / "panel.sqlite")
        self.queue = JobQueue(self.store, now=lambda: 1000.0, new_id=self.ids)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    # ---- the plain list ---------------------------------------------------------------------

    def _swap(self, job_id: str, change: Callable[[Plain], Plain]) -> None:
        self.model = [change(job) if job.id == job_id else job for job in self.model]

    def _running(self) -> Plain | None:
        return next((job for job in self.model if job.state == "running"), None)

    def _pick(self, index: int) -> Plain | None:
        return self.model[index % len(self.model)] if self.model else None

    # ---- rules ------------------------------------------------------------------------------

    @rule()
    def add(self) -> None:
        self.seeds += 1
        job = self.queue.add(records.request(self.seeds), f"hash{self.seeds}")
        self.model.append(Plain(job.id, "waiting", self.seeds))

    @rule(which=st.integers(0, 99), goal=st.integers(0, 99), end=st.booleans())
    def move_before(self, which: int, goal: int, end: bool) -> None:
        job, before = self._pick(which), self._pick(goal)
        if job is None or before is None:
            return
        self.queue.move_before(job.id, None if end else before.id)
        if not end and before.id == job.id:
            return
        rest = [each for each in self.model if each.id != job.id]
        place = len(rest) if end else rest.index(before)
        self.model = [*rest[:place], job, *rest[place:]]

    @precondition(lambda self: len(self.model) >= 3)
    @rule(times=st.integers(40, 70))
    def squeeze(self, times: int) -> None:
        """Put the last one between the first two, over and over: floats end after 50."""
        for _ in range(times):
            job = self.model[-1]
            self.queue.move_before(job.id, self.model[1].id)
            self.model = [self.model[0], job, *self.model[1:-1]]

    @rule(which=st.integers(0, 99), up=st.booleans())
    def move(self, which: int, up: bool) -> None:
        job = self._pick(which)
        if job is None:
            return
        self.queue.move(job.id, -1 if up else 1)
        waiting = [i for i, each in enumerate(self.model) if each.state == "waiting"]
        if job.state != "waiting":
            return
        at = waiting.index(self.model.index(job))
        goal = at + (-1 if up else 1)
        if not 0 <= goal < len(waiting):
            return
        other = self.model[waiting[goal]]
        rest = [each for each in self.model if each.id != job.id]
        place = rest.index(other) + (0 if up else 1)
        self.model = [*rest[:place], job, *rest[place:]]

    @rule(which=st.integers(0, 99))
    def to_front(self, which: int) -> None:
        job = self._pick(which)
        if job is None:
            return
        self.queue.to_front(job.id)
        if job.state == "waiting":
            first = next(each for each in self.model if each.state == "waiting")
            if first.id != job.id:
                rest = [each for each in self.model if each.id != job.id]
                place = rest.index(first)
                self.model = [*rest[:place], job, *rest[place:]]
        assert job.state != "waiting" or self.queue.waiting[0].id == job.id

    @rule()
    def resume_and_start(self) -> None:
        self.queue.resume()
        self.paused = False
        self.start()

    @rule()
    def start(self) -> None:
        job = self.queue.next_waiting()
        waiting = [each for each in self.model if each.state == "waiting"]
        if self.paused or self._running() or not waiting:
            assert job is None
            return
        assert job is not None
        assert job.id == waiting[0].id
        assert self.queue.start(job.id) is not None
        self._swap(job.id, lambda each: replace(each, state="running", phase=""))

    @rule(which=st.integers(0, 99))
    def start_out_of_turn(self, which: int) -> None:
        job = self._pick(which)
        if job is None or (job.state == "waiting" and self._running() is None):
            return
        assert self.queue.start(job.id) is None

    @precondition(lambda self: self._running() is not None)
    @rule(phase=st.sampled_from(PHASES), done=st.integers(0, 20))
    def progress(self, phase: str, done: int) -> None:
        job = self._running()
        if job is not None:
            self.queue.progress(job.id, phase, done, 20, 3.0)
            self._swap(job.id, lambda each: replace(each, phase=phase))

    @precondition(lambda self: self._running() is not None)
    @rule(number=st.integers(0, 3))
    def finish(self, number: int) -> None:
        job = self._running()
        if job is None:
            return
        kept = self.queue.finish(job.id, records.take(number, job=job.id, seed=job.seed))
        assert kept is not None
        self.takes.append(kept.id)
        self._swap(job.id, lambda each: replace(each, state="done", stopping=False))

    @precondition(lambda self: self._running() is not None)
    @rule()
    def fail(self) -> None:
        job = self._running()
        if job is not None:
            self.queue.fail(job.id, "vram", "Too big.", ("save_memory",), last_lines=["x"] * 60)
            kept = self.queue.get(job.id)
            assert kept is not None
            assert len(kept.last_lines) == 40
            self._swap(job.id, lambda each: replace(each, state="failed", stopping=False))

    @precondition(lambda self: self._running() is not None)
    @rule()
    def engine_dies(self) -> None:
        job = self._running()
        if job is None:
            return
        again = self.queue.engine_died(job.id, "Out of memory.")
        if job.stopping:
            assert not again
            self._swap(job.id, lambda each: replace(each, state="stopped", stopping=False))
        elif job.attempts == 0 and job.phase not in AFTER_EDIT:
            assert again
            self._swap(job.id, lambda e: replace(e, state="waiting", attempts=1, phase=""))
        else:
            assert not again
            self._swap(job.id, lambda e: replace(e, state="failed", attempts=e.attempts + 1))

    @rule(which=st.integers(0, 99))
    def cancel(self, which: int) -> None:
        job = self._pick(which)
        if job is None:
            return
        assert self.queue.cancel(job.id) == (job.state == "running")
        if job.state == "waiting":
            self._swap(job.id, lambda each: replace(each, state="stopped"))
        elif job.state == "running":
            self._swap(job.id, lambda each: replace(each, stopping=True))

    @precondition(lambda self: self._running() is not None)
    @rule()
    def stopped(self) -> None:
        job = self._running()
        if job is not None:
            self.queue.stopped(job.id)
            self._swap(job.id, lambda each: replace(each, state="stopped", stopping=False))

    @precondition(lambda self: any(job.state in ("failed", "stopped") for job in self.model))
    @rule(which=st.integers(0, 99))
    def retry(self, which: int) -> None:
        for other in self.model:
            if other.state not in ("failed", "stopped"):
                assert self.queue.retry(other.id) is None
        ended = [each for each in self.model if each.state in ("failed", "stopped")]
        job = ended[which % len(ended)]
        again = self.queue.retry(job.id)
        assert again is not None
        assert again.seed == job.seed
        self.model = [each for each in self.model if each.id != job.id]
        self.model.append(Plain(job.id, "waiting", job.seed))

    @rule(which=st.integers(0, 99))
    def duplicate(self, which: int) -> None:
        job = self._pick(which)
        if job is None:
            return
        copy = self.queue.duplicate(job.id, rehash=lambda data: f"hash{data['seed']}")
        assert copy is not None
        assert copy.request_hash == f"hash{job.seed + 1}"
        self.model.append(Plain(copy.id, "waiting", job.seed + 1))

    @precondition(lambda self: len(self.model) > 6)
    @rule(which=st.integers(0, 99))
    def remove(self, which: int) -> None:
        job = self._pick(which)
        if job is not None:
            self.queue.remove([job.id])
            if job.state != "running":
                self.model.remove(job)

    @precondition(lambda self: len(self.model) > 6)
    @rule()
    def clear(self) -> None:
        self.queue.clear_finished()
        self.model = [job for job in self.model if job.state not in ENDED]

    @rule()
    def pause_or_resume(self) -> None:
        self.paused = not self.paused
        (self.queue.pause if self.paused else self.queue.resume)()

    @rule(politely=st.booleans())
    def reopen(self, politely: bool) -> None:
        """The panel ends, well or by a kill, and starts again."""
        old = self.store
        if politely:
            old.close()
        self._open()
        if not politely:
            old.close()
        waiting = self.queue.restore()
        self.model = [
            replace(job, state="waiting", attempts=job.attempts + 1, phase="", stopping=False)
            if job.state == "running"
            else job
            for job in self.model
        ]
        assert waiting == sum(job.state == "waiting" for job in self.model)
        self.paused = waiting > 0

    # ---- laws -------------------------------------------------------------------------------

    @invariant()
    def the_queue_is_the_list(self) -> None:
        if not hasattr(self, "queue"):
            return
        shown = [
            Plain(job.id, job.state, job.seed, job.attempts, job.phase, job.stopping)
            if job.state == "running"
            else Plain(job.id, job.state, job.seed, job.attempts)
            for job in self.queue.jobs
        ]
        plain = [
            job if job.state == "running" else replace(job, phase="", stopping=False)
            for job in self.model
        ]
        assert shown == plain
        keys = [job.order_key for job in self.queue.jobs]
        assert keys == sorted(set(keys))
        assert self.queue.paused.value == self.paused

    @invariant()
    def the_store_holds_the_same(self) -> None:
        if not hasattr(self, "queue"):
            return
        kept = self.store.load_jobs()
        assert [(j.id, j.state, j.attempts, j.order_key) for j in kept] == [
            (j.id, j.state, j.attempts, j.order_key) for j in self.queue.jobs
        ]
        takes = self.store.load_takes()
        assert sorted(t.id for t in takes) == sorted(self.takes)
        assert len({t.number for t in takes}) == len(takes)


QueueMachine.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestQueue = pytest.mark.slow(QueueMachine.TestCase)

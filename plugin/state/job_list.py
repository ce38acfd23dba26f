"""The jobs in their order: every change is kept before anyone is told of it.

So what is seen is what a crash would leave.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from plugin.state.observable import Observable, ObservableList

if TYPE_CHECKING:
    from plugin.state.jobs import Job, JobStore

__all__ = ["JobList"]


class JobList:
    """The jobs in order.

    Parameters
    ----------
    store : JobStore
    now : callable
        Seconds since 1970.
    new_id : callable

    Attributes
    ----------
    jobs : ObservableList of Job
    paused : Observable of bool
        The running job goes on, no other one begins.
    """

    def __init__(
        self,
        store: JobStore,
        *,
        now: Callable[[], float] = time.time,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.jobs: ObservableList[Job] = ObservableList()
        self.paused: Observable[bool] = Observable(False)
        self._store = store
        self._now = now
        self._new_id = new_id

    def get(self, job_id: str) -> Job | None:
        """Return a job by its id."""
        return next((job for job in self.jobs if job.id == job_id), None)

    @property
    def running(self) -> Job | None:
        """The job that runs; there is never more than one."""
        return next((job for job in self.jobs if job.state == "running"), None)

    @property
    def waiting(self) -> tuple[Job, ...]:
        """Jobs that wait, in order."""
        return tuple(job for job in self.jobs if job.state == "waiting")

    def next_waiting(self) -> Job | None:
        """Return the job that may begin now: none while paused or while another one runs."""
        if self.paused.value or self.running is not None:
            return None
        return next(iter(self.waiting), None)

    def starts_in(self, job_id: str) -> float | None:
        """Return the seconds until a waiting job begins; None if a time before it is unknown."""
        total = 0.0
        running = self.running
        if running is not None:
            if running.eta_s is None:
                return None
            total += running.eta_s
        for job in self.waiting:
            if job.id == job_id:
                return total
            if job.estimate_s is None:
                return None
            total += job.estimate_s
        return None

    # ---- within -----------------------------------------------------------------------------

    def _end_key(self) -> float:
        last = self.jobs[-1].order_key if len(self.jobs) else 0.0
        if last + 1.0 <= last:  # so far out, numbers do not count any more
            self._write(*(replace(job, order_key=float(i)) for i, job in enumerate(self.jobs)))
            last = self.jobs[-1].order_key
        return last + 1.0

    def _write(self, *changed: Job, lightly: bool = False) -> None:
        self._store.put_jobs(changed, lightly=lightly)
        by_id = {job.id: job for job in changed}
        known = {job.id for job in self.jobs}
        merged = [by_id.get(job.id, job) for job in self.jobs]
        merged += [job for job in changed if job.id not in known]
        self._show(merged)

    def _show_one(self, job: Job) -> None:
        self._show(job if each.id == job.id else each for each in self.jobs)

    def _show(self, jobs: Iterable[Job]) -> None:
        self.jobs.set(sorted(jobs, key=lambda job: job.order_key))

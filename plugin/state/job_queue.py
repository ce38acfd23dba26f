"""The queue: what waits, runs and has ended, in a person's order. Pure bookkeeping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from plugin.state.job_list import JobList
from plugin.state.jobs import (
    AFTER_EDIT,
    ENDED,
    Job,
    JobKind,
    JobState,
    JobStore,
    fresh,
    hash_of,
    place_of,
    reordered,
)

if TYPE_CHECKING:
    from plugin.state.takes import Take

__all__ = ["AFTER_EDIT", "ENDED", "Job", "JobKind", "JobQueue", "JobState", "JobStore"]

_LAST_LINES: Final = 40
_SEEDS: Final = 2**31


class JobQueue(JobList):
    """What a person and the engine may do with the jobs."""

    # ---- a person's doings ------------------------------------------------------------------

    def restore(self) -> int:
        """Load the store after a start and return how many jobs wait.

        What ran when the panel ended waits again, in its place, with one attempt more. If
        anything waits, the queue is paused until a person resumes it.
        """
        jobs = list(self._store.load_jobs())
        broken = [
            self._interrupted(job, "say.queue.was_interrupted")
            for job in jobs
            if job.state == "running"
        ]
        if broken:
            self._store.put_jobs(broken)
        by_id = {job.id: job for job in broken}
        self._show(by_id.get(job.id, job) for job in jobs)
        self.paused.set(bool(self.waiting))
        return len(self.waiting)

    def add(
        self,
        request: Mapping[str, Any],
        request_hash: str,
        *,
        kind: JobKind = "edit",
        shot_id: str = "",
        title: str = "",
        estimate_s: float | None = None,
        place: Mapping[str, Any] | None = None,
    ) -> Job:
        """Put a new job at the end."""
        job = Job(
            id=self._new_id(),
            order_key=self._end_key(),
            state="waiting",
            request=request,
            request_hash=request_hash,
            kind=kind,
            shot_id=shot_id,
            title=title,
            estimate_s=estimate_s,
            created=self._now(),
            place=place or {},
        )
        self._write(job)
        return job

    def move_before(self, job_id: str, before_id: str | None) -> None:
        """Put a job right before another one, or at the end."""
        changed = reordered(self.jobs.value, job_id, before_id)
        if changed:
            self._write(*changed)

    def move(self, job_id: str, by: Literal[-1, 1]) -> None:
        """Move a waiting job past its waiting neighbour (Alt+Up, Alt+Down)."""
        ids = [job.id for job in self.waiting]
        if job_id not in ids:
            return
        place = ids.index(job_id)
        goal = place + by
        if not 0 <= goal < len(ids):
            return
        if by < 0:
            self.move_before(job_id, ids[goal])
        else:
            after = [job.id for job in self.jobs]
            nxt = after.index(ids[goal]) + 1
            self.move_before(job_id, after[nxt] if nxt < len(after) else None)

    def to_front(self, job_id: str) -> None:
        """Let a job be the next one."""
        job = self.get(job_id)
        if job is None or job.state != "waiting" or self.waiting[0].id == job_id:
            return
        self.move_before(job_id, self.waiting[0].id)

    def cancel(self, job_id: str) -> bool:
        """Stop a job. True: it runs, and the engine has to be asked to stop it."""
        job = self.get(job_id)
        if job is None:
            return False
        if job.state == "waiting":
            self._write(replace(job, state="stopped", ended=self._now(), note=""))
            return False
        if job.state == "running":
            self._show_one(replace(job, stopping=True))
            return True
        return False

    def cancel_all(self) -> bool:
        """Stop everything. True: one runs, and the engine has to be asked."""
        stopped = [replace(job, state="stopped", ended=self._now()) for job in self.waiting]
        if stopped:
            self._write(*stopped)
        running = self.running
        return running is not None and self.cancel(running.id)

    def retry(self, job_id: str, *, in_place: bool = False, anyway: bool = False) -> Job | None:
        """Let a failed or stopped job wait again: same request, same seed.

        Parameters
        ----------
        in_place : bool
            Where it was, not at the end.
        anyway : bool
            Also where other programs hold the card's memory.
        """
        job = self.get(job_id)
        if job is None or job.state not in ("failed", "stopped"):
            return None
        key = job.order_key if in_place else self._end_key()
        again = fresh(replace(job, state="waiting", order_key=key, attempts=0, anyway=anyway))
        self._write(again)
        return again

    def duplicate(
        self,
        job_id: str,
        *,
        seed: int | None = None,
        rehash: Callable[[Mapping[str, Any]], str] | None = None,
    ) -> Job | None:
        """Add the same edit once more with another seed (default: the next one).

        Parameters
        ----------
        rehash : callable, optional
            Request data to its hash; default `EditRequest.key`.
        """
        job = self.get(job_id)
        if job is None:
            return None
        if seed is None:
            seed = (job.seed + 1) % _SEEDS
        request = {**job.request, "seed": seed}
        return self.add(
            request,
            (rehash or hash_of)(request),
            kind=job.kind,
            shot_id=job.shot_id,
            title=job.title,
            estimate_s=job.estimate_s,
            place=place_of(job.place),
        )

    def clear_finished(self) -> None:
        """Take everything that has ended off the list; takes stay."""
        self.remove(job.id for job in self.jobs if job.state in ENDED)

    def remove(self, ids: Iterable[str]) -> None:
        """Take jobs off the list; a running one stays."""
        gone = {job_id for job_id in ids if (job := self.get(job_id)) and job.state != "running"}
        if gone:
            self._store.delete_jobs(sorted(gone))
            self._show(job for job in self.jobs if job.id not in gone)

    def pause(self) -> None:
        """Let the running job finish, then wait."""
        self.paused.set(True)

    def resume(self) -> None:
        """Go on."""
        self.paused.set(False)

    # ---- what the engine tells --------------------------------------------------------------

    def start(self, job_id: str) -> Job | None:
        """Mark a waiting job as running; None if it cannot begin."""
        job = self.get(job_id)
        if job is None or job.state != "waiting" or self.running is not None:
            return None
        started = replace(fresh(job), state="running", started=self._now())
        self._write(started)
        return started

    def progress(
        self, job_id: str, phase: str, done: int, total: int, eta_s: float | None = None
    ) -> None:
        """Note how far the running job is; a new phase is kept, single steps are only shown."""
        job = self.get(job_id)
        if job is None or job.state != "running":
            return
        changed = replace(job, phase=phase, done=done, total=total, eta_s=eta_s)
        if phase != job.phase:
            self._write(changed, lightly=True)
        else:
            self._show_one(changed)

    def finish(self, job_id: str, take: Take) -> Take | None:
        """End the running job with its take, whose file is in place; both or none are kept."""
        job = self.get(job_id)
        if job is None or job.state != "running":
            return None
        done = replace(job, state="done", ended=self._now(), eta_s=None, stopping=False)
        kept = self._store.finish_job(done, take)
        self._show_one(done)
        return kept

    def fail(
        self,
        job_id: str,
        code: str,
        sentence: str = "",
        hint: Iterable[str] = (),
        detail: str = "",
        last_lines: Iterable[str] = (),
        *,
        died: bool = False,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """End the running (or waiting) job with an error.

        Parameters
        ----------
        values : dict, optional
            Names and numbers of the sentence.
        died : bool
            The engine died of it: this counts as an attempt.
        """
        job = self.get(job_id)
        if job is None or job.state in ENDED:
            return
        self._write(
            replace(
                job,
                state="failed",
                ended=self._now(),
                code=code,
                sentence=sentence,
                hint=tuple(hint),
                detail=detail,
                last_lines=tuple(last_lines)[-_LAST_LINES:],
                attempts=job.attempts + 1 if died else job.attempts,
                eta_s=None,
                stopping=False,
                values=values or {},
            )
        )

    def stopped(self, job_id: str) -> None:
        """Note that the engine stopped the running job as asked."""
        job = self.get(job_id)
        if job is not None and job.state == "running":
            ended = replace(job, state="stopped", ended=self._now(), eta_s=None, stopping=False)
            self._write(ended)

    def engine_died(
        self,
        job_id: str,
        sentence: str = "",
        *,
        code: str = "engine_died",
        detail: str = "",
        last_lines: Iterable[str] = (),
    ) -> bool:
        """Settle a job whose engine died under it.

        Returns
        -------
        bool
            True: it waits again in its place, once, because decoding was not reached. False:
            it has failed, or was being stopped anyway.
        """
        job = self.get(job_id)
        if job is None or job.state != "running":
            return False
        if job.stopping:
            self.stopped(job_id)
            return False
        lines = tuple(last_lines)[-_LAST_LINES:]
        if job.attempts == 0 and job.phase not in AFTER_EDIT:
            again = self._interrupted(job, "say.queue.engine_restarted")
            self._write(replace(again, last_lines=lines))
            return True
        ways_out = ("copy_report", "skip_job")
        self.fail(job_id, code, sentence, ways_out, detail, lines, died=True)
        return False

    def note(self, job_id: str, note: str) -> None:
        """Say of a waiting job why it waits, by a key of the locale; '' takes that back."""
        job = self.get(job_id)
        if job is not None and job.state == "waiting" and job.note != note:
            self._write(replace(job, note=note), lightly=True)

    def estimate(self, job_id: str, seconds: float | None) -> None:
        """Note how long a waiting job should take."""
        job = self.get(job_id)
        if job is not None and job.estimate_s != seconds:
            self._write(replace(job, estimate_s=seconds), lightly=True)

    def note_place(self, job_id: str, **values: Any) -> None:
        """Keep where a job's file goes, before it is begun: a killed run finds its way back."""
        job = self.get(job_id)
        if job is not None and {**job.place, **values} != job.place:
            self._write(replace(job, place={**job.place, **values}))

    # ---- within -----------------------------------------------------------------------------

    def _interrupted(self, job: Job, note: str) -> Job:
        again = replace(job, state="waiting", attempts=job.attempts + 1)
        return replace(fresh(again), note=note, phase="")

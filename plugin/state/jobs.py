"""One job of the queue, its states, and where jobs are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from flowanchor_engine.request import EditRequest

if TYPE_CHECKING:
    from plugin.state.takes import Take

__all__ = [
    "AFTER_EDIT",
    "ENDED",
    "Job",
    "JobKind",
    "JobState",
    "JobStore",
    "between",
    "fresh",
    "hash_of",
    "place_of",
    "reordered",
]

JobState = Literal["waiting", "running", "done", "failed", "stopped"]
JobKind = Literal["edit", "test"]
ENDED: Final = frozenset({"done", "failed", "stopped"})
AFTER_EDIT: Final = frozenset({"decode", "composite", "write"})
_OF_ONE_RUN: Final = frozenset({"number", "path", "marks"})


@dataclass(frozen=True)
class Job:
    """One edit to be made.

    Parameters
    ----------
    order_key : float
        Its place: smaller comes first; between two neighbours there is room for another.
    request : dict
        An `EditRequest` as data; `request_hash` its ``key("result")``.
    attempts : int
        How often it was begun and broke off without its doing.
    phase, done, total, eta_s
        Of the running job, as the engine counts.
    note : str
        Locale key of what happened to it ("Was interrupted."), or ''.
    stopping : bool
        Asked to stop; the engine has not confirmed yet.
    values : dict
        Names and numbers of the error's sentence, as the engine told them.
    anyway : bool
        To be tried also where other programs hold the card's memory.
    created, started, ended : float or None
        Seconds since 1970.
    estimate_s : float or None
        How long it should take, asked before it began.
    place : dict
        Where its take is to go: shot record, extract, range; once begun also its own number and
        file, and how the files that it reads were marked then (`plugin.state.repeats`).
    """

    id: str
    order_key: float
    state: JobState
    request: Mapping[str, Any]
    request_hash: str
    kind: JobKind = "edit"
    shot_id: str = ""
    title: str = ""
    attempts: int = 0
    phase: str = ""
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    estimate_s: float | None = None
    note: str = ""
    code: str = ""
    sentence: str = ""
    hint: tuple[str, ...] = ()
    detail: str = ""
    last_lines: tuple[str, ...] = ()
    stopping: bool = False
    values: Mapping[str, Any] = field(default_factory=dict)
    anyway: bool = False
    created: float = 0.0
    started: float | None = None
    ended: float | None = None
    place: Mapping[str, Any] = field(default_factory=dict)

    @property
    def part(self) -> tuple[int, int]:
        """The frames of the shot that it edits, half-open."""
        start, stop = self.place.get("range") or (0, 0)
        return int(start), int(stop)

    @property
    def seed(self) -> int:
        """The seed of its request."""
        return int(self.request.get("seed", 0))


class JobStore(Protocol):
    """Where the queue is kept; what a call wrote survives a kill when it returns."""

    def put_jobs(self, jobs: Sequence[Job], *, lightly: bool = False) -> None:
        """Write new or changed jobs, all or none.

        Parameters
        ----------
        lightly : bool
            A power cut may lose it (a running job's phase): do not wait for the disk.
        """
        ...

    def delete_jobs(self, ids: Sequence[str]) -> None:
        """Forget jobs; takes made by them stay."""
        ...

    def load_jobs(self) -> tuple[Job, ...]:
        """Return all jobs in their order."""
        ...

    def finish_job(self, job: Job, take: Take) -> Take:
        """End a job and add its take in one transaction; return the take with its number."""
        ...


def between(low: float | None, high: float | None) -> float | None:
    """Return a number between two neighbours (None: no neighbour), None where there is none."""
    if low is None and high is None:
        return 1.0
    if low is None:
        assert high is not None
        key = high - 1.0
        return key if key < high else None
    if high is None:
        key = low + 1.0
        return key if key > low else None
    key = low + (high - low) / 2
    return key if low < key < high else None


def reordered(jobs: Sequence[Job], job_id: str, before_id: str | None) -> tuple[Job, ...]:
    """Return the jobs that change when one is put right before another, or at the end.

    Usually it alone gets a new key; where precision ends, every job gets one.
    """
    job = next((each for each in jobs if each.id == job_id), None)
    if job is None or before_id == job_id:
        return ()
    rest = [each for each in jobs if each.id != job_id]
    place = next((i for i, each in enumerate(rest) if each.id == before_id), len(rest))
    order = [*rest[:place], job, *rest[place:]]
    if [each.id for each in order] == [each.id for each in jobs]:
        return ()
    low = rest[place - 1].order_key if place > 0 else None
    high = rest[place].order_key if place < len(rest) else None
    key = between(low, high)
    if key is None:
        return tuple(replace(each, order_key=float(i + 1)) for i, each in enumerate(order))
    return (replace(job, order_key=key),)


def fresh(job: Job) -> Job:
    """Return a job without what an earlier run left on it."""
    return replace(
        job,
        phase="",
        done=0,
        total=0,
        eta_s=None,
        note="",
        code="",
        sentence="",
        hint=(),
        detail="",
        last_lines=(),
        stopping=False,
        values={},
        started=None,
        ended=None,
    )


def place_of(place: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a take belongs, without what one run alone has: its number, file and marks."""
    return {name: value for name, value in place.items() if name not in _OF_ONE_RUN}


def hash_of(request: Mapping[str, Any]) -> str:
    """Return the cache key of a request's result."""
    return EditRequest.load(request).key("result")

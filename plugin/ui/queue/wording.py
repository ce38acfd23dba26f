"""What a row of the queue says, from the job alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from plugin.locale import tr
from plugin.state.errors import message_of
from plugin.ui.parts import sentence_of
from plugin.ui.phrases import clock, minutes

if TYPE_CHECKING:
    from plugin.state.job_queue import Job

__all__ = ["PHASES", "phase_words", "status", "time_left", "title"]

# The engine's phases; the words stand under `phase.NAME`.
PHASES: Final = (
    *("download", "load", "read", "text", "encode"),
    *("edit", "decode", "composite", "write"),
)


def title(job: Job) -> str:
    """Return what the job is called, with its kind where it is only a test."""
    name = job.title or tr("queue.untitled")
    return tr("say.queue.test_of", title=name) if job.kind == "test" else name


def time_left(job: Job) -> str:
    """Return ``2:10 left`` of a running job, or nothing where it is not known."""
    if job.state != "running" or job.eta_s is None or job.stopping:
        return ""
    return tr("say.queue.left", time=clock(job.eta_s))


def status(job: Job, *, wait_s: float | None, paused: bool) -> str:
    """Return the row's second line.

    Parameters
    ----------
    wait_s : float or None
        Seconds until a waiting job starts, None where that is not known.
    paused : bool
        The queue waits for the person.
    """
    match job.state:
        case "running":
            return tr("say.queue.stopping") if job.stopping else phase_words(job)
        case "waiting":
            said = tr("say.queue.waiting")
            if not paused and wait_s is not None and wait_s >= 1:
                said = tr("say.queue.starts_in", time=clock(wait_s))
            return f"{tr(job.note)} {said}" if job.note else said
        case "done":
            if job.started is None or job.ended is None:
                return tr("say.queue.done")
            return tr("say.queue.done_in", time=minutes(job.ended - job.started))
        case "failed":
            return sentence_of(
                message_of(job.code, job.sentence, job.hint, job.detail, values=job.values)
            )
    return tr("say.queue.stopped")


def phase_words(job: Job) -> str:
    """Return the phase and its real units, ``Editing 12/23``."""
    if job.phase not in PHASES:
        return tr("say.queue.starting")
    name = tr(f"phase.{job.phase}")
    if job.total <= 0:
        return name
    if job.phase == "download":
        share = round(100 * job.done / job.total)
        return tr("say.queue.phase_share", phase=name, share=share)
    return tr("say.queue.phase", phase=name, done=job.done, total=job.total)

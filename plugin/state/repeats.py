"""What was asked for already: equal requests give equal pixels, so nothing is made twice.

A request names files, not what is in them. So a job notes by what its files are known when it
begins, its take adds its own file, and only where all of that is still so a take counts as the
answer to an equal request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from plugin.state.jobs import ENDED, Job
from plugin.state.messages import Button
from plugin.state.takes import Take

if TYPE_CHECKING:
    from plugin.state.job_queue import JobQueue
    from plugin.state.messages import Messages
    from plugin.state.shot import FrameRange
    from plugin.state.takes import Takes

__all__ = ["IN_QUEUE", "Look", "Repeats", "Wish", "marks_of", "read_by"]

Look = Callable[[str], str | None]
"""Says by what a file is known now; None: it is gone, or nobody can tell."""

IN_QUEUE: Final = "say.repeat.job"
_IS_TAKE: Final = "say.repeat.take"
_IS_TEST: Final = "say.repeat.test"
_ARE_TAKES: Final = "say.repeat.takes"
_SOME: Final = "say.repeat.some"
_SAID: Final = frozenset({IN_QUEUE, _IS_TAKE, _IS_TEST, _ARE_TAKES, _SOME})


def read_by(request: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the files that a request reads: its clip and, where it is a file, its matte."""
    specs = (request.get("source"), request.get("matte"))
    found = (spec.get("path") for spec in specs if isinstance(spec, Mapping))
    return tuple(str(path) for path in found if path)


def marks_of(look: Look, paths: Iterable[str]) -> dict[str, str]:
    """Return by what files are known now, by their paths; those that are gone are left out."""
    looked = ((path, look(path)) for path in paths)
    return {path: mark for path, mark in looked if mark is not None}


@dataclass(frozen=True)
class Wish:
    """One edit or test as it would be put into the queue.

    Parameters
    ----------
    request : dict
        An `EditRequest` as data; `key` its ``key("result")``.
    part : (int, int)
        Its frames of the shot: where a clip was trimmed since, equal frames lie elsewhere.
    """

    request: Mapping[str, Any]
    key: str
    kind: str
    shot_id: str
    part: FrameRange


class Repeats:
    """Finds what answers a wish already, and says so.

    Parameters
    ----------
    look : callable
        See `Look`.
    """

    def __init__(self, queue: JobQueue, takes: Takes, messages: Messages, look: Look) -> None:
        self._queue = queue
        self._takes = takes
        self._messages = messages
        self._look = look

    def find(self, wish: Wish) -> Take | Job | None:
        """Return the newest take that is what a wish would give, or else the job that will be."""
        for take in self._takes.with_hash(wish.key):
            if self._answers(wish, take.kind, take.shot_id, take.origin) and self._same(
                take.origin, (*read_by(take.request), take.file)
            ):
                return take
        for job in self._queue.jobs:
            if (
                job.request_hash == wish.key
                and job.state not in ENDED
                and not job.stopping
                and self._answers(wish, job.kind, job.shot_id, job.place)
                and (job.state == "waiting" or self._same(job.place, read_by(job.request)))
            ):
                return job
        return None

    def tell(self, found: Iterable[Take | Job], added: int) -> None:
        """Show what was found and say so; of what was asked, `added` are new jobs."""
        known = list(found)
        takes = [each for each in known if isinstance(each, Take)]
        current = self._messages.current.value
        if current is not None and current.key in _SAID:
            self._messages.dismiss()
        if not known:
            return
        if takes:
            self._takes.bring(takes[0].id)
        if added:
            self._messages.say(_SOME, new=added, count=added + len(known))
        elif len(takes) < len(known):
            job = next(each for each in known if isinstance(each, Job))
            self._messages.say(IN_QUEUE, buttons=(_new_seed(job.id),), about=job.id)
        elif len(takes) > 1:
            self._messages.say(
                _ARE_TAKES, buttons=(_new_seed(takes[0].id),), about=takes[0].id, count=len(takes)
            )
        else:
            take = takes[0]
            again = Button("retry_job", "button.retry_job", take.id)
            self._messages.say(
                _IS_TEST if take.kind == "test" else _IS_TAKE,
                buttons=(_new_seed(take.id), again),
                about=take.id,
                number=take.number,
            )

    # ---- within -----------------------------------------------------------------------------

    def _answers(self, wish: Wish, kind: str, shot_id: str, place: Mapping[str, Any]) -> bool:
        # A test cannot be placed, and another shot's take belongs elsewhere on the timeline.
        part = tuple(place.get("range", ()))
        return (kind, shot_id, part) == (wish.kind, wish.shot_id, tuple(wish.part))

    def _same(self, place: Mapping[str, Any], paths: tuple[str, ...]) -> bool:
        """Whether files are what they were when they were read or written."""
        noted = place.get("marks")
        if not isinstance(noted, Mapping):  # made before marks were kept
            return False
        return all(path in noted and noted[path] == self._look(path) for path in paths)


def _new_seed(about: str) -> Button:
    return Button("new_seed", "button.new_seed", about)

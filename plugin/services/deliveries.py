"""Where a job's result goes, and the take that comes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from plugin.services.marks import mark_of
from plugin.state.jobs import place_of
from plugin.state.repeats import marks_of, read_by
from plugin.state.takes import Take, recipe_key

if TYPE_CHECKING:
    from flowanchor_engine.protocol import Result
    from plugin.state.job_queue import Job

__all__ = ["Deliveries", "FileDeliveries", "Numbers"]


class Deliveries(Protocol):
    """What the engine's supervisor asks about files."""

    def out(self, job: Job) -> Path:
        """Return the file (or folder of pictures) that a job writes; the same one when asked again.

        Raises
        ------
        OSError
            Its folder cannot be made.
        """
        ...

    def take(self, job: Job, result: Result) -> Take:
        """Return the take of a finished job."""
        ...


class Numbers(Protocol):
    """Gives numbers to takes, each once."""

    def next_number(self, shot_id: str) -> int:
        """Reserve the number of a shot's next take."""
        ...


class FileDeliveries:
    """Names results after shot, words and number, in a folder of the job's choice.

    Parameters
    ----------
    numbers : Numbers
    folder_of : callable
        Job to folder: `FlowAnchor` beside the clip, or the one from the settings.
    file_name : callable
        Job and number to the file's name.
    note : callable
        Keeps `number`, `path` and `marks` of a job, before it is begun.
    """

    def __init__(
        self,
        numbers: Numbers,
        folder_of: Callable[[Job], Path],
        file_name: Callable[[Job, int], str],
        *,
        note: Callable[..., object] = lambda job, **values: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._numbers = numbers
        self._folder_of = folder_of
        self._file_name = file_name
        self._note = note
        self._now = now
        self._known: dict[str, tuple[int, Path]] = {}

    def out(self, job: Job) -> Path:
        """Return the job's file: a number that no take has, a name that no file has."""
        kept = job.place.get("number"), job.place.get("path")
        if job.id not in self._known and isinstance(kept[0], int) and isinstance(kept[1], str):
            self._resume(job.id, kept[0], Path(kept[1]))
        if job.id not in self._known:
            folder = self._folder_of(job)
            folder.mkdir(parents=True, exist_ok=True)
            while True:
                number = self._numbers.next_number(job.shot_id)
                path = folder / self._file_name(job, number)
                if not path.exists():
                    break
            self._known[job.id] = (number, path)
            marks = marks_of(mark_of, read_by(job.request))
            self._note(job.id, number=number, path=str(path), marks=marks)
        return self._known[job.id][1]

    def _resume(self, job_id: str, number: int, path: Path) -> None:
        """Write what a killed panel began, whole or not, anew under the same name.

        Pictures need a folder without any; one that has them is nobody's to empty.
        """
        if not path.is_dir() or not any(path.iterdir()):
            self._known[job_id] = (number, path)

    def take(self, job: Job, result: Result) -> Take:
        """Return the take; its id is the job's attempt, so that a repeated end is one take."""
        number, _ = self._known.pop(job.id, (0, Path(result.path)))
        delivery: Any = job.request.get("delivery")
        kind: Any = delivery.get("kind") if isinstance(delivery, Mapping) else None
        return Take(
            id=f"{job.id}-{number}",
            job=job.id,
            number=number,
            shot_id=job.shot_id,
            file=result.path,
            sha256=result.sha256,
            request=dict(job.request),
            request_hash=job.request_hash,
            recipe_key=recipe_key(job.request),
            kind=job.kind,
            title=job.title,
            recipe=result.recipe,
            thumbnail=result.sheet,
            delivery=kind or "frame",
            origin={
                **place_of(job.place),
                "marks": {**job.place.get("marks", {}), **marks_of(mark_of, [result.path])},
            },
            timings=dict(result.seconds),
            frames=result.frames,
            attention=result.attention,
            created=self._now(),
        )

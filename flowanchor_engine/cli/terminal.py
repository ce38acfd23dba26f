"""Progress of one job on a terminal: phases, units, time left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from flowanchor_engine.progress import Phase

if TYPE_CHECKING:
    from types import TracebackType

    from flowanchor_engine.progress import Rough

__all__ = ["TerminalReporter", "out"]

out = Console(highlight=False)

_WORDS = {
    Phase.DOWNLOAD: "Downloading",
    Phase.LOAD: "Loading the model",
    Phase.READ: "Reading the shot",
    Phase.TEXT: "Reading the words",
    Phase.ENCODE: "Encoding",
    Phase.EDIT: "Editing",
    Phase.DECODE: "Decoding",
    Phase.COMPOSITE: "Compositing",
    Phase.WRITE: "Writing",
}


class TerminalReporter:
    """A `Reporter` that draws one bar per phase; a context manager."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=out,
        )
        self._tasks: dict[Phase, TaskID] = {}
        self._notes: list[str] = []

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
        for sentence in self._notes:
            out.print(f"[yellow]•[/] {sentence}")

    def phase(self, phase: Phase, done: int, total: int) -> None:
        """Draw `done` of `total` units of a phase."""
        if phase not in self._tasks:
            self._tasks[phase] = self._progress.add_task(_WORDS[phase], total=total)
        self._progress.update(self._tasks[phase], completed=done, total=total)

    def preview(self, rough: Rough) -> None:
        """Show nothing: a terminal has no room for pictures."""

    def watched(self) -> int | None:
        """Nobody looks."""
        return None

    def note(self, code: str, sentence: str) -> None:
        """Keep a note for the end, where it is read."""
        if sentence not in self._notes:
            self._notes.append(sentence)

    def check(self) -> None:
        """Never stop: Ctrl+C interrupts by itself."""

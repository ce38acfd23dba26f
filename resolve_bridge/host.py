"""What the panel sees of the editing program, whichever it is and however it is reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from resolve_bridge.extract import Extract, Report
    from resolve_bridge.placement import Placement, Recipe, Result
    from resolve_bridge.shot import Shot

__all__ = ["CompFile", "Host", "HostInfo", "Watch"]


@dataclass(frozen=True, slots=True)
class HostInfo:
    """Who answers.

    Parameters
    ----------
    name : {'agent', 'studio', 'standalone'}
        The road.
    product, version : str
        What it calls itself; '' without Resolve.
    link : str
        Version of the agent or helper.
    recovered : bool
        Whether a transaction that a crash had left open was finished just now.
    unrestored : str
        What of it could not be put back, as a sentence.
    """

    name: str
    product: str
    version: str
    studio: bool
    link: str
    recovered: bool
    unrestored: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """A cheap look: what is open, and which clip would be meant.

    Parameters
    ----------
    item_id : str
        Unique id of the clip under the playhead or selected; '' for none.
    picked : bool
        The Fusion door picked a mask since the last look.
    """

    project_id: str
    timeline_id: str
    item_id: str
    picked: bool


@dataclass(frozen=True, slots=True)
class CompFile:
    """One Fusion composition of a clip, written out.

    Parameters
    ----------
    index : int
        From 1.
    render_start, render_stop : int or None
        The comp's own numbers of the clip's frames, half-open; None where Resolve does not say.
    """

    index: int
    name: str
    path: Path
    render_start: int | None
    render_stop: int | None


class Host(Protocol):
    """A place where shots come from and results go to.

    Every method raises `resolve_bridge.errors.BridgeError` subclasses only; each carries one
    sentence and the ways out. No method may be called from two threads at once; implementations
    that can be, hold a lock.
    """

    name: str

    def connect(self, *, timeout_s: float = ...) -> HostInfo:
        """Find the program and finish what a crash may have left."""
        ...

    def watch(self) -> Watch:
        """Look without reading everything; never changes anything."""
        ...

    def shot(self, *, item_id: str = "", colour: str = "", playhead: bool = False) -> Shot:
        """Read the meant clip, the one of that id, or the one under the playhead alone."""
        ...

    def comps(self, shot: Shot) -> tuple[CompFile, ...]:
        """Write out the clip's Fusion compositions."""
        ...

    def saver_matte(
        self, shot: Shot, comp: int, tool: str, frames: tuple[int, int], size: tuple[int, int]
    ) -> tuple[Path, ...]:
        """Let Fusion render one mask: comp frames half-open, one picture a frame."""
        ...

    def extract(
        self,
        shot: Shot,
        *,
        report: Report = ...,
        check: Callable[[], None] = ...,
    ) -> Extract:
        """Return frames to edit."""
        ...

    def place(self, shot: Shot, result: Result, *, save: bool = True) -> Placement:
        """Bring a result back beside its shot; the same one twice is one."""
        ...

    def undo(self, placement: Placement) -> None:
        """Remove exactly what `place` added."""
        ...

    def recipe(self, shot: Shot) -> Recipe:
        """Return the recipe that a placed clip carries."""
        ...

    def source_of(self, placement: Placement) -> Shot:
        """Return the shot that a placed clip was made from, as it is now."""
        ...

    def close(self) -> None:
        """Leave nothing running."""
        ...

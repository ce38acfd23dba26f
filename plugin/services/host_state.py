"""What the panel holds of the host child: calls, their outcomes, and where to click."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from plugin.services.host_events import MaskName
    from resolve_bridge.placement import Placement
    from resolve_bridge.shot import Shot

__all__ = [
    "Call",
    "Matte",
    "MatteChoice",
    "MatteRefusal",
    "OnError",
    "PlacedShot",
]

T = TypeVar("T")
OnError = Callable[[str, str, tuple[str, ...]], object]
"""Called with the code, the sentence and the names of the ways out."""


class Call(Generic[T]):
    """One question to the host: exactly one of `on_done` and `on_error` is called, once.

    Parameters
    ----------
    number : int
    read : callable
        Turns the answer into the value for `on_done`.
    stop : callable
        Asks for the call to be cancelled.
    """

    def __init__(
        self,
        number: int,
        read: Callable[[Any], T],
        on_done: Callable[[T], object],
        on_error: OnError,
        on_progress: Callable[[str, int, int], object] | None,
        stop: Callable[[int], object],
    ) -> None:
        self.number = number
        self.detail = ""
        self._read = read
        self._on_done = on_done
        self._on_error = on_error
        self._on_progress = on_progress
        self._stop = stop
        self._over = False

    @property
    def over(self) -> bool:
        """Whether it was answered."""
        return self._over

    def cancel(self) -> None:
        """Ask it to stop: `on_error` follows with the code ``cancelled``, or it was quicker."""
        if not self._over:
            self._stop(self.number)

    def progress(self, phase: str, done: int, total: int) -> None:
        """Tell how far it is."""
        if self._on_progress is not None and not self._over:
            self._on_progress(phase, done, total)

    def answer(self, answer: Any) -> None:
        """End it well."""
        value = self._read(answer)
        self._over = True
        self._on_done(value)

    def fail(self, code: str, sentence: str, hint: tuple[str, ...] = (), detail: str = "") -> None:
        """End it otherwise."""
        if not self._over:
            self._over = True
            self.detail = detail
            self._on_error(code, sentence, hint)


@dataclass(frozen=True)
class Matte:
    """A Fusion mask as pictures: for `MatteSpec(path=path, start=start, channel='luma')`.

    Attributes
    ----------
    path : str
        The first picture; the engine finds the others by their numbers. Its folder is named by
        what the pictures are: an equal mask has the same path.
    start : int
        The picture under the first frame that is edited.
    via : {'text', 'saver'}
    assumed : tuple of str
        What no document confirms, a sentence each.
    """

    path: str
    start: int
    frames: int
    width: int
    height: int
    tool: str
    comp: int
    via: str
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True)
class MatteChoice:
    """Several masks may be meant; ask again with one of them."""

    sentence: str
    masks: tuple[MaskName, ...]


@dataclass(frozen=True)
class MatteRefusal:
    """Why a mask cannot be read, and what helps; `render` is there if Fusion can draw it."""

    sentence: str
    reason: str
    ways_out: tuple[str, ...]
    tool: str
    comp: int
    render: tuple[int, int] | None = None


@dataclass(frozen=True)
class PlacedShot:
    """What was placed, and the shot as it is now (another place, if it was moved)."""

    placement: Placement
    shot: Shot

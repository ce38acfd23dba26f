"""Computes the source side of an edit while the person still types, when the engine is idle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QTimer

from flowanchor_engine import protocol
from flowanchor_engine.protocol import LineError

if TYPE_CHECKING:
    from flowanchor_engine.request import EditRequest

__all__ = ["Warmer"]


class Idle(Protocol):
    """The engine, as far as it is warmed."""

    @property
    def idle(self) -> bool:
        """Whether it hears and has nothing to do."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """What its greeting promised."""
        ...

    @property
    def memory(self) -> str:
        """'auto' or 'low', as for runs."""
        ...

    def post(self, command: Callable[[int], protocol.Command]) -> bool:
        """Send a command whose answer does not matter."""
        ...


class Warmer(QObject):
    """Sends `Precompute` once texts and shot have settled, and steps aside for every edit.

    What was computed up to a cancel stays in the engine's cache, so stepping aside wastes
    nothing.

    Parameters
    ----------
    engine : Idle
    pause_ms : int
        How long nothing may have changed.
    """

    def __init__(
        self, engine: Idle, *, pause_ms: int = 1500, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._engine = engine
        self._make: Callable[[], EditRequest | None] | None = None
        self._busy: tuple[str, str] | None = None  # wire name, key of the source side
        self._done = ""
        self._count = 0
        self._closed = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(pause_ms)
        self._pause.timeout.connect(self._begin)

    @property
    def busy(self) -> bool:
        """Whether the engine computes for us."""
        return self._busy is not None

    def settle(self, make: Callable[[], EditRequest | None]) -> None:
        """Warm what `make` returns, as soon as nothing has changed for a while."""
        if self._closed:
            return  # the panel's models still change while it is being closed
        self._make = make
        self._pause.start()

    def step_aside(self) -> None:
        """Stop computing: an edit comes first."""
        if self._busy is not None:
            name = self._busy[0]
            self._engine.post(lambda number: protocol.Cancel(id=number, job=name))

    def knows(self, request: EditRequest) -> None:
        """Note that the source side of a request is in the cache."""
        self._done = request.key("source")

    def resume(self) -> None:
        """Go on with what is still wanted, now that the engine is idle."""
        if self._make is not None and self._busy is None and not self._pause.isActive():
            self._pause.start()

    def hear(self, event: protocol.Event) -> bool:
        """Take an event; return whether it was ours."""
        if self._busy is None or getattr(event, "job", None) != self._busy[0]:
            return False
        if protocol.is_terminal(event):
            _, key = self._busy
            self._busy = None
            if isinstance(event, protocol.Precomputed):
                self._done = key
            elif isinstance(event, protocol.Failed):
                self._make = None  # the edit itself will say it, where a person looks
            self.resume()
        return True

    def forget(self) -> None:
        """Note that the engine is gone."""
        self._busy = None

    def close(self) -> None:
        """Want nothing any more."""
        self._closed = True
        self._make = None
        self._pause.stop()

    def _begin(self) -> None:
        if self._make is None or "precompute" not in self._engine.features:
            return
        request = self._make()
        key = "" if request is None else request.key("source")
        if self._busy is not None:
            if self._busy[1] != key:
                self.step_aside()  # `hear` comes back here
            return
        if request is None or key == self._done:
            self._make = None
            return
        if not self._engine.idle:
            return  # `resume` comes when it is
        data = request.dump()
        self._count += 1
        name = f"warm-{self._count}"
        memory = "low" if self._engine.memory == "low" else "auto"
        try:
            sent = self._engine.post(
                lambda number: protocol.Precompute(id=number, job=name, request=data, memory=memory)
            )
        except LineError:
            self._make = None
            return
        if sent:
            self._busy = (name, key)
            self._make = None

"""'Test the wiring': a whole edit without a model, step by step, with times.

The mock engine of the product is started as a child, greets, and "edits" a small clip from
file to file; the result is read back. With a host the shot is read first, and the result is
placed and taken back. Nothing is left behind.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from PySide6.QtCore import QObject, QTimer

from flowanchor_engine import protocol
from flowanchor_engine.request import EditRequest, MatteShape, MatteSpec, Prompts, SourceSpec
from plugin.services.child import Child, Patience
from plugin.services.launch import Launch, local_engine
from plugin.state.observable import Observable, ObservableList

if TYPE_CHECKING:
    from plugin.services.death import Death
    from plugin.services.logfile import LogFile

__all__ = ["WiringHost", "WiringStep", "WiringTest"]

StepName = Literal["engine", "read", "edit", "write", "place", "undo"]
Verdict = Literal["running", "ok", "fail"]
OnError = Callable[[str, str, tuple[str, ...]], object]


class WiringHost(Protocol):
    """The editing program, as far as its wiring is tested."""

    def read(self, on_done: Callable[[], object], on_error: OnError) -> None:
        """Read the meant shot."""
        ...

    def place(
        self, file: Path, request: EditRequest, on_done: Callable[[], object], on_error: OnError
    ) -> None:
        """Place a file beside the shot."""
        ...

    def undo(self, on_done: Callable[[], object], on_error: OnError) -> None:
        """Take back what was placed; after a `place` that failed, whatever it left."""
        ...


@dataclass(frozen=True)
class WiringStep:
    """One line of the test: how it went and how long it took."""

    name: StepName
    verdict: Verdict = "running"
    detail: str = ""
    seconds: float | None = None
    code: str = ""


class WiringTest(QObject):
    """One run of the test; make a new one for the next.

    Parameters
    ----------
    clip : Path
        A small clip; a copy of it is the "result".
    host : WiringHost, optional
    launch : Launch, optional
        The mock engine of this installation if left out.
    limit_ms : int
        Each step has to be over by then.

    Attributes
    ----------
    steps : ObservableList of WiringStep
        Grows; the last one may be running.
    passed : Observable of bool or None
        None until it is over and the engine is gone.
    """

    def __init__(
        self,
        clip: Path,
        *,
        host: WiringHost | None = None,
        launch: Launch | None = None,
        log: LogFile | None = None,
        limit_ms: int = 30_000,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.steps: ObservableList[WiringStep] = ObservableList()
        self.passed: Observable[bool | None] = Observable(None)
        self._clip = clip
        self._host = host
        self._folder: Path | None = None
        self._began_s = 0.0
        self._closed = False
        self._events = 0
        patience = Patience(handshake_ms=limit_ms, goodbye_ms=2_000, terminate_ms=500)
        self._child = Child(
            launch or local_engine(mock="-"), log=log, patience=patience, parent=self
        )
        self._child.greeted.connect(self._on_greeted)
        self._child.received.connect(self._on_event)
        self._child.ended.connect(self._on_ended)
        self._limit = QTimer(self)
        self._limit.setSingleShot(True)
        self._limit.setInterval(limit_ms)
        self._limit.timeout.connect(lambda: self._fail("time_out", f"{limit_ms / 1000:g} s"))

    def start(self) -> None:
        """Begin; `steps` and `passed` tell the rest."""
        self._folder = Path(tempfile.mkdtemp(prefix="flowanchor-wiring-"))
        self._begin("engine")
        self._child.start()

    def close(self) -> None:
        """Leave nothing behind, before returning."""
        self._closed = True
        self._limit.stop()
        self._child.close()
        self._sweep()

    # ---- the steps

    def _begin(self, name: StepName) -> None:
        self._began_s = time.monotonic()
        self.steps.append(WiringStep(name))
        self._limit.start()

    def _settle(self, verdict: Verdict, detail: str = "", code: str = "") -> None:
        self._limit.stop()
        seconds = time.monotonic() - self._began_s
        last = replace(self.steps[-1], verdict=verdict, detail=detail, seconds=seconds, code=code)
        self.steps.set((*self.steps.value[:-1], last))

    def _fail(self, code: str, detail: str) -> None:
        if self._over:
            return
        placed = self.steps[-1].name == "place"
        self._settle("fail", detail, code)
        if placed and self._host is not None:  # it may have placed all the same
            self._begin("undo")
            self._host.undo(self._guard(self._undone), self._on_host_error)
            return
        self._finish()

    @property
    def _over(self) -> bool:
        return self._closed or not len(self.steps) or self.steps[-1].verdict != "running"

    def _guard(self, act: Callable[[], object]) -> Callable[[], None]:
        """Let an answer count only while its step runs."""
        step = self.steps[-1].name

        def answer() -> None:
            if not self._over and self.steps[-1].name == step:
                act()

        return answer

    def _on_host_error(self, code: str, sentence: str, hint: tuple[str, ...]) -> None:
        self._fail(code, sentence)

    def _on_greeted(self, hello: protocol.HelloReply) -> None:
        self._settle("ok", f"{hello.engine}, {hello.device.name}")
        if self._host is None:
            self._edit()
            return
        self._begin("read")
        self._host.read(self._guard(self._on_read), self._on_host_error)

    def _on_read(self) -> None:
        self._settle("ok")
        self._edit()

    def _edit(self) -> None:
        if self._folder is None:
            return
        self._begin("edit")
        out = self._folder / f"wiring{self._clip.suffix}"
        self._child.send(
            protocol.Run(
                id=self._child.number(), job="wiring", request=self._request().dump(), out=str(out)
            )
        )

    def _request(self) -> EditRequest:
        box = MatteShape(kind="box", points=((0.25, 0.25), (0.75, 0.75)))
        return EditRequest(
            source=SourceSpec(path=str(self._clip), frames=9),
            matte=MatteSpec(shapes=(box,)),
            prompts=Prompts(now="a grey jacket", wanted="a red jacket"),
            comment={"title": "wiring"},
        )

    def _on_event(self, event: Any) -> None:
        if self._over:
            return
        match event:
            case protocol.Phase():
                self._events += 1
                self._limit.start()
            case protocol.Result():
                self._settle("ok", f"{self._events} / {event.frames}")
                self._begin("write")
                self._check(event)
            case protocol.Failed() | protocol.Refused():
                self._fail(event.code, event.user_message)
            case protocol.Cancelled():
                self._fail("cancelled", event.at)

    def _check(self, result: protocol.Result) -> None:
        """Read the file back: what was announced has to be there, byte for byte."""
        try:
            made, given = _digest(Path(result.path)), _digest(self._clip)
        except OSError as error:
            self._fail("output", str(error))
            return
        if made != given or result.sha256 not in ("", made):
            self._fail("output", f"{made[:12]} {given[:12]} {result.sha256[:12]}")
            return
        self._settle("ok")
        if self._host is None:
            self._finish()
            return
        self._begin("place")
        self._host.place(
            Path(result.path), self._request(), self._guard(self._on_placed), self._on_host_error
        )

    def _on_placed(self) -> None:
        self._settle("ok")
        self._begin("undo")
        if self._host is not None:
            self._host.undo(self._guard(self._undone), self._on_host_error)

    def _undone(self) -> None:
        self._settle("ok")
        self._finish()

    # ---- the end

    def _finish(self) -> None:
        if self._child.alive:
            self._child.stop()
        else:
            self._tell()

    def _on_ended(self, death: Death) -> None:
        if self._closed:
            return
        if not self._over:
            said = death.detail or (death.last_lines[-1] if death.last_lines else "")
            self._settle("fail", f"{said} ({death.status})".strip(), death.code or "engine_died")
        self._tell()

    def _tell(self) -> None:
        self._limit.stop()
        self._sweep()
        self.passed.set(bool(self.steps) and all(step.verdict == "ok" for step in self.steps))

    def _sweep(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

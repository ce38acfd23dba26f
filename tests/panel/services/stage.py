"""A queue, a store, files and a supervised engine: the panel without its windows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pytestqt.exceptions import TimeoutError as WaitTimeout
from pytestqt.qtbot import QtBot

from flowanchor_engine.request import EditRequest, MatteShape, MatteSpec, Prompts, SourceSpec
from plugin.services.child import Patience
from plugin.services.deliveries import FileDeliveries
from plugin.services.engine import EngineService, EngineTimes
from plugin.services.launch import Launch, local_engine
from plugin.services.store import Store
from plugin.state.job_queue import Job, JobQueue

PATIENCE = Patience(handshake_ms=30_000, silence_ms=30_000, goodbye_ms=2_000, terminate_ms=500)


def phase(name: str, done: int = 1, total: int = 1) -> dict[str, Any]:
    """Return an act that tells a phase."""
    return {"event": {"type": "phase", "phase": name, "done": done, "total": total}}


BEGINNING = [phase("load"), phase("read"), phase("text"), phase("encode")]
EDIT = [act for i in range(1, 5) for act in ({"wait_s": 0.02}, phase("edit", i, 4))]
WHOLE = [*BEGINNING, *EDIT, phase("decode"), phase("write"), {"copy": True}]


class Stage:
    """Everything around one engine; a context manager that ends it."""

    def __init__(
        self,
        qtbot: QtBot,
        folder: Path,
        launch: Launch,
        *,
        times: EngineTimes | None = None,
        low_memory: Callable[[], bool] = lambda: False,
        watched: Callable[[Job], int | None] = lambda job: None,
        restore: bool = False,
        patience: Patience = PATIENCE,
    ) -> None:
        self.qtbot = qtbot
        self.folder = folder
        self.clip = folder / "clip.bin"
        self.clip.write_bytes(b"pictures" * 100)
        self.store = Store(folder / "panel.db")
        self.queue = JobQueue(self.store)
        if restore:
            self.queue.restore()
        self.deliveries = FileDeliveries(
            self.store, lambda job: folder / "takes", lambda job, number: f"t{number}.mov"
        )
        self.engine = EngineService(
            self.queue,
            self.deliveries,
            launch,
            low_memory=low_memory,
            watched=watched,
            patience=patience,
            times=times or EngineTimes(again_ms=300, room_ms=100, forecast_ms=20, settle_ms=50),
        )
        self.takes: list[Any] = []
        self.deaths: list[Any] = []
        self.troubles: list[Any] = []
        self.phases: list[str] = []
        self.ends: dict[str, int] = {}
        self._last: dict[str, str] = {}
        self.engine.took.connect(self.takes.append)
        self.engine.died.connect(self.deaths.append)
        self.engine.trouble.connect(self.troubles.append)
        self.engine.state.changed.connect(lambda state: self.phases.append(state.phase))
        self.queue.jobs.watch(self._count)

    def _count(self, jobs: Sequence[Job]) -> None:
        """Count how often each job comes to an end."""
        for job in jobs:
            ended = job.state in ("done", "failed", "stopped")
            if ended and self._last.get(job.id) != job.state:
                self.ends[job.id] = self.ends.get(job.id, 0) + 1
            self._last[job.id] = job.state

    def request(self, seed: int = 0, **changes: Any) -> EditRequest:
        """Return a request for the stage's clip."""
        base = EditRequest(
            source=SourceSpec(path=str(self.clip), frames=9),
            matte=MatteSpec(shapes=(MatteShape(kind="box", points=((0.2, 0.2), (0.8, 0.8))),)),
            prompts=Prompts(now="a red ball", wanted="a blue ball"),
            seed=seed,
        )
        return base.model_copy(update=changes)

    def add(
        self, seed: int = 0, request: EditRequest | None = None, part: tuple[int, int] | None = None
    ) -> Job:
        """Queue an edit, perhaps of a part of the shot."""
        wish = request or self.request(seed)
        place = {} if part is None else {"range": list(part)}
        return self.queue.add(
            wish.dump(), wish.key("result"), shot_id="shot", title="blue", place=place
        )

    def job(self, job: Job) -> Job:
        """Return a job as it is now."""
        found = self.queue.get(job.id)
        assert found is not None
        return found

    def wait(self, test: Callable[[], object], timeout: int = 30_000) -> None:
        """Wait until something holds."""
        try:
            self.qtbot.waitUntil(lambda: bool(test()), timeout=timeout)
        except WaitTimeout:
            raise AssertionError(
                f"{self.engine.state.value} pid {self.engine.pid} troubles {self.troubles} "
                f"deaths {self.deaths} jobs {self.queue.jobs.value} {self.engine.last_lines}"
            ) from None

    def wait_end(self, *jobs: Job, timeout: int = 60_000) -> None:
        """Wait until jobs have ended, each exactly once."""
        self.wait(
            lambda: all(self.job(j).state in ("done", "failed", "stopped") for j in jobs), timeout
        )
        assert {self.ends[job.id] for job in jobs} == {1}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()
        self.engine.deleteLater()
        self.store.close()


def played(folder: Path, script: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> Launch:
    """Return the mock engine with a script."""
    path = folder / "script.json"
    path.write_text(json.dumps(script))
    return local_engine(mock=str(path))

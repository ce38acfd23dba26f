"""The first run's checks, and its first edit."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
from PySide6.QtCore import QObject

from flowanchor_engine.request import (
    Delivery,
    EditRequest,
    MatteSpec,
    MethodSettings,
    ModelSpec,
    Prompts,
    SourceSpec,
)
from plugin.locale import number, tr
from plugin.ui.desk import CheckLine, Download

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowanchor_engine.protocol import HelloReply
    from plugin.control.suite import Suite
    from plugin.state.job_queue import Job
    from plugin.ui.actions import Target

__all__ = ["FIRST", "SystemControl"]

_log = logging.getLogger(__name__)
_GB: Final = 10**9
FIRST: Final = "first-run"
_NEED_MEMORY_GB: Final = 16
_NEED_CARD_MB: Final = 8_000
_NEED_DISK: Final = 5 * _GB
_SYNCED: Final = ("onedrive", "icloud", "com~apple~clouddocs", "dropbox", "google drive")


class SystemControl(QObject):
    """Looks at the computer, and tries a small edit."""

    def __init__(self, suite: Suite, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._suite = suite
        self._trying = ""
        self._began = 0.0
        self._hello: HelloReply | None = None
        suite.engine.greeted.connect(self._on_greeted)
        suite.model.queue.jobs.changed.connect(self._on_jobs)
        for watched in (suite.host.state, suite.engine.state):
            watched.changed.connect(lambda _: self._again())

    def actions(self) -> dict[str, Callable[[Target], object]]:
        """Return what buttons may ask of this."""
        return {"check_system": lambda _: self.check(), "try_shot": lambda _: self.try_shot()}

    def _on_greeted(self, hello: HelloReply) -> None:
        self._hello = hello
        self._again()

    # ---- looking

    def check(self) -> None:
        """Look at Resolve, engine, card, memory and disks."""
        self._suite.host.start()
        if not self._suite.engine.ready:
            self._suite.engine.start()
        self._suite.desk.checked.set(self._lines())

    def _again(self) -> None:
        if len(self._suite.desk.checked):
            self._suite.desk.checked.set(self._lines())

    def _lines(self) -> Iterator[CheckLine]:
        yield self._host_line()
        yield self._engine_line()
        yield from self._card_line()
        total = psutil.virtual_memory().total / _GB
        small = total < _NEED_MEMORY_GB
        values: dict[str, object] = {"gb": number(total)}
        yield CheckLine(
            "memory",
            "warn" if small else "ok",
            "check.memory.small" if small else "check.memory.ok",
            values,
        )
        yield from self._disk_lines()

    def _host_line(self) -> CheckLine:
        state = self._suite.model.host.value
        if state.kind == "ready":
            values: dict[str, object] = {"product": state.product, "version": state.version}
            return CheckLine("host", "ok", "check.host.ready", values)
        if state.kind in ("none", "closed"):
            return CheckLine("host", "warn", "check.host.none", action="look_again")
        return CheckLine("host", "warn", "check.host.free", action="show_me")

    def _engine_line(self) -> CheckLine:
        engine = self._suite.model.engine.value
        if engine.phase in ("ready", "busy", "stopping"):
            return CheckLine("engine", "ok", "check.engine.ok", {"version": self._suite.version})
        if engine.phase in ("starting", "off"):
            return CheckLine("engine", "running", "check.looking")
        return CheckLine("engine", "fail", "check.engine.none", action="restart_engine")

    def _card_line(self) -> Iterator[CheckLine]:
        hello = self._hello
        if hello is None:
            return
        device = hello.device
        if device.kind == "cpu":
            yield CheckLine("gpu", "warn", "check.gpu.none")
            return
        small = device.memory_mb < _NEED_CARD_MB
        values: dict[str, object] = {"name": device.name, "gb": number(device.memory_mb / 1024, 1)}
        if small:
            yield CheckLine("gpu", "warn", "check.gpu.small", values)
        else:
            yield CheckLine("gpu", "ok", "check.gpu.ok", {**values, "driver": device.compute})

    def _disk_lines(self) -> Iterator[CheckLine]:
        settings = self._suite.desk.settings.value
        takes = Path(settings.takes_folder) if settings.takes_folder else self._suite.folders.takes
        for what, folder in (("takes", takes), ("cache", self._suite.folders.cache)):
            name = f"folder.{what}"
            if any(word in str(folder).lower() for word in _SYNCED):
                yield CheckLine(what, "warn", "check.disk.sync", {"what": tr(name)}, "other_folder")
                continue
            free = _free(folder)
            values: dict[str, object] = {
                "gb": number(free / _GB, 1),
                "need": number(_NEED_DISK / _GB),
                "what": tr(name),
            }
            if free < _NEED_DISK:
                yield CheckLine(what, "warn", "check.disk.small", values, "other_folder")
            else:
                yield CheckLine(what, "ok", "check.disk.ok", values)

    # ---- trying

    def try_shot(self) -> None:
        """Edit the bundled shot with the chosen model; it measures the time of a pass."""
        if self._trying:
            return
        request = self._first_request()
        queue = self._suite.model.queue
        job = queue.add(
            request.dump(), request.key("result"), kind="test", shot_id=FIRST, title=FIRST
        )
        self._trying = job.id
        self._began = time.monotonic()
        queue.to_front(job.id)
        queue.resume()
        model = self._suite.model.model_id.value
        self._suite.desk.tried.set(Download(model, "running", 0, 0))

    def _first_request(self) -> EditRequest:
        folder = Path(str(resources.files("plugin.data")))
        said: dict[str, str] = json.loads((folder / "first.json").read_text(encoding="utf-8"))
        info = self._suite.model.model
        method: Any = info.method if info is not None else {}
        return EditRequest(
            source=SourceSpec(path=str(folder / "first.mp4")),
            matte=MatteSpec(path=str(folder / "first_matte.mp4"), channel="luma"),
            prompts=Prompts(now=said["now"], wanted=said["wanted"]),
            method=MethodSettings.model_validate(method),
            model=ModelSpec(id=self._suite.model.model_id.value),
            delivery=Delivery(kind="frame", codec="h264"),
            seed=time.time_ns() % 2**31,  # an equal one would be answered from the cache
        )

    def _on_jobs(self, jobs: tuple[Job, ...]) -> None:
        if not self._trying:
            return
        job = next((each for each in jobs if each.id == self._trying), None)
        model = self._suite.model.model_id.value
        tried = self._suite.desk.tried
        if job is None or job.state == "stopped":
            self._trying = ""
            tried.set(None)
        elif job.state == "failed":
            self._trying = ""
            tried.set(Download(model, "failed", code=job.code, sentence=job.sentence))
        elif job.state == "done":
            self._trying = ""
            total = max(job.total, 1)
            spent = time.monotonic() - self._began
            tried.set(Download(model, "running", total, total, left_s=spent))
            self._suite.model.queue.remove([job.id])
        elif job.phase == "edit":
            tried.set(Download(model, "running", job.done, job.total))


def _free(folder: Path) -> int:
    """Return the free bytes of the disk on which a folder lies or would lie."""
    for each in (folder, *folder.parents):
        if each.is_dir():
            return shutil.disk_usage(each).free
    return 0

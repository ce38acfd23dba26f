"""Reports and logs: what a developer needs to see, put together from what the panel knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin.services.report import Facts, report, secrets_of, versions

if TYPE_CHECKING:
    from flowanchor_engine.protocol import Device
    from plugin.control.suite import Suite
    from plugin.state.job_queue import Job

__all__ = ["Reporting"]

_TAIL: Final = 300


class Reporting:
    """Fills the report and log windows.

    Parameters
    ----------
    suite : Suite
    """

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._device: Device | None = None
        suite.engine.greeted.connect(lambda hello: setattr(self, "_device", hello.device))
        suite.desk.report = self.report
        suite.desk.log = self.log

    def report(self, parts: frozenset[str]) -> str:
        """Return the report with the parts that the person wants in."""
        suite = self._suite
        model = suite.model
        facts = Facts(
            engine=model.engine.value,
            host=model.host.value,
            versions=versions(),
            device=self._device,
            job=self._failed(),
            logs=tuple(sorted(suite.folders.logs.glob("*.log"))),
            places={"lists": suite.folders.data, "pictures": suite.folders.cache},
        )
        shot = suite.shots.current.value
        names = [model.shot.name]
        if shot is not None:
            names += [shot.name, shot.timeline.project_name, shot.timeline.timeline_name]
        secrets = secrets_of(
            model.queue.jobs,
            names=names,
            paths=[str(suite.folders.data), str(suite.folders.cache), str(suite.folders.takes)],
        )
        return report(facts, secrets, parts)

    def log(self) -> str:
        """Return the last lines of every log."""
        parts = []
        for path in sorted(self._suite.folders.logs.glob("*.log")):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:]
            parts.append(f"==== {Path(path).name}\n" + "\n".join(lines))
        return "\n\n".join(parts)

    def _failed(self) -> Job | None:
        failed = [job for job in self._suite.model.queue.jobs if job.state == "failed"]
        return max(failed, key=lambda job: job.ended or 0.0) if failed else None

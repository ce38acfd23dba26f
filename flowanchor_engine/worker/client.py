"""The other side of the worker's lines, for programs without a window: benches and tests.

Blocking and small; the panel has its own that never blocks.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

__all__ = ["TERMINAL", "Client"]

TERMINAL: Final = frozenset(
    {
        *("result", "precomputed", "cancelled", "error"),
        *("proxy_done", "matte_done", "measured", "model_done"),
    }
)


class Client:
    """A started engine; leaving the context ends it, killed if need be.

    Parameters
    ----------
    folder : Path
        Where its state, its caches, its temporary files and `engine.log` go, so that an engine
        at work elsewhere is not disturbed.
    arguments : str
        Of `python -m flowanchor_engine.worker`.
    environ : mapping, optional
        Added to the environment.
    """

    def __init__(
        self, folder: Path, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        own = {
            "TMPDIR": str(folder),
            "FLOWANCHOR_CACHE": str(folder / "cache"),
            "FLOWANCHOR_TIMINGS": str(folder / "timings.json"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        self._log = (folder / "engine.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flowanchor_engine.worker", *arguments],
            env={**os.environ, **own, **(environ or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.seen: list[dict[str, Any]] = []
        self._id = 0

    def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                if line.endswith(b"\n"):  # else the engine was killed in the middle of it
                    event = json.loads(line)
                    event["heard_s"] = time.monotonic()
                    self._events.put(event)
        finally:
            self._events.put(None)

    def send(self, kind: str, **fields: Any) -> int:
        """Send a command; return its id."""
        self._id += 1
        self.raw(json.dumps({"v": 1, "type": kind, "id": self._id, **fields}).encode())
        return self._id

    def raw(self, line: bytes) -> None:
        """Send bytes as a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def hello(self) -> dict[str, Any]:
        """Shake hands."""
        self.send("hello", panel="client")
        return self.wait("hello")

    def wait(self, *kinds: str, timeout_s: float = 180, **fields: Any) -> dict[str, Any]:
        """Return the next event of one of these types whose fields match.

        Raises
        ------
        RuntimeError
            The engine ended first; the message holds the end of its log.
        queue.Empty
            Nothing of that kind was heard for that long; heartbeats do not count.
        """
        until = time.monotonic() + timeout_s
        while True:
            event = self._events.get(timeout=max(0.0, until - time.monotonic()))
            if event is None:
                self._events.put(None)
                log = (self.folder / "engine.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"The engine ended before {kinds}: {log}")
            self.seen.append(event)
            if event["type"] in kinds and all(event.get(k) == v for k, v in fields.items()):
                return event

    def wait_end(self, job: str, timeout_s: float = 600) -> dict[str, Any]:
        """Return the terminal event of a job, also one that was heard already."""
        for event in self.of(job):
            if event["type"] in TERMINAL:
                return event
        return self.wait(*TERMINAL, timeout_s=timeout_s, job=job)

    def of(self, job: str) -> list[dict[str, Any]]:
        """Return every event of a job so far, in order."""
        return [event for event in self.seen if event.get("job") == job]

    def close(self, timeout_s: float = 60) -> int:
        """Close stdin, hear the rest and return the exit status."""
        self._end_commands()
        status = self.process.wait(timeout=timeout_s)
        self._reader.join(timeout=10)
        while (event := self._events.get(timeout=10)) is not None:
            self.seen.append(event)
        return status

    def _end_commands(self) -> None:
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):  # a command that a dead engine did not take
                self.process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=30)
        self._reader.join(timeout=10)
        self._end_commands()
        for pipe in (self.process.stdout, self._log):
            if pipe is not None and not pipe.closed:
                pipe.close()

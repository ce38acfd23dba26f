"""A panel's side of the conversation with a real engine process."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[3]


class Engine:
    """A started engine; a context manager that proves that nothing of it is left."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        env = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "TMPDIR": str(folder),
            "FLOWANCHOR_CACHE": str(folder / "cache"),
            "FLOWANCHOR_TIMINGS": str(folder / "timings.json"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        self._log = (folder / "engine.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flowanchor_engine.worker", *arguments],
            cwd=ROOT,
            env=env,
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
        for line in self.process.stdout:
            self._events.put(json.loads(line))
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
        self.send("hello", panel="test")
        return self.wait("hello")

    def wait(self, *kinds: str, timeout_s: float = 180, **fields: Any) -> dict[str, Any]:
        """Return the next event of one of these types whose fields match."""
        while True:
            event = self._events.get(timeout=timeout_s)
            assert event is not None, (self.folder / "engine.log").read_text()[-3000:]
            self.seen.append(event)
            if event["type"] in kinds and all(event.get(k) == v for k, v in fields.items()):
                return event

    def wait_end(self, job: str) -> dict[str, Any]:
        """Return the terminal event of a job."""
        return self.wait("result", "error", "cancelled", "precomputed", job=job)

    def close(self, timeout_s: float = 60) -> int:
        """Close stdin and return the exit status."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        status = self.process.wait(timeout=timeout_s)
        self._reader.join(timeout=10)
        while (event := self._events.get(timeout=10)) is not None:
            self.seen.append(event)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=30)
        self._reader.join(timeout=10)
        for pipe in (self.process.stdin, self.process.stdout, self._log):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def of(self, job: str) -> list[dict[str, Any]]:
        """Return every event of a job so far, in order."""
        return [event for event in self.seen if event.get("job") == job]

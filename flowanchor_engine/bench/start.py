"""How soon the worker answers."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from flowanchor_engine.worker.client import Client

__all__ = ["hello_s"]


def hello_s(times: int = 5) -> float:
    """Return the median seconds from starting the worker to its hello."""
    found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="flowanchor-bench-") as folder:
            begun = time.monotonic()
            with Client(Path(folder)) as engine:
                found.append(float(engine.hello()["heard_s"]) - begun)
                engine.close()
    return statistics.median(found)

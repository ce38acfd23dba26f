"""How soon the worker answers."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

__all__ = ["hello_s"]


def hello_s(times: int = 5) -> float:
    """Return the median seconds from starting the worker to its hello."""
    found = []
    line = json.dumps({"v": 1, "type": "hello", "id": 1, "panel": "bench"}).encode() + b"\n"
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="flowanchor-bench-") as folder:
            # Its own state folder: an engine at work elsewhere must not be disturbed.
            env = {**os.environ, "XDG_STATE_HOME": folder, "TMPDIR": folder}
            begun = time.perf_counter()
            with subprocess.Popen(
                [sys.executable, "-m", "flowanchor_engine.worker"],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(line)
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
                passed = time.perf_counter() - begun
                process.stdin.close()
                process.stdout.read()
        if answer["type"] != "hello":
            msg = f"the engine answered {answer}"
            raise RuntimeError(msg)
        found.append(passed)
    return statistics.median(found)

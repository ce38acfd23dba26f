"""An engine says hello long before it needs torch, and answers what needs no model without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.engine.conftest import FilmedShot

_HEAVY = {"torch", "diffusers", "transformers", "accelerate", "safetensors", "cv2", "av"}
_ENGINE = """
import sys
from flowanchor_engine.worker import __main__ as start
try:
    start.main()
finally:
    print("loaded:", *sys.modules, file=sys.stderr)
"""


def test_hello_estimates_and_status_need_no_torch(filmed: FilmedShot, tmp_path: Path) -> None:
    commands = [
        {"type": "hello", "id": 0},
        {"type": "estimate", "id": 1, "request": filmed.request().dump()},
        {"type": "status", "id": 2},
        {"type": "release", "id": 3},
        {"type": "cancel", "id": 4, "job": "nobody"},
    ]
    done = subprocess.run(
        [sys.executable, "-c", _ENGINE, "--stdio"],
        input=b"".join(json.dumps(each).encode() + b"\n" for each in commands),
        capture_output=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        check=True,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["type"] for event in said if event["type"] != "heartbeat"]
    assert kinds == ["hello", "estimated", "status", "accepted", "refused"]
    loaded = done.stderr.decode().rpartition("loaded:")[2].split()
    assert "pydantic" in loaded
    assert not _HEAVY & set(loaded)

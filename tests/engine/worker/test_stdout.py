"""Whatever writes to standard output in an engine's process, its lines stay whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Python runs it at every start: it writes in every way there is, but only once the end is at
# work, because before that nobody has promised anything.
_NOISE = """
import ctypes, os, sys, threading, time

def noise():
    while "flowanchor_engine.worker.conversation" not in sys.modules:
        time.sleep(0.01)
    for _ in range(200):
        print("stray print", flush=True)
        os.write(1, b"stray write without a newline ")
        if os.name == "posix":
            library = ctypes.CDLL(None)
            library.puts(b"stray puts")
            library.fflush(None)
        time.sleep(0.001)
    os.system("echo stray child")

if "flowanchor_engine.worker" in sys.orig_argv:
    threading.Thread(target=noise, daemon=True).start()
"""


@pytest.mark.parametrize("end", [["--media"], ["--mock", "-"]])
def test_strays_go_to_the_log(tmp_path: Path, end: list[str]) -> None:
    (tmp_path / "sitecustomize.py").write_text(_NOISE)
    path = os.pathsep.join([str(tmp_path), *(each for each in sys.path if each)])
    environ = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}
    log = tmp_path / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "flowanchor_engine.worker", *end],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environ,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    said = []
    with process.stdin as commands, process.stdout as heard:

        def ask(command: dict[str, object]) -> None:
            commands.write(json.dumps(command).encode() + b"\n")
            commands.flush()
            said.append(json.loads(heard.readline()))

        ask({"type": "hello", "id": 0})
        until = time.monotonic() + 120
        while b"stray child" not in log.read_bytes():  # it comes last
            assert time.monotonic() < until
            ask({"type": "status", "id": 1})
            time.sleep(0.002)
        commands.close()
        said += [json.loads(line) for line in heard]
        assert process.wait(timeout=120) == 0
    assert {event["type"] for event in said} <= {"hello", "status", "heartbeat"}
    written = log.read_bytes()
    assert b"stray print" in written
    assert b"stray write" in written

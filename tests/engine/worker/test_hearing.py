"""An engine never goes deaf: not while torch is half imported, not by a fault of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flowanchor_engine import protocol
from flowanchor_engine.worker.conversation import Conversation
from flowanchor_engine.worker.job import Job
from tests.engine.worker.conversation import Engine

# Torch's import waits for an answer given to another thread before each of its parts.
ASKED_WHILE_IMPORTING = """
import sys
from concurrent.futures import ThreadPoolExecutor
from flowanchor_engine.worker.life import memory_mb

other = ThreadPoolExecutor(1)
halves = False

class Asking:
    def find_spec(self, name, path=None, target=None):
        global halves
        if name.startswith("torch."):
            other.submit(memory_mb).result()
            halves = halves or "torch" in sys.modules and "cuda" not in vars(sys.modules["torch"])

sys.meta_path.insert(0, Asking())
import torch
print("asked of a half imported one:", halves)
print(memory_mb()[1])
"""


def test_memory_can_be_asked_for_while_torch_is_being_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED_WHILE_IMPORTING],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "asked of a half imported one: True\n0\n"


class Faulty(Conversation):
    """An end with a fault of its own in one answer."""

    name = "a faulty end"
    features = ("faulty",)
    runs = ()

    def perform(self, job: Job) -> None:
        raise AssertionError

    def answer(self, command: protocol.Command) -> bool:
        raise ZeroDivisionError(command.type)


def test_a_fault_in_an_answer_is_told_and_the_next_command_heard() -> None:
    asked = ({"type": "hello", "protocols": [1]}, {"type": "release"}, {"type": "status"})
    said = b"".join(
        json.dumps({"v": 1, "id": number, **one}).encode() + b"\n"
        for number, one in enumerate(asked)
    )
    source, panel = os.pipe()
    os.write(panel, said)
    os.close(panel)
    out = io.BytesIO()
    with open(source, "rb") as heard_from:
        assert Faulty(heard_from, out).serve() == 0
    heard = [json.loads(line) for line in out.getvalue().splitlines()]
    by_id = {one.get("id"): one for one in heard}
    assert by_id[0]["type"] == "hello"
    assert (by_id[1]["type"], by_id[1]["code"]) == ("refused", "internal")
    assert "ZeroDivisionError" in by_id[1]["detail"]
    assert by_id[2]["type"] == "status"


def test_heartbeats_do_not_keep_a_client_waiting(tmp_path: Path) -> None:
    with Engine(tmp_path, "--mock", "-") as engine:
        engine.hello()
        while not any(event["type"] == "heartbeat" for event in engine.seen):
            with pytest.raises(queue.Empty):
                engine.wait("result", timeout_s=5)


def test_a_client_of_a_dead_engine_is_told_so_and_nothing_else(tmp_path: Path) -> None:
    with Engine(tmp_path, "--mock", "-") as engine:
        engine.process.kill()
        engine.process.wait(timeout=120)
        with contextlib.suppress(BrokenPipeError):
            engine.send("hello")  # and what it did not take is not sent again in leaving
        with pytest.raises(RuntimeError, match="ended before"):
            engine.wait("hello")


LIBRARY_THAT_ABORTS = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.__cxa_atexit(libc.abort, None, None)
if sys.argv[1:] == ["plainly"]:
    sys.exit(0)
sys.argv = ["flowanchor-engine", "--media"]
from flowanchor_engine.worker.__main__ import run
run()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks glibc to run something at the end")
@pytest.mark.parametrize(("how", "status"), [("plainly", -signal.SIGABRT), ("as the end", 0)])
def test_a_library_that_aborts_at_the_end_is_no_crash(how: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIBRARY_THAT_ABORTS, how],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr

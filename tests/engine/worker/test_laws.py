"""What a worker promises whoever talks to it, held against hostile lines and bad moments."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from flowanchor_engine import protocol
from flowanchor_engine.errors import ClipMissingError
from flowanchor_engine.progress import Rough
from flowanchor_engine.protocol import MAX_LINE_BYTES
from flowanchor_engine.worker import conversation
from flowanchor_engine.worker.channel import Channel
from flowanchor_engine.worker.conversation import Conversation
from flowanchor_engine.worker.job import Job, run_to_end


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    # An end that is forced ends the process, which here is that of the tests.
    monkeypatch.setattr(conversation, "_GRACE_S", 600.0)
    return tmp_path


class Plain(Conversation):
    """An end whose jobs wait until they are let go, and then quote their request."""

    name = "the plain end"
    features = ("plain",)
    runs = (protocol.Run,)

    def __init__(self, source: io.FileIO, out: io.BytesIO) -> None:
        super().__init__(source, out)
        self.go = threading.Event()
        self.begun = threading.Event()

    def perform(self, job: Job) -> None:
        self.begun.set()

        def work() -> None:
            while not self.go.wait(0.01):
                job.check()
            assert isinstance(job.command, protocol.Run)
            raise ClipMissingError(
                f"There is no clip at {job.command.request['path']}.",
                detail=repr(job.command.request),
                values={"name": job.command.request["path"]},
            )

        run_to_end(job, work)

    def answer(self, command: protocol.Command) -> bool:
        return False


def run_line(job: str, path: str = "x", number: int = 9) -> bytes:
    request = {"path": path}
    asked = {"id": number, "type": "run", "job": job, "request": request, "out": "o"}
    return json.dumps(asked, ensure_ascii=False).encode("utf-8", "surrogatepass")


HELLO = b'{"id":0,"type":"hello"}'


class Talk:
    """A conversation in this process: says lines and hears what came."""

    def __init__(self) -> None:
        source, self._panel = os.pipe()
        self.out = io.BytesIO()
        self._source = open(source, "rb", buffering=0)  # noqa: SIM115 - closed in `close`
        self.end = Plain(self._source, self.out)
        self._others = set(threading.enumerate())
        self._thread = threading.Thread(target=self._serve)
        self.status: int | None = None
        self._thread.start()
        self.say(HELLO)

    def _serve(self) -> None:
        self.status = self.end.serve()

    def say(self, *lines: bytes) -> None:
        data = b"".join(line + b"\n" for line in lines)
        while data:
            data = data[os.write(self._panel, data) :]

    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    def wait(self, kind: str, **fields: object) -> dict[str, Any]:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for event in self.heard():
                if event["type"] == kind and all(event.get(k) == v for k, v in fields.items()):
                    return event
            time.sleep(0.01)
        raise AssertionError((kind, fields, [str(event)[:200] for event in self.heard()]))

    def close(self) -> int | None:
        os.close(self._panel)
        self._thread.join(timeout=60)
        assert not self._thread.is_alive()
        # Who still read would read from whatever is opened next under this number.
        for thread in set(threading.enumerate()) - self._others:
            if thread.name == "reader":
                thread.join(timeout=60)
                assert not thread.is_alive()
        self._source.close()
        return self.status


@contextmanager
def talking() -> Iterator[Talk]:
    talk = Talk()
    try:
        yield talk
    finally:
        assert talk.close() == 0
    ends: dict[str, list[dict[str, Any]]] = {}
    for event in talk.heard():
        if "seq" in event:
            ends.setdefault(event["job"], []).append(event)
    for events in ends.values():
        assert events[-1]["type"] in {"error", "cancelled"}


# ---- lines ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        b'{"id":1,"type":"' + b"x" * 1_000_000 + b'"}',
        b'{"id":1,"type":"cancel","job":"' + b"x" * 1_000_000 + b'"}',
        run_line("x" * 1_000_000),
        run_line("\ud800"),
        run_line("j").replace(b'"x"', b'"\\udc00"'),
        b'{"id":1,"type":"\\ud800"}',
        b'{"id":1,"type":"run","job":"j","out":"o","request":{"a":' + b"[" * 9000 + b"]" * 9000,
        b'{"id":' + b"9" * 5000 + b',"type":"status"}',
        b"\x00" * 5000,
        b"\xff\xfe",
    ],
    ids=["type", "name", "job", "half", "escaped half", "half type", "deep", "id", "nul", "bytes"],
)
def test_no_line_makes_the_end_deaf(line: bytes) -> None:
    with talking() as talk:
        talk.say(line)
        assert len(talk.wait("refused", code="protocol")["user_message"]) < 4100
        talk.say(b'{"id":77,"type":"status"}')
        assert talk.wait("status", id=77)["waiting"] == []


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), max_size=8))
def test_random_lines_are_answered_and_survived(lines: list[bytes]) -> None:
    with talking() as talk:
        talk.say(*lines, b'{"id":77,"type":"status"}')
        talk.wait("status", id=77)


@pytest.mark.parametrize("path", ["\x01" * 170_000, "猫" * 300_000, "x" * 1_000_000])
def test_what_a_job_quotes_never_costs_its_terminal_event(path: str) -> None:
    with talking() as talk:
        talk.end.go.set()
        talk.say(run_line("a", path))
        failed = talk.wait("error", job="a")
        assert failed["code"] == "clip_missing"
        assert failed["user_message"].startswith("There is no clip at")
    assert max(map(len, talk.out.getvalue().splitlines())) < MAX_LINE_BYTES


def test_an_end_that_cannot_be_said_is_said_otherwise(tmp_path: Path) -> None:
    out = io.BytesIO()
    command = protocol.Run(id=1, job="a", request={}, out="o")
    job = Job(Channel(out), command, tmp_path)
    run_to_end(job, lambda: job.end(protocol.Precomputed, forwards="many"))
    run_to_end(job, lambda: job.end(protocol.Precomputed))
    heard = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(one["type"], one["seq"]) for one in heard] == [("error", 0)]


# ---- bad moments ---------------------------------------------------------------------------


def test_a_job_after_shutdown_is_refused_not_forgotten() -> None:
    talk = Talk()
    talk.say(run_line("a"))
    talk.wait("accepted", id=9)
    with talk.end._lock:  # the main thread cannot go before all of this was said
        talk.say(b'{"id":1,"type":"shutdown"}')
        talk.wait("accepted", id=1)
    talk.say(run_line("b", number=10), b'{"id":11,"type":"status"}')
    assert talk.close() == 0
    assert [e["type"] for e in talk.heard() if e.get("job") == "a"] == ["cancelled"]
    accepted = {event["id"] for event in talk.heard() if event["type"] == "accepted"}
    assert 10 not in accepted
    assert not [event for event in talk.heard() if event.get("job") == "b"]


def test_the_end_reaches_a_job_on_its_way_from_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk()
    end = talk.end
    take = end._jobs.get

    def slowly(timeout: float) -> Job | None:
        job = take(timeout=timeout)
        end._ending.wait(30)  # the end comes exactly now
        return job

    monkeypatch.setattr(end._jobs, "get", slowly)
    time.sleep(0.6)  # let a `get` that was under way already come back empty-handed
    talk.say(run_line("a"), b'{"id":1,"type":"shutdown"}')
    assert talk.close() == 0
    assert talk.wait("cancelled", job="a")["seq"] == 0


def test_a_name_is_free_again_when_its_waiting_job_was_stopped() -> None:
    with talking() as talk:
        talk.say(run_line("a", number=1), run_line("b", number=2))
        talk.wait("accepted", id=2)
        talk.say(b'{"id":3,"type":"cancel","job":"b"}')
        talk.wait("cancelled", job="b")
        talk.say(run_line("b", number=4))
        talk.wait("accepted", id=4)
        talk.end.begun.wait(60)
        talk.say(b'{"id":5,"type":"status"}')
        assert talk.wait("status", id=5)["waiting"] == ["b"]
        talk.end.go.set()
        talk.wait("error", job="a")
        talk.wait("error", job="b")
    told = [event["type"] for event in talk.heard() if event.get("job") == "b"]
    assert told == ["cancelled", "error"]


def test_a_job_stopped_on_its_way_from_the_queue_is_not_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its end was promised before the main thread had it: no file may come after that."""
    with talking() as talk:
        end = talk.end
        talk.say(run_line("ahead", number=1))
        assert end.begun.wait(60)
        end.begun.clear()
        going, deciding = threading.Event(), threading.Event()
        take, tell = end._jobs.get, end.send

        def slowly(timeout: float) -> Job | None:
            job = take(timeout=timeout)
            if job is not None:
                going.set()
                deciding.wait(60)
            return job

        def first_begun(message: BaseModel) -> None:
            if isinstance(message, protocol.Accepted) and message.id == 3:
                deciding.set()
                end.begun.wait(1)  # the main thread goes on now, if ever
            tell(message)

        monkeypatch.setattr(end._jobs, "get", slowly)
        monkeypatch.setattr(end, "send", first_begun)
        talk.say(run_line("a", number=2))
        talk.wait("accepted", id=2)
        end.go.set()
        assert going.wait(60)
        talk.say(b'{"id":3,"type":"cancel","job":"a"}')
        talk.wait("cancelled", job="a")
        assert not end.begun.is_set()
        talk.say(run_line("a", number=4))
        talk.wait("error", job="a")


def test_a_stop_that_is_cut_short_is_told_by_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process told to go may do so between a stop's acceptance and the end that it promised."""
    with talking() as talk:
        end, telling = talk.end, threading.Event()
        talk.say(run_line("ahead", number=1))
        assert end.begun.wait(60)
        tell = end.send

        def late(message: BaseModel) -> None:
            tell(message)
            if isinstance(message, protocol.Accepted) and message.id == 3:
                telling.wait(60)

        monkeypatch.setattr(end, "send", late)
        talk.say(run_line("a", number=2), b'{"id":3,"type":"cancel","job":"a"}')
        talk.wait("accepted", id=3)
        end._cancel_everything()  # as a signal does, while the reader is where it is
        assert ("cancelled", "a") in [(event["type"], event.get("job")) for event in talk.heard()]
        telling.set()
        talk.say(run_line("a", number=4))
        talk.wait("accepted", id=4)
    ends = [event["job"] for event in talk.heard() if event["type"] == "cancelled"]
    assert sorted(ends) == ["a", "a", "ahead"]


def test_a_name_is_free_as_soon_as_the_end_was_told() -> None:
    """Whoever heard the end may be quicker than the thread that said it."""
    with talking() as talk:
        end, telling = talk.end, threading.Event()
        perform = end.perform

        def late(job: Job) -> None:
            perform(job)
            telling.wait(60)

        end.perform = late  # type: ignore[method-assign]
        end.go.set()
        talk.say(run_line("a", number=1))
        talk.wait("error", job="a")
        talk.say(run_line("a", number=2))
        talk.wait("accepted", id=2)
        telling.set()
        until = time.monotonic() + 60
        while len([event for event in talk.heard() if event["type"] == "error"]) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)


STUCK = """
import os, sys, time
from flowanchor_engine.worker import conversation
from tests.engine.worker.test_laws import Plain

class Stuck(Plain):
    def perform(self, job):
        job.note("stuck", "It hears nothing now.")
        time.sleep(600)  # like an import

conversation._GRACE_S = 0.5
conversation._TELLING_S = 60.0  # somebody reads
Stuck(os.fdopen(0, "rb", buffering=0), os.fdopen(1, "wb", buffering=0)).serve()
"""


def test_an_end_by_force_tells_every_job_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=Path(__file__).parents[3],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as lines, process.stdout as heard:
        lines.write(b"".join(line + b"\n" for line in (HELLO, run_line("a"), run_line("b"))))
        lines.flush()
        told = [json.loads(heard.readline())]
        while told[-1]["type"] != "note":
            told.append(json.loads(heard.readline()))
        lines.close()
        told += [json.loads(line) for line in heard]
    assert process.wait(timeout=120) == 1
    ends = [(event["type"], event["job"]) for event in told if event["type"] == "cancelled"]
    assert sorted(ends) == [("cancelled", "a"), ("cancelled", "b")]
    assert list(tmp_path.iterdir()) == []


def test_previews_of_a_killed_end_are_cleared_away(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(timeout=60)
    dead = tmp_path / f"flowanchor-{child.pid}-abc"
    living = tmp_path / f"flowanchor-{os.getpid()}-abc"
    other = tmp_path / "flowanchor-stops-abc"
    huge = tmp_path / f"flowanchor-{'9' * 30}-abc"  # no process ever had this number
    for folder in (dead, living, other, huge):
        folder.mkdir()
        (folder / "a.png").write_bytes(b"x")
    made = conversation._scratch()
    assert made.is_dir()
    assert not dead.exists()
    assert (living / "a.png").exists()
    assert (other / "a.png").exists()


def test_a_disk_without_room_costs_the_preview_alone(tmp_path: Path) -> None:
    out = io.BytesIO()
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    command = protocol.Run(id=1, job="a", request={}, out="o")
    job = Job(Channel(out), command, blocked / "below")
    picture = np.zeros((4, 4, 3), np.uint8)

    def work() -> None:
        job.preview(Rough(step=1, frame=0, start=0, stop=1, picture=picture))
        job.end(protocol.Precomputed)

    run_to_end(job, work)
    assert [json.loads(line)["type"] for line in out.getvalue().splitlines()] == ["precomputed"]

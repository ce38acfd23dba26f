"""The real engine process on the embedded model: one conversation, faults and all."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.gate import Gate
from tests.engine.conftest import FilmedShot
from tests.engine.worker.conversation import Engine

pytestmark = pytest.mark.slow


def run(engine: Engine, filmed: FilmedShot, job: str, out: Path, **method: object) -> None:
    request = filmed.request(**method).dump()
    engine.send("run", job=job, request=request, out=str(out))


def check_laws(events: list[dict[str, Any]]) -> None:
    """Exactly one terminal event, the last one; numbers grow."""
    ends = [e for e in events if e["type"] in {"result", "error", "cancelled", "precomputed"}]
    assert len(ends) == 1
    assert events[-1] is ends[0]
    assert [event["seq"] for event in events] == list(range(len(events)))


@pytest.fixture
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    return Gate(tmp_path_factory.mktemp("held") / "gate")


def test_a_full_conversation(filmed: FilmedShot, tmp_path: Path, gate: Gate) -> None:
    gate.hold("edit", done=1)
    with Engine(tmp_path, gate=gate) as engine:
        engine.raw(b'{"type":"status","id":0}')
        assert engine.wait("refused")["code"] == "protocol"  # hello comes first
        hello = engine.hello()
        assert hello["protocol"] == 1
        assert hello["pid"] == engine.process.pid
        assert {"cancel.block", "precompute", "resume"} <= set(hello["features"])
        engine.raw(b"garbage")
        assert engine.wait("refused")["id"] is None
        engine.raw(b"x" * 10_000_000)
        assert "too long" in engine.wait("refused")["user_message"]

        request = filmed.request().dump()
        engine.send("estimate", request=request)
        assert engine.wait("estimated")["total_s"] is None  # nothing measured yet
        run(engine, filmed, "a", tmp_path / "a.mp4")
        engine.wait("phase", job="a", phase="edit")
        run(engine, filmed, "a", tmp_path / "a.mp4")
        assert "already" in engine.wait("refused")["user_message"]
        run(engine, filmed, "b", tmp_path / "b.mp4", guidance_target=4.0)
        engine.send("status")
        status = engine.wait("status")
        assert (status["running"], status["waiting"]) == ("a", ["b"])
        gate.let_go()
        first, second = engine.wait_end("a"), engine.wait_end("b")
        assert (first["type"], second["type"]) == ("result", "result")
        assert second["forwards_saved"] > first["forwards_saved"]
        for job, out in (("a", "a.mp4"), ("b", "b.mp4")):
            check_laws(engine.of(job))
            assert (tmp_path / out).is_file()
        assert (Path(first["attention"]) / "proxy.json").is_file()
        phases = [e["phase"] for e in engine.of("a") if e["type"] == "phase"]
        assert phases.index("encode") < phases.index("edit") < phases.index("write")
        assert any(e["type"] == "preview" for e in engine.of("a"))
        engine.send("estimate", request=request)
        assert engine.wait("estimated")["total_s"] > 0

        wrong = filmed.request().dump()
        wrong["source"]["path"] = "/nowhere.mp4"
        engine.send("run", job="c", request=wrong, out=str(tmp_path / "c.mp4"))
        assert engine.wait_end("c")["code"] == "clip_missing"
        engine.send("run", job="d", request={"schema": "x"}, out="d")
        assert engine.wait_end("d")["code"] == "request"
        engine.send("cancel", job="nobody")
        assert engine.wait("refused")["code"] == "protocol"
        assert engine.close() == 0
    assert not list(tmp_path.glob("flowanchor-*"))  # previews are gone
    assert not (tmp_path / "c.mp4").exists()


def test_cancel_at_random_moments_and_the_next_job_is_right(
    filmed: FilmedShot, tmp_path: Path
) -> None:
    chance = random.Random(4)
    with Engine(tmp_path) as engine:
        engine.hello()
        run(engine, filmed, "cold", tmp_path / "cold.mp4")
        cold = engine.wait_end("cold")
        for number in range(12):
            job = f"c{number}"
            run(engine, filmed, job, tmp_path / f"{job}.mp4", gamma=0.1 + number / 100)
            for _ in range(chance.randrange(30)):
                event = engine.wait("phase", "preview", "note", "result", job=job)
                if event["type"] == "result":
                    break
            engine.send("cancel", job=job)
            end = (
                engine.of(job)[-1]
                if engine.of(job) and engine.of(job)[-1]["type"] == "result"
                else engine.wait_end(job)
            )
            assert end["type"] in {"cancelled", "result"}
            check_laws(engine.of(job))
            assert (tmp_path / f"{job}.mp4").exists() == (end["type"] == "result")
        run(engine, filmed, "after", tmp_path / "after.mp4")
        assert engine.wait_end("after")["sha256"] == cold["sha256"]
        assert engine.close() == 0


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_a_killed_job_is_resumed_and_equal(filmed: FilmedShot, tmp_path: Path, gate: Gate) -> None:
    with Engine(tmp_path) as engine:
        engine.hello()
        run(engine, filmed, "whole", tmp_path / "whole.mp4")
        whole = engine.wait_end("whole")
        assert engine.close() == 0
    gate.hold("edit", done=2)
    with Engine(tmp_path, gate=gate) as engine:
        engine.hello()
        run(engine, filmed, "k", tmp_path / "k.mp4", beta1=0.25)
        engine.wait("phase", job="k", phase="edit", done=2)
        engine.process.send_signal(signal.SIGKILL)
        engine.process.wait(timeout=120)
    assert not (tmp_path / "k.mp4").exists()
    with Engine(tmp_path) as engine:
        engine.hello()
        request = filmed.request(beta1=0.25).dump()
        engine.send("run", job="r", request=request, out=str(tmp_path / "r.mp4"), resume=True)
        resumed = engine.wait_end("r")
        assert resumed["forwards"] < whole["forwards"]
        engine.send("run", job="p", request=request, out=str(tmp_path / "p.mp4"))
        assert engine.wait_end("p")["sha256"] == resumed["sha256"]
        assert engine.close() == 0


def test_the_end_of_stdin_ends_a_running_engine(
    filmed: FilmedShot, tmp_path: Path, gate: Gate
) -> None:
    gate.hold("edit", done=40)
    with Engine(tmp_path, gate=gate) as engine:
        engine.hello()
        run(engine, filmed, "a", tmp_path / "a.mp4", steps=50)
        engine.wait("phase", job="a", phase="edit")
        assert engine.close() == 0
        check_laws(engine.of("a"))
    assert not (tmp_path / "a.mp4").exists()


def test_one_engine_per_device(tmp_path: Path) -> None:
    with Engine(tmp_path) as first:
        first.hello()
        with Engine(tmp_path) as second:
            assert second.wait("refused")["code"] == "engine_busy"
            assert second.process.wait(timeout=120) == 3
        assert first.close() == 0
    with Engine(tmp_path) as third:  # the device is free again
        third.hello()
        assert third.close() == 0

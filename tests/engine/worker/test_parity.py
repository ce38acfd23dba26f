"""The mock stands for both real ends: it promises, runs and answers whatever they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from flowanchor_engine import protocol
from flowanchor_engine.worker.media.end import MediaEnd
from flowanchor_engine.worker.mock import Mock
from flowanchor_engine.worker.server import Server
from tests.engine.worker.conversation import Engine


def test_the_mock_promises_what_the_real_ends_promise() -> None:
    assert set(Mock.features) == {"mock", *Server.features, *MediaEnd.features}
    assert set(Mock.runs) == {*Server.runs, *MediaEnd.runs} == set(get_args(protocol.JobCommand))


@pytest.mark.slow
def test_every_event_of_a_job_can_be_played(tmp_path: Path) -> None:
    """Whatever a real engine may say of a job, a script can say, and a client understands it."""
    facts = protocol.ClipFacts(path="a", start=0, frames=1, width=2, height=2, rate="24/1")
    nothing = {"job": "", "seq": 0}
    said = [
        protocol.Phase(phase="edit", done=1, total=2, s_per_unit=1.5, eta_s=1.5, **nothing),
        protocol.Preview(step=1, path="a.png", frame=0, **nothing),
        protocol.Note(code="plan_lowered", user_message="Memory ran out.", **nothing),
        protocol.ProxyOpened(path="a", facts=facts, **nothing),
        protocol.Failed(
            code="vram",
            user_message="Not enough graphics memory.",
            hint=("save_memory",),
            detail="11.8 of 9.6",
            values={"need_mb": 12083, "free_mb": 9830},
            **nothing,
        ),
    ]
    acts = [{"event": event.model_dump(exclude={"v", "job", "seq"})} for event in said]
    script = tmp_path / "script.json"
    script.write_text(json.dumps(acts))
    with Engine(tmp_path, "--mock", str(script)) as engine:
        engine.hello()
        engine.send("run", job="a", request={}, out=str(tmp_path / "a.mp4"))
        engine.wait_end("a")
        assert engine.close() == 0
    heard = [protocol.read_event(json.dumps(event).encode()) for event in engine.of("a")]
    assert [event.model_dump(exclude={"job", "seq"}) for event in heard] == [
        event.model_dump(exclude={"job", "seq"}) for event in said
    ]

"""`memory: low` opens the model under the most frugal plan, and back; which plan that is, is
decided by arithmetic (tests/engine/wan/test_plan.py): the embedded model is too small.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.conftest import FilmedShot
from tests.engine.worker.conversation import Engine

pytestmark = pytest.mark.slow


def test_low_memory_opens_the_model_anew(filmed: FilmedShot, tmp_path: Path) -> None:
    request = filmed.request().dump()
    plans: list[str | None] = []
    with Engine(tmp_path) as engine:
        assert "memory.low" in engine.hello()["features"]
        for number, memory in enumerate(("auto", "low", "low", "auto")):
            job = f"j{number}"
            out = str(tmp_path / f"{job}.mp4")
            engine.send("run", job=job, request=request, out=out, memory=memory)
            assert engine.wait_end(job)["type"] == "result"
            notes = {e["code"]: e["user_message"] for e in engine.of(job) if e["type"] == "note"}
            plans.append(notes.get("plan"))
        assert engine.close() == 0
    usual, low, kept, back = plans
    assert usual is not None
    assert low is not None  # loaded anew under the other plan
    assert kept is None  # the model stayed warm
    assert back is not None

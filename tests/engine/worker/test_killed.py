"""An engine killed at any moment: nothing half done is believed, and the job goes on."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.engine.conftest import FilmedShot
from tests.engine.worker.conversation import Engine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows"),
]

_PHASES = ("load", "encode", "edit", "decode", "write")


@pytest.fixture(scope="module")
def cold(filmed: FilmedShot, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checksum of the result that nobody interrupted."""
    folder = tmp_path_factory.mktemp("cold")
    with Engine(folder) as engine:
        engine.hello()
        engine.send("run", job="c", request=filmed.request().dump(), out=str(folder / "a.mov"))
        checksum: str = engine.wait_end("c")["sha256"]
        assert engine.close() == 0
    return checksum


@pytest.mark.parametrize("phase", _PHASES)
def test_a_job_killed_at_a_random_moment_goes_on(
    filmed: FilmedShot, tmp_path: Path, cold: str, phase: str
) -> None:
    request, result = filmed.request().dump(), tmp_path / "results" / "a.mov"
    with Engine(tmp_path) as engine:
        engine.hello()
        engine.send("run", job="k", request=request, out=str(result))
        engine.wait("phase", job="k", phase=phase)
        time.sleep(random.Random(_PHASES.index(phase)).uniform(0, 0.3))
        engine.process.send_signal(signal.SIGKILL)
        engine.process.wait(timeout=60)
    last = max((e["done"] for e in engine.of("k") if e.get("phase") == "edit"), default=0)
    over = result.with_name("a.recipe.json").exists()  # it is written last
    assert result.exists() or not over

    with Engine(tmp_path) as engine:
        engine.hello()
        engine.send("run", job="r", request=request, out=str(result), resume=True)
        resumed = engine.wait_end("r")
        assert (resumed["type"], resumed["sha256"]) == ("result", cold)
        begun = next(e["done"] for e in engine.of("r") if e.get("phase") == "edit")
        assert begun >= last or over
        assert engine.close() == 0
    beside = {path.name for path in result.parent.iterdir()}
    # Where the words are read is heard in the steps; there may be none left.
    assert beside - {"a.attention"} == {"a.mov", "a.recipe.json", "a.sheet.png"}
    assert not list(tmp_path.glob("flowanchor-*"))

"""Downloads that are stopped, killed, or meet another: whole or not at all, never twice."""

from __future__ import annotations

import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowanchor_engine import models
from flowanchor_engine.errors import Cancelled, ModelBusyError
from flowanchor_engine.models import ModelEntry, download
from tests.engine.models.conftest import SMALL, USUAL_S, Listener, be_patient, needed_bytes
from tests.engine.models.fake_hub import FakeHub
from tests.engine.models.getting import MAIN, WEIGHTS, command, not_here, same


@pytest.mark.slow
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 0.999))
def test_a_stop_at_any_byte_keeps_what_arrived_and_leaves_no_model(
    share: float, server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    shutil.rmtree(root, ignore_errors=True)
    server.forget()
    total = needed_bytes(source)
    heard = Listener()
    # Progress is told ten times a second, so the stop counts what left the server.
    heard.stop_when = lambda phase, done: phase is not None and server.sent() >= share * total
    with pytest.raises(Cancelled):
        download.get(small, report=heard)
    assert not_here()
    kept = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    mark = len(server.asked)
    assert same(download.get(small), source)
    assert server.sent_after(mark) == total - kept


def test_a_stop_is_heard_while_the_server_is_silent(
    server: FakeHub, root: Path, small: ModelEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_patient(monkeypatch, *USUAL_S)
    server.faults.stall[WEIGHTS] = 100_000
    asked = threading.Event()
    raised: list[BaseException] = []

    def work() -> None:
        try:
            download.get(small, report=Listener(lambda phase, done: asked.is_set()))
        except Cancelled as stop:
            raised.append(stop)

    thread = threading.Thread(target=work)
    thread.start()
    assert server.stalled.wait(240)
    asked.set()
    thread.join(240)
    assert raised, "a silent server does not hold a cancel up"


@pytest.mark.slow
def test_a_killed_program_is_continued(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    large = [file for file in download.plan(small).files if file.size > 100_000]
    for file in large:  # in the order in which they are fetched
        server.faults.stall = {file.name: file.size // 2}
        server.stalled.clear()
        process = command(MAIN, root)
        try:
            assert server.stalled.wait(240)
            deadline = time.monotonic() + 240
            while sum(part.stat().st_size for part in root.rglob(f"{file.name}.*.part")) < (
                file.size // 2
            ):
                assert time.monotonic() < deadline, "what was sent also arrives"
                time.sleep(0.01)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=240)
        assert not_here()
    server.faults.stall = {}
    done = command(MAIN, root)
    assert "✓" in done.communicate(timeout=240)[0]
    assert same(models.folder(SMALL), source)
    for file in large:  # what had arrived was not fetched again
        starts = [item.start for item in server.asked if item.name == file.name]
        assert starts[-1] >= file.size // 2


def test_two_downloads_of_one_model_do_not_meet(
    server: FakeHub, root: Path, small: ModelEntry, source: Path
) -> None:
    server.faults.stall[WEIGHTS] = 100_000
    process = command(MAIN, root)
    try:
        assert server.stalled.wait(240)
        with pytest.raises(ModelBusyError, match="already being downloaded"):
            download.get(small)
        server.go_on.set()
        text = process.communicate(timeout=240)[0]
    finally:
        process.kill()
        process.wait()
    assert "✓" in text
    assert same(models.folder(SMALL), source)

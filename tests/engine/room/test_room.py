"""Who is in the way on the card: the decision, the numbers, and an engine that says so."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine import models, nvml, room
from flowanchor_engine.errors import VramBusyError, catalogue
from flowanchor_engine.request import EditRequest, ModelSpec, Prompts, SourceSpec, Working
from flowanchor_engine.room import SYSTEM_BYTES, Card, missing
from flowanchor_engine.wan.plan import Budget
from flowanchor_engine.worker.client import Client
from tests.engine.conftest import FilmedShot
from tests.engine.room.conftest import GB, Told

sizes = st.integers(0, 96 * GB)


# ---- the decision


@given(need=sizes, total=sizes, free=sizes, own=sizes)
def test_others_are_in_the_way_only_where_their_leaving_would_help(
    need: int, total: int, free: int, own: int
) -> None:
    free, own = min(free, total), min(own, total - min(free, total))
    card = Card(total, free, own)
    short = missing(need, card)
    assert (short > 0) == (free + own < need <= total - SYSTEM_BYTES)
    if short:
        assert short == need - free - own
        assert short <= card.others
        assert missing(need, Card(total, free + short, own)) == 0  # that much is enough


def test_driver_and_desktop_are_nobodys_fault() -> None:
    """An 8 GB card never has all of 8 GB free: waiting would be for ever."""
    assert missing(8 * GB - SYSTEM_BYTES // 2, Card(8 * GB, 8 * GB - SYSTEM_BYTES)) == 0
    assert missing(7 * GB, Card(8 * GB, 6 * GB)) == GB


def request(**changes: Any) -> EditRequest:
    whole = EditRequest(
        source=SourceSpec(path="/x.mov", frames=9),
        prompts=Prompts(now="a", wanted="b"),
        model=ModelSpec(id="demo"),
    )
    return whole.model_copy(update=changes)


def seen(monkeypatch: pytest.MonkeyPatch, free: int, *, own: int = 0, total: int = 8 * GB) -> None:
    budget = Budget("cuda", total, free, 64 * GB)
    monkeypatch.setattr(room, "look", lambda: (Card(total, free, own), budget))


def test_an_edit_is_refused_with_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "users", lambda: ())
    seen(monkeypatch, GB // 2)
    with pytest.raises(VramBusyError) as caught:
        room.check(request())
    error = caught.value
    assert error.user_message == "Another program is using 7.5 GB of this card."
    assert error.hint == ("wait_free", "try_anyway")
    assert catalogue()["vram_busy"] is VramBusyError
    need = error.values.pop("need_mb")
    assert isinstance(need, int)
    assert 1024 < need < 2048  # the reserve and a small model
    assert error.values == {"free_mb": 512, "total_mb": 8192, "used_mb": 7680, "program": ""}
    seen(monkeypatch, GB // 2, own=3 * GB)  # held by this engine: it is there for the edit
    room.check(request())
    seen(monkeypatch, 3 * GB)
    room.check(request())
    seen(monkeypatch, GB // 4, total=GB)  # no emptier card would do: the plans say so
    room.check(request())


def test_a_short_test_needs_less_than_the_whole_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "users", lambda: ())
    monkeypatch.setattr(models, "working_size", lambda spec: (832, 480))
    monkeypatch.setattr(models, "window_latents", lambda spec: 21)
    seen(monkeypatch, 9 * GB // 5)
    with pytest.raises(VramBusyError):
        room.check(request(source=SourceSpec(path="/x.mov", frames=200)))
    room.check(request(working=Working(width=416, height=240)))


def test_without_a_card_nobody_is_in_the_way() -> None:
    assert room.look() is None
    room.check(request())


# ---- names


class Driver:
    """NVIDIA's library as it answers through pointers."""

    def __init__(self, *entries: tuple[str, int, int], free: int = 5) -> None:
        self.entries, self.free, self.open = entries, free, 0

    def nvmlInit_v2(self) -> int:  # noqa: N802 - the library's own names
        self.open += 1
        return 0

    def nvmlShutdown(self) -> int:  # noqa: N802
        self.open -= 1
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: int, handle: Any) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:  # noqa: N802
        memory._obj.free = self.free
        return 0

    def _list(self, kind: str, count: Any, table: Any) -> int:
        found = [(pid, used) for each, pid, used in self.entries if each == kind]
        for place, (pid, used) in enumerate(found):
            table[place].pid, table[place].used = pid, used
        count._obj.value = len(found)
        return 0

    def nvmlDeviceGetGraphicsRunningProcesses_v3(  # noqa: N802
        self, handle: Any, count: Any, table: Any
    ) -> int:
        return self._list("graphics", count, table)

    def nvmlDeviceGetComputeRunningProcesses_v3(  # noqa: N802
        self, handle: Any, count: Any, table: Any
    ) -> int:
        return self._list("compute", count, table)


NOT_TOLD = (1 << 64) - 1


def test_the_layout_is_the_librarys() -> None:
    assert ctypes.sizeof(nvml._Process) == 24
    assert nvml._Process.used.offset == 8


def test_the_largest_program_is_named_where_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        own_name = psutil.Process(other.pid).name()
        driver = Driver(
            ("graphics", other.pid, 6 * GB),
            ("compute", other.pid, 6 * GB),  # stands in both tables, counts once
            ("compute", os.getpid(), 20 * GB),
            ("graphics", 1, NOT_TOLD),
        )
        monkeypatch.setattr(nvml, "_library", lambda: driver)
        assert nvml.free_bytes() == 5
        assert len(nvml.users()) == 3
        assert nvml.largest_other(7 * GB) == (own_name, 6 * GB)
        assert nvml.largest_other(13 * GB) == ("", 0)  # it is not the one who matters
        driver.entries = (("graphics", other.pid, NOT_TOLD),)  # as on Windows
        assert nvml.largest_other(GB) == ("", 0)
        driver.entries = (("graphics", 2**30, GB),)  # gone meanwhile
        assert nvml.largest_other(GB) == ("", 0)
        assert driver.open == 0
    finally:
        other.communicate()
    monkeypatch.setattr(nvml, "_library", lambda: None)
    assert nvml.free_bytes() is None
    assert nvml.users() == ()
    assert nvml.describe() is None


def test_resolve_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "users", lambda: (nvml.User(77, 7 * GB),))

    class Process:
        def __init__(self, pid: int) -> None:
            assert pid == 77

        def name(self) -> str:
            return "resolve.exe"

    monkeypatch.setattr(psutil, "Process", Process)
    seen(monkeypatch, GB // 2)
    with pytest.raises(VramBusyError) as caught:
        room.check(request())
    assert caught.value.user_message == "Resolve is using 7.0 GB of this card."
    assert (caught.value.values["program"], caught.value.values["used_mb"]) == ("Resolve", 7168)


# ---- a real engine


@pytest.mark.slow
def test_the_command_line_says_it_too_and_takes_no_for_an_answer(
    filmed: FilmedShot, card: Told, tmp_path: Path
) -> None:
    card.say(GB // 2)
    wish, out = tmp_path / "request.json", tmp_path / "out.mp4"
    wish.write_text(filmed.request().model_dump_json(by_alias=True))
    environ = {"PYTHONPATH": card.path, "FLOWANCHOR_CACHE": str(tmp_path / "cache")}
    for more, status in (((), 2), (("--anyway",), 0)):
        done = subprocess.run(
            [
                *(sys.executable, "-m", "flowanchor_engine.cli", "edit", "--request", str(wish)),
                *("--out", str(out), *more),
            ],
            env={**os.environ, **environ, "OMP_NUM_THREADS": "1", "COLUMNS": "160"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == status, done.stdout[-2000:] + done.stderr[-2000:]
        assert out.is_file() == (status == 0)
        assert ("Another program is using 7.5 GB" in done.stdout) == (status == 2)


@pytest.mark.slow
def test_an_engine_on_a_full_card_says_who_and_goes_on_when_it_may(
    filmed: FilmedShot, card: Told, tmp_path: Path
) -> None:
    wish = filmed.request().dump()
    card.say(GB // 2, (os.getpid(), 6 * GB))
    environ = {"OMP_NUM_THREADS": "1", "PYTHONPATH": card.path}
    with Client(tmp_path, environ=environ) as engine:
        assert "room" in engine.hello()["features"]
        out = str(tmp_path / "a.mp4")
        engine.send("run", job="a", request=wish, out=out)
        end = engine.wait_end("a")
        assert (end["type"], end["code"]) == ("error", "vram_busy")
        assert end["values"]["used_mb"] == 6 * 1024
        assert end["values"]["program"] == psutil.Process().name()
        loaded = [e["done"] for e in engine.of("a") if e["type"] == "phase"]
        assert not any(loaded)
        engine.send("status")
        status = engine.wait("status")
        assert (status["model"], status["free_mb"]) == (None, 512)
        assert status["free_mb"] < end["values"]["need_mb"]
        engine.send("precompute", job="p", request=wish)
        assert engine.wait_end("p")["code"] == "vram_busy"  # warming comes second to Resolve

        engine.send("run", job="b", request=wish, out=str(tmp_path / "b.mp4"), anyway=True)
        assert engine.wait_end("b")["type"] == "result"
        card.say(6 * GB)
        engine.send("status")
        assert engine.wait("status")["free_mb"] >= end["values"]["need_mb"]
        engine.send("run", job="c", request=wish, out=out)
        assert engine.wait_end("c")["type"] == "result"
        assert engine.close() == 0

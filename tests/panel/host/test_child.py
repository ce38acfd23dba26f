"""The child by its lines alone: one answer each, a clean stdout, and an end with its panel."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowanchor_engine.protocol import write_line
from plugin.services import host_commands as cmd
from plugin.services import host_events as evt
from plugin.services.host_view import record_of
from resolve_bridge import records
from resolve_bridge.extract import extract_source
from tests.panel.host.test_conversation import taken
from tests.panel.host.world import World, film

ROOT = Path(__file__).parents[3]


class Line:
    """A child on two pipes."""

    def __init__(self, tmp: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "plugin.services.host_child", "--work", str(tmp / "host"),
             *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        self.events: list[Any] = []
        self._rest = b""
        self.number = 0

    def say(self, command: Any) -> None:
        self.write(write_line(command))

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def next_id(self) -> int:
        self.number += 1
        return self.number

    def read(self, seconds: float = 0.1) -> bool:
        """Take what has come; False at the end."""
        assert self.process.stdout is not None
        there, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not there:
            return True
        piece = os.read(self.process.stdout.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self.events += [evt.read_event(line) for line in lines]
        return bool(piece)

    def wait(self, found: Callable[[Any], bool], seconds: float = 60) -> Any:
        stop = time.monotonic() + seconds
        while time.monotonic() < stop:
            hits = [event for event in self.events if found(event)]
            if hits:
                return hits[0]
            if not self.read():
                break
        raise AssertionError(f"not said: {self.events}")

    def answer(self, number: int) -> Any:
        return self.wait(lambda event: evt.is_answer(event) and event.id == number)

    def end(self, seconds: float = 60) -> int:
        """Wait for its end, taking what it still says."""
        stop = time.monotonic() + seconds
        while time.monotonic() < stop and self.read():
            pass
        return self.process.wait(seconds)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Callable[..., Line]]:
    made: list[Line] = []

    def start(*arguments: str) -> Line:
        found = Line(tmp_path, *arguments)
        made.append(found)
        return found

    yield start
    for each in made:
        each.close()


def linked(world: World, line: Callable[..., Line]) -> Line:
    film(world)
    world.open_resolve()
    world.click()
    found = line(
        *("--mailbox", str(world.box), "--preferences", str(world.double.prefs_path)),
        *("--resolve-name", world.name),
    )
    found.wait(lambda e: isinstance(e, evt.LinkChanged) and e.kind == "ready")
    return found


def lonely(tmp: Path) -> tuple[str, ...]:
    """A computer without Resolve."""
    return ("--mailbox", str(tmp / "box"), "--preferences", str(tmp / "none.prefs"),
            "--resolve-name", "nobody-is-called-so")  # fmt: skip


def test_it_begins_with_its_number_and_tells_that_resolve_is_closed(
    line: Callable[..., Line], tmp_path: Path
) -> None:
    child = line(*lonely(tmp_path))
    child.wait(lambda e: isinstance(e, evt.LinkChanged) and e.kind == "closed")
    first = child.events[0]
    assert isinstance(first, evt.Started)
    assert first.pid == child.process.pid


@pytest.mark.parametrize(
    "text",
    [b"{", b"[]", b'"x"', b"\xff\xfe", b'{"v":1,"id":0,"type":"look"}', b'{"v":2,"type":"look"}',
     b'{"v":1,"id":7,"type":"fly"}', b'{"v":1,"id":7,"type":"open_file"}', b"x" * (1 << 21)],
    ids=range(9),
)  # fmt: skip
def test_a_line_that_is_no_command_is_refused_and_the_next_is_heard(
    line: Callable[..., Line], tmp_path: Path, text: bytes
) -> None:
    child = line(*lonely(tmp_path))
    child.write(text + b"\n")
    refused = child.wait(lambda e: isinstance(e, evt.Failed))
    assert refused.code == "protocol"
    assert refused.id in (0, 7)
    child.say(cmd.Watch(id=9))
    assert isinstance(child.answer(9), evt.Done)


def test_records_that_cannot_be_read_are_an_answer_too(
    line: Callable[..., Line], tmp_path: Path
) -> None:
    child = line(*lonely(tmp_path))
    child.say(cmd.Undo(id=1, placement={"schema": "something else"}))
    child.say(cmd.MakeExtract(id=2, shot={}))
    for number in (1, 2):
        failed = child.answer(number)
        assert isinstance(failed, evt.Failed)
        assert failed.user_message.endswith(".")


_kinds = st.sampled_from(["shot", "file", "watch", "undo", "cancel", "show"])


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(_kinds, st.integers(1, 12)), min_size=1, max_size=12))
def test_every_command_gets_exactly_one_answer(
    line: Callable[..., Line], tmp_path: Path, asked: list[tuple[str, int]]
) -> None:
    child = line(*lonely(tmp_path))
    for number, (kind, other) in enumerate(asked, start=1):
        command: Any = {
            "shot": cmd.ReadShot(id=number),
            "file": cmd.OpenFile(id=number, path=str(tmp_path / "none.mov")),
            "watch": cmd.Watch(id=number, on=bool(other % 2)),
            "undo": cmd.Undo(id=number, placement={"timeline_id": "x"}),
            "cancel": cmd.Cancel(id=number, target=other),
            "show": cmd.Show(id=number, page="edit"),
        }[kind]
        child.say(command)
    for number in range(1, len(asked) + 1):
        child.answer(number)
    child.say(cmd.Close(id=99))
    assert child.end() == 0
    answers = [event.id for event in child.events if evt.is_answer(event)]
    assert sorted(answers) == [*range(1, len(asked) + 1), 99]


def test_what_anybody_prints_is_not_in_the_protocol(
    line: Callable[..., Line], tmp_path: Path
) -> None:
    clip = tmp_path / "broken.mov"
    clip.write_bytes(b"ftypqt  not a movie at all" * 100)  # the decoder complains on stderr
    child = line(*lonely(tmp_path))
    child.say(cmd.OpenFile(id=1, path=str(clip)))
    failed = child.answer(1)
    assert isinstance(failed, evt.Failed)
    assert failed.code == "clip_kind"


def test_the_end_of_stdin_is_its_end_and_the_agent_goes_on(
    make_world: Callable[..., World], line: Callable[..., Line]
) -> None:
    world = make_world("free", "20.3")
    child = linked(world, line)
    assert child.process.stdin is not None
    child.process.stdin.close()
    assert child.end() == 0
    time.sleep(0.3)
    assert world.agents[0].running, "the next panel finds it without a click"


def test_close_stops_the_agent_first(
    make_world: Callable[..., World], line: Callable[..., Line]
) -> None:
    world = make_world("free", "20.3")
    child = linked(world, line)
    child.say(cmd.Close(id=5))
    assert isinstance(child.answer(5), evt.Done)
    assert child.end() == 0
    world.agents[0].join()
    assert not world.agents[0].running


def test_sigterm_ends_it_in_order(line: Callable[..., Line], tmp_path: Path) -> None:
    child = line(*lonely(tmp_path))
    child.wait(lambda e: isinstance(e, evt.Started))
    child.wait(lambda e: isinstance(e, evt.LinkChanged))
    child.process.send_signal(signal.SIGTERM)
    assert child.end() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the system's own law")
def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'plugin.services.host_child', '--work', "
        f"{str(tmp_path / 'host')!r}, '--resolve-name', 'nobody-is-called-so', '--mailbox', "
        f"{str(tmp_path / 'box')!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "print(p.pid, flush=True); p.stdout.readline(); print('up', flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert parent.stdout.readline().strip() == "up"
    child = psutil.Process(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("told_s", [None, 0.0, 0.5])
def test_a_panel_that_dies_while_placing_leaves_no_half(
    make_world: Callable[..., World], line: Callable[..., Line], told_s: float | None
) -> None:
    """The placing is finished, or taken back; the journal is empty either way.

    The system tells of a killed panel as well, before or after the end of stdin is read.
    """
    world = make_world("free", "20.3")
    child = linked(world, line)
    child.say(cmd.ReadShot(id=1))
    shot = records.load(_shot_type(), child.answer(1).shot)
    before = world.double.state()
    result = taken(extract_source(shot), world.tmp / "takes", "patch")
    reached: list[bool] = []
    go = threading.Event()

    def stay(_double: Any) -> None:
        reached.append(True)
        assert go.wait(60)

    world.double.on("MediaPool.ImportMedia", stay)
    child.say(cmd.Place(id=2, shot=records.dump(shot), result=json.loads(record_of(result))))
    stop = time.monotonic() + 60
    while not reached and time.monotonic() < stop:
        child.read(0.01)
    assert child.process.stdin is not None
    child.process.stdin.close()
    if told_s is not None:
        time.sleep(told_s)
        child.process.send_signal(signal.SIGTERM)
    go.set()
    assert child.end() == 0
    assert not (world.tmp / "host" / "journal.json").exists()
    placed = [event for event in child.events if isinstance(event, evt.Placed)]
    if placed:
        item = placed[0].placement["item_id"]
        assert world.clip(item).start == 86410
    else:
        assert world.changed(before) == []


def _shot_type() -> Any:
    from resolve_bridge.shot import Shot

    return Shot


def test_the_panels_side_loads_nothing_heavy() -> None:
    code = (
        "import sys, plugin.services.host, plugin.services.host_view\n"
        "bad = {'cv2', 'torch', 'av', 'diffusers', 'PIL'}\n"
        "print(sorted(bad & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
    code = code.replace(
        "plugin.services.host, plugin.services.host_view", "plugin.services.host_child"
    )
    code = code.replace("'cv2', ", "'PySide6', ")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"

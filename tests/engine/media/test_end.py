"""The media end's manners: quick, light, alone or many, and gone when its parent is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowanchor_engine.worker.client import Client
from tests.doubles.gate import Gate
from tests.engine.clip import films
from tests.engine.clip.film import Film
from tests.engine.media.conftest import Media, Shoot, check_laws

HEAVY = {"torch", "diffusers", "transformers", "accelerate"}


def request_of(clip: Path) -> dict[str, Any]:
    shape = {"kind": "box", "points": [[0.3, 0.3], [0.6, 0.7]]}
    return {
        "schema": "flowanchor.EditRequest.1",
        "source": {"path": str(clip)},
        "matte": {"shapes": [shape], "track": True},
        "prompts": {"now": "", "wanted": ""},
    }


def over(process: psutil.Process) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # between the two questions
        return True


def test_hello_comes_first(tmp_path: Path) -> None:
    with Media(tmp_path) as end:
        end.send("status")
        assert end.wait("refused")["code"] == "protocol"
        hello = end.hello()
        assert end.close() == 0
    assert hello["pid"] == end.process.pid
    assert set(hello["features"]) == {"matte", "measure", "models", "proxy", "words"}


def test_hello_waits_for_nothing_heavy(tmp_path: Path) -> None:
    """It is said by a process that has loaded no array, no video and no picture library."""
    code = """
import sys, time
from flowanchor_engine.worker import __main__ as start
from flowanchor_engine.worker.media.end import MediaEnd
send = MediaEnd.send
def late(self, message):
    if message.type == "hello":
        time.sleep(1.5)  # the end has nothing to do meanwhile
        print("loaded:", *sys.modules, file=sys.stderr)
    send(self, message)
MediaEnd.send = late
start.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "--media"],
        input=b'{"v": 1, "type": "hello", "id": 1}\n',
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        cwd=tmp_path,
        check=True,
    )
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert [kind for kind in kinds if kind != "heartbeat"] == ["hello"]
    loaded = done.stderr.decode().partition("loaded:")[2].splitlines()[0].split()
    assert "pydantic" in loaded
    assert not {"torch", "diffusers", "cv2", "av", "numpy"} & set(loaded)


def test_every_command_works_without_torch(shoot: Shoot, tmp_path: Path) -> None:
    """In a process that cannot import torch at all, and looks afterwards."""
    program = f"""
import sys, json
class No:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {HEAVY!r}:
            raise ImportError('not here: ' + name)
sys.meta_path.insert(0, No())
from flowanchor_engine.worker import __main__ as start
sys.argv = ['x', '--media']
try:
    start.main()
finally:
    loaded = sorted({HEAVY!r} & set(sys.modules))
    open({str(tmp_path / "loaded.json")!r}, 'w').write(json.dumps(loaded))
"""
    clip = shoot(films.H264)
    commands = [
        {"type": "hello", "id": 0},
        {"type": "proxy", "id": 1, "job": "p", "clip": {"path": str(clip)}, "out": "P"},
        {"type": "matte", "id": 2, "job": "m", "request": request_of(clip), "out": "M"},
        {"type": "measure", "id": 3, "job": "d", "request": request_of(clip), "result": str(clip)},
        {"type": "words", "id": 4, "now": "a red cube", "wanted": "a blue cube"},
        {"type": "models", "id": 5},
        {"type": "verify_model", "id": 6, "job": "v", "model": "demo"},
        {"type": "remove_model", "id": 7, "job": "r", "model": "demo"},
        {"type": "get_model", "id": 8, "job": "g", "model": "demo"},
        {"type": "import_model", "id": 9, "job": "i", "model": "", "folder": str(tmp_path)},
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "FLOWANCHOR_MODELS": str(tmp_path / "m")},
        cwd=tmp_path,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    for command in commands:
        process.stdin.write(json.dumps({"v": 1, **command}).encode() + b"\n")
    process.stdin.flush()
    ends: dict[str, dict[str, Any]] = {}
    while len(ends) < 9:
        event = json.loads(process.stdout.readline())
        if event["type"].endswith("_done") or event["type"] in (
            *("error", "measured", "words", "models"),
        ):
            ends[event.get("job") or event["type"]] = event
    process.stdin.close()
    assert process.wait(timeout=120) == 0
    process.stdout.close()
    assert {name: event["type"] for name, event in ends.items() if event["type"] != "error"} == {
        "p": "proxy_done",
        "m": "matte_done",
        "d": "measured",
        "words": "words",
        "models": "models",
        "v": "model_done",
    }
    codes = {name: event["code"] for name, event in ends.items() if event["type"] == "error"}
    assert codes == {"r": "model_foreign", "g": "model_exists", "i": "model_incomplete"}
    assert json.loads((tmp_path / "loaded.json").read_text()) == []


def test_each_end_refuses_what_is_the_others(shoot: Shoot, tmp_path: Path) -> None:
    clip = str(shoot(films.H264))
    with Media(tmp_path) as end:
        end.hello()
        for kind, fields in (
            ("run", {"job": "a", "request": request_of(Path(clip)), "out": "x"}),
            ("precompute", {"job": "a", "request": request_of(Path(clip))}),
            ("estimate", {"request": request_of(Path(clip))}),
        ):
            asked = end.send(kind, **fields)
            refused = end.wait("refused")
            assert (refused["id"], refused["code"]) == (asked, "protocol")
            assert "media end" in refused["user_message"]
        end.send("release")
        end.wait("accepted")
        assert end.close() == 0
    with Client(tmp_path, environ={"OMP_NUM_THREADS": "1"}) as engine:
        engine.hello()
        for kind, fields in (
            ("proxy", {"job": "a", "clip": {"path": clip}, "out": "x"}),
            ("words", {"now": "a", "wanted": "b"}),
            ("models", {}),
        ):
            asked = engine.send(kind, **fields)
            refused = engine.wait("refused")
            assert (refused["id"], refused["code"]) == (asked, "protocol")
            assert "engine" in refused["user_message"]
        assert engine.close() == 0


def test_several_run_beside_an_engine(shoot: Shoot, tmp_path: Path) -> None:
    with Client(tmp_path) as engine, Media(tmp_path) as one, Media(tmp_path) as two:
        for end in (engine, one, two):
            end.hello()
        for number, end in enumerate((one, two)):
            clip = {"path": str(shoot(films.H264))}
            end.send("proxy", job="a", clip=clip, out=str(tmp_path / f"p{number}"))
        assert one.wait_end("a")["type"] == two.wait_end("a")["type"] == "proxy_done"
        assert engine.close() == one.close() == two.close() == 0


def test_equal_jobs_and_nonsense_are_refused(shoot: Shoot, tmp_path: Path, gate: Gate) -> None:
    clip = {"path": str(shoot(Film("l.mp4", "libx264", frames=120, size=(640, 360))))}
    gate.hold("read", done=1)
    with Media(tmp_path, gate) as end:
        end.hello()
        end.send("proxy", job="a", clip=clip, out=str(tmp_path / "p"))
        end.wait("phase", job="a")
        end.send("proxy", job="a", clip=clip, out=str(tmp_path / "p"))
        assert "already" in end.wait("refused")["user_message"]
        end.raw(b"garbage")
        assert end.wait("refused")["id"] is None
        end.raw(b'{"v":1,"type":"proxy","id":3}')
        assert end.wait("refused")["code"] == "protocol"
        end.send("cancel", job="nobody")
        assert end.wait("refused")["code"] == "protocol"
        end.send("status")
        assert end.wait("status")["running"] == "a"
        gate.let_go()
        assert end.wait_end("a")["type"] == "proxy_done"
        check_laws(end.of("a"))
        assert end.wait("heartbeat")["rss_mb"] > 0
        end.send("shutdown")
        assert end.process.wait(timeout=120) == 0


@pytest.mark.parametrize("way", ["stdin", "shutdown", "terminate"])
def test_it_ends_in_order_in_the_middle_of_a_job(
    shoot: Shoot, tmp_path: Path, gate: Gate, way: str
) -> None:
    clip = {"path": str(shoot(Film("x.mp4", "libx264", frames=120, size=(1280, 720))))}
    # It works until there, but it is never done. A signal finds it waiting: in the middle of a
    # library's callback it might be lost, and the end of stdin would be what ends it.
    gate.hold("read", done=1 if way == "terminate" else 60)
    with Media(tmp_path, gate) as end:
        end.hello()
        end.send("proxy", job="a", clip=clip, out=str(tmp_path / "p"))
        end.send("proxy", job="b", clip=clip, out=str(tmp_path / "q"))
        end.wait("phase", job="a")
        end.send("status")
        assert end.wait("status")["waiting"] == ["b"]  # a signal would overtake its line
        if way == "shutdown":
            end.send("shutdown")
        elif way == "terminate":
            end.process.terminate()
        assert end.close() == (130 if way == "terminate" else 0)
        for job in "ab":
            assert end.of(job)[-1]["type"] == "cancelled"
            check_laws(end.of(job), gaps=way == "terminate")
    assert not (tmp_path / "q").exists()
    assert not list(tmp_path.glob("flowanchor-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys, time;"
        "p = subprocess.Popen([sys.executable, '-m', 'flowanchor_engine.worker', '--media'],"
        " stdin=subprocess.PIPE, stdout=subprocess.PIPE);"
        'p.stdin.write(b\'{"v":1,"type":"hello","id":1}\\n\'); p.stdin.flush();'
        "p.stdout.readline(); print(p.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait(timeout=120)
    parent.stdout.close()
    until = time.monotonic() + 120
    while not over(child):
        assert time.monotonic() < until
        time.sleep(0.05)

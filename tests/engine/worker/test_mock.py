"""The mock engine plays its script on the real lines, faults included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.worker.conversation import Engine


def play(folder: Path, script: list[dict[str, object]]) -> Engine:
    path = folder / "script.json"
    path.write_text(json.dumps(script))
    return Engine(folder, "--mock", str(path))


def test_the_built_in_script_copies_the_clip(tmp_path: Path) -> None:
    clip = tmp_path / "clip.bin"
    clip.write_bytes(b"pictures")
    out = tmp_path / "out.bin"
    with Engine(tmp_path, "--mock", "-") as engine:
        hello = engine.hello()
        assert hello["engine"] == "mock"
        assert {"mock", "proxy", "words", "estimate"} <= set(hello["features"])
        request = {"source": {"path": str(clip), "frames": 9}}
        engine.send("run", job="a", request=request, out=str(out))
        end = engine.wait_end("a")
        assert end["type"] == "result"
        assert end["frames"] == 9
        assert out.read_bytes() == b"pictures"
        seqs = [event["seq"] for event in engine.of("a")]
        assert seqs == sorted(set(seqs))
        assert engine.close() == 0


def test_cancel_ends_a_long_wait_at_once(tmp_path: Path) -> None:
    with play(tmp_path, [{"wait_s": 60}, {"event": {"type": "error", "code": "x"}}]) as engine:
        engine.hello()
        engine.send("run", job="a", request={}, out="o")
        engine.send("cancel", job="a")
        assert engine.wait_end("a")["type"] == "cancelled"
        assert engine.close() == 0


@pytest.mark.parametrize("status", [137, 1])
def test_a_death_has_its_status(tmp_path: Path, status: int) -> None:
    with play(tmp_path, [{"exit": status}]) as engine:
        engine.hello()
        engine.send("run", job="a", request={}, out="o")
        assert engine.process.wait(timeout=30) == status


def test_an_error_state_can_be_shown(tmp_path: Path) -> None:
    script: list[dict[str, object]] = [
        {"event": {"type": "error", "code": "vram", "user_message": "Not enough.", "hint": []}}
    ]
    with play(tmp_path, script) as engine:
        engine.hello()
        engine.send("run", job="a", request={}, out="o")
        assert engine.wait_end("a")["code"] == "vram"
        engine.send("shutdown")
        assert engine.process.wait(timeout=30) == 0


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_a_script_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    from flowanchor_engine.errors import RequestError
    from flowanchor_engine.worker.mock import read_script

    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(RequestError):
        read_script(path)

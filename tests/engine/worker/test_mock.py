"""The mock engine plays its script on the real lines, faults included."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowanchor_engine.protocol.proxies import AttentionHeader
from tests.engine.media.conftest import check_laws, frames_of, header_of
from tests.engine.worker.conversation import Engine


def play(folder: Path, script: object) -> Engine:
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
        assert engine.process.wait(timeout=120) == status


def test_an_error_state_can_be_shown(tmp_path: Path) -> None:
    script: list[dict[str, object]] = [
        {"event": {"type": "error", "code": "vram", "user_message": "Not enough.", "hint": []}}
    ]
    with play(tmp_path, script) as engine:
        engine.hello()
        engine.send("run", job="a", request={}, out="o")
        assert engine.wait_end("a")["code"] == "vram"
        engine.send("shutdown")
        assert engine.process.wait(timeout=120) == 0


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"run": 1}', '{"dance": []}'])
def test_a_script_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    from flowanchor_engine.errors import RequestError
    from flowanchor_engine.worker.mock import read_script

    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(RequestError):
        read_script(path)


# ---- a whole panel on the mock alone --------------------------------------------------------


def request_of(clip: Path, **more: Any) -> dict[str, Any]:
    shape = {"kind": "box", "points": [[0.3, 0.3], [0.6, 0.7]]}
    return {
        "schema": "flowanchor.EditRequest.1",
        "source": {"path": str(clip), "frames": 9},
        "matte": {"shapes": [shape], "track": True},
        "prompts": {"now": "a grey disc", "wanted": "a red disc"},
        **more,
    }


def test_every_command_is_played_with_real_files(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mov"
    clip.write_bytes(b"pictures")
    request = request_of(clip)
    with Engine(tmp_path, "--mock", "-") as engine:
        engine.hello()
        source = {"path": str(clip), "frames": 9}
        jobs: list[tuple[str, str, dict[str, Any]]] = [
            ("proxy", "proxy_done", {"clip": source, "out": str(tmp_path / "before")}),
            ("matte", "matte_done", {"request": request, "out": str(tmp_path / "matte")}),
            ("precompute", "precomputed", {"request": request}),
            ("run", "result", {"request": request, "out": str(tmp_path / "take/one")}),
            ("measure", "measured", {"request": request, "result": "x"}),
            ("get_model", "model_done", {"model": "wan2.1-1.3b"}),
            ("verify_model", "model_done", {"model": "wan2.1-1.3b"}),
            ("import_model", "model_done", {"model": "own", "folder": "/x"}),
            ("remove_model", "model_done", {"model": "wan2.1-1.3b"}),
        ]
        for kind, end, fields in jobs:
            engine.send(kind, job=f"a/{kind}", **fields)
            done = engine.wait_end(f"a/{kind}")
            assert done["type"] == end, done
            check_laws(engine.of(f"a/{kind}"))
        result = engine.wait_end("a/run")
        assert Path(result["path"]) == tmp_path / "take/one.mov"
        assert Path(result["recipe"]).is_file()
        assert Path(result["sheet"]).read_bytes()[:4] == b"\x89PNG"
        assert result["words"] == ["red"]
        take = {"path": result["path"], "frames": 9}
        engine.send("proxy", job="after", clip=take, out=str(tmp_path / "after"))
        engine.wait_end("after")
        before, after = (frames_of(tmp_path / name).astype(int) for name in ("before", "after"))
        matte = frames_of(tmp_path / "matte")[..., 0]
        away = np.abs(before - after).max(axis=-1)
        assert away[matte == 0].max() == 0  # the 'edit' stays inside the matte
        assert away[matte == 255].max() > 50
        assert (np.abs(np.diff(before, axis=0)).max(axis=(1, 2, 3)) > 0).all()  # it moves
        assert header_of(tmp_path / "before").ready == 9
        assert len(engine.wait_end("a/matte")["drift"]) == 9
        shown = Path(result["attention"])
        header = AttentionHeader.model_validate_json((shown / "proxy.json").read_text())
        assert (shown / "frames.raw").stat().st_size == (
            len(header.words) * header.frames * header.height * header.width
        )
        assert [word.text for word in header.words if word.drives] == ["red"]
        assert all(a[1] == b[0] for a, b in pairwise(header.picture_frames))

        engine.send("words", now="a grey disc", wanted="a red disc")
        told = engine.wait("words")
        assert [word["drives"] for word in told["words"]] == [False, True, False]
        engine.send("models")
        here = {model["id"] for model in engine.wait("models")["models"] if model["installed"]}
        assert here == {"demo"}  # one came, and went
        engine.send("estimate", request=request)
        assert engine.wait("estimated")["total_s"] > 0
        engine.send("estimate", request={})
        assert engine.wait("refused")["code"] == "request"
        assert engine.close() == 0


def test_a_script_may_say_something_for_every_command(tmp_path: Path) -> None:
    script = {
        "matte": [{"event": {"type": "error", "code": "matte_empty", "user_message": "Empty."}}],
        "proxy": [{"play": {"frames": 3, "width": 64, "height": 36}}],
        "words": [{"reply": {"code": "words", "user_message": "No."}}],
        "models": [{"refuse": {"code": "net", "user_message": "No net."}}],
        "estimate": [{"reply": {"total_s": None, "s_per_forward": None}}],
        "run": [{"preview": {"step": 1}}, {"wait_s": 60}],
    }
    request = request_of(tmp_path / "none.mov")
    with play(tmp_path, script) as engine:
        engine.hello()
        engine.send("matte", job="m", request=request, out="x")
        assert engine.wait_end("m")["code"] == "matte_empty"
        engine.send("proxy", job="p", clip={"path": "/x"}, out=str(tmp_path / "p"))
        assert engine.wait_end("p")["facts"]["frames"] == 3
        assert frames_of(tmp_path / "p").shape == (3, 36, 64, 3)
        engine.send("words", now="a", wanted="b")
        assert engine.wait("words")["code"] == "words"
        engine.send("models")
        assert engine.wait("refused")["code"] == "net"
        engine.send("estimate", request=request)
        assert engine.wait("estimated")["total_s"] is None
        engine.send("run", job="r", request=request, out="x")
        engine.send("run", job="s", request=request, out="x")
        picture = engine.wait("preview", job="r")
        assert Path(picture["path"]).read_bytes()[:4] == b"\x89PNG"
        engine.send("cancel", job="s")
        assert engine.wait_end("s")["type"] == "cancelled"
        engine.send("cancel", job="r")
        assert engine.wait_end("r")["type"] == "cancelled"
        for job in "mprs":
            check_laws(engine.of(job))
        assert engine.close() == 0
    assert not Path(picture["path"]).exists()


@pytest.mark.parametrize("kind", ["proxy", "matte"])
def test_a_job_is_held_until_it_is_let_go_or_cancelled(tmp_path: Path, kind: str) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    asked: dict[str, dict[str, Any]] = {
        "proxy": {"clip": {"path": "/x", "frames": 3}},
        "matte": {"request": request_of(tmp_path / "none.mov")},
    }
    with play(tmp_path, {kind: [{"play": {"hold": str(hold)}}]}) as engine:
        engine.hello()
        engine.send(kind, job="a", out=str(tmp_path / "a"), **asked[kind])
        engine.wait("proxy_opened", job="a")
        engine.send("cancel", job="a")
        assert engine.wait_end("a")["type"] == "cancelled"
        engine.send(kind, job="b", out=str(tmp_path / "b"), **asked[kind])
        engine.wait("proxy_opened", job="b")
        hold.unlink()
        assert engine.wait_end("b")["type"] == f"{kind}_done"
        assert engine.close() == 0


def test_silence_and_malformed_lines(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    quiet = {"silence_s": 5, "hold": str(hold)}
    script = [{"raw": "}not json{"}, quiet, {"event": {"type": "result", "odd": 1}}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    process = subprocess.Popen(
        [sys.executable, "-m", "flowanchor_engine.worker", "--mock", str(tmp_path / "script.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as lines, process.stdout as told:

        def until(part: bytes) -> list[bytes]:
            heard = [told.readline()]
            while part not in heard[-1]:
                assert heard[-1], "the mock has ended"
                heard.append(told.readline())
            return heard

        def ask(command: bytes, answer: bytes) -> list[bytes]:
            lines.write(command + b"\n")
            lines.flush()
            return until(answer)

        ask(b'{"v":1,"type":"hello","id":1}', b'"hello"')
        begun = time.monotonic()
        ask(b'{"v":1,"type":"run","id":2,"job":"a","request":{},"out":"o"}', b"}not json{")
        # The silence begins a little after the line; whoever lives is heard every two seconds.
        while True:
            time.sleep(4.5)
            if not any(
                b"heartbeat" in line for line in ask(b'{"type":"status","id":3}', b'"status"')
            ):
                break
            assert time.monotonic() < begun + 120
        hold.unlink()
        until(b"odd")
        assert time.monotonic() - begun > 4.5
        lines.close()
        told.read()
    assert process.wait(timeout=120) == 0


def test_it_pulls_in_nothing_heavy() -> None:
    code = "import flowanchor_engine.worker.mock, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "cv2", "av", "numpy", "diffusers"} & set(done.stdout.split())


def test_a_full_card_is_played_until_it_is_free(tmp_path: Path) -> None:
    clip = tmp_path / "clip.bin"
    clip.write_bytes(b"pictures")
    request = {"source": {"path": str(clip), "frames": 9}}
    card = {
        "need_mb": 9000,
        "total_mb": 12288,
        "free_mb": [1000, 2000, 11000],
        "program": "Resolve",
    }
    with play(tmp_path, [{"busy": card}, {"result": {}}]) as engine:
        assert "room" in engine.hello()["features"]
        engine.send("run", job="a", request=request, out=str(tmp_path / "a.bin"))
        end = engine.wait_end("a")
        assert (end["code"], end["hint"]) == ("vram_busy", ["wait_free", "try_anyway"])
        assert end["user_message"] == "Resolve is using 11.0 GB of this card."
        assert end["values"] == {
            "need_mb": 9000,
            "free_mb": 1000,
            "total_mb": 12288,
            "used_mb": 11288,
            "program": "Resolve",
        }
        engine.send("run", job="b", request=request, out=str(tmp_path / "b.bin"), anyway=True)
        assert engine.wait_end("b")["type"] == "result"
        frees = []
        for _ in range(3):
            engine.send("status")
            frees.append(engine.wait("status")["free_mb"])
        assert frees == [2000, 11000, 11000]
        engine.send("run", job="c", request=request, out=str(tmp_path / "c.bin"))
        assert engine.wait_end("c")["type"] == "result"
        assert engine.close() == 0

"""The installed product proves itself: first the wiring without a model, then one small edit.

Both speak with the engine as the panel does, in lines over its stdin and stdout.
"""

from __future__ import annotations

import contextlib
import json
import queue
import struct
import subprocess
import tempfile
import threading
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installer.console import StepFailed
from installer.disk import sha256
from installer.packages import clean_env, interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Self

__all__ = ["Tried", "small_edit", "window_trouble", "wiring"]

_FRAMES, _SIZE = 9, 96


@dataclass(frozen=True)
class Tried:
    """What one small edit took.

    Parameters
    ----------
    frames, forwards : int
        Frames written and passes through the model.
    seconds, seconds_per_forward : float
        All of it, and one pass.
    device : str
        What computed.
    """

    frames: int
    forwards: int
    seconds: float
    seconds_per_forward: float
    device: str


def wiring(env: Path, *, wait_s: float = 120.0) -> None:
    """Run a made-up job through the engine's mock: read, edit, write, without a model.

    Raises
    ------
    StepFailed
        The engine does not start, does not answer, or does not write the file.
    """
    step = "Test the wiring"
    with _folder() as folder:
        frames = _shot(folder)
        source, out = frames[0], folder / "result.png"
        with _Engine(step, env, ["--mock", "-"], wait_s, cache=folder / "cache") as engine:
            engine.hello()
            engine.run(_request(str(source)), out)
        if sha256(out) != sha256(source):
            raise StepFailed(step, "the result is not the file that was sent", _REPORT)


def window_trouble(env: Path) -> str:
    """Return why the panel's window cannot open on this system, empty where it can."""
    try:
        done = subprocess.run(
            [str(interpreter(env)), "-c", "import PySide6.QtGui, PySide6.QtWidgets"],
            env=clean_env(), cwd=env.parent, stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", errors="replace", timeout=120, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    last = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (last[-1] if last else f"status {done.returncode}")


def small_edit(
    env: Path, *, recommended: Mapping[str, Any], wait_s: float = 900.0,
    progress: Callable[[int, int], None] | None = None,
) -> Tried:  # fmt: skip
    """Edit nine drawn frames with the embedded model.

    Parameters
    ----------
    env : Path
    recommended : mapping
        The model's numbers from the product's registry.
    wait_s : float
        Longest silence that is accepted.
    progress : callable, (done, total)
        Steps of the edit.

    Raises
    ------
    StepFailed
    """
    step = "Try one small edit"
    with _folder() as folder:
        _shot(folder)
        out = folder / "edited.mov"
        request = _request(str(folder / "frame_%04d.png"), steps=8, **recommended)
        begun = time.monotonic()
        with _Engine(step, env, [], wait_s, cache=folder / "cache") as engine:
            device = str(engine.hello().get("device", {}).get("name", ""))
            result = engine.run(request, out, progress)
        seconds = time.monotonic() - begun
        if result.get("frames") != _FRAMES or sha256(out) != result.get("sha256"):
            raise StepFailed(step, "the engine's result is not what it announced", _REPORT)
        forwards = int(result.get("forwards", 0))
        editing = float(result.get("seconds", {}).get("edit", seconds))
        return Tried(
            frames=_FRAMES,
            forwards=forwards,
            seconds=round(seconds, 2),
            seconds_per_forward=round(editing / forwards, 4) if forwards else 0.0,
            device=device,
        )


_REPORT = "Run `python3 -m installer doctor` and report what it says with the log."


class _Engine:
    """A started engine; leaving the context ends it, whatever happened."""

    def __init__(
        self, step: str, env: Path, arguments: list[str], wait_s: float, *, cache: Path
    ) -> None:
        # A cache of its own: from that of an earlier run it would take the half of the work that
        # it is to prove, and what it leaves there nobody needs.
        self._step = step
        self._wait_s = wait_s
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._last: list[str] = []
        try:
            self._child = subprocess.Popen(
                [str(interpreter(env)), "-m", "flowanchor_engine.worker", *arguments],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                cwd=env.parent, env={**clean_env(), "FLOWANCHOR_CACHE": str(cache)},
                encoding="utf-8", errors="replace",
            )  # fmt: skip
        except OSError as error:
            raise StepFailed(step, f"the engine does not start: {error}", _REPORT) from error
        self._threads = [
            threading.Thread(target=self._hear, daemon=True),
            threading.Thread(target=self._listen, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._send({"v": 1, "id": 99, "type": "shutdown"})
        with contextlib.suppress(OSError, ValueError):
            assert self._child.stdin is not None
            self._child.stdin.close()
        try:
            self._child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for thread in self._threads:
            thread.join(timeout=5)
        for pipe in (self._child.stdout, self._child.stderr):
            if pipe is not None:
                pipe.close()

    def hello(self) -> dict[str, Any]:
        """Open the conversation and return what the engine says of itself."""
        self._send({"v": 1, "id": 1, "type": "hello", "panel": "installer", "protocols": [1]})
        return self._await({"hello"})

    def run(
        self, request: Mapping[str, Any], out: Path,
        progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Run one job to its end and return the result."""
        self._send({"v": 1, "id": 2, "type": "run", "job": "try", "request": dict(request),
                    "out": str(out)})  # fmt: skip
        return self._await({"result"}, progress)

    def _await(
        self, kinds: set[str], progress: Callable[[int, int], None] | None = None
    ) -> dict[str, Any]:
        # Heartbeats say that the engine lives, not that it gets on: they do not count.
        deadline = time.monotonic() + self._wait_s
        while True:
            try:
                line = self._lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            except queue.Empty:
                raise StepFailed(
                    self._step, f"the engine was silent for {self._wait_s:.0f} s", _REPORT
                ) from None
            if line is None:
                status = self._child.wait()
                self._threads[1].join(timeout=15)  # what it said last may still be on its way
                last = "; ".join(self._last[-3:])[:300]
                raise StepFailed(
                    self._step, f"the engine stopped (status {status}): {last}", _REPORT
                )
            try:
                message = json.loads(line)
            except ValueError:
                raise StepFailed(
                    self._step, f"the engine wrote no message: {line[:80]!r}", _REPORT
                ) from None
            kind = message.get("type")
            if kind in kinds:
                return dict(message)
            if kind in {"error", "refused", "cancelled"}:
                reason = message.get("user_message") or message.get("code") or kind
                detail = message.get("detail") or ""
                raise StepFailed(self._step, f"{reason} {detail}"[:400].strip(), _REPORT)
            if kind == "phase":
                deadline = time.monotonic() + self._wait_s
                if progress is not None and message.get("phase") == "edit":
                    progress(int(message.get("done", 0)), int(message.get("total", 0)))

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(message) + "\n")
            self._child.stdin.flush()
        except OSError:
            return  # it has died; reading tells how

    def _hear(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _listen(self) -> None:
        assert self._child.stderr is not None
        for line in self._child.stderr:
            self._last = [*self._last[-20:], line.rstrip()]


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="flowanchor-try-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _request(source: str, *, steps: int | None = None, **method: Any) -> dict[str, Any]:
    numbers = {**method, **({"steps": steps} if steps else {})}
    return {
        "schema": "flowanchor.EditRequest.1",
        "source": {"path": source, "rate": "8/1", "frames": _FRAMES if steps else None},
        "matte": {"shapes": [{"kind": "box", "points": [[0.1, 0.15], [0.55, 0.6]]}]},
        "prompts": {
            "now": "a red circle and a blue square",
            "wanted": "a green circle and a blue square",
        },
        "method": numbers,
        "model": {"id": "demo"},
        "delivery": {"kind": "frame", "codec": "auto"},
        "seed": 4217,
    }


def _shot(folder: Path) -> list[Path]:
    """Draw a red circle that moves past a blue square; return the pictures."""
    paths = []
    for number in range(_FRAMES):
        rows = bytearray()
        for y in range(_SIZE):
            rows.append(0)  # PNG: this row is not filtered
            for x in range(_SIZE):
                red = (x - 26 - number) ** 2 + (y - 34) ** 2 < 13**2
                blue = 58 <= x < 82 and 54 <= y < 78
                rows += b"\xd0\x28\x28" if red else b"\x28\x40\xd0" if blue else b"\xb8\xb8\xb0"
        path = folder / f"frame_{number + 1:04d}.png"
        path.write_bytes(_png(bytes(rows)))
        paths.append(path)
    return paths


def _png(rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")

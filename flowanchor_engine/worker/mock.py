"""An engine without a model: it speaks the same lines and plays a script.

Tests, the panel's 'Test the wiring' and a person who wants to see an error state use the
same one. A script is a JSON list of acts, played for every `run`:

``{"event": {...}}`` sends an event of the running job, `job` and `seq` filled in;
``{"wait_s": 0.2}`` waits, ending early on cancel; ``{"raw": "text"}`` writes a line as it is
(malformed on purpose); ``{"silence_s": 5}`` waits without heartbeats; ``{"exit": 137}``
dies at once with that status; ``{"copy": true}`` writes the job's source file as its
result and announces it.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from flowanchor_engine import protocol
from flowanchor_engine.errors import RequestError
from flowanchor_engine.protocol import LineError
from flowanchor_engine.worker import life
from flowanchor_engine.worker.channel import Channel, lines

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["DEFAULT_SCRIPT", "Mock", "read_script"]

DEFAULT_SCRIPT: Final[list[dict[str, Any]]] = [
    *(
        {"event": {"type": "phase", "phase": name, "done": 1, "total": 1}}
        for name in ("load", "read", "text", "encode")
    ),
    *(
        act
        for done in range(1, 6)
        for act in (
            {"wait_s": 0.1},
            {"event": {"type": "phase", "phase": "edit", "done": done, "total": 5}},
        )
    ),
    {"event": {"type": "phase", "phase": "decode", "done": 1, "total": 1}},
    {"copy": True},
]


def read_script(path: Path) -> list[dict[str, Any]]:
    """Read a script; `-` stands for the built-in one.

    Raises
    ------
    RequestError
        The file is not a JSON list of acts.
    """
    if str(path) == "-":
        return DEFAULT_SCRIPT
    try:
        acts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} is not a readable script.", detail=str(error)) from error
    if not isinstance(acts, list) or not all(isinstance(act, dict) for act in acts):
        raise RequestError(f"{path} does not hold a list of acts.")
    return acts


class Mock:
    """Plays a script on the protocol's lines.

    Parameters
    ----------
    source, out : binary files
    script : list of dict
        Acts, see the module.
    """

    def __init__(self, source: IO[bytes], out: IO[bytes], script: list[dict[str, Any]]) -> None:
        self._source = source
        self._out = out
        self._channel = Channel(out)
        self._script = script
        self._cancelled = threading.Event()
        self._heart = life.Heart(self._channel)
        self._player: threading.Thread | None = None
        self._job: str | None = None

    def serve(self) -> int:
        """Serve until shutdown or the end of stdin; return the exit status."""
        self._heart.start()
        for line in lines(self._source):
            if isinstance(line, LineError) or not self._hear(line):
                if isinstance(line, LineError):
                    self._refuse(line)
                    continue
                break
        self._cancelled.set()
        if self._player is not None:
            self._player.join(timeout=5)
        self._heart.stop()
        return 0

    def _hear(self, line: bytes) -> bool:
        try:
            command = protocol.read_command(line)
        except LineError as error:
            self._refuse(error)
            return True
        match command:
            case protocol.Hello():
                device = protocol.Device(name="mock", kind="cpu", memory_mb=0)
                self._send(
                    protocol.HelloReply(
                        id=command.id,
                        engine="mock",
                        pid=os.getpid(),
                        device=device,
                        features=("mock",),
                    )
                )
            case protocol.Run():
                self._send(protocol.Accepted(id=command.id))
                self._cancelled.clear()
                self._job = command.job
                self._player = threading.Thread(target=self._play, args=(command,), daemon=True)
                self._player.start()
            case protocol.Cancel():
                self._send(protocol.Accepted(id=command.id))
                if command.job == self._job:
                    self._cancelled.set()
            case protocol.Shutdown():
                self._send(protocol.Accepted(id=command.id))
                return False
            case _:
                self._send(protocol.Accepted(id=command.id))
        return True

    def _play(self, command: protocol.Run) -> None:
        seq = 0
        for act in self._script:
            if self._cancelled.is_set():
                self._send(protocol.Cancelled(job=command.job, seq=seq, at="mock"))
                return
            if "wait_s" in act:
                self._cancelled.wait(float(act["wait_s"]))
            elif "silence_s" in act:
                self._heart.stop()
                self._cancelled.wait(float(act["silence_s"]))
                self._heart = life.Heart(self._channel)
                self._heart.start()
            elif "raw" in act:
                self._out.write(str(act["raw"]).encode() + b"\n")
            elif "exit" in act:
                os._exit(int(act["exit"]))
            else:
                fields = act.get("event") or self._copied(command)
                event = {"v": 1, "job": command.job, "seq": seq, **fields}
                self._out.write(json.dumps(event).encode() + b"\n")
                seq += 1

    @staticmethod
    def _copied(command: protocol.Run) -> dict[str, Any]:
        out = Path(command.out)
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = out.with_name(out.name + ".tmp")
        shutil.copyfile(command.request["source"]["path"], temporary)
        temporary.replace(out)
        return {
            "type": "result",
            "path": str(out),
            "recipe": "",
            "sheet": "",
            "frames": int(command.request["source"].get("frames") or 0),
            "width": 0,
            "height": 0,
            "rate": "0/1",
            "sha256": "",
        }

    def _refuse(self, error: LineError) -> None:
        self._send(
            protocol.Refused(code=error.code, user_message=error.user_message, detail=error.detail)
        )

    def _send(self, message: BaseModel) -> None:
        self._channel.send(message)

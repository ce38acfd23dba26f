"""Children that misbehave on purpose, as small Python programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, SignalInstance

from flowanchor_engine.protocol import HelloReply
from plugin.services.child import Child
from plugin.services.launch import Launch, local_engine

T = TypeVar("T")

_GREETING = HelloReply.model_validate(
    {
        "id": 1,
        "engine": "1.0",
        "pid": 1,
        "device": {"name": "d", "kind": "cpu", "memory_mb": 1},
    }
)
GREETING = _GREETING.model_dump(mode="json")

_HEAD = """
import json, os, signal, sys, time
def say(message):
    os.write(1, (message if isinstance(message, str) else json.dumps(message)).encode() + b"\\n")
def hear():
    return json.loads(sys.stdin.readline() or "null")
def stay():
    while sys.stdin.readline():
        pass
greeting = json.loads(%r)
"""


def program(body: str, *, greet: bool = True) -> Launch:
    """Return a child that runs `body`, after a proper handshake unless told otherwise."""
    head = _HEAD % json.dumps(GREETING)
    start = "hear(); say(greeting)\n" if greet else ""
    return Launch(sys.executable, ("-c", head + start + body))


def mock(folder: Path, script: Sequence[Mapping[str, Any]]) -> Launch:
    """Return the product's mock engine with a script of its own."""
    path = folder / "script.json"
    path.write_text(json.dumps(list(script)))
    return local_engine(mock=str(path))


class Ear(QObject):
    """Remembers what a child says."""

    def __init__(self, child: Child) -> None:
        super().__init__()
        self.child = child
        self.order: list[str] = []
        self.greetings: list[Any] = []
        self.events: list[Any] = []
        self.beats: list[Any] = []
        self.errors: list[Any] = []
        self.deaths: list[Any] = []
        self.silences = 0
        self.returns = 0
        child.greeted.connect(self._keep("greeted", self.greetings))
        child.received.connect(self._keep("received", self.events))
        child.beat.connect(self._keep("beat", self.beats))
        child.misunderstood.connect(self._keep("misunderstood", self.errors))
        child.ended.connect(self._keep("ended", self.deaths))
        child.fell_silent.connect(self._silent)
        child.spoke_again.connect(self._again)

    def _keep(self, name: str, where: list[Any]) -> Callable[[object], None]:
        def keep(value: object) -> None:
            self.order.append(name)
            where.append(value)

        return keep

    def _silent(self) -> None:
        self.silences += 1

    def _again(self) -> None:
        self.returns += 1


def signal_of(owner: object, name: str) -> SignalInstance:
    """Return a bound signal for `qtbot.waitSignal`."""
    found = getattr(owner, name)
    assert isinstance(found, SignalInstance)
    return found

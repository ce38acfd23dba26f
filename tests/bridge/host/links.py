"""Links between the bridge and the double: the real Lua agent, the real helper process, or direct.

Every link ends in a `ResolveHost`; what differs is the road. `direct` runs the helper's operations
in this process: the same code as the helper, without the process.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import pytest

from resolve_bridge.agent.mailbox import Mailbox
from resolve_bridge.remote_ops import Operations
from resolve_bridge.resolve_host import ResolveHost
from resolve_bridge.studio import Helper, StudioHost
from resolve_bridge.transport import Hello
from tests.doubles.resolve import MATRIX, VERSIONS, Double, LuaHost, PyRemoteObject

AGENT = Path(__file__).parents[3] / "resolve_bridge" / "agent" / "FlowAnchor.lua"
SPEED = 25.0
"""How much faster the agent's waits pass in a test."""

LONG_S = 60.0
"""How long to wait for an answer that is sure to come, if not at once on a busy computer."""

_ALWAYS = {("agent", "free", "18.5"), ("agent", "free", "21.1"), ("studio", "studio", "21.0.4")}


def roads() -> list[Any]:
    """Every road, edition and version; all but the most telling three are marked slow."""
    found = [("agent", *pair) for pair in MATRIX]
    found += [("studio", "studio", version) for version in VERSIONS]
    return [
        pytest.param(
            *road,
            id="-".join(["agent", *road[1:]] if road[0] == "agent" else ["helper", road[2]]),
            marks=[] if road in _ALWAYS else [pytest.mark.slow],
        )
        for road in found
    ]


@dataclass
class Link:
    """A host, the double behind it, and the agent's Lua where there is one."""

    host: ResolveHost
    double: Double
    work: Path
    lua: LuaHost | None = None
    mailbox: Path | None = None


class Direct:
    """Transport without a road: the helper's operations on the double's Python face."""

    name = "direct"

    def __init__(self, double: Double) -> None:
        self.operations = Operations(double.resolve)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.waiting: list[str] = []

    def connect(self, *, timeout_s: float = 1.0) -> Hello:
        answer = self.operations.answer({"op": "hello"})
        return Hello.from_answer(answer["v"])

    def request(
        self, operation: str, payload: Mapping[str, Any], *, timeout_s: float
    ) -> dict[str, Any]:
        self.asked.append((operation, payload))
        return self.operations.answer({**payload, "op": operation})

    def picks(self) -> tuple[str, ...]:
        taken, self.waiting = tuple(self.waiting), []
        return taken

    def close(self) -> None:
        pass


@contextlib.contextmanager
def direct_link(double: Double, tmp: Path) -> Iterator[Link]:
    host = ResolveHost(Direct(double), tmp / "work")
    host.connect()
    yield Link(host, double, tmp / "work")
    host.close()


@contextlib.contextmanager
def agent_link(
    double: Double, tmp: Path, *, connect: bool = True, page_bytes: int | None = None
) -> Iterator[Link]:
    box = tmp / "mailbox"
    transport = Mailbox(
        box,
        preferences=[double.prefs_path],
        alive=lambda pid: pid == double.pid and not double.dead,
        page_bytes=page_bytes,
        # Time runs faster inside: what is fresh here must not be stale there.
        clock=lambda: double.clock.now() + 2 * LONG_S * SPEED,
        farewell_s=LONG_S / 2,
    )
    host = ResolveHost(transport, tmp / "work")
    lua = double.lua_runtime(environment={"FLOWANCHOR_MAILBOX": str(box)})
    lua.start(AGENT)
    try:
        if connect:
            host.connect(timeout_s=LONG_S)
        yield Link(host, double, tmp / "work", lua, box)
        host.close()
        if not double.dead:
            lua.join()
    finally:
        if lua.running:
            double.release()
            lua.stop()
    assert lua.error is None or double.dead


# The helper process, and the double it talks to in this one ---------------------------------------

_MODULE = """\
import os
from multiprocessing.connection import Client

host, port, key = os.environ["FLOWANCHOR_DOUBLE"].split(" ")
_line = Client((host, int(port)), authkey=key.encode())


class PyRemoteObject:
    __slots__ = ("_number",)

    def __init__(self, number):
        object.__setattr__(self, "_number", number)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        kind, value = _ask("get", self._number, name)
        if kind == "method":
            return lambda *args: _open(_ask("call", self._number, name, *map(_close, args)))
        return _open((kind, value))

    def __setattr__(self, name, value):
        _ask("set", self._number, name, _close(value))


def _ask(*question):
    _line.send(question)
    answer = _line.recv()
    if answer[0] == "error":
        raise RuntimeError(answer[1])
    return answer


def _open(answer):
    kind, value = answer
    if kind == "object":
        return PyRemoteObject(value)
    if kind == "list":
        return [_open(each) for each in value]
    if kind == "dict":
        return {key: _open(each) for key, each in value.items()}
    return value


def _close(value):
    if isinstance(value, PyRemoteObject):
        return ("object", value._number)
    if isinstance(value, (list, tuple)):
        return ("list", [_close(each) for each in value])
    if isinstance(value, dict):
        return ("dict", {key: _close(each) for key, each in value.items()})
    return ("plain", value)


def scriptapp(name):
    return _open(_ask("app", name))
"""


@dataclass
class _Server:
    """Serves the double's Python face to helper processes."""

    double: Double
    objects: dict[int, PyRemoteObject] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    over: bool = False

    def pack(self, value: Any) -> tuple[str, Any]:
        if isinstance(value, PyRemoteObject):
            number = next(self.numbers)  # an earlier helper's call may still be in here
            self.objects[number] = value
            return "object", number
        if isinstance(value, (list, tuple)):
            return "list", [self.pack(each) for each in value]
        if isinstance(value, dict):
            return "dict", {key: self.pack(each) for key, each in value.items()}
        return "plain", value

    def unpack(self, packed: tuple[str, Any]) -> Any:
        kind, value = packed
        if kind == "object":
            return self.objects[value]
        if kind == "list":
            return [self.unpack(each) for each in value]
        if kind == "dict":
            return {key: self.unpack(each) for key, each in value.items()}
        return value

    def answer(self, question: tuple[Any, ...]) -> tuple[str, Any]:
        what, *rest = question
        if what == "app":
            return self.pack(self.double.scriptapp(rest[0]))
        target = self.objects[rest[0]]
        if what == "set":
            setattr(target, rest[1], self.unpack(rest[2]))
            return "plain", None
        found = getattr(target, rest[1])
        if what == "get":
            method = callable(found) and not isinstance(found, PyRemoteObject)
            return ("method", None) if method else self.pack(found)
        return self.pack(found(*[self.unpack(each) for each in rest[2:]]))

    def talk(self, line: Connection[Any, Any]) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                question = line.recv()
                try:
                    answer = self.answer(question)
                except Exception as error:  # noqa: BLE001 - what a remote object raises, the child raises
                    answer = ("error", f"{type(error).__name__}: {error}")
                line.send(answer)
        line.close()

    def serve(self, listener: Listener) -> None:
        while not self.over:
            try:
                line = listener.accept()
            except (OSError, EOFError, AuthenticationError):
                continue  # a helper that died while it called, or the end
            threading.Thread(target=self.talk, args=(line,), daemon=True).start()


@contextlib.contextmanager
def helper_for(
    double: Double, tmp: Path, *, module: str = _MODULE, **options: Any
) -> Iterator[Helper]:
    """A helper whose `DaVinciResolveScript` speaks to the double in this process."""
    modules = tmp / "api" / "Modules"
    modules.mkdir(parents=True, exist_ok=True)
    (modules / "DaVinciResolveScript.py").write_text(module)
    listener = Listener(("127.0.0.1", 0), authkey=b"double")
    server = _Server(double)
    serving = threading.Thread(target=server.serve, args=(listener,), daemon=True)
    serving.start()
    address, port = listener.address  # type: ignore[misc]
    env = {"FLOWANCHOR_DOUBLE": f"{address} {port} double", **options.pop("env", {})}
    helper = Helper(api=tmp / "api", library=tmp / "none.so", env=env, **options)
    try:
        yield helper
    finally:
        double.release()
        helper.close()
        # Woken before its socket goes: an accept that is still under way may wake up on the next
        # listener, which has got the same number, and answer for this double there.
        server.over = True
        socket.create_connection((address, port)).close()
        serving.join()
        listener.close()


@contextlib.contextmanager
def studio_link(double: Double, tmp: Path, *, connect: bool = True) -> Iterator[Link]:
    with helper_for(double, tmp) as helper:
        host = StudioHost(tmp / "work", helper=helper)
        if connect:
            host.connect(timeout_s=LONG_S)
        yield Link(host, double, tmp / "work")
        host.close()

"""A Resolve with the real agent in LuaJIT, and the real service with its real child beside it.

The double lives in the test's process. A sleeping program with a name of its own stands for
Resolve's process: the child finds it in the list of processes, and its death is Resolve's.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from plugin.services.host import HostService, host_child
from resolve_bridge.shot import Shot
from tests.doubles.resolve import Double, LuaHost, difference
from tests.doubles.resolve.clock import Clock

AGENT = Path(__file__).parents[3] / "resolve_bridge" / "agent" / "FlowAnchor.lua"
QUICK = 25.0


class Hasty(Clock):
    """The machine's own time, as the child reads it too, but waits are shorter."""

    def now(self) -> float:
        return time.time() + self._skipped

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds) / QUICK)


class World:
    """One computer: Resolve, its agent, and the panel's service."""

    def __init__(self, tmp: Path, edition: str, version: str, **options: Any) -> None:
        self.tmp = tmp
        self.name = f"resolve-{secrets.token_hex(3)}"
        self.box = tmp / "mailbox"
        self.double = Double(edition, version, home=tmp / "home", **options)
        self.double.clock = Hasty()
        self.process: subprocess.Popen[bytes] | None = None
        self.agents: list[LuaHost] = []
        self.options: list[str] = []
        self.variables: dict[str, str] = {}
        self.made: HostService | None = None
        self.film: Any = None
        self.cut: Any = None

    # Resolve --------------------------------------------------------------------------------

    def open_resolve(self) -> None:
        """Start Resolve's process."""
        program = self.tmp / self.name
        if not program.exists():
            shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
        self.process = subprocess.Popen([str(program), "900"])
        self.double.pid = self.process.pid
        self.double.dead = False

    def click(self) -> LuaHost:
        """Workspace > Scripts > FlowAnchor."""
        lua = self.double.lua_runtime(environment={"FLOWANCHOR_MAILBOX": str(self.box)})
        lua.start(AGENT)
        self.agents.append(lua)
        return lua

    def close_resolve(self) -> None:
        """End Resolve's process and everything in it."""
        # First the process: whoever hears a dying agent's last words asks whether there is one.
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.double.die()
        self.double.release()
        for lua in self.agents:
            if lua.running:
                lua.stop()
        self.agents.clear()

    def reopen_resolve(self) -> None:
        """Start it again: the project is as it was saved."""
        self.double.modal = None
        self.open_resolve()
        self.double.data.clear()

    def clip(self, item_id: str) -> Any:
        """An item of the open timeline by its id."""
        timeline = self.double.timeline
        assert timeline is not None
        found = [i for t in timeline.tracks["video"] for i in t.items if i.id == item_id]
        return found[0]

    def pick(self, item: Any, tool: str) -> None:
        """On the Fusion page: right-click a node > Script > FlowAnchor."""
        with self.double.lua_runtime(tool=(self.double.comp_handle(item), tool)) as door:
            door.run_file(AGENT.with_name("FlowAnchorTool.lua"))

    # The panel ------------------------------------------------------------------------------

    def service(self) -> HostService:
        """Start the panel's service."""
        arguments = ("--mailbox", str(self.box), "--preferences", str(self.double.prefs_path))
        launch = host_child(
            self.tmp / "host", *arguments, "--resolve-name", self.name, *self.options
        ).with_variables(**self.variables)
        self.made = HostService(launch)
        self.made.start()
        return self.made

    def changed(self, before: dict[str, Any]) -> list[str]:
        """What differs from before, less the agent's scratch and the number of saves."""
        return [
            line
            for line in difference(before, self.double.state())
            if not line.startswith(("prefs", "data")) and ".saves:" not in line
        ]

    def close(self) -> None:
        """End everything, the panel first."""
        if self.made is not None:
            self.made.close()
        self.close_resolve()


def film(world: World, size: tuple[int, int] = (128, 72)) -> Any:
    """A cut with neighbours and a clip of twelve frames under the playhead; returns the clip."""
    made = world.double.build("Film", rate="24", size=size)
    first = made.video("A012_C004.mov", frames_count=40)
    second = made.video("B002.mov", frames_count=40)
    cut = made.timeline("Cut", start="01:00:00:00", video=2)
    cut.put(second, at=0, left=2, frames_count=10)
    item = cut.put(first, at=10, left=5, frames_count=12)
    cut.put(second, at=22, left=20, frames_count=10)
    cut.playhead(14)
    world.film, world.cut = made, cut
    return item


class Reply:
    """Takes the one answer of a call."""

    def __init__(self, qtbot: Any) -> None:
        self._qtbot = qtbot
        self.values: list[Any] = []
        self.errors: list[tuple[str, str, tuple[str, ...]]] = []
        self.steps: list[tuple[str, int, int]] = []

    def done(self, value: Any) -> None:
        self.values.append(value)

    def error(self, code: str, sentence: str, hint: tuple[str, ...]) -> None:
        self.errors.append((code, sentence, hint))

    def progress(self, phase: str, done: int, total: int) -> None:
        self.steps.append((phase, done, total))

    @property
    def over(self) -> bool:
        return bool(self.values or self.errors)

    def wait(self, seconds: float = 90) -> Any:
        """The value; fails with the sentence of an error."""
        self._qtbot.waitUntil(lambda: self.over, timeout=round(seconds * 1000))
        assert not self.errors, self.errors
        assert len(self.values) == 1
        return self.values[0]

    def fail(self, seconds: float = 90) -> tuple[str, str, tuple[str, ...]]:
        """The error."""
        self._qtbot.waitUntil(lambda: self.over, timeout=round(seconds * 1000))
        assert not self.values, self.values
        assert len(self.errors) == 1
        return self.errors[0]


Ask = Callable[..., Any]


def asker(qtbot: Any) -> Ask:
    """Return ``ask(method, *args, **options)``, which waits for the value."""

    def ask(method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        reply = Reply(qtbot)
        method(*args, reply.done, reply.error, **options)
        return reply.wait()

    return ask


def children_of(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def ready(world: World, qtbot: Any, seconds: float = 90) -> HostService:
    """Start the service and wait for the link."""
    service = world.made or world.service()
    qtbot.waitUntil(lambda: service.state.value.kind == "ready", timeout=round(seconds * 1000))
    return service


def same(one: Shot, other: Shot) -> bool:
    return one.fingerprint() == other.fingerprint()

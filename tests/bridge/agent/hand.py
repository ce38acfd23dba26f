"""A small film, the agent's Lua, and requests written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from resolve_bridge.agent import lua_text
from resolve_bridge.agent.places import private_folder
from tests.bridge.host.links import SPEED
from tests.doubles.resolve import Double, LuaHost


def film(edition: str, version: str, tmp: Path, **options: Any) -> tuple[Double, Any, Any]:
    double = Double(edition, version, home=tmp / "home", **{"speed": SPEED, **options})
    project = double.build("Film", rate="24", size=(64, 36))
    clip = project.video("A001.mov", frames_count=48)
    cut = project.timeline("Cut", start="01:00:00:00", video=2)
    item = cut.put(clip, at=10, left=5, frames_count=12)
    cut.playhead(12)
    return double, cut, item


def lua_of(double: Double, box: Path) -> LuaHost:
    return double.lua_runtime(environment={"FLOWANCHOR_MAILBOX": str(box)})


class Hand:
    """Writes requests by hand."""

    def __init__(self, box: Path, double: Double) -> None:
        self.box = private_folder(box)
        self.double = double
        self.token = "a" * 64
        self.number = 0
        self.write("session.lua", {"protocol": 1, "token": self.token, "panel": 1})

    def write(self, name: str, value: dict[str, Any]) -> None:
        (self.box / name).write_bytes(lua_text.chunk(value))

    def ask(self, **changes: Any) -> str:
        self.number += 1
        request = {
            "token": self.token,
            "id": f"{self.number:032x}",
            "seq": self.number,
            "expires": int(self.double.clock.now()) + 30,
            "op": "ping",
            **changes,
        }
        self.write("request.lua", request)
        return str(request["id"])

    def answered(self, lua: LuaHost, identity: str) -> bool:
        lua.step(8)
        return any(self.box.glob(f"reply-{identity}.*"))

    def drop(self, identity: str) -> None:
        for path in self.box.glob(f"reply-{identity}.*"):
            path.unlink()

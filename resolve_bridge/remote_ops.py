"""The agent's operations in Python, for Resolve Studio's external scripting.

The same requests and the same answers as ``FlowAnchor.lua``; both are held to one test-suite.
Runs inside the disposable helper process, possibly under an interpreter that Resolve chose, so it
is standard library only and imports nothing but the allow-list.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from resolve_bridge.allowed import MAX_EACH, MAX_STEPS, METHODS, OPERATIONS

VERSION = "1.0.0"
PROTOCOL = 1
_WITH_ID = frozenset({"project", "timeline", "item", "media", "folder"})
_PLAIN = (bool, int, float, str, type(None))


class _StaleError(Exception):
    """A handle from before the last reset."""


class Operations:
    """Answers requests over live Resolve objects.

    Parameters
    ----------
    resolve : object
        What ``scriptapp("Resolve")`` gave.
    pid : int or None
        Process id of Resolve where it is known.
    """

    def __init__(self, resolve: Any, *, pid: int | None = None) -> None:
        self._resolve = resolve
        self._pid = pid
        self._objects: dict[str, tuple[str, Any]] = {}
        self._generation = 0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return ``{"ok": True, "v": value}`` or ``{"ok": False, "e": text}``."""
        operation = request.get("op")
        handlers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "hello": self._hello,
            "ping": lambda _request: True,
            "calls": self._calls,
            "saver": self._saver,
            "stop": lambda _request: True,
        }
        handler = handlers.get(str(operation))
        if handler is None:
            return {"ok": False, "e": f"not allowed: {operation}"}
        try:
            return {"ok": True, "v": handler(request)}
        except Exception as error:  # noqa: BLE001 - the boundary: a call into Resolve raises anything
            return {"ok": False, "e": f"{type(error).__name__}: {error}"}

    def _hello(self, _request: dict[str, Any]) -> dict[str, Any]:
        return {
            "agent": f"helper-{id(self):x}",
            "version": VERSION,
            "protocol": PROTOCOL,
            "channel": "helper",
            "started": 0,
            "pid": self._pid,
            "product": self._resolve.GetProductName(),
            "resolve": plain(self._resolve.GetVersion(), "list"),
            "operations": [name for name in OPERATIONS if name not in ("page", "watch")],
            "can": {"io": True, "execute": True, "fusion": True},
        }

    # Calls -----------------------------------------------------------------------------------

    def _calls(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        steps = request.get("steps")
        if not isinstance(steps, list) or len(steps) > MAX_STEPS:
            raise ValueError("too many steps")
        if request.get("reset"):
            self._objects = {}
            self._generation += 1
        answers: list[dict[str, Any]] = []
        for step in steps:
            answers.append(self._step(step, answers))
        return [{"l": each["l"]} if "l" in each else each for each in answers]

    def _step(self, step: dict[str, Any], answers: list[dict[str, Any]]) -> dict[str, Any]:
        try:
            args = [self._argument(value) for value in step.get("args") or []]
        except _StaleError as error:
            return {"e": str(error)}
        args += [None] * (int(step.get("n") or len(args)) - len(args))
        on, method = step.get("on"), str(step.get("call"))
        if isinstance(on, int):
            value = answers[on - 1].get("v") if 0 < on <= len(answers) else None
            if isinstance(value, list):
                made = [self._on_reference(each, method, args) for each in value]
                return {"l": made, "v": [each.get("v") for each in made]}
            return self._on_reference(value, method, args)
        if isinstance(on, str) and on.replace(".", "").isdigit():
            return self._on_reference({"$": on}, method, args)
        try:
            kind, target = self._root(str(on))
        except Exception as error:  # noqa: BLE001 - a dead Resolve raises anything here
            return {"e": str(error)}
        return self._call(kind, target, method, args)

    def _on_reference(self, value: Any, method: str, args: list[Any]) -> dict[str, Any]:
        handle = value.get("$") if isinstance(value, dict) else None
        entry = self._objects.get(str(handle))
        if handle is None:
            return {"e": "nothing to call on"}
        if entry is None:
            return {"e": f"stale handle {handle}"}
        return self._call(entry[0], entry[1], method, args)

    def _call(self, kind: str, target: Any, method: str, args: list[Any]) -> dict[str, Any]:
        shape = METHODS.get(kind, {}).get(method)
        if shape is None:
            return {"e": f"not allowed: {kind}.{method}"}
        if target is None:
            return {"e": f"no {kind}"}
        try:
            function = getattr(target, method, None)
            # Every attribute "exists" on a remote object; only callable() tells.
            if not callable(function):
                return {"m": True}
            return {"v": self._shaped(shape, function(*args))}
        except Exception as error:  # noqa: BLE001 - a call into Resolve raises anything
            return {"e": f"{type(error).__name__}: {error}"}

    def _root(self, name: str) -> tuple[str, Any]:
        if name == "resolve":
            return name, self._resolve
        manager = _step(self._resolve, "GetProjectManager")
        if name == "manager":
            return name, manager
        project = _step(manager, "GetCurrentProject")
        if name == "project":
            return name, project
        if name == "pool":
            return name, _step(project, "GetMediaPool")
        if name == "timeline":
            return name, _step(project, "GetCurrentTimeline")
        raise ValueError(f"not allowed: {name}")

    def _argument(self, value: Any) -> Any:
        if isinstance(value, dict):
            if "$" in value:
                entry = self._objects.get(str(value["$"]))
                if entry is None:
                    raise _StaleError(f"stale handle {value['$']}")
                return entry[1]
            return {key: self._argument(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._argument(item) for item in value]
        return value

    def _keep(self, kind: str, target: Any) -> dict[str, Any] | None:
        if target is None or isinstance(target, _PLAIN):
            return None
        handle = f"{self._generation}.{len(self._objects) + 1}"
        self._objects[handle] = (kind, target)
        identity: str | None = None
        getter = getattr(target, "GetUniqueId", None) if kind in _WITH_ID else None
        if callable(getter):
            try:
                found = getter()
            except Exception:  # noqa: BLE001 - a stale object raises anything; it simply has no id
                found = None
            identity = found if isinstance(found, str) else None
        return {"$": handle, "k": kind, "id": identity}

    def _shaped(self, shape: str, value: Any) -> Any:
        if shape in ("", "map", "list"):
            if isinstance(value, dict) and "mediaPoolItem" in value:
                value = {**value, "mediaPoolItem": self._keep("media", value["mediaPoolItem"])}
            return plain(value, shape)
        if not shape.endswith("*"):
            return self._keep(shape, value)
        if isinstance(value, dict):  # the old GetXInY answers {1.0: object, ...}
            value = [value[key] for key in sorted(value)]
        if not isinstance(value, (list, tuple)):
            return None
        return [self._keep(shape[:-1], member) for member in value[:MAX_EACH]]

    # Saver -----------------------------------------------------------------------------------

    def _saver(self, request: dict[str, Any]) -> dict[str, Any]:
        kind, item = self._objects.get(str(request.get("item")), ("", None))
        if kind != "item":
            raise _StaleError("stale handle")
        comp = item.GetFusionCompByIndex(request["comp"])
        if comp is None:
            return {"problem": "no comp"}
        mask = comp.FindTool(request["tool"])
        if mask is None:
            return {"problem": "no tool"}
        added: list[Any] = []
        problem: str | None = None
        comp.StartUndo("FlowAnchor matte")
        try:
            paper = comp.AddTool("Background", 1, 40)
            added.append(paper)
            saver = comp.AddTool("Saver", 2, 40)
            added.append(saver)
            for key in ("TopLeftRed", "TopLeftGreen", "TopLeftBlue", "TopLeftAlpha"):
                paper.SetInput(key, 1)
            paper.SetInput("UseFrameFormatSettings", 0)
            paper.SetInput("Width", request["width"])
            paper.SetInput("Height", request["height"])
            paper.EffectMask = mask
            # The settings table is for Lua alone; Python assigns the file name.
            saver.Clip = request["path"]
            saver.SetInput("OutputFormat", "PNGFormat")
            saver.SetInput("SaveAlphaToColor", 1)
            saver.SetInput("Input", paper)
            settings = {
                "Start": request["first"],
                "End": request["last"],
                "Tool": saver,
                "Wait": True,
            }
            if not comp.Render(settings):
                problem = "render refused"
        except Exception as error:  # noqa: BLE001 - a call into Fusion raises anything
            problem = f"{type(error).__name__}: {error}"
        for tool in reversed(added):
            if tool is not None:
                tool.Delete()
        comp.EndUndo(False)
        return {"problem": problem}


def _step(target: Any, method: str) -> Any:
    """Follow one getter; under a dialog everything answers False, which is no object."""
    function = getattr(target, method, None) if target is not None else None
    found = function() if callable(function) else None
    return None if isinstance(found, _PLAIN) else found


def plain(value: Any, shape: str = "") -> Any:
    """Return `value` as what the mailbox would deliver after JSON."""
    if isinstance(value, dict):
        pairs = {_key(key): plain(item) for key, item in value.items() if key != "__flags"}
        if shape == "list":
            return [pairs[key] for key in sorted(pairs, key=float)] if _counted(pairs) else pairs
        return pairs
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() else value
    return value if isinstance(value, _PLAIN) else None


def _key(key: Any) -> str:
    if isinstance(key, float) and key.is_integer():
        return str(int(key))
    return str(key)


def _counted(pairs: dict[str, Any]) -> bool:
    return all(key.isdigit() for key in pairs)

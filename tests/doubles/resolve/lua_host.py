"""LuaJIT inside the double: the agent's home.

A :class:`LuaHost` is a lupa runtime with the globals of one edition and version. Scripts run in
their own thread; ``bmd.wait`` is where they let go, so a test can run the loop of an agent freely
(:meth:`LuaHost.start`), step by step (:meth:`LuaHost.step`) or with its own work done inside
every wait (``on_wait``).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import lupa.luajit21 as lupa

from tests.doubles.resolve import dispatch
from tests.doubles.resolve.faults import AgentStoppedError

if TYPE_CHECKING:
    from tests.doubles.resolve.double import Double

PRELUDE = Path(__file__).with_name("lua_prelude.lua").read_text(encoding="utf-8")
FLAGS = 2097152
"""What Resolve puts into every table it gives to Lua, under ``__flags``."""


class LuaHost:
    """One Lua state of Resolve; two clicks on a menu entry are two of these."""

    def __init__(
        self,
        double: Double,
        *,
        door: str = "utility",
        comp: dispatch.Handle | None = None,
        tool: dispatch.Handle | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.double = double
        self.door = door
        self.environment = {**os.environ, "HOME": str(double.home), **(environment or {})}
        self.on_wait: Callable[[float], None] | None = None
        self.printed: list[str] = []
        self.waits = 0
        self.error: BaseException | None = None
        self.result: Any = None
        self._wrap: Any = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._stepped = False
        self._go = threading.Semaphore(0)
        self._rested = threading.Semaphore(0)
        self.runtime = lupa.LuaRuntime(
            register_eval=False, register_builtins=False, unpack_returned_tuples=False
        )
        load = self.runtime.eval("function(text, host) return assert(loadstring(text))(host) end")
        load(PRELUDE, self._table_of_host(comp, tool))

    # What a test uses ----
    def execute(self, text: str, *args: Any) -> Any:
        """Run a piece of Lua here and now, and give its first value."""
        return self.runtime.execute(text, *args)

    def eval(self, text: str) -> Any:
        return self.runtime.eval(text)

    def globals(self) -> set[str]:
        return {str(name) for name in self.runtime.globals()}

    def run_file(self, path: Path | str) -> Any:
        """Run a script file to its end in this thread."""
        chunk = self.runtime.eval("function(p) return assert(loadfile(p))() end")
        return chunk(str(path))

    def start(self, path: Path | str, *, stepped: bool = False) -> LuaHost:
        """Click the menu entry: run a script file in its own thread."""
        self._stepped = stepped
        self._ended.clear()
        self._thread = threading.Thread(target=self._body, args=(path,), daemon=True)
        self._thread.start()
        if stepped:
            self._rest()
        return self

    @property
    def running(self) -> bool:
        # A thread counts as alive for a moment after it has told that its script has ended.
        return self._thread is not None and self._thread.is_alive() and not self._ended.is_set()

    def step(self, count: int = 1) -> bool:
        """Let a stepped script run from its wait to the next; False when it has ended."""
        for _ in range(count):
            if not self.running:
                return False
            self._go.release()
            self._rest()
        return self.running

    def stop(self, timeout: float = 60.0) -> None:
        """End the script at its next wait or call, and join its thread."""
        self._stop.set()
        self._go.release()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise TimeoutError("the script neither waits nor calls Resolve: it cannot stop")

    def join(self, timeout: float = 60.0) -> Any:
        """Wait for the script to end by itself; raise what it raised."""
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                raise TimeoutError("the script is still running")
        if self.error is not None:
            raise self.error
        return self.result

    def __enter__(self) -> LuaHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # The thread ----
    def _body(self, path: Path | str) -> None:
        try:
            if self._stepped:
                self._pause()
            self.result = self.run_file(path)
        except AgentStoppedError:
            pass
        except BaseException as problem:  # noqa: BLE001 - handed to the test by join()
            self.error = problem
        finally:
            self._ended.set()
            self._rested.release()

    def _rest(self) -> None:
        if not self._rested.acquire(timeout=60):
            raise TimeoutError("the script did not come to a wait within 60 s")

    def _pause(self) -> None:
        self._rested.release()
        self._go.acquire()

    def _alive(self) -> None:
        if self._stop.is_set() or self.double.dead:
            raise AgentStoppedError

    # What Lua sees ----
    def _wait(self, seconds: float) -> None:
        self._alive()
        self.waits += 1
        self.double.tick()
        if self.on_wait is not None:
            self.on_wait(seconds)
        if self._stepped and self._thread is threading.current_thread():
            self.double.clock.skip(seconds)
            self._pause()
        else:
            self.double.clock.sleep(seconds)
        self._alive()

    def _lookup(self, handle: dispatch.Handle, key: Any) -> Any:
        self._alive()
        with self.double.lock:
            if isinstance(key, (int, float)):
                return self._pair("value", self._to_lua(handle.get_item(key)))
            if handle.has_method(key):
                return self._pair("method", None)
            known, value = handle.value(key)
            if known:
                return self._pair("value", self._to_lua(value))
            return self._pair("method" if self.double.faults.fabricated else "nil", None)

    def _pair(self, kind: str, value: Any) -> Any:
        return self.runtime.table_from({1: kind, 2: value})

    def _invoke(self, handle: dispatch.Handle, key: str, count: int, packed: Any) -> Any:
        self._alive()
        args = tuple(self._from_lua(packed[index + 1]) for index in range(count))
        result = dispatch.invoke(handle, key, args, "lua")
        self._alive()
        return self._to_lua(result)

    def _assign(self, handle: dispatch.Handle, key: Any, value: Any) -> None:
        self._alive()
        if isinstance(key, str):
            handle.assign(key, self._from_lua(value))
        else:
            handle.set_item(key, self._from_lua(value))

    def _to_lua(self, value: Any) -> Any:
        if isinstance(value, dispatch.Handle):
            return self._wrap(value)
        if isinstance(value, (list, tuple)):
            items = {index: self._to_lua(item) for index, item in enumerate(value, 1)}
            return self.runtime.table_from(items | {"__flags": FLAGS})
        if isinstance(value, dict):
            items = {key: self._to_lua(item) for key, item in value.items()}
            return self.runtime.table_from(items | {"__flags": FLAGS})
        return value

    def _from_lua(self, value: Any) -> Any:
        if lupa.lua_type(value) != "table":
            return value
        items = {key: self._from_lua(item) for key, item in value.items()}
        if set(items) == set(range(1, len(items) + 1)):
            return [items[index] for index in range(1, len(items) + 1)]
        return items

    def _table_of_host(self, comp: dispatch.Handle | None, tool: dispatch.Handle | None) -> Any:
        double = self.double
        full = not double.sandboxed
        platform = double.platform
        seen = SimpleNamespace(
            full=full,
            ffi_in_console=double.sandboxed and self.door == "console",
            ffi_os={"windows": "Windows", "mac": "OSX"}.get(platform, "Linux"),
            script=f"{self.door}.lua",
            lookup=self._lookup,
            invoke=self._invoke,
            assign=self._assign,
            describe=repr,
            set_wrap=lambda wrap: setattr(self, "_wrap", wrap),
            wait=self._wait,
            now=double.clock.now,
            clock=double.clock.now,
            time=lambda: int(double.clock.now()),
            pid=lambda: double.pid,
            getenv=self.environment.get,
            tmpname=lambda: tempfile.mktemp(prefix="lua_", dir=double.temp),
            print=self._print,
            fileexists=lambda path: double.files.exists(path),
            openable=self._openable,
            resolve=lambda: self._to_lua(double.app()),
            fusion=lambda: self._to_lua(double.fusion_app()),
            headless=lambda: None,
            comp=lambda: self._to_lua(comp),
            tool=lambda: self._to_lua(tool),
            direxists=lambda path: double.files.is_dir(path),
            createdir=lambda path: double.files.make_dir(path),
            readdir=self._readdir,
            readtext=double.files.read_text,
            writetext=double.files.write_text,
            uuid=lambda: str(uuid.uuid4()),
            currentdir=lambda: str(double.home),
            scriptapp=lambda name: self._to_lua(double.app()) if name == "Resolve" else None,
            spawn=self._spawn,
            remove=double.files.remove,
            rename=double.files.rename,
            openfile=self._openfile,
        )
        return self.runtime.table_from(vars(seen))

    def _print(self, text: str) -> None:
        if not self.double.sandboxed:
            self.printed.append(text)

    def _spawn(self, how: str, command: Any) -> int:
        self.double.spawned.append((how, str(command)))
        return 0

    def _openable(self, path: Any) -> str | None:
        """Give a readable file's real path; Windows LuaJIT cannot open a non-ASCII one."""
        if not isinstance(path, str) or (self.double.platform == "windows" and not path.isascii()):
            return None
        real = self.double.files.real(path)
        return str(real) if real.is_file() else None

    def _openfile(self, path: str, mode: str) -> str | None:
        if "w" not in mode and "a" not in mode:
            return self._openable(path)
        if self.double.platform == "windows" and not path.isascii():
            return None
        with contextlib.suppress(OSError):
            self.double.files.check_writable(path)
            return str(self.double.files.real(path))
        return None

    def _readdir(self, pattern: str) -> Any:
        path = self.double.files.real(pattern)
        entries = sorted(path.parent.glob(path.name)) if path.parent.is_dir() else []
        return self._to_lua(
            [{"Name": e.name, "IsDir": e.is_dir(), "Size": e.stat().st_size} for e in entries]
        )

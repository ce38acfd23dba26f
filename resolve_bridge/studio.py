"""Resolve Studio through external scripting, in a helper process that may die.

Resolve's library can hang without limit under a dialog and can take its process down beyond any
`except`. So it lives in a child: killed on time-out, buried on a crash, started again on the next
question. What this process knows are identities, which survive.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from resolve_bridge.errors.link import (
    HostSilentError,
    ProtocolError,
    StudioCrashedError,
    StudioMissingError,
)
from resolve_bridge.probe import Probe, probe
from resolve_bridge.resolve_host import ResolveHost
from resolve_bridge.transport import Hello

__all__ = ["Helper", "StudioHost", "helper_environment", "interpreters", "script_places"]

_HELPER = Path(__file__).with_name("studio_helper.py")
_PRODUCT = Path("Blackmagic Design") / "DaVinci Resolve"
_LATE_S = 0.25
_SCRUBBED = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONEXECUTABLE",
    "__PYVENV_LAUNCHER__",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
)
_CRASHES = {
    0xC0000005: "access violation 0xC0000005",
    0xC0000005 - (1 << 32): "access violation 0xC0000005",
    -11: "segmentation fault",
    -6: "abort",
    -7: "bus error",
}


def script_places(
    env: Mapping[str, str] | None = None, platform: str = sys.platform
) -> tuple[Path, Path]:
    """Return where Resolve keeps its scripting API and its library."""
    env = os.environ if env is None else env
    told = env.get("RESOLVE_SCRIPT_API"), env.get("RESOLVE_SCRIPT_LIB")
    if platform == "win32":
        data = Path(env.get("PROGRAMDATA") or r"C:\ProgramData")
        api = data / _PRODUCT / "Support" / "Developer" / "Scripting"
        programs = Path(env.get("PROGRAMFILES") or r"C:\Program Files")
        library = programs / _PRODUCT / "fusionscript.dll"
    elif platform == "darwin":
        api = Path("/Library/Application Support") / _PRODUCT / "Developer" / "Scripting"
        library = Path(
            "/Applications/DaVinci Resolve/DaVinci Resolve.app/Contents/Libraries/Fusion"
            "/fusionscript.so"
        )
    else:
        api = Path("/opt/resolve/Developer/Scripting")
        library = Path("/opt/resolve/libs/Fusion/fusionscript.so")
    return Path(told[0]) if told[0] else api, Path(told[1]) if told[1] else library


def interpreters(platform: str = sys.platform) -> tuple[Path, ...]:
    """Return the Pythons to try: ours, then the one Resolve 21.1 brings along."""
    bundled = {
        "win32": (Path(r"C:\Program Files") / _PRODUCT / "ResolvePython" / "ResolvePython.exe",),
        "linux": (Path("/opt/resolve/ResolvePython"), Path("/opt/resolve/bin/ResolvePython")),
    }.get(platform, ())
    return (Path(sys.executable), *(each for each in bundled if each.is_file()))


def helper_environment(env: Mapping[str, str], api: Path, library: Path) -> dict[str, str]:
    """Return a clean environment: another Python's home would poison the child."""
    clean = {key: value for key, value in env.items() if key not in _SCRUBBED}
    clean["RESOLVE_SCRIPT_API"] = str(api)
    clean["RESOLVE_SCRIPT_LIB"] = str(library)
    clean["PYTHONUTF8"] = "1"
    if sys.platform == "win32":
        # Else the library loads whichever Python the registry names, and may die of it.
        clean["FUSION_PYTHON3_HOME"] = sys.base_prefix
    return clean


class Helper:
    """Transport to Resolve's scripting library in a child process.

    Parameters
    ----------
    api, library : Path or None
        Where the scripting API and its library are; by default where Resolve installs them.
    pythons : sequence of Path or None
        Interpreters to try; a crash moves on to the next.
    env : mapping or None
        The environment to start from.
    """

    name = "helper"

    def __init__(
        self,
        *,
        api: Path | None = None,
        library: Path | None = None,
        pythons: Sequence[Path] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        base = os.environ if env is None else env
        places = script_places(base)
        self._env = helper_environment(base, api or places[0], library or places[1])
        self._pythons = tuple(pythons) if pythons is not None else interpreters()
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._errors: deque[str] = deque(maxlen=40)
        self._number = 0

    def connect(self, *, timeout_s: float = 10.0) -> Hello:
        """Start the helper and ask who is there.

        Raises
        ------
        StudioMissingError
            Resolve is closed, free, or does not accept external scripting.
        StudioCrashedError
            The library took every helper down.
        HostSilentError
            It hangs; the helper was killed.
        """
        crash: StudioCrashedError | None = None
        for python in self._pythons:
            self._bury()
            try:
                self._start(python, max(timeout_s, 5.0))
                answer = self._ask("hello", {}, timeout_s=max(timeout_s, 5.0))
            except StudioCrashedError as error:
                crash = error
                continue
            return Hello.from_answer(answer.get("v") or {})
        raise crash if crash is not None else StudioMissingError(detail="no interpreter")

    def request(
        self, operation: str, payload: Mapping[str, Any], *, timeout_s: float
    ) -> dict[str, Any]:
        """Ask one question; a helper that died or was killed before is started again first."""
        if self._process is None or self._process.poll() is not None:
            self.connect(timeout_s=timeout_s)
        return self._ask(operation, payload, timeout_s=timeout_s)

    def picks(self) -> tuple[str, ...]:
        """Return nothing: the Fusion door speaks to the agent."""
        return ()

    def close(self) -> None:
        """End the helper."""
        self._bury()

    @property
    def pid(self) -> int | None:
        """Process id of the running helper."""
        return self._process.pid if self._process is not None else None

    def _start(self, python: Path, timeout_s: float) -> None:
        self._answers = queue.Queue()
        self._errors = deque(maxlen=40)
        flags = 0x08000000 if sys.platform == "win32" else 0  # CREATE_NO_WINDOW
        try:
            self._process = subprocess.Popen(
                [str(python), "-u", "-B", str(_HELPER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._env,
                text=True,
                encoding="utf-8",
                errors="replace",
                creationflags=flags,
            )
        except OSError as error:
            raise StudioMissingError(detail=repr(error)) from error
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        for target, args in (
            (_pump, (self._process.stdout, self._answers)),
            (_keep, (self._process.stderr, self._errors)),
        ):
            threading.Thread(target=target, args=args, daemon=True).start()
        first = self._line(timeout_s)
        if not first.get("ok"):
            self._bury()
            raise StudioMissingError(detail=str(first.get("e")))

    def _ask(
        self, operation: str, payload: Mapping[str, Any], *, timeout_s: float
    ) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        self._number += 1
        message = {**payload, "op": operation, "id": self._number}
        try:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
        except (OSError, ValueError):
            raise self._dead() from None
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self._line(deadline - time.monotonic())
            if answer.get("id") == self._number:
                return answer

    def _line(self, timeout_s: float) -> dict[str, Any]:
        try:
            try:
                line = self._answers.get(timeout=max(timeout_s, 0.01))
            except queue.Empty:
                # Where this whole process rested, what lies in the pipe has not been read yet.
                line = self._answers.get(timeout=_LATE_S)
        except queue.Empty:
            # It hangs inside Resolve's library: nothing but its end helps.
            self._bury()
            raise HostSilentError(detail=f"helper killed after {timeout_s:.0f} s") from None
        if line is None:
            raise self._dead()
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise ProtocolError(detail=line[:200]) from error
        if not isinstance(answer, dict):
            raise ProtocolError(detail=line[:200])
        return answer

    def _dead(self) -> StudioCrashedError | StudioMissingError:
        process, code = self._process, None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # the system reports a crash first
                code = process.wait(timeout=5)
        self._bury()
        lines = " | ".join(self._errors)
        reason = "no word any more" if code is None else _CRASHES.get(code, f"exit code {code}")
        return StudioCrashedError(reason=reason, detail=lines[-2000:])

    def _bury(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait(timeout=10)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue  # a broken pipe to a dead child is as closed as it gets


def _pump(stream: IO[str], answers: queue.Queue[str | None]) -> None:
    try:
        for line in stream:
            answers.put(line)
    except ValueError:
        pass  # closed while waiting
    answers.put(None)


def _keep(stream: IO[str], lines: deque[str]) -> None:
    try:
        for line in stream:
            lines.append(line.rstrip())
    except ValueError:
        return


class StudioHost(ResolveHost):
    """A Resolve Studio that accepts external scripting.

    Parameters
    ----------
    work : Path
        A private folder for the journal, exported compositions and rendered clips.
    helper : Helper or None
        By default one for this machine's Resolve.
    """

    name = "studio"

    def __init__(self, work: Path, *, helper: Helper | None = None, decode: Probe = probe) -> None:
        super().__init__(helper or Helper(), work, decode=decode)

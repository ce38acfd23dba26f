"""The Python end of the mailbox: one question at a time, as a Lua table in a private folder.

The agent has no way to list a folder, so the names are fixed: ``session.lua`` carries this panel's
token, ``request.lua`` the question. The answer is ``reply-<id>.<agent>``, or, where the sandbox
cannot write files, a value in ``Fusion.prefs``; either begins with ``<id> <page> <pages>``.
Answers carry no secret: the id is the question's own, random each time. Each question tells which
answer was read last, so that what the agent gives once is not lost with one that was given up.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from resolve_bridge.agent import lua_text
from resolve_bridge.agent.places import private_folder
from resolve_bridge.errors.link import (
    HostLostError,
    HostRestartedError,
    HostSilentError,
    LinkOldError,
    MailboxError,
    NoLinkError,
    ProtocolError,
    TwoHostsError,
)
from resolve_bridge.transport import Hello, process_alive

PROTOCOL = 1
MAX_REQUEST_BYTES = 256_000
_POLL_S = 0.004
_PAGE_S = 5.0  # an answer that has begun in time is not given up for its next page
_HEX = frozenset(b"0123456789abcdef")


class _CalledOff(Exception):  # noqa: N818 - no error: the question is taken back
    """Nobody waits for the answer any more."""


def _never() -> bool:
    return False


class Mailbox:
    """Transport to the agent inside Resolve.

    Parameters
    ----------
    folder : Path
        The mailbox; made for this user alone.
    preferences : sequence of Path
        Every ``Fusion.prefs`` in which an answer may appear.
    alive : callable, int -> bool
        Whether a process still runs; asked while waiting.
    page_bytes : int or None
        Ask for smaller pages than the agent would choose.
    clock : callable
        Seconds since the epoch, as Resolve's machine counts them: when a question becomes stale.
    farewell_s : float
        How long `close` waits for the agent to say that it ends.
    """

    name = "mailbox"

    def __init__(
        self,
        folder: Path,
        *,
        preferences: Sequence[Path] = (),
        alive: Callable[[int], bool] = process_alive,
        page_bytes: int | None = None,
        clock: Callable[[], float] = time.time,
        farewell_s: float = 1.0,
    ) -> None:
        self._folder = private_folder(folder)
        self._preferences = tuple(preferences)
        self._alive = alive
        self._page_bytes = page_bytes
        self._clock = clock
        self._farewell_s = farewell_s
        self._token = secrets.token_hex(32)
        self._sequence = 0
        self._hello: Hello | None = None
        self._called_off: Callable[[], bool] = _never
        self._picks: list[str] = []
        self._read_last = ""  # the question whose answer was read last
        self._read: dict[Path, tuple[str, tuple[int, int, int]]] = {}
        for left in self._folder.glob("reply-*"):
            left.unlink(missing_ok=True)
        self._drop("request.lua")
        self._write(
            "session.lua", {"protocol": PROTOCOL, "token": self._token, "panel": os.getpid()}
        )

    def connect(self, *, timeout_s: float = 3.0) -> Hello:
        """Ask who is there.

        Raises
        ------
        NoLinkError
            Nobody answered.
        LinkOldError
            The agent speaks another protocol.
        TwoHostsError
            Two running Resolves answered.
        """
        self._hello = None
        try:
            first = self._exchange("hello", {}, timeout_s=timeout_s, linger_s=0.4)
        except HostSilentError as error:
            raise NoLinkError(detail=error.detail) from error
        answers = {each["agent"]: Hello.from_answer(each["v"]) for each in first}
        running = {h.pid for h in answers.values() if h.pid is not None and self._alive(h.pid)}
        if len(running) > 1:
            raise TwoHostsError(detail=", ".join(sorted(answers)))
        newest = max(answers.values(), key=lambda hello: (hello.started, hello.agent))
        if newest.protocol != PROTOCOL:
            raise LinkOldError(found=newest.version, needed=f"protocol {PROTOCOL}")
        self._hello = newest
        return newest

    def request(
        self, operation: str, payload: Mapping[str, Any], *, timeout_s: float
    ) -> dict[str, Any]:
        """Return the agent's answer: ``{"ok": True, "v": ...}`` or ``{"ok": False, "e": ...}``.

        Raises
        ------
        HostSilentError
            No answer in time although Resolve runs.
        HostLostError
            Resolve's process is gone.
        HostRestartedError
            Another agent answers than the one this session began with.
        """
        if self._hello is None:
            self.connect()
        return self._exchange(operation, payload, timeout_s=timeout_s)[0]

    def wait(
        self,
        operation: str,
        payload: Mapping[str, Any],
        *,
        timeout_s: float,
        called_off: Callable[[], bool],
    ) -> dict[str, Any] | None:
        """Ask what the agent answers when it likes; None once `called_off` says so.

        Raises
        ------
        HostSilentError, HostLostError, HostRestartedError
            As `request`.
        """
        if self._hello is None:
            self.connect()
        self._called_off = called_off
        try:
            return self._exchange(operation, payload, timeout_s=timeout_s)[0]
        except _CalledOff:
            return None
        finally:
            self._called_off = _never

    def picks(self) -> tuple[str, ...]:
        """Return what the Tool door has picked since the last time, oldest first."""
        taken, self._picks = tuple(self._picks), []
        return taken

    def close(self) -> None:
        """Stop the agent's loop and leave an empty mailbox; silence is no error any more."""
        if self._hello is not None:
            with contextlib.suppress(
                HostSilentError, HostLostError, HostRestartedError, ProtocolError
            ):
                self._exchange("stop", {}, timeout_s=self._farewell_s)
        self._hello = None
        for name in ("request.lua", "session.lua"):
            self._drop(name)

    # One question --------------------------------------------------------------------------

    def _exchange(
        self,
        operation: str,
        payload: Mapping[str, Any],
        *,
        timeout_s: float,
        linger_s: float = 0.0,
    ) -> list[dict[str, Any]]:
        deadline = time.monotonic() + timeout_s
        identity, framed = self._ask(operation, payload, deadline=deadline, linger_s=linger_s)
        answers: list[dict[str, Any]] = []
        for page, pages, text in framed:
            parts = [text]
            for number in range(page + 1, pages + 1):
                more = {"of": identity, "page": number}
                _, rest = self._ask(
                    "page", more, deadline=max(deadline, time.monotonic() + _PAGE_S)
                )
                if rest[0][:2] != (number, pages):
                    raise ProtocolError(detail=f"page {number}: {rest[0][2][:200]!r}")
                parts.append(rest[0][2])
            answers.append(self._parsed(b"".join(parts)))
        self._read_last = identity
        return answers

    def _parsed(self, text: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(text)
        except ValueError as error:
            raise ProtocolError(detail=repr(text[:200])) from error
        if not isinstance(answer, dict) or not isinstance(answer.get("agent"), str):
            raise ProtocolError(detail=repr(text[:200]))
        if self._hello is not None and answer["agent"] != self._hello.agent:
            raise HostRestartedError(detail=f"{self._hello.agent} -> {answer['agent']}")
        pick = answer.get("pick")
        if isinstance(pick, str):
            self._picks.append(pick)
        return answer

    def _ask(
        self,
        operation: str,
        payload: Mapping[str, Any],
        *,
        deadline: float,
        linger_s: float = 0.0,
    ) -> tuple[str, list[tuple[int, int, bytes]]]:
        self._sequence += 1
        identity = secrets.token_hex(16)
        seconds = max(deadline - time.monotonic(), 0.05)
        message: dict[str, Any] = {
            **payload,
            "token": self._token,
            "id": identity,
            "seq": self._sequence,
            "expires": math.ceil(self._clock() + seconds),
            "op": operation,
            "read": self._read_last,
        }
        if self._page_bytes:
            message["cap"] = self._page_bytes
        if self._hello is not None:
            message |= {"agent": self._hello.agent, "agent_started": self._hello.started}
        self._write("request.lua", message)
        try:
            return identity, self._await(identity, deadline, linger_s)
        finally:
            self._drop("request.lua")
            for left in self._folder.glob(f"reply-{identity}.*"):
                left.unlink(missing_ok=True)

    def _await(
        self, identity: str, deadline: float, linger_s: float
    ) -> list[tuple[int, int, bytes]]:
        found: list[tuple[int, int, bytes]] = []
        stop, look = deadline, time.monotonic() + 0.5
        while True:
            # Before the look: what lies there counts, however late this process gets its turn.
            over, called_off = time.monotonic() >= stop, self._called_off()
            if called_off:
                self._drop("request.lua")
            framed = self._reply_file(identity) or self._reply_preference(identity)
            if framed is not None and framed not in found:
                found.append(framed)
                stop = min(stop, time.monotonic() + linger_s)
                if not linger_s:
                    return found
            if called_off:
                raise _CalledOff
            if over:
                break
            if time.monotonic() > look:
                look = time.monotonic() + 0.5
                hello = self._hello
                if hello is not None and hello.pid is not None and not self._alive(hello.pid):
                    raise HostLostError(detail=f"process {hello.pid}")
            time.sleep(_POLL_S)
        if not found:
            raise HostSilentError(detail=f"request {identity}")
        return found

    def _reply_file(self, identity: str) -> tuple[int, int, bytes] | None:
        for path in self._folder.glob(f"reply-{identity}.*"):
            if path.suffix != ".tmp":
                data = path.read_bytes()
                path.unlink(missing_ok=True)
                return _framed(identity, data)
        return None

    def _reply_preference(self, identity: str) -> tuple[int, int, bytes] | None:
        marker = f"{identity}:".encode()
        for path in self._preferences:
            try:
                facts = path.stat()
                seen = (facts.st_mtime_ns, facts.st_ino, facts.st_size)
                if self._read.get(path) == (identity, seen):
                    continue  # nothing new since the last look
                data = path.read_bytes()
            except OSError:
                continue
            self._read[path] = (identity, seen)
            at = data.find(marker)
            if at < 0:
                continue
            start = stop = at + len(marker)
            while stop < len(data) and data[stop] in _HEX:
                stop += 1
            if (stop - start) % 2 or stop == len(data):
                del self._read[path]
                continue  # caught in the middle of a write that is not atomic
            return _framed(identity, bytes.fromhex(data[start:stop].decode()))
        return None

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        data = lua_text.chunk(value)
        if len(data) > MAX_REQUEST_BYTES:
            raise ProtocolError(detail=f"request of {len(data)} bytes")
        temporary = self._folder / f"{name}.tmp"
        try:
            # Whole or not at all, but not for ever: a question that a power cut loses is no loss.
            temporary.write_bytes(data)
            temporary.replace(self._folder / name)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise MailboxError(
                folder=str(self._folder),
                reason=error.strerror or "it cannot be written",
                detail=repr(error),
            ) from error

    def _drop(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


def _framed(identity: str, data: bytes) -> tuple[int, int, bytes]:
    header, _, body = data.partition(b"\n")
    fields = header.decode("ascii", "replace").split(" ")
    if len(fields) != 3 or fields[0] != identity or not all(f.isdigit() for f in fields[1:]):
        raise ProtocolError(detail=repr(data[:80]))
    return int(fields[1]), int(fields[2]), body

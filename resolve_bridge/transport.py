"""What both roads to Resolve have in common: one question, one answer, one time-out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from resolve_bridge.errors.link import ModalError, ProtocolError


@dataclass(frozen=True, slots=True)
class Hello:
    """Who answered: the agent (or helper) and the Resolve it lives in."""

    agent: str
    version: str
    protocol: int
    channel: str
    started: int
    pid: int | None
    product: str
    resolve: tuple[int | str, ...]
    operations: frozenset[str]
    can: frozenset[str]

    @staticmethod
    def from_answer(answer: Mapping[str, Any]) -> Hello:
        """Read an answer to ``hello``.

        Raises
        ------
        ModalError
            Resolve does not even tell its name: a dialog is open.
        ProtocolError
            A field is missing or of another kind.
        """
        if answer.get("product") in (None, False, "") and "agent" in answer:
            raise ModalError(detail=repr(answer)[:400])
        try:
            pid = answer.get("pid")
            return Hello(
                agent=str(answer["agent"]),
                version=str(answer["version"]),
                protocol=int(answer["protocol"]),
                channel=str(answer["channel"]),
                started=int(answer["started"]),
                pid=None if pid is None else int(pid),
                product=str(answer["product"]),
                resolve=tuple(answer["resolve"]),
                operations=frozenset(answer["operations"]),
                can=frozenset(name for name, there in answer["can"].items() if there),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProtocolError(detail=repr(answer)[:400]) from error


class Transport(Protocol):
    """One road to Resolve."""

    name: str

    def connect(self, *, timeout_s: float = ...) -> Hello:
        """Ask who is there."""
        ...

    def request(
        self, operation: str, payload: Mapping[str, Any], *, timeout_s: float
    ) -> dict[str, Any]:
        """Ask one question, return ``{"ok": ..., "v" or "e": ...}``."""
        ...

    def picks(self) -> tuple[str, ...]:
        """Return what was picked in Fusion since the last time."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


@runtime_checkable
class PatientTransport(Transport, Protocol):
    """A road on which a question may wait for something to happen."""

    def wait(
        self,
        operation: str,
        payload: Mapping[str, Any],
        *,
        timeout_s: float,
        called_off: Callable[[], bool],
    ) -> dict[str, Any] | None:
        """Ask like `request`, but give up and return None once `called_off` says so."""
        ...


def process_alive(pid: int) -> bool:
    """Tell whether a process of that number runs."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x1000, 0, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if not handle:
            return False
        code = ctypes.c_ulong()
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return code.value == 259  # STILL_ACTIVE
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

"""Signs of life, and never outliving the parent.

End of stdin ends the engine on every system. Linux is also asked to signal the death of
the parent (PDEATHSIG); on Windows a Job Object that kills on close catches children of the
engine. Where the system refuses, end of stdin alone remains.
"""

from __future__ import annotations

import ctypes
import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import psutil

from flowanchor_engine.protocol import Heartbeat

if TYPE_CHECKING:
    from flowanchor_engine.worker.channel import Channel

__all__ = ["Heart", "die_with_parent", "memory_mb", "raise_limits"]

_log = logging.getLogger(__name__)
_PR_SET_PDEATHSIG = 1
_EVERY_S = 2.0


def memory_mb() -> tuple[int, int]:
    """Return resident memory and graphics memory of this process in MB (2**20 bytes)."""
    rss = psutil.Process().memory_info().rss >> 20
    torch = sys.modules.get("torch")
    # Asked from other threads while the main one still imports it: then it has no parts yet.
    if torch is None or getattr(torch.__spec__, "_initializing", False):
        return rss, 0
    if torch.cuda.is_available():
        held = torch.cuda.memory_reserved() if torch.cuda.is_initialized() else 0
    else:
        held = torch.mps.driver_allocated_memory() if torch.backends.mps.is_available() else 0
    return rss, int(held) >> 20


class Heart(threading.Thread):
    """Sends a heartbeat every two seconds from a thread of its own."""

    def __init__(self, channel: Channel, every_s: float = _EVERY_S) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._channel = channel
        self._every_s = every_s
        self._stopped = threading.Event()
        self.muted = False  # the mock falls silent on purpose

    def run(self) -> None:
        """Beat until stopped."""
        while not self._stopped.wait(self._every_s):
            if self.muted:
                continue
            rss, vram = memory_mb()
            self._channel.send(Heartbeat(rss_mb=rss, vram_mb=vram))

    def stop(self) -> None:
        """Stop beating and wait for the last beat."""
        self._stopped.set()
        self.join(timeout=5)


def die_with_parent() -> Any:
    """Ask the system to end this process with its parent, where it can.

    Returns
    -------
    object
        To be kept: on Windows the handle of the Job Object.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
            _log.warning("PDEATHSIG refused: errno %d", ctypes.get_errno())
        return None
    if sys.platform == "win32":
        return _kill_on_close_job()
    return None


def _kill_on_close_job() -> Any:
    """Put this process into a Job Object that kills it and its children on close."""
    from ctypes import wintypes

    class BasicLimits(ctypes.Structure):
        _fields_ = (
            ("PerProcessUserTimeLimit", wintypes.LARGE_INTEGER),
            ("PerJobUserTimeLimit", wintypes.LARGE_INTEGER),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        )

    class ExtendedLimits(ctypes.Structure):
        _fields_ = (
            ("BasicLimitInformation", BasicLimits),
            ("IoInfo", ctypes.c_ulonglong * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        )

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    kernel.CreateJobObjectW.restype = wintypes.HANDLE
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    job = kernel.CreateJobObjectW(None, None)
    limits = ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
    extended_information = 9
    kept = kernel.SetInformationJobObject(
        wintypes.HANDLE(job), extended_information, ctypes.byref(limits), ctypes.sizeof(limits)
    ) and kernel.AssignProcessToJobObject(
        wintypes.HANDLE(job), wintypes.HANDLE(kernel.GetCurrentProcess())
    )
    if not kept:
        _log.warning("Job Object refused; end of stdin still ends the engine")
    return job


def raise_limits() -> None:
    """Let SIGTERM end the process in order, as an interrupt does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)

"""Main memory: how much there is, and how much programs could still have."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["available_bytes", "total_bytes"]

_TABLE = Path("/proc/meminfo")
_FREE_PAGES = ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable")


def total_bytes() -> int:
    """Return the main memory of this computer, 0 where it does not tell."""
    if sys.platform == "win32":
        return _windows()[0]
    with contextlib.suppress(OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(ValueError):
        return int(_told("sysctl", "-n", "hw.memsize"))
    return 0


def available_bytes(platform: str = sys.platform) -> int:
    """Return what a new program could have without others being pushed out, 0 where unknown."""
    if platform == "win32":
        return _windows()[1]
    if platform == "darwin":
        return from_vm_stat(_told("vm_stat"))
    with contextlib.suppress(OSError):
        text = _TABLE.read_text(encoding="ascii", errors="replace")
        if found := re.search(r"^MemAvailable:\s+(\d+) kB$", text, re.MULTILINE):
            return int(found[1]) * 1024
    return 0


def from_vm_stat(text: str) -> int:
    """Return the bytes that macOS could give, as its `vm_stat` tells them."""
    page = re.search(r"page size of (\d+) bytes", text)
    pages = dict(re.findall(r"^([^:\n]+):\s+(\d+)\.$", text, re.MULTILINE))
    return int(page[1]) * sum(int(pages.get(name, 0)) for name in _FREE_PAGES) if page else 0


def _told(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=5, check=False,
            stdin=subprocess.DEVNULL,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _windows() -> tuple[int, int]:
    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
        )

    status = Status(length=ctypes.sizeof(Status))
    if sys.platform == "win32":
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.total), int(status.free)

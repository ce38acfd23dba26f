"""What the engine computes on, told before torch is loaded.

The NVIDIA driver is asked through its own management library by ctypes, so that the first
hello takes a fraction of a second.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from functools import cache
from pathlib import Path

import filelock
import platformdirs
import psutil

from flowanchor_engine.errors import FlowAnchorError
from flowanchor_engine.protocol import Device

__all__ = ["EngineBusyError", "describe", "lock"]


class EngineBusyError(FlowAnchorError, RuntimeError):
    """Another engine already computes on this device."""

    code = "engine_busy"


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


@cache
def describe() -> Device:
    """Return the device that jobs will run on."""
    card = _nvidia()
    if card is not None:
        return card
    memory_mb = psutil.virtual_memory().total >> 20
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Device(name="Apple GPU", kind="mps", memory_mb=memory_mb)
    return Device(name=_processor(), kind="cpu", memory_mb=memory_mb)


def lock() -> filelock.FileLock:
    """Take this device for one engine; released when the process ends, however it ends.

    Raises
    ------
    EngineBusyError
        Code ``engine_busy``.
    """
    folder = Path(platformdirs.user_state_dir("flowanchor", ensure_exists=True))
    name = "".join(c if c.isalnum() else "-" for c in describe().name)
    held = filelock.FileLock(folder / f"engine-{describe().kind}-{name}.lock")
    try:
        held.acquire(timeout=0)
    except filelock.Timeout as error:
        raise EngineBusyError(
            f"Another engine is using {describe().name}.", hint=["wait", "stop_other_engine"]
        ) from error
    return held


def _nvidia() -> Device | None:
    name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return None
    if library.nvmlInit_v2() != 0:
        return None
    try:
        handle = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)) != 0:
            return None
        text = ctypes.create_string_buffer(96)
        memory = _Memory()
        major, minor = ctypes.c_int(), ctypes.c_int()
        library.nvmlDeviceGetName(handle, text, ctypes.c_uint(len(text)))
        library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory))
        library.nvmlDeviceGetCudaComputeCapability(handle, ctypes.byref(major), ctypes.byref(minor))
        return Device(
            name=text.value.decode("utf-8", "replace"),
            kind="cuda",
            memory_mb=memory.total >> 20,
            compute=f"{major.value}.{minor.value}",
        )
    finally:
        library.nvmlShutdown()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

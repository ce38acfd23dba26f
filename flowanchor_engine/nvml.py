"""NVIDIA's management library by ctypes: name, memory and users of the card, without torch.

Asking takes milliseconds and makes no context on the card. Where there is no NVIDIA driver,
or it does not tell, the answers are None or empty. Of several cards it is asked about the
first that CUDA_VISIBLE_DEVICES leaves, on which torch computes.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psutil

__all__ = ["Described", "User", "describe", "free_bytes", "largest_other", "users"]

_MANY: Final = 256
_UNKNOWN: Final = (1 << 64) - 1  # Windows keeps a program's share to itself
_KNOWN_NAMES: Final = {"resolve": "Resolve"}


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


@dataclass(frozen=True)
class Described:
    """What the card is.

    Parameters
    ----------
    compute : str
        Its architecture, such as '8.9'.
    uuid : str
        Which of several equal cards it is; '' where the driver does not tell.
    """

    name: str
    total_bytes: int
    compute: str
    uuid: str = ""


@dataclass(frozen=True)
class User:
    """A program on the card; `used_bytes` is None where the driver does not tell."""

    pid: int
    used_bytes: int | None


def describe() -> Described | None:
    """Return the card, None without one."""
    with _card() as (library, handle):
        if library is None:
            return None
        text = ctypes.create_string_buffer(96)
        memory = _Memory()
        major, minor = ctypes.c_int(), ctypes.c_int()
        library.nvmlDeviceGetName(handle, text, ctypes.c_uint(len(text)))
        library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory))
        library.nvmlDeviceGetCudaComputeCapability(handle, ctypes.byref(major), ctypes.byref(minor))
        name = text.value.decode("utf-8", "replace")
        compute = f"{major.value}.{minor.value}"
        return Described(name, memory.total, compute, _uuid(library, handle))


def free_bytes() -> int | None:
    """Return what is free on the card, None without one."""
    with _card() as (library, handle):
        memory = _Memory()
        if library is None or library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) != 0:
            return None
        return int(memory.free)


def users() -> tuple[User, ...]:
    """Return the programs on the card, each once."""
    found: dict[int, int | None] = {}
    with _card() as (library, handle):
        for kind in ("Graphics", "Compute"):
            ask = getattr(library, f"nvmlDeviceGet{kind}RunningProcesses_v3", None)
            if ask is None:
                continue
            count = ctypes.c_uint(_MANY)
            table = (_Process * _MANY)()
            if ask(handle, ctypes.byref(count), table) != 0:
                continue
            for entry in table[: count.value]:
                used = None if entry.used == _UNKNOWN else int(entry.used)
                found[entry.pid] = found.get(entry.pid) or used
    return tuple(User(pid, used) for pid, used in found.items())


def largest_other(others_bytes: int) -> tuple[str, int]:
    """Return name and bytes of the program that holds most of what others hold.

    Parameters
    ----------
    others_bytes : int
        What all others hold together.

    Returns
    -------
    (str, int)
        ('', 0) where no single one is known to hold at least half of it.
    """
    known = [user for user in users() if user.pid != os.getpid() and user.used_bytes is not None]
    if not known:
        return "", 0
    most = max(known, key=lambda user: user.used_bytes or 0)
    used = most.used_bytes or 0
    if 2 * used < others_bytes:
        return "", 0
    try:
        name = psutil.Process(most.pid).name()
    except psutil.Error:  # gone, or another person's
        return "", 0
    plain = name.removesuffix(".exe")
    return _KNOWN_NAMES.get(plain.lower(), plain), used


@contextmanager
def _card() -> Iterator[tuple[Any, Any]]:
    """Open the library and the card; (None, None) where there is none."""
    library = _library()
    if library is None or library.nvmlInit_v2() != 0:
        yield None, None
        return
    try:
        handle = _chosen(library)
        yield (None, None) if handle is None else (library, handle)
    finally:
        library.nvmlShutdown()


def _chosen(library: Any) -> ctypes.c_void_p | None:
    """Return the first card that CUDA_VISIBLE_DEVICES leaves: an index or a UUID's beginning."""
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0].strip()
    handle = ctypes.c_void_p()
    if wanted.startswith("MIG-"):
        found = library.nvmlDeviceGetHandleByUUID(wanted.encode(), ctypes.byref(handle)) == 0
        return handle if found else None
    if wanted.isdecimal():
        # CUDA may count different cards in another order than the driver; equal ones it does not.
        found = library.nvmlDeviceGetHandleByIndex_v2(int(wanted), ctypes.byref(handle)) == 0
        return handle if found else None
    count = ctypes.c_uint()
    if not wanted.startswith("GPU-") or library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return None
    for index in range(count.value):
        handle = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) != 0:
            continue
        if _uuid(library, handle).startswith(wanted):
            return handle
    return None


def _uuid(library: Any, handle: Any) -> str:
    text = ctypes.create_string_buffer(96)
    if library.nvmlDeviceGetUUID(handle, text, ctypes.c_uint(len(text))) != 0:
        return ""
    return text.value.decode("ascii", "replace")


def _library() -> Any:
    try:
        return ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
    except OSError:
        return None

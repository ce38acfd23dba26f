"""Graphics cards, asked of the driver itself (NVML through ctypes) before any torch is there."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Card", "Driver", "look"]


@dataclass(frozen=True)
class Card:
    """One NVIDIA card.

    Parameters
    ----------
    name : str
    memory, free : int
        Bytes.
    capability : tuple of int
        CUDA compute capability, ``(0, 0)`` where the driver does not tell.
    """

    name: str
    memory: int
    free: int
    capability: tuple[int, int]


@dataclass(frozen=True)
class Driver:
    """What the NVIDIA driver says; no cards and no version where there is none.

    Parameters
    ----------
    version : str
        E.g. ``"580.65.06"``; empty without a driver.
    cuda : tuple of int
        The newest CUDA that it can run, ``(0, 0)`` where it does not tell.
    cards : tuple of Card
    trouble : str
        Why a driver that is there does not answer, in words; else empty.
    """

    version: str = ""
    cuda: tuple[int, int] = (0, 0)
    cards: tuple[Card, ...] = ()
    trouble: str = ""

    @property
    def best(self) -> Card | None:
        """The card with the most memory."""
        return max(self.cards, key=lambda card: card.memory, default=None)


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


def look(library: Any = None) -> Driver:
    """Ask NVML.

    Parameters
    ----------
    library : ctypes.CDLL, optional
        NVML; by default where the driver of this system puts it.
    """
    nvml = _load() if library is None else library
    if nvml is None:
        return Driver()
    status = nvml.nvmlInit_v2()
    if status != 0:
        return Driver(trouble=_words(status))
    try:
        return Driver(version=_version(nvml), cuda=_cuda(nvml), cards=_cards(nvml))
    finally:
        nvml.nvmlShutdown()


def _load() -> Any:
    if sys.platform == "win32":
        system = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvml.dll"
        programs = Path(os.environ.get("PROGRAMFILES", r"C:\Program Files"))
        names = [str(system), str(programs / "NVIDIA Corporation" / "NVSMI" / "nvml.dll")]
    elif sys.platform == "darwin":
        return None
    else:
        names = ["libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"]
    for name in names:
        with contextlib.suppress(OSError):
            return ctypes.CDLL(name)
    return None


def _version(nvml: Any) -> str:
    buffer = ctypes.create_string_buffer(96)
    if nvml.nvmlSystemGetDriverVersion(buffer, ctypes.c_uint(96)) != 0:
        return ""
    return buffer.value.decode("ascii", "replace")


def _cuda(nvml: Any) -> tuple[int, int]:
    number = ctypes.c_int(0)
    if nvml.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(number)) != 0:
        return (0, 0)
    return (number.value // 1000, number.value % 1000 // 10)


def _cards(nvml: Any) -> tuple[Card, ...]:
    count = ctypes.c_uint(0)
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return ()
    found = []
    for index in range(count.value):
        handle = ctypes.c_void_p()
        if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)) != 0:
            continue
        name = ctypes.create_string_buffer(96)
        nvml.nvmlDeviceGetName(handle, name, ctypes.c_uint(96))
        memory = _Memory()
        if nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) != 0:
            continue
        major, minor = ctypes.c_int(0), ctypes.c_int(0)
        if nvml.nvmlDeviceGetCudaComputeCapability(
            handle, ctypes.byref(major), ctypes.byref(minor)
        ):
            major, minor = ctypes.c_int(0), ctypes.c_int(0)
        found.append(
            Card(
                name=name.value.decode("utf-8", "replace") or "NVIDIA card",
                memory=int(memory.total),
                free=int(memory.free),
                capability=(major.value, minor.value),
            )
        )
    return tuple(found)


def _words(status: int) -> str:
    return {
        9: "the NVIDIA driver is not loaded; restart the computer",
        18: "the NVIDIA driver was updated and does not match its kernel module; restart",
        4: "this user may not use the NVIDIA driver",
    }.get(status, f"the NVIDIA driver does not answer (NVML error {status})")

"""What the engine computes on, told before torch is loaded.

The NVIDIA driver is asked through its own management library (`nvml`), so that the first hello
takes a fraction of a second.
"""

from __future__ import annotations

import platform
import sys
from functools import cache
from pathlib import Path

import filelock
import platformdirs
import psutil

from flowanchor_engine import nvml
from flowanchor_engine.errors import FlowAnchorError, OutputError
from flowanchor_engine.protocol import Device

__all__ = ["EngineBusyError", "describe", "lock"]


class EngineBusyError(FlowAnchorError, RuntimeError):
    """Another engine already computes on this device."""

    code = "engine_busy"


@cache
def describe() -> Device:
    """Return the device that jobs will run on."""
    card = nvml.describe()
    if card is not None:
        return Device(
            name=card.name,
            kind="cuda",
            memory_mb=card.total_bytes >> 20,
            compute=card.compute,
        )
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
    OutputError
        The lock cannot be made, so two engines would not know of each other.
    """
    folder = Path(platformdirs.user_state_dir("flowanchor"))
    card = nvml.describe()
    which = describe().name if card is None else card.uuid or card.name
    name = "".join(c if c.isalnum() else "-" for c in which)
    held = filelock.FileLock(folder / f"engine-{describe().kind}-{name}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=0)
    except filelock.Timeout as error:
        raise EngineBusyError(
            f"Another engine is using {describe().name}.", hint=["wait", "stop_other_engine"]
        ) from error
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written, where engines tell each other that they run.",
            hint=["report"],
            detail=str(error),
        ) from error
    return held


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

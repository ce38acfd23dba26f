"""Looks at the machine before anything is installed."""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from installer.console import StepFailed

__all__ = ["Machine", "look"]

_NEEDED_GB = 6


@dataclass(frozen=True)
class Machine:
    """What decides how the product is installed.

    Parameters
    ----------
    system, architecture, python : str
        As `platform` names them.
    nvidia : bool
        An NVIDIA driver answers, so the CUDA build of torch is of use.
    free_gb : float
        Free space where the environment will be, in units of 10**9 bytes.
    """

    system: str
    architecture: str
    python: str
    nvidia: bool
    free_gb: float

    def describe(self) -> str:
        """Return one line for the person."""
        card = "NVIDIA graphics card" if self.nvidia else "no NVIDIA card, using the processor"
        return (
            f"{self.system} {self.architecture}, Python {self.python}, {card}, "
            f"{self.free_gb:.0f} GB free"
        )


def look(root: Path) -> Machine:
    """Check what must hold and return what was found.

    Parameters
    ----------
    root : Path
        The checkout; the environment goes into it.

    Raises
    ------
    StepFailed
        Python cannot make environments, or the disk is too full for a first install.
    """
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise StepFailed(
            "Check Python",
            "this Python cannot make private environments",
            "On Debian and Ubuntu: apt install python3-venv, then run this again.",
        )
    free_gb = shutil.disk_usage(root).free / 1e9
    if free_gb < _NEEDED_GB and not (root / ".venv").exists():
        raise StepFailed(
            "Check the disk",
            f"{free_gb:.1f} GB free, {_NEEDED_GB} GB needed in {root}",
            "Free some space or clone to another disk.",
        )
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        python=platform.python_version(),
        nvidia=_nvidia_driver_answers(),
        free_gb=free_gb,
    )


def _nvidia_driver_answers() -> bool:
    # NVML through ctypes: asks the driver itself, before any torch is there.
    names = ["nvml.dll"] if sys.platform == "win32" else ["libnvidia-ml.so.1"]
    for name in names:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if library.nvmlInit_v2() != 0:
            continue
        count = ctypes.c_uint(0)
        found = library.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0 and count.value > 0
        library.nvmlShutdown()
        if found:
            return True
    return False

"""Looks at the machine before anything is installed."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from installer import gpu, memory
from installer.console import StepFailed
from installer.drives import free_bytes

__all__ = ["Machine", "look", "require_supported", "untried", "virtual_environments"]

_NEEDED_GB = 6
_NEWEST_TRIED = (3, 13)  # as the classifiers in pyproject.toml say
_OLDEST_GLIBC = (2, 28)  # what torch's wheels are built for


@dataclass(frozen=True)
class Machine:
    """What decides how the product is installed.

    Parameters
    ----------
    system, architecture, python, release : str
        As `platform` names them; `release` is the version of the system.
    driver : gpu.Driver
        NVIDIA driver and cards.
    free_gb, memory_gb : float
        Free space where the environment will be, and main memory, in units of 10**9 bytes.
    spare_gb : float
        Main memory that programs could still have; 0 where the system does not tell.
    glibc : tuple of int
        ``(0, 0)`` where the system has none.
    """

    system: str
    architecture: str
    python: str
    release: str = ""
    driver: gpu.Driver = field(default_factory=gpu.Driver)
    free_gb: float = 0.0
    memory_gb: float = 0.0
    spare_gb: float = 0.0
    glibc: tuple[int, int] = (0, 0)

    @property
    def apple_silicon(self) -> bool:
        """A Mac with a graphics unit that torch can use."""
        return self.system == "Darwin" and self.architecture == "arm64"

    def describe(self) -> str:
        """Return one line for the person."""
        return (
            f"{self.system} {self.release} {self.architecture}, Python {self.python}, "
            f"{self.describe_card()}, {self.memory_gb:.0f} GB memory, {self.free_gb:.0f} GB free"
        )

    def describe_card(self) -> str:
        """Return what will compute, in words."""
        best = self.driver.best
        if best is not None:
            return f"{best.name} {best.memory / 2**30:.0f} GB (driver {self.driver.version})"
        if self.apple_silicon:
            return "Apple graphics"
        return self.driver.trouble or "no NVIDIA card, using the processor"


def look(root: Path) -> Machine:
    """Return what this machine is.

    Parameters
    ----------
    root : Path
        Where the environment goes; need not exist yet.
    """
    release = platform.mac_ver()[0] if sys.platform == "darwin" else platform.release()
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        python=platform.python_version(),
        release=release,
        driver=gpu.look(),
        free_gb=free_bytes(root) / 1e9,
        memory_gb=memory.total_bytes() / 1e9,
        spare_gb=memory.available_bytes() / 1e9,
        glibc=_glibc(),
    )


def require_supported(machine: Machine) -> None:
    """Refuse a computer on which the engine cannot run.

    Raises
    ------
    StepFailed
        Its system, processor, C library or Python has no build of torch.
    """
    if sys.maxsize <= 2**32:
        raise StepFailed("Check Python", "this is a 32-bit Python", "Install a 64-bit Python 3.12.")
    if machine.system == "Darwin" and machine.architecture != "arm64":
        raise StepFailed(
            "Check the computer",
            "torch has no build for Macs with Intel processors any more",
            "FlowAnchor needs a Mac with Apple silicon, or Linux or Windows.",
        )
    if machine.system == "Darwin" and _numbers(machine.release) < (14,):
        raise StepFailed(
            "Check the computer",
            f"macOS {machine.release}, but torch needs macOS 14",
            "Update macOS and run the same command again.",
        )
    if machine.system == "Linux" and machine.glibc < _OLDEST_GLIBC:
        found = ".".join(map(str, machine.glibc)) if machine.glibc > (0, 0) else "none (musl?)"
        raise StepFailed(
            "Check the computer",
            f"glibc {found}, but torch needs 2.28",
            "Use a distribution from 2019 or later (Rocky 8, Debian 10, Ubuntu 20.04).",
        )


def untried(machine: Machine) -> str:
    """Return what speaks against this Python, empty for one that the product is tried with."""
    numbers = _numbers(machine.python)[:2]
    if numbers <= _NEWEST_TRIED:
        return ""
    newest = ".".join(map(str, _NEWEST_TRIED))
    return f"Python {machine.python} is newer than FlowAnchor was tried with (up to {newest})"


def virtual_environments(*, uv: bool = True) -> str | None:
    """Return how private environments can be made here: ``'uv'``, ``'venv'`` or None."""
    if uv and shutil.which("uv"):
        return "uv"
    has = importlib.util.find_spec
    return "venv" if has("ensurepip") is not None and has("venv") is not None else None


def require_environments() -> None:
    """Refuse a Python that cannot make private environments.

    Raises
    ------
    StepFailed
    """
    if virtual_environments() is None:
        raise StepFailed(
            "Check Python",
            "this Python cannot make private environments",
            "On Debian and Ubuntu: apt install python3-venv, then run this again.",
        )


def require_space(root: Path, needed_gb: float | None = None) -> None:
    """Refuse a disk that is too full for a first install.

    Raises
    ------
    StepFailed
    """
    needed = _NEEDED_GB if needed_gb is None else needed_gb
    free_gb = free_bytes(root) / 1e9
    if free_gb < needed:
        raise StepFailed(
            "Check the disk",
            f"{free_gb:.1f} GB free, {needed:.1f} GB needed in {root}",
            "Free some space or choose another disk.",
        )


def _glibc() -> tuple[int, int]:
    name, version = platform.libc_ver()
    numbers = _numbers(version)
    return (numbers[0], numbers[1]) if name == "glibc" and len(numbers) > 1 else (0, 0)


def _numbers(version: str) -> tuple[int, ...]:
    found = []
    for part in version.split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)

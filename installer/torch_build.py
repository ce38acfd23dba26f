"""Which build of torch fits the card, and where it comes from.

The public index holds different builds under one name: CUDA 13 on Linux, the processor alone
on Windows. Two gigabytes of the wrong one either run nowhere or leave the card idle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installer.check import Machine

__all__ = ["DOWNLOAD_BYTES", "TORCH", "choose", "fits", "why"]

TORCH = "torch==2.13.0"
# Roughly, for the question about disk space: (downloaded, unpacked).
DOWNLOAD_BYTES = {
    "cpu": (200_000_000, 1_000_000_000),
    "mps": (100_000_000, 600_000_000),
    "cu126": (3_300_000_000, 6_500_000_000),
    "cu130": (2_700_000_000, 6_000_000_000),
}


def choose(machine: Machine) -> str:
    """Return the back end: ``cu130``, ``cu126``, ``mps`` or ``cpu``.

    CUDA 13 needs a driver that can run it and a card of Turing (7.5) or newer; Maxwell,
    Pascal and Volta get CUDA 12.6. An older driver cannot run either.
    """
    if machine.apple_silicon:
        return "mps"
    best = machine.driver.best
    if best is None or machine.system not in {"Linux", "Windows"}:
        return "cpu"
    if machine.architecture not in {"x86_64", "AMD64"}:
        return "cu130" if machine.driver.cuda >= (13, 0) else "cpu"
    if machine.driver.cuda >= (13, 0) and best.capability >= (7, 5):
        return "cu130"
    if machine.driver.cuda >= (12, 6) and best.capability >= (5, 0):
        return "cu126"
    return "cpu"


def why(machine: Machine) -> str:
    """Return the reason for a card that stays unused, else an empty text."""
    best = machine.driver.best
    if best is None or choose(machine) != "cpu":
        return ""
    if best.capability < (5, 0):
        return f"{best.name} is too old for torch; the processor will be used"
    shown = ".".join(map(str, machine.driver.cuda))
    return (
        f"the NVIDIA driver {machine.driver.version} (CUDA {shown}) is too old for torch; "
        "update it and run this again, until then the processor will be used"
    )


def fits(version: str, backend: str, system: str) -> bool:
    """Return whether a torch of this version is the build for `backend`.

    Parameters
    ----------
    version : str
        E.g. ``2.13.0+cpu``; without a label it is the public index's build.
    """
    public, _, label = version.partition("+")
    if public != TORCH.partition("==")[2]:
        return False
    if label:
        return label == backend
    default = {"Linux": "cu130", "Windows": "cpu", "Darwin": "mps"}.get(system, "cpu")
    return default == backend

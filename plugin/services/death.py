"""Why a child ended: exit status, signal and last words turned into one code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["CODES", "Cause", "Death", "diagnose"]

Cause = Literal["asked", "forced", "mute", "mismatch", "missing", "died"]

CODES: Final = ("ram", "driver", "engine_busy", "version", "engine_missing", "engine_remote",
                "engine_start", "engine_died")  # fmt: skip
"""Codes of deaths; each has a sentence and buttons."""

_OUT_OF_MEMORY: Final = ("memoryerror", "bad_alloc", "out of memory", "cannot allocate memory")
_DRIVER: Final = (
    *("cuda error", "device-side assert", "unspecified launch failure", "nvrm: xid"),
    *("cudnn_status_execution_failed", "illegal memory access", "gpu has fallen off the bus"),
)
_ABSENT: Final = ("no module named flowanchor_engine", "no module named 'flowanchor_engine")
_WINDOWS_NO_MEMORY: Final = frozenset({0xC0000017, 0xC000012D})
_WINDOWS_FAULTS: Final = frozenset({0xC0000005, 0xC000001D, 0xC0000374, 0xC0000409})


@dataclass(frozen=True)
class Death:
    """How a child ended.

    Attributes
    ----------
    cause : {'asked', 'forced', 'mute', 'mismatch', 'missing', 'died'}
        We asked; we killed; it never greeted; it speaks another protocol; it could not be
        started; it died by itself.
    code : str
        '' when we asked or killed, else one of `CODES`.
    status : int or None
        Exit status, or the negative number of a signal; None if it never ran.
    last_lines : tuple of str
        The end of what it wrote to stderr.
    detail : str
        What it said about it itself, or what the system said.
    """

    cause: Cause
    code: str
    status: int | None
    last_lines: tuple[str, ...] = ()
    detail: str = ""

    @property
    def wanted(self) -> bool:
        """Whether this end was ours to decide."""
        return self.cause in ("asked", "forced")


def diagnose(status: int, last_lines: Sequence[str] = (), *, remote: bool = False) -> str:
    """Return the code for a child that ended by itself.

    Parameters
    ----------
    status : int
        Exit status; negative for a signal (POSIX) or as a signed NTSTATUS (Windows).
    last_lines : sequence of str
        The end of its stderr.
    remote : bool
        Whether ssh stood between, whose own failures end in 255.
    """
    words = "\n".join(last_lines[-40:]).lower()
    plain = status & 0xFFFFFFFF
    if status in (-9, 137) or plain in _WINDOWS_NO_MEMORY:
        return "ram"
    if plain in _WINDOWS_FAULTS or status in (-11, 139, -7, 135):
        return "driver"
    if status == 3:
        return "engine_busy"
    if status == 255 and remote:
        return "engine_remote"
    if status in (126, 127) or any(sign in words for sign in _ABSENT):
        return "engine_missing"
    if status == 2 and "unrecognized arguments" in words:
        return "version"
    if any(sign in words for sign in _DRIVER):
        return "driver"
    if any(sign in words for sign in _OUT_OF_MEMORY):
        return "ram"
    return "engine_died"

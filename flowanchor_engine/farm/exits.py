"""With which status a shot's command ends, so that a manager knows whether to try again."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["Exit", "exit_of"]


class Exit(IntEnum):
    """Exit statuses of `flowanchor farm run`."""

    DONE = 0
    """The result is in place, now or since an earlier run."""

    FAILED = 1
    """Something else: a fault of ours, or an engine that died."""

    BAD_REQUEST = 2
    """Wrong everywhere: job file, texts, numbers, a clip or matte that cannot be used."""

    NOT_HERE = 3
    """Another machine may do it: a file, the model, the disk or the network is missing here."""

    OUT_OF_MEMORY = 4
    """The shot needs more memory than there is."""

    BUSY = 5
    """Later: other programs hold the card, or another run writes this result."""

    CANCELLED = 130
    """Asked to stop."""


_CODES: Final[dict[Exit, tuple[str, ...]]] = {
    Exit.BAD_REQUEST: (
        *("request", "range", "size", "words", "words_unchanged"),
        *("clip_unreadable", "clip_unsupported", "clip_range", "clip_short"),
        *("matte_unreadable", "matte_mismatch", "matte_empty", "pixels_nonfinite"),
        *("model_unsupported", "model_unsafe"),
    ),
    Exit.NOT_HERE: (
        *("clip_missing", "matte_missing", "model_missing", "model_incomplete", "model_damaged"),
        *("output", "disk", "net"),
    ),
    Exit.OUT_OF_MEMORY: ("vram", "ram"),
    Exit.BUSY: ("vram_busy", "engine_busy", "model_busy", "result_busy"),
}
_BY_CODE: Final = {code: status for status, codes in _CODES.items() for code in codes}


def exit_of(code: str) -> Exit:
    """Return the exit status of an error by its code; `Exit.FAILED` for all that are not named."""
    return _BY_CODE.get(code, Exit.FAILED)

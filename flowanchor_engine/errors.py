"""Every error of the engine that a person may be told about.

An error carries a stable `code`, one sentence without jargon, the names of ways out
(`hint`, actions a panel can offer) and a `detail` for logs. Cancellation is a state, not
an error, and so is not a `FlowAnchorError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

__all__ = ["Cancelled", "FlowAnchorError", "catalogue", "unknown"]


class Cancelled(Exception):  # noqa: N818 - a state that unwinds the stack, not a fault
    """The person asked to stop; nothing is decoded or written after this."""


class FlowAnchorError(Exception):
    """Base of everything a person may be told about.

    Parameters
    ----------
    user_message : str
        One sentence, no jargon, with the numbers.
    hint : sequence of str
        Names of the actions that can help, most useful first.
    detail : str
        For the log and the report: native messages, paths, shapes.
    values : mapping of str to str or int
        The sentence's numbers and names, for whoever words it in another language; sizes end
        in ``_mb`` (2**20 bytes).
    """

    code: ClassVar[str] = "internal"

    def __init__(
        self,
        user_message: str,
        *,
        hint: Sequence[str] = (),
        detail: str = "",
        values: Mapping[str, str | int] | None = None,
    ) -> None:
        super().__init__(user_message)
        self.user_message = user_message
        self.hint = tuple(hint)
        self.detail = detail
        self.values = dict(values or {})


def catalogue() -> dict[str, type[FlowAnchorError]]:
    """Return every error class by its code.

    Returns
    -------
    dict of str to type
        All subclasses of `FlowAnchorError` that are imported, the base included.
    """

    def walk(kind: type[FlowAnchorError]) -> Iterator[type[FlowAnchorError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from walk(child)

    return {kind.code: kind for kind in walk(FlowAnchorError)}


def unknown(error: Exception) -> FlowAnchorError:
    """Wrap a failure that nobody foresaw, so that it can be told and reported."""
    return FlowAnchorError(
        "The engine met an error that it does not know.",
        hint=["report"],
        detail=f"{type(error).__name__}: {error}",
    )


class RequestError(FlowAnchorError, ValueError):
    """The request itself is wrong: unknown switch, value out of range, newer schema."""

    code = "request"


class RangeError(FlowAnchorError, ValueError):
    """A number lies outside the range in which the method is defined."""

    code = "range"


# ---- clips and mattes -------------------------------------------------------------------


class ClipMissingError(FlowAnchorError, FileNotFoundError):
    """The clip is not where the request says."""

    code = "clip_missing"


class ClipUnreadableError(FlowAnchorError, ValueError):
    """The clip exists but does not decode: truncated, empty, encrypted, no picture."""

    code = "clip_unreadable"


class ClipUnsupportedError(FlowAnchorError, ValueError):
    """A format that only the host can read (BRAW, R3D, ARRIRAW)."""

    code = "clip_unsupported"


class ClipRangeError(FlowAnchorError, ValueError):
    """The asked frames are not all inside the clip."""

    code = "clip_range"


class ClipShortError(FlowAnchorError, ValueError):
    """Too few frames for the edit."""

    code = "clip_short"


class MatteMissingError(FlowAnchorError, FileNotFoundError):
    """The matte file is not where the request says."""

    code = "matte_missing"


class MatteUnreadableError(FlowAnchorError, ValueError):
    """The matte exists but does not decode."""

    code = "matte_unreadable"


class MatteMismatchError(FlowAnchorError, ValueError):
    """The matte's length or shape cannot be matched to the shot by a stated rule."""

    code = "matte_mismatch"


class OutputError(FlowAnchorError, OSError):
    """The result cannot be written where it was asked."""

    code = "output"


class DiskError(OutputError):
    """The disk has too little space for the result."""

    code = "disk"


# ---- words ------------------------------------------------------------------------------


class WordsError(FlowAnchorError, ValueError):
    """Words that should drive the edit cannot be found in the wanted text or its tokens."""

    code = "words"


class WordsUnchangedError(WordsError):
    """Nothing to change: both texts are equal and no word is marked."""

    code = "words_unchanged"


# ---- numbers and models -----------------------------------------------------------------


class LatentsNonFiniteError(FlowAnchorError, ArithmeticError):
    """The edit left the range of numbers (NaN or infinity)."""

    code = "latents_nonfinite"


class ModelMissingError(FlowAnchorError, FileNotFoundError):
    """The model folder or the registry entry is not there."""

    code = "model_missing"


class ModelIncompleteError(FlowAnchorError, FileNotFoundError):
    """A file of the model folder is missing."""

    code = "model_incomplete"


class ModelDamagedError(FlowAnchorError, ValueError):
    """A file of the model folder is damaged."""

    code = "model_damaged"


class ModelUnsafeError(FlowAnchorError, ValueError):
    """The model holds pickles; only safetensors are loaded."""

    code = "model_unsafe"


class ModelUnsupportedError(FlowAnchorError, ValueError):
    """The model loads, but its shape or class does not fit the method."""

    code = "model_unsupported"


class GuardError(FlowAnchorError, RuntimeError):
    """Something installed on the model would make the edit silently wrong."""

    code = "guard"


class SizeError(FlowAnchorError, ValueError):
    """A picture size that the model cannot take."""

    code = "size"


class VramError(FlowAnchorError, MemoryError):
    """The graphics card cannot hold this job."""

    code = "vram"


class VramBusyError(FlowAnchorError, RuntimeError):
    """The edit would fit on the graphics card; other programs hold too much of it now."""

    code = "vram_busy"


class RamError(FlowAnchorError, MemoryError):
    """The computer ran out of memory."""

    code = "ram"


class PixelsNonFiniteError(FlowAnchorError, ArithmeticError):
    """A picture holds values that are not numbers (NaN or infinity)."""

    code = "pixels_nonfinite"


class MatteEmptyError(FlowAnchorError, ValueError):
    """The matte covers nothing on any frame of the shot."""

    code = "matte_empty"


# ---- models on this computer ----------------------------------------------------------------


class NetError(FlowAnchorError, ConnectionError):
    """The download server does not answer, refuses, or may not be asked (offline)."""

    code = "net"


class ModelBusyError(FlowAnchorError, RuntimeError):
    """Another program is downloading, importing or removing the same model."""

    code = "model_busy"


class ModelExistsError(FlowAnchorError, FileExistsError):
    """A model of that name is already there and is not overwritten."""

    code = "model_exists"


class ModelForeignError(FlowAnchorError, PermissionError):
    """The model was not put there by FlowAnchor, so FlowAnchor does not remove it."""

    code = "model_foreign"

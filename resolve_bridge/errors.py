"""Every error of the bridge that a person may be told about.

An error carries a stable `code`, one sentence without jargon, the names of ways out
(`hint`, actions a panel can offer) and a `detail` for logs. The bridge has its own tree
because it knows nothing of the engine; the fields and their meaning are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

__all__ = [
    "BridgeError",
    "CompReadError",
    "CompSyntaxError",
    "MaskRequestError",
    "catalogue",
]


class BridgeError(Exception):
    """Base of everything the bridge may tell a person.

    Parameters
    ----------
    user_message : str
        One sentence, no jargon, with the numbers.
    hint : sequence of str
        Names of the actions that can help, most useful first.
    detail : str
        For the log and the report: native messages, paths, replies.
    """

    code: ClassVar[str] = "bridge"

    def __init__(self, user_message: str, *, hint: Sequence[str] = (), detail: str = "") -> None:
        super().__init__(user_message)
        self.user_message = user_message
        self.hint = tuple(hint)
        self.detail = detail


def catalogue() -> dict[str, type[BridgeError]]:
    """Return every error class by its code.

    Returns
    -------
    dict of str to type
        All subclasses of `BridgeError` that are imported, the base included.
    """

    def walk(kind: type[BridgeError]) -> Iterator[type[BridgeError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from walk(child)

    return {kind.code: kind for kind in walk(BridgeError)}


# Fusion masks ---------------------------------------------------------------------------


class CompReadError(BridgeError, OSError):
    """The composition file cannot be opened, is too big or is not text."""

    code = "fusion.unreadable"


class CompSyntaxError(BridgeError, ValueError):
    """The composition text breaks the grammar; `line` and `column` say where (from 1)."""

    code = "fusion.syntax"

    def __init__(
        self,
        user_message: str,
        *,
        line: int,
        column: int,
        hint: Sequence[str] = (),
        detail: str = "",
    ) -> None:
        super().__init__(user_message, hint=hint, detail=detail)
        self.line = line
        self.column = column


class MaskRequestError(BridgeError, ValueError):
    """What was asked of a mask makes no sense: no such tool, no frames, no size."""

    code = "fusion.request"

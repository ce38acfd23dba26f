"""What every error of the bridge carries: a code, one sentence, ways out, a detail for logs.

The bridge has a tree of its own because it knows nothing of the engine; the fields and their
meaning are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

__all__ = [
    "BridgeError",
    "HostError",
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


class HostError(BridgeError):
    """Base of the errors around Resolve; sentence and ways out belong to the class.

    Parameters
    ----------
    detail : str
        For the log and the report.
    hint : sequence of str or None
        Other ways out than the class offers.
    **values : str or int
        What the sentence names.
    """

    code: ClassVar[str] = "host"
    sentence: ClassVar[str] = "Something went wrong between FlowAnchor and Resolve."
    ways_out: ClassVar[tuple[str, ...]] = ("try_again", "copy_report")

    def __init__(
        self, *, detail: str = "", hint: Sequence[str] | None = None, **values: str | int
    ) -> None:
        self.values = values
        super().__init__(
            self.sentence.format(**values),
            hint=self.ways_out if hint is None else hint,
            detail=detail,
        )

"""All of them by code."""

from __future__ import annotations

from collections.abc import Iterator

# Imported so that their classes exist.
from resolve_bridge.errors import link, masks, placing, render, shot  # noqa: F401
from resolve_bridge.errors.base import BridgeError

__all__ = ["catalogue"]


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

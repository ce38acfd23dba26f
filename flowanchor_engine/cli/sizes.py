"""Sizes as they are typed: numbers joined by x."""

from __future__ import annotations

from flowanchor_engine.errors import RequestError

__all__ = ["grid_size", "picture_size"]


def picture_size(text: str) -> tuple[int, int]:
    """Read a picture's width and height.

    Raises
    ------
    RequestError
    """
    sides = _sides(text)
    if len(sides) != 2:
        raise RequestError(f"“{text}” is not a size such as 128x128.")
    return sides[0], sides[1]


def grid_size(text: str) -> tuple[int, int, int]:
    """Read latent frames, rows and columns of tokens.

    Raises
    ------
    RequestError
    """
    sides = _sides(text)
    if len(sides) != 3:
        raise RequestError(f"“{text}” is not a grid such as 5x8x13.")
    return sides[0], sides[1], sides[2]


def _sides(text: str) -> list[int]:
    """Return the numbers; none where one of them is no number or less than 1."""
    parts = text.lower().split("x")
    sides = [int(part) for part in parts if part.isdecimal()]
    return sides if len(sides) == len(parts) and min(sides) > 0 else []

"""The values a composition's text is made of."""

from __future__ import annotations

__all__ = ["Bare", "Key", "Scalar", "Table", "Value"]


class Bare(str):
    """A word without quotes that is no keyword, such as `nan`."""

    __slots__ = ()


class Table:
    """One table of the text, with the name of its constructor.

    Attributes
    ----------
    ctor : str
        `PolylineMask` of `PolylineMask { ... }`, empty for a plain table.
    fields : dict
        Values under a written key, in the order of the text; the last of two equal keys wins.
    array : list
        Values without a key.
    offset : int
        Where the table begins, in characters.
    """

    __slots__ = ("array", "ctor", "fields", "offset")

    def __init__(self, ctor: str = "", offset: int = 0) -> None:
        self.ctor = ctor
        self.fields: dict[Key, Value] = {}
        self.array: list[Value] = []
        self.offset = offset

    def get(self, key: Key) -> Value:
        """Return the value under `key`; numbers from 1 also reach values without a key."""
        if key in self.fields:
            return self.fields[key]
        if isinstance(key, int) and 1 <= key <= len(self.array):
            return self.array[key - 1]
        return None

    def table(self, key: Key) -> Table | None:
        """Return the table under `key`, or None where there is none."""
        found = self.get(key)
        return found if isinstance(found, Table) else None

    def text(self, key: Key) -> str | None:
        """Return the string under `key`, or None where there is none."""
        found = self.get(key)
        return found if isinstance(found, str) and not isinstance(found, Bare) else None

    def number(self, key: Key) -> float | None:
        """Return the number under `key`, or None where there is none."""
        found = self.get(key)
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return float(found)

    def flag(self, key: Key) -> bool:
        """Return whether `key` is true, or a number that is not zero."""
        found = self.get(key)
        return bool(found) if isinstance(found, bool | int | float) else False

    def __repr__(self) -> str:
        return f"<{self.ctor or 'table'}: {len(self.fields)} fields, {len(self.array)} values>"


Scalar = str | int | float | bool | None
Key = str | int | float
Value = str | int | float | bool | Table | None

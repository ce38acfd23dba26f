"""Plain data as Lua table text: the only thing the agent ever reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

_KEYWORDS = frozenset(
    """and break do else elseif end false for function goto if in local nil not or repeat return
    then true until while""".split()  # noqa: SIM905 - a column of quoted words reads worse
)


def dumps(value: object) -> str:
    """Return `value` as a Lua 5.1 expression.

    Parameters
    ----------
    value : None, bool, int, float, str, mapping or sequence of these
        Mapping keys must be strings or integers. ``None`` inside a sequence keeps its place.

    Raises
    ------
    TypeError
        For anything that is not plain data.
    ValueError
        For a number Lua cannot spell (infinite, not a number).
    """
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("Lua has no literal for this number")
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(key)}={dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return "{" + ",".join(dumps(item) for item in value) + "}"
    raise TypeError(f"not plain data: {type(value).__name__}")


def chunk(value: Mapping[str, object]) -> bytes:
    """Return the bytes of a file that `loadfile` turns into `value`."""
    return ("return " + dumps(value) + "\n").encode("ascii")


def _key(key: object) -> str:
    if isinstance(key, bool) or not isinstance(key, (str, int)):
        raise TypeError(f"not a table key: {key!r}")
    if isinstance(key, int):
        return f"[{key}]"
    if key.isidentifier() and key.isascii() and key not in _KEYWORDS:
        return key
    return f"[{_string(key)}]"


def _string(text: str) -> str:
    # Decimal escapes for everything but plain ASCII: no code page, no quoting surprise.
    out = [
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03d}"
        for byte in text.encode("utf-8", "surrogatepass")
    ]
    return '"' + "".join(out) + '"'

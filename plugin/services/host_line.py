"""One line of JSON between the panel and its host child: the base of its types, and its reading.

The panel writes commands (`host_commands`) to the child's stdin, the child answers and pushes
(`host_events`) on its stdout: JSON Lines, one frozen type per message. Shots, extracts, results
and placements travel as `resolve_bridge.records` write them, so that what the queue keeps is what
was said here. Unknown fields are ignored.

Laws: `Started` comes first; every command gets exactly one answer (a cancelled one `Failed` with
the code ``cancelled``); pushes belong to no command.
"""

from __future__ import annotations

import json
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from flowanchor_engine.protocol import MAX_LINE_BYTES, LineError

__all__ = ["Message", "Record", "read_line"]

Record = dict[str, Any]
"""A dataclass of the bridge as `resolve_bridge.records.dump` writes it."""

_T = TypeVar("_T")


class Message(BaseModel):
    """Base of every command, answer and push."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", protected_namespaces=(), defer_build=True
    )

    v: Literal[1] = 1


def read_line(line: bytes, adapter: TypeAdapter[_T]) -> _T:
    """Parse one line as what an adapter takes.

    Raises
    ------
    LineError
        The line is too long, no JSON, or none of those messages.
    """
    start = line[:200].decode("utf-8", "replace")
    if len(line) > MAX_LINE_BYTES:
        raise LineError(f"A line of {len(line)} bytes is too long.", detail=start)
    try:
        return adapter.validate_python(json.loads(line))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise LineError(
            f"A line is not understood: {first['msg']}.", detail=f"{first['loc']}: {start}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise LineError("A line is not JSON.", detail=f"{error}: {start}") from error

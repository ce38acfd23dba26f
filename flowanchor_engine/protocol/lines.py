"""Messages as lines: UTF-8 JSON, one message a line, a megabyte at most."""

from __future__ import annotations

import json
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from flowanchor_engine.errors import FlowAnchorError
from flowanchor_engine.protocol.commands import Command
from flowanchor_engine.protocol.events import Event

__all__ = ["MAX_LINE_BYTES", "LineError", "read_command", "read_event", "write_line"]

MAX_LINE_BYTES: Final = 1 << 20


class LineError(FlowAnchorError, ValueError):
    """A line that is no message: too long, not UTF-8, not JSON, unknown or malformed."""

    code = "protocol"


_T = TypeVar("_T")

_commands: TypeAdapter[Command] = TypeAdapter(Command, config=ConfigDict(defer_build=True))
_events: TypeAdapter[Event] = TypeAdapter(Event, config=ConfigDict(defer_build=True))


def read_command(line: bytes) -> Command:
    """Parse one line from the panel.

    Raises
    ------
    LineError
        Code ``protocol``, with the reason; `detail` holds the start of the line.
    """
    return _read(line, _commands)


def read_event(line: bytes) -> Event:
    """Parse one line from the engine (see `read_command`)."""
    return _read(line, _events)


def write_line(message: BaseModel) -> bytes:
    """Return a message as one UTF-8 line, newline included.

    Raises
    ------
    LineError
        The message would be longer than `MAX_LINE_BYTES`.
    """
    line = message.model_dump_json().encode() + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise LineError(f"A message of {len(line)} bytes is too long for one line.")
    return line


def _read(line: bytes, adapter: TypeAdapter[_T]) -> _T:
    start = line[:200].decode("utf-8", "replace")
    if len(line) > MAX_LINE_BYTES:
        raise LineError(f"A line of {len(line)} bytes is too long.", detail=start)
    try:
        text = line.decode("utf-8")
        data = json.loads(text)
        if "\\ud" in text.lower():  # half a character, which nobody could write down again
            json.dumps(data, ensure_ascii=False).encode()
    except (UnicodeError, ValueError, RecursionError) as error:
        raise LineError("A line is not JSON.", detail=f"{error}: {start}") from error
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        kind = data.get("type") if isinstance(data, dict) else None
        first = error.errors(include_url=False)[0]
        raise LineError(
            f"A line of type {kind!r:.80} is not understood: {first['msg']:.400}.",
            detail=f"{first['loc']}: {start}",
        ) from error

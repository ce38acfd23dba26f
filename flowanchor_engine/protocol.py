"""The lines between panel and engine: JSON Lines, one frozen type per message.

The panel writes commands to the engine's stdin, the engine writes events to its stdout;
payloads are files. Unknown fields are ignored and unknown types are reported as such, so
that an older end understands a newer one as far as it can. No torch here.

Laws: the handshake comes first; exactly one terminal event (`Result`, `Precomputed`,
`Cancelled`, `Failed`) per job; `seq` grows per job; a file is renamed into place before its
line is sent.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from flowanchor_engine.errors import FlowAnchorError

__all__ = [
    "MAX_LINE_BYTES",
    "PROTOCOL",
    "Accepted",
    "Cancel",
    "Cancelled",
    "Command",
    "Device",
    "Estimate",
    "Estimated",
    "Event",
    "Failed",
    "Heartbeat",
    "Hello",
    "HelloReply",
    "LineError",
    "Note",
    "Phase",
    "Precompute",
    "Precomputed",
    "Preview",
    "Refused",
    "Release",
    "Result",
    "Run",
    "Shutdown",
    "Status",
    "StatusReply",
    "is_terminal",
    "read_command",
    "read_event",
    "write_line",
]

PROTOCOL: Final = 1
MAX_LINE_BYTES: Final = 1 << 20

PhaseName = Literal[
    "download", "load", "read", "text", "encode", "edit", "decode", "composite", "write"
]


class LineError(FlowAnchorError, ValueError):
    """A line that is no message: too long, not UTF-8, not JSON, unknown or malformed."""

    code = "protocol"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1] = 1


# ---- commands: panel to engine ------------------------------------------------------------


class _Command(_Message):
    id: Annotated[int, Field(ge=0)]


class Hello(_Command):
    """Open the conversation; nothing else is answered before it."""

    type: Literal["hello"] = "hello"
    panel: str = ""
    protocols: tuple[int, ...] = (PROTOCOL,)


class Run(_Command):
    """Start a job; `request` is an `EditRequest` as data, `out` the file to write."""

    type: Literal["run"] = "run"
    job: str
    request: dict[str, Any]
    out: str
    resume: bool = False  # continue a killed job from its last finished step


class Precompute(_Command):
    """Warm the source side of a request while the person still types; writes no file."""

    type: Literal["precompute"] = "precompute"
    job: str
    request: dict[str, Any]


class Cancel(_Command):
    """Stop a job, running or waiting."""

    type: Literal["cancel"] = "cancel"
    job: str


class Estimate(_Command):
    """Ask how long a request would take."""

    type: Literal["estimate"] = "estimate"
    request: dict[str, Any]


class Status(_Command):
    """Ask what the engine is doing and holding."""

    type: Literal["status"] = "status"


class Release(_Command):
    """Free the memory of an idle engine."""

    type: Literal["release"] = "release"


class Shutdown(_Command):
    """Stop the running job and exit."""

    type: Literal["shutdown"] = "shutdown"


Command = Annotated[
    Hello | Run | Precompute | Cancel | Estimate | Status | Release | Shutdown,
    Field(discriminator="type"),
]


# ---- events: engine to panel --------------------------------------------------------------


class Device(_Message):
    """Where the engine computes; memory in MB (2**20 bytes)."""

    name: str
    kind: Literal["cuda", "mps", "cpu"]
    memory_mb: int
    compute: str = ""


class HelloReply(_Message):
    """The engine's side of the handshake; a missing feature hides its control."""

    type: Literal["hello"] = "hello"
    id: int
    engine: str
    protocol: int = PROTOCOL
    pid: int
    device: Device
    features: tuple[str, ...] = ()


class Accepted(_Message):
    """A command without an answer of its own was understood."""

    type: Literal["accepted"] = "accepted"
    id: int


class Refused(_Message):
    """A command, or a line that is none, was refused; jobs go on."""

    type: Literal["refused"] = "refused"
    id: int | None = None
    code: str
    user_message: str
    hint: tuple[str, ...] = ()
    detail: str = ""


class StatusReply(_Message):
    """What the engine is doing; memory in MB."""

    type: Literal["status"] = "status"
    id: int
    running: str | None
    waiting: tuple[str, ...] = ()
    model: str | None = None
    rss_mb: int
    vram_mb: int = 0


class Estimated(_Message):
    """How long a request would take; null where nothing was measured yet."""

    type: Literal["estimated"] = "estimated"
    id: int
    forwards: int
    forwards_cached: int
    s_per_forward: float | None
    total_s: float | None
    windows: int = 1


class Heartbeat(_Message):
    """Life, every two seconds, from a thread of its own; memory in MB."""

    type: Literal["heartbeat"] = "heartbeat"
    rss_mb: int
    vram_mb: int = 0


class _JobEvent(_Message):
    job: str
    seq: Annotated[int, Field(ge=0)]


class Phase(_JobEvent):
    """`done` of `total` units of a phase; seconds are measured, or null before that."""

    type: Literal["phase"] = "phase"
    phase: PhaseName
    done: int
    total: int
    s_per_unit: float | None = None
    eta_s: float | None = None


class Preview(_JobEvent):
    """A rough picture of the edit so far; `frame` counts the shot's pictures."""

    type: Literal["preview"] = "preview"
    step: int
    path: str
    frame: int


class Note(_JobEvent):
    """Something worth knowing that does not stop the job."""

    type: Literal["note"] = "note"
    code: str
    user_message: str


class Result(_JobEvent):
    """Terminal: the files are in place."""

    type: Literal["result"] = "result"
    path: str
    recipe: str
    sheet: str
    frames: int
    width: int
    height: int
    rate: str
    sha256: str
    words: tuple[str, ...] = ()
    forwards: int = 0
    forwards_saved: int = 0
    peak_memory_mb: int = 0
    seconds: dict[str, float] = {}
    notes: tuple[str, ...] = ()


class Precomputed(_JobEvent):
    """Terminal of `Precompute`: the source side is warm."""

    type: Literal["precomputed"] = "precomputed"
    forwards: int = 0
    forwards_saved: int = 0


class Cancelled(_JobEvent):
    """Terminal: stopped as asked; nothing was written. `at` says where, e.g. 'edit 12/23'."""

    type: Literal["cancelled"] = "cancelled"
    at: str = ""


class Failed(_JobEvent):
    """Terminal: one coded sentence with its ways out."""

    type: Literal["error"] = "error"
    code: str
    user_message: str
    hint: tuple[str, ...] = ()
    detail: str = ""


Event = Annotated[
    HelloReply
    | Accepted
    | Refused
    | StatusReply
    | Estimated
    | Heartbeat
    | Phase
    | Preview
    | Note
    | Result
    | Precomputed
    | Cancelled
    | Failed,
    Field(discriminator="type"),
]

_T = TypeVar("_T")

_commands: TypeAdapter[Command] = TypeAdapter(Command)
_events: TypeAdapter[Event] = TypeAdapter(Event)


def is_terminal(event: BaseModel) -> bool:
    """Whether an event ends its job."""
    return isinstance(event, Result | Precomputed | Cancelled | Failed)


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
        data = json.loads(line.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise LineError("A line is not JSON.", detail=f"{error}: {start}") from error
    try:
        return adapter.validate_python(data)
    except ValidationError as error:
        kind = data.get("type") if isinstance(data, dict) else None
        first = error.errors(include_url=False)[0]
        raise LineError(
            f"A line of type {kind!r} is not understood: {first['msg']}.",
            detail=f"{first['loc']}: {start}",
        ) from error

"""Events: engine to panel."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from flowanchor_engine.protocol.message import PROTOCOL, Message, Sentence

__all__ = [
    "Accepted",
    "Cancelled",
    "ClipFacts",
    "Device",
    "Estimated",
    "Event",
    "Failed",
    "Heartbeat",
    "HelloReply",
    "MatteDone",
    "Measured",
    "ModelDone",
    "ModelInfo",
    "ModelsReply",
    "Note",
    "Phase",
    "PhaseName",
    "Precomputed",
    "Preview",
    "ProxyDone",
    "ProxyOpened",
    "Refused",
    "Result",
    "StatusReply",
    "Terminal",
    "Word",
    "WordsReply",
    "is_terminal",
]

PhaseName = Literal[
    "download", "load", "read", "text", "encode", "edit", "decode", "composite", "write"
]


class Device(Message):
    """Where the engine computes; memory in MB (2**20 bytes)."""

    name: str
    kind: Literal["cuda", "mps", "cpu"]
    memory_mb: int
    compute: str = ""


class HelloReply(Message):
    """The engine's side of the handshake; a missing feature hides its control."""

    type: Literal["hello"] = "hello"
    id: int
    engine: str
    protocol: int = PROTOCOL
    pid: int
    device: Device
    features: tuple[str, ...] = ()


class Accepted(Message):
    """A command without an answer of its own was understood."""

    type: Literal["accepted"] = "accepted"
    id: int


class Refused(Message):
    """A command, or a line that is none, was refused; jobs go on."""

    type: Literal["refused"] = "refused"
    id: int | None = None
    code: str
    user_message: Sentence
    hint: tuple[str, ...] = ()
    detail: Sentence = ""


class StatusReply(Message):
    """What the engine is doing; memory in MB."""

    type: Literal["status"] = "status"
    id: int
    running: str | None
    waiting: tuple[str, ...] = ()
    model: str | None = None
    rss_mb: int
    vram_mb: int = 0
    free_mb: int | None = None  # of the card, what this engine holds included; null without one


class Estimated(Message):
    """How long a request would take; null where nothing was measured yet."""

    type: Literal["estimated"] = "estimated"
    id: int
    forwards: int
    forwards_cached: int
    s_per_forward: float | None
    total_s: float | None
    windows: int = 1


class Heartbeat(Message):
    """Life, every two seconds, from a thread of its own; memory in MB."""

    type: Literal["heartbeat"] = "heartbeat"
    rss_mb: int
    vram_mb: int = 0


class _JobEvent(Message):
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
    """A rough picture of the edit so far: what the model sees, not yet behind the matte.

    Frames count from the first edited one. `frame` is what is shown; the picture stands for
    ``start <= i < stop``, all with the same latent frame (0 and 0: an older engine, for `frame`
    alone). `share` is where it lies in the whole picture: left, top, right, bottom, 0..1.
    """

    type: Literal["preview"] = "preview"
    step: int
    path: str
    frame: int
    start: int = 0
    stop: int = 0
    share: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


class Note(_JobEvent):
    """Something worth knowing that does not stop the job."""

    type: Literal["note"] = "note"
    code: str
    user_message: Sentence


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
    seconds: dict[str, float] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    attention: str = ""  # folder of the words' maps, '' where none were made


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
    """Terminal: one coded sentence with its ways out.

    `values` are the sentence's names and numbers, sizes in MB under names that end in ``_mb``.
    """

    type: Literal["error"] = "error"
    code: str
    user_message: Sentence
    hint: tuple[str, ...] = ()
    detail: Sentence = ""
    values: dict[str, Sentence | int] = Field(default_factory=dict)


# ---- the media end ---------------------------------------------------------------------------


class ClipFacts(Message):
    """What a clip is; rate as a fraction, timecode of its first frame or ''."""

    path: str
    start: int
    frames: int
    width: int
    height: int
    rate: str
    timecode: str = ""
    tags: str = ""  # colour tags in words, such as 'Rec.709 limited'
    assumed: tuple[str, ...] = ()  # what the file does not say and was assumed
    codec: str = ""
    audio: bool = False
    alpha: bool = False


class ProxyOpened(_JobEvent):
    """The proxy folder is there; its frames become readable as `Phase` events count them."""

    type: Literal["proxy_opened"] = "proxy_opened"
    path: str
    facts: ClipFacts


class ProxyDone(_JobEvent):
    """Terminal of `Proxy`: all frames are in place."""

    type: Literal["proxy_done"] = "proxy_done"
    path: str
    facts: ClipFacts


class MatteDone(_JobEvent):
    """Terminal of `Matte`; shares are of the picture, one per frame, 0..1."""

    type: Literal["matte_done"] = "matte_done"
    path: str
    coverage: tuple[float, ...]
    empty_frames: tuple[int, ...] = ()
    drift: tuple[float, ...] = ()  # 0 sure to 1 lost, per frame of a tracked matte
    notes: tuple[str, ...] = ()


class Measured(_JobEvent):
    """Terminal of `Measure`: absolute change in 8-bit code values, one entry per frame.

    Means over the pixels inside and outside the matte, and the largest single change.
    """

    type: Literal["measured"] = "measured"
    inside: tuple[float, ...]
    outside: tuple[float, ...]
    inside_max: tuple[int, ...]
    outside_max: tuple[int, ...]


class Word(Message):
    """A word of the wanted text, by characters ``start <= i < stop`` as typed."""

    start: int
    stop: int
    drives: bool
    tokens: tuple[str, ...] = ()


class WordsReply(Message):
    """How the texts are understood.

    `code` is '' or that of the error an edit with these words would end in; `notes` are
    codes of warnings that block nothing: 'unchanged', 'nothing_shared', 'style_only',
    'long', 'now_empty'.
    """

    type: Literal["words"] = "words"
    id: int
    words: tuple[Word, ...] = ()
    removed: tuple[tuple[int, int], ...] = ()  # characters of `now` that go away
    origin: str = ""  # 'explicit', 'brackets' or 'diff'
    token_count: int = 0
    notes: tuple[str, ...] = ()
    code: str = ""
    user_message: Sentence = ""


class ModelInfo(Message):
    """One model that can be used; sizes in bytes, memory in MB."""

    id: str
    name: str
    family: str
    good_for: str = ""
    origin: str = ""  # of a model of the person's own: the folder or name that it came from
    licence: str = ""
    size_bytes: int = 0
    installed: bool = False
    partial: bool = False  # a download was begun
    folder: str = ""
    vram_mb: int = 0  # least graphics memory
    width: int = 0
    height: int = 0
    window_frames: int = 81
    method: dict[str, Any] = Field(default_factory=dict)  # its recommended `MethodSettings`


class ModelsReply(Message):
    """All models."""

    type: Literal["models"] = "models"
    id: int
    models: tuple[ModelInfo, ...]
    free_bytes: int = 0
    folder: str = ""


class ModelDone(_JobEvent):
    """Terminal of the model jobs."""

    type: Literal["model_done"] = "model_done"
    model: str
    folder: str = ""
    size_bytes: int = 0


Terminal = Result | Precomputed | Cancelled | Failed | ProxyDone | MatteDone | Measured | ModelDone
"""An event that ends its job."""

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
    | ProxyOpened
    | WordsReply
    | ModelsReply
    | Terminal,
    Field(discriminator="type"),
]


def is_terminal(event: BaseModel) -> bool:
    """Whether an event ends its job."""
    return isinstance(event, Terminal)

"""Commands: panel to engine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from flowanchor_engine.protocol.message import PROTOCOL, JobName, Message

__all__ = [
    "Cancel",
    "Command",
    "Estimate",
    "GetModel",
    "Hello",
    "ImportModel",
    "JobCommand",
    "Matte",
    "Measure",
    "Models",
    "Precompute",
    "Proxy",
    "Release",
    "RemoveModel",
    "Run",
    "Shutdown",
    "Status",
    "VerifyModel",
    "Watch",
    "Words",
]


class _Command(Message):
    id: Annotated[int, Field(ge=0)]


class Hello(_Command):
    """Open the conversation; nothing else is answered before it."""

    type: Literal["hello"] = "hello"
    panel: str = ""
    protocols: tuple[int, ...] = (PROTOCOL,)


class Run(_Command):
    """Start a job; `request` is an `EditRequest` as data, `out` the file to write."""

    type: Literal["run"] = "run"
    job: JobName
    request: dict[str, Any]
    out: str
    resume: bool = False  # continue a killed job from its last finished step
    memory: Literal["auto", "low"] = "auto"  # 'low': as little as can be, at the cost of time
    anyway: bool = False  # also where other programs hold the memory that it needs
    # What previews show until `Watch` says otherwise; no part of the edit, so not in `request`.
    preview_frame: Annotated[int, Field(ge=0)] | None = None


class Precompute(_Command):
    """Warm the source side of a request while the person still types; writes no file."""

    type: Literal["precompute"] = "precompute"
    job: JobName
    request: dict[str, Any]
    memory: Literal["auto", "low"] = "auto"


class Cancel(_Command):
    """Stop a job, running or waiting."""

    type: Literal["cancel"] = "cancel"
    job: JobName


class Watch(_Command):
    """Let the previews of a job, running or waiting, show another frame.

    `frame` counts from the first edited one, the nearest one there is counts. It is seen with
    the next preview, after a finished step.
    """

    type: Literal["watch"] = "watch"
    job: JobName
    frame: Annotated[int, Field(ge=0)]


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


# ---- the media end: no model, no graphics card; runs beside a busy engine --------------------


class Proxy(_Command):
    """Write 8-bit proxies of a clip for the viewer (format: `flowanchor_engine.protocol.proxies`).

    `clip` is a `SourceSpec` as data. With `over`, another `SourceSpec`, the clip is shown as
    the timeline shows it: composited by its alpha over those frames.
    """

    type: Literal["proxy"] = "proxy"
    job: JobName
    clip: dict[str, Any]
    out: str
    over: dict[str, Any] | None = None
    max_height: Annotated[int, Field(ge=64, le=4320)] = 1080


class Matte(_Command):
    """Make the composite matte of a request (drawn, loaded, tracked, grown, feathered).

    Writes 8-bit proxies with one channel and tells coverage and drift.
    """

    type: Literal["matte"] = "matte"
    job: JobName
    request: dict[str, Any]
    out: str
    max_height: Annotated[int, Field(ge=64, le=4320)] = 1080


class Measure(_Command):
    """Measure what a result changed, inside and outside the request's composite matte.

    At full size, in 8-bit code values, against the decoded source and what will be seen.
    """

    type: Literal["measure"] = "measure"
    job: JobName
    request: dict[str, Any]
    result: str


class Words(_Command):
    """Ask which words drive, how they split into tokens, and what is worth a warning."""

    type: Literal["words"] = "words"
    now: str
    wanted: str
    drive: tuple[tuple[int, int], ...] = ()  # marked characters of `wanted`
    model: str = "demo"
    matte_share: float | None = None  # of the picture, 0..1, where known


class Models(_Command):
    """Ask which models there are and which are on this computer."""

    type: Literal["models"] = "models"


class GetModel(_Command):
    """Download a model, or go on with a broken download."""

    type: Literal["get_model"] = "get_model"
    job: JobName
    model: str


class VerifyModel(_Command):
    """Check every file of a model that is on this computer."""

    type: Literal["verify_model"] = "verify_model"
    job: JobName
    model: str


class ImportModel(_Command):
    """Take a model from a folder that the person already has."""

    type: Literal["import_model"] = "import_model"
    job: JobName
    model: str
    folder: str
    copy_files: bool = False  # default: links


class RemoveModel(_Command):
    """Delete a model that FlowAnchor put there."""

    type: Literal["remove_model"] = "remove_model"
    job: JobName
    model: str


JobCommand = (
    Run | Precompute | Proxy | Matte | Measure | GetModel | VerifyModel | ImportModel | RemoveModel
)
"""A command that starts a job and so ends in one terminal event."""

Command = Annotated[
    Hello | Cancel | Watch | Estimate | Status | Release | Shutdown | Words | Models | JobCommand,
    Field(discriminator="type"),
]

"""What the host child says: one answer to each command, and pushes (see `host_line`)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from plugin.services.host_line import Message, Record, read_line

__all__ = [
    "Answer",
    "Done",
    "Event",
    "ExtractMade",
    "Failed",
    "LinkChanged",
    "LinkKind",
    "MaskName",
    "MasksListed",
    "MatteAsked",
    "MatteRead",
    "MatteRefused",
    "Placed",
    "Progress",
    "RecipeRead",
    "Seen",
    "ShotRead",
    "Started",
    "is_answer",
    "read_event",
]

LinkKind = Literal["closed", "no_link", "silent", "restarted", "old", "ready"]


class _Answer(Message):
    id: Annotated[int, Field(ge=0)]


# ---- answers -----------------------------------------------------------------------------------


class Done(_Answer):
    """It is done; there is nothing to hand over."""

    type: Literal["done"] = "done"


class Failed(_Answer):
    """It was not done: one coded sentence with its ways out. Id 0: a line that is no command."""

    type: Literal["failed"] = "failed"
    code: str
    user_message: str
    hint: tuple[str, ...] = ()
    detail: str = ""


class ShotRead(_Answer):
    """A `resolve_bridge.shot.Shot`."""

    type: Literal["shot"] = "shot"
    shot: Record


class MaskName(Message):
    """One mask: composition from 1, its name, the tool, and what made it a candidate."""

    comp: int
    comp_name: str
    tool: str
    why: str = ""
    consumers: tuple[str, ...] = ()


class MasksListed(_Answer):
    """Every mask that may be meant, likeliest first."""

    type: Literal["masks"] = "masks"
    masks: tuple[MaskName, ...]


class MatteRead(_Answer):
    """Pictures, one per frame of the shot; `path` is the first of them."""

    type: Literal["matte"] = "matte"
    path: str
    frames: int
    width: int
    height: int
    tool: str
    comp: int
    via: Literal["text", "saver"]
    assumed: tuple[str, ...] = ()


class MatteAsked(_Answer):
    """Several masks may be meant: ask again with one of them."""

    type: Literal["matte_asked"] = "matte_asked"
    sentence: str
    masks: tuple[MaskName, ...]


class MatteRefused(_Answer):
    """The text does not determine the mask; with `start` and `stop` Fusion can render it."""

    type: Literal["matte_refused"] = "matte_refused"
    sentence: str
    reason: str
    ways_out: tuple[str, ...]
    tool: str
    comp: int
    start: int | None = None
    stop: int | None = None


class ExtractMade(_Answer):
    """A `resolve_bridge.extract.Extract`."""

    type: Literal["extract"] = "extract"
    extract: Record


class Placed(_Answer):
    """A `Placement`, and the shot it was placed on as it is now."""

    type: Literal["placed"] = "placed"
    placement: Record
    shot: Record


class RecipeRead(_Answer):
    """The placement that a clip carries, and the request as JSON text."""

    type: Literal["recipe"] = "recipe"
    placement: Record
    recipe: str


Answer = (
    Done
    | Failed
    | ShotRead
    | MasksListed
    | MatteRead
    | MatteAsked
    | MatteRefused
    | ExtractMade
    | Placed
    | RecipeRead
)


# ---- pushes ------------------------------------------------------------------------------------


class Started(Message):
    """The first line."""

    type: Literal["started"] = "started"
    pid: int


class LinkChanged(Message):
    """What the link to Resolve is now, with the sentence of what is wrong.

    `road` is 'agent' or 'studio'; `recovered` tells that what a crash had left open was taken back
    just now, and then `user_message` says what of it could not be put back.
    """

    type: Literal["link"] = "link"
    kind: LinkKind
    road: str = ""
    product: str = ""
    version: str = ""
    studio: bool = False
    link: str = ""
    recovered: bool = False
    code: str = ""
    user_message: str = ""
    hint: tuple[str, ...] = ()
    detail: str = ""


class Seen(Message):
    """What is open in Resolve now; '' for none. `picked`: a mask was picked in Fusion."""

    type: Literal["seen"] = "seen"
    project_id: str = ""
    timeline_id: str = ""
    item_id: str = ""
    picked: bool = False


class Progress(Message):
    """How far a command is."""

    type: Literal["progress"] = "progress"
    id: int
    phase: str
    done: int
    total: int


Event = Annotated[
    Answer | Started | LinkChanged | Seen | Progress,
    Field(discriminator="type"),
]

_events: Final[TypeAdapter[Event]] = TypeAdapter(Event, config=ConfigDict(defer_build=True))


def is_answer(event: BaseModel) -> bool:
    """Whether an event ends its command."""
    return isinstance(event, _Answer)


def read_event(line: bytes) -> Event:
    """Parse one line from the child.

    Raises
    ------
    LineError
        The line is no event.
    """
    return read_line(line, _events)

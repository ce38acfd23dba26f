"""The lines between the panel and its host child: JSON Lines, one frozen type per message.

The panel writes commands to the child's stdin, the child writes answers and pushes to its
stdout. Shots, extracts, results and placements travel as `resolve_bridge.records` write them,
so that what the queue keeps is what was said here. Unknown fields are ignored.

Laws: `Started` comes first; every command gets exactly one answer (a cancelled one `Failed` with
the code ``cancelled``); pushes belong to no command.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from flowanchor_engine.protocol import MAX_LINE_BYTES, LineError, write_line

__all__ = [
    "Answer",
    "Cancel",
    "Close",
    "Command",
    "Discard",
    "Done",
    "Event",
    "ExtractMade",
    "Failed",
    "LinkChanged",
    "LinkKind",
    "ListMasks",
    "Look",
    "MakeExtract",
    "MaskName",
    "MasksListed",
    "MatteAsked",
    "MatteRead",
    "MatteRefused",
    "OpenFile",
    "Page",
    "Place",
    "Placed",
    "Progress",
    "ReadMatte",
    "ReadRecipe",
    "ReadShot",
    "ReadSource",
    "RecipeRead",
    "Record",
    "RenderMatte",
    "Seen",
    "ShotRead",
    "Show",
    "Started",
    "Undo",
    "Watch",
    "is_answer",
    "read_command",
    "read_event",
    "write_line",
]

Record = dict[str, Any]
"""A dataclass of the bridge as `resolve_bridge.records.dump` writes it."""

LinkKind = Literal["closed", "no_link", "silent", "restarted", "old", "ready"]
Page = Literal["edit", "fusion"]


class _Message(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="ignore", protected_namespaces=(), defer_build=True
    )

    v: Literal[1] = 1


class _Command(_Message):
    id: Annotated[int, Field(ge=1)]


class _Answer(_Message):
    id: Annotated[int, Field(ge=0)]


# ---- commands ----------------------------------------------------------------------------------


class Look(_Command):
    """Look for Resolve and its link now, by every road."""

    type: Literal["look"] = "look"


class Watch(_Command):
    """Go on watching, or stop while nobody looks at the panel."""

    type: Literal["watch"] = "watch"
    on: bool = True


class ReadShot(_Command):
    """Read the meant clip, the one of that id, or the one under the playhead alone."""

    type: Literal["read_shot"] = "read_shot"
    item_id: str = ""
    colour: str = ""
    playhead: bool = False


class OpenFile(_Command):
    """Read a clip file; no Resolve is needed."""

    type: Literal["open_file"] = "open_file"
    path: str


class ListMasks(_Command):
    """Name the masks of the clip's Fusion compositions."""

    type: Literal["list_masks"] = "list_masks"
    shot: Record


class ReadMatte(_Command):
    """Evaluate a Fusion mask into 16-bit pictures, one per frame to edit.

    `extract`, where the shot was rendered, says which picture the mask has to fit.
    """

    type: Literal["read_matte"] = "read_matte"
    shot: Record
    folder: str
    tool: str = ""
    comp: int = 0
    extract: Record | None = None


class RenderMatte(_Command):
    """Let Fusion render a mask: `start` and `stop` are comp frames, half-open."""

    type: Literal["render_matte"] = "render_matte"
    shot: Record
    folder: str
    tool: str
    comp: int
    start: int
    stop: int
    extract: Record | None = None


class MakeExtract(_Command):
    """Return frames to edit: the clip's own file, or a render of just that clip."""

    type: Literal["make_extract"] = "make_extract"
    shot: Record


class Discard(_Command):
    """Delete a folder that this child made: an extract's or a matte's."""

    type: Literal["discard"] = "discard"
    folder: str


class Place(_Command):
    """Bring a result back beside its shot.

    `new_position` follows a shot that was moved; `folder` is where the result of a file is saved.
    """

    type: Literal["place"] = "place"
    shot: Record
    result: Record
    new_position: bool = False
    folder: str = ""


class Undo(_Command):
    """Remove exactly what `Place` added."""

    type: Literal["undo"] = "undo"
    placement: Record


class ReadRecipe(_Command):
    """Read the recipe that a placed clip carries."""

    type: Literal["read_recipe"] = "read_recipe"
    shot: Record


class ReadSource(_Command):
    """Read the shot that a placed clip was made from, as it is now."""

    type: Literal["read_source"] = "read_source"
    placement: Record


class Show(_Command):
    """Open a page of Resolve on a shot, or on what was placed."""

    type: Literal["show"] = "show"
    page: Page
    shot: Record | None = None
    placement: Record | None = None


class Cancel(_Command):
    """Stop another command, running or waiting; both are answered."""

    type: Literal["cancel"] = "cancel"
    target: int


class Close(_Command):
    """Stop the link in Resolve and exit."""

    type: Literal["close"] = "close"


Command = Annotated[
    Look
    | Watch
    | ReadShot
    | OpenFile
    | ListMasks
    | ReadMatte
    | RenderMatte
    | MakeExtract
    | Discard
    | Place
    | Undo
    | ReadRecipe
    | ReadSource
    | Show
    | Cancel
    | Close,
    Field(discriminator="type"),
]


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


class MaskName(_Message):
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
    """Pictures in `folder`, one per frame of the shot; `path` is the first of them."""

    type: Literal["matte"] = "matte"
    path: str
    folder: str
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


class Started(_Message):
    """The first line."""

    type: Literal["started"] = "started"
    pid: int


class LinkChanged(_Message):
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


class Seen(_Message):
    """What is open in Resolve now; '' for none. `picked`: a mask was picked in Fusion."""

    type: Literal["seen"] = "seen"
    project_id: str = ""
    timeline_id: str = ""
    item_id: str = ""
    picked: bool = False


class Progress(_Message):
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

_commands: Final[TypeAdapter[Command]] = TypeAdapter(Command, config=ConfigDict(defer_build=True))
_events: Final[TypeAdapter[Event]] = TypeAdapter(Event, config=ConfigDict(defer_build=True))


def is_answer(event: BaseModel) -> bool:
    """Whether an event ends its command."""
    return isinstance(event, _Answer)


def read_command(line: bytes) -> Command:
    """Parse one line from the panel.

    Raises
    ------
    LineError
        The line is no command.
    """
    return _read(line, _commands)


def read_event(line: bytes) -> Event:
    """Parse one line from the child (see `read_command`)."""
    return _read(line, _events)


_T = TypeVar("_T")


def _read(line: bytes, adapter: TypeAdapter[_T]) -> _T:
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

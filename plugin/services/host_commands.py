"""What the panel asks its host child to do (see `host_line`)."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, TypeAdapter

from plugin.services.host_line import Message, Record, read_line

__all__ = [
    "Cancel",
    "Close",
    "Command",
    "ListMasks",
    "Look",
    "MakeExtract",
    "OpenFile",
    "Page",
    "Place",
    "ReadMatte",
    "ReadRecipe",
    "ReadShot",
    "ReadSource",
    "RenderMatte",
    "Show",
    "Undo",
    "Watch",
    "read_command",
]

Page = Literal["edit", "fusion"]


class _Command(Message):
    id: Annotated[int, Field(ge=1)]


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
    | Place
    | Undo
    | ReadRecipe
    | ReadSource
    | Show
    | Cancel
    | Close,
    Field(discriminator="type"),
]

_commands: Final[TypeAdapter[Command]] = TypeAdapter(Command, config=ConfigDict(defer_build=True))


def read_command(line: bytes) -> Command:
    """Parse one line from the panel.

    Raises
    ------
    LineError
        The line is no command.
    """
    return read_line(line, _commands)

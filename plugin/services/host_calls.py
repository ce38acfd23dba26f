"""Everything that can be asked of Resolve, or of a clip file, and the callbacks that answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject

from flowanchor_engine.protocol import LineError
from plugin.locale import tr
from plugin.services import host_commands as cmd
from plugin.services import host_events as evt
from plugin.services.host_process import HostProcess
from plugin.services.host_state import (
    Call,
    Matte,
    MatteChoice,
    MatteRefusal,
    OnError,
    PlacedShot,
)
from resolve_bridge import records
from resolve_bridge.extract import Extract
from resolve_bridge.placement import Placement, Recipe, Result
from resolve_bridge.shot import Shot

if TYPE_CHECKING:
    from plugin.services.launch import Launch
    from plugin.services.logfile import LogFile

__all__ = ["HostCalls", "OnProgress"]

T = TypeVar("T")
OnProgress = Callable[[str, int, int], object]


class HostCalls(QObject):
    """The questions, each with its callbacks; see `HostService`.

    Every method returns at once with a `Call`; exactly one of `on_done(value)` and
    `on_error(code, sentence, hint)` follows, in the UI thread.
    """

    def __init__(
        self, launch: Launch, *, log: LogFile | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._process = HostProcess(launch, log=log, parent=self)
        self._calls: dict[int, Call[Any]] = {}
        self._numbers = 0

    def read_shot(
        self,
        on_done: Callable[[Shot], object],
        on_error: OnError,
        *,
        item_id: str = "",
        colour: str = "",
        playhead: bool = False,
    ) -> Call[Shot]:
        """Read the meant clip, the one of that id, or the one under the playhead alone."""
        command = cmd.ReadShot(id=self._number(), item_id=item_id, colour=colour, playhead=playhead)
        return self._ask(command, self._take_shot, on_done, on_error)

    def open_file(
        self,
        path: Path,
        on_done: Callable[[Shot], object],
        on_error: OnError,
        on_progress: OnProgress | None = None,
    ) -> Call[Shot]:
        """Work on a clip file; `read_shot` goes back to Resolve."""
        command = cmd.OpenFile(id=self._number(), path=str(path))
        return self._ask(command, self._take_shot, on_done, on_error, on_progress)

    def list_masks(
        self,
        shot: Shot,
        on_done: Callable[[tuple[evt.MaskName, ...]], object],
        on_error: OnError,
    ) -> Call[tuple[evt.MaskName, ...]]:
        """Name the masks of the clip's Fusion compositions."""
        command = cmd.ListMasks(id=self._number(), shot=records.dump(shot))
        return self._ask(command, lambda answer: answer.masks, on_done, on_error)

    def read_matte(
        self,
        shot: Shot,
        folder: Path,
        on_done: Callable[[Matte | MatteChoice | MatteRefusal], object],
        on_error: OnError,
        on_progress: OnProgress | None = None,
        *,
        tool: str = "",
        comp: int = 0,
        extract: Extract | None = None,
    ) -> Call[Matte | MatteChoice | MatteRefusal]:
        """Turn the clip's Fusion mask into pictures in a folder of their own below `folder`.

        Parameters
        ----------
        tool, comp : str, int
            The answer to a `MatteChoice`; '' and 0 take the pick in Fusion, else choose.
        extract : Extract, optional
            Of a shot that was rendered: the mask is fitted to its picture.
        """
        command = cmd.ReadMatte(
            id=self._number(),
            shot=records.dump(shot),
            folder=str(folder),
            tool=tool,
            comp=comp,
            extract=None if extract is None else records.dump(extract),
        )
        return self._ask(command, _matte, on_done, on_error, on_progress)

    def render_matte(
        self,
        shot: Shot,
        refusal: MatteRefusal,
        folder: Path,
        on_done: Callable[[Matte | MatteChoice | MatteRefusal], object],
        on_error: OnError,
        on_progress: OnProgress | None = None,
        *,
        extract: Extract | None = None,
    ) -> Call[Matte | MatteChoice | MatteRefusal]:
        """Let Fusion draw the mask that a refusal names.

        Raises
        ------
        ValueError
            That is no way out of this refusal.
        """
        if refusal.render is None:
            raise ValueError("Fusion cannot render this mask")
        command = cmd.RenderMatte(
            id=self._number(),
            shot=records.dump(shot),
            folder=str(folder),
            tool=refusal.tool,
            comp=refusal.comp,
            start=refusal.render[0],
            stop=refusal.render[1],
            extract=None if extract is None else records.dump(extract),
        )
        return self._ask(command, _matte, on_done, on_error, on_progress)

    def make_extract(
        self,
        shot: Shot,
        on_done: Callable[[Extract], object],
        on_error: OnError,
        on_progress: OnProgress | None = None,
    ) -> Call[Extract]:
        """Return frames to edit: the clip's own file, or a render where only that is right."""
        command = cmd.MakeExtract(id=self._number(), shot=records.dump(shot))
        return self._ask(
            command,
            lambda answer: records.load(Extract, answer.extract),
            on_done,
            on_error,
            on_progress,
        )

    def place(
        self,
        shot: Shot,
        result: Result,
        on_done: Callable[[PlacedShot], object],
        on_error: OnError,
        *,
        new_position: bool = False,
        folder: Path | None = None,
    ) -> Call[PlacedShot]:
        """Bring a result back beside its shot; the same result twice is one.

        Parameters
        ----------
        new_position : bool
            Follow a shot that was moved meanwhile.
        folder : Path, optional
            Where the result of a clip file is saved; `FlowAnchor` beside the clip by default.
        """
        command = cmd.Place(
            id=self._number(),
            shot=records.dump(shot),
            result=records.dump(result),
            new_position=new_position,
            folder="" if folder is None else str(folder),
        )
        return self._ask(
            command,
            lambda answer: PlacedShot(
                records.load(Placement, answer.placement), records.load(Shot, answer.shot)
            ),
            on_done,
            on_error,
        )

    def undo(
        self, placement: Placement, on_done: Callable[[None], object], on_error: OnError
    ) -> Call[None]:
        """Remove exactly what `place` added; also after a restart of anything."""
        command = cmd.Undo(id=self._number(), placement=records.dump(placement))
        return self._ask(command, _nothing, on_done, on_error)

    def recipe(
        self, shot: Shot, on_done: Callable[[Recipe], object], on_error: OnError
    ) -> Call[Recipe]:
        """Return the recipe that a placed clip carries."""
        command = cmd.ReadRecipe(id=self._number(), shot=records.dump(shot))
        return self._ask(
            command,
            lambda answer: Recipe(records.load(Placement, answer.placement), answer.recipe),
            on_done,
            on_error,
        )

    def source_of(
        self, placement: Placement, on_done: Callable[[Shot], object], on_error: OnError
    ) -> Call[Shot]:
        """Return the shot that a placed clip was made from, as it is now."""
        command = cmd.ReadSource(id=self._number(), placement=records.dump(placement))
        return self._ask(command, lambda answer: records.load(Shot, answer.shot), on_done, on_error)

    def open_fusion(
        self, shot: Shot, on_done: Callable[[None], object], on_error: OnError
    ) -> Call[None]:
        """Open the Fusion page on a shot, to draw its mask there."""
        command = cmd.Show(id=self._number(), page="fusion", shot=records.dump(shot))
        return self._ask(command, _nothing, on_done, on_error)

    def show_placed(
        self, placement: Placement, on_done: Callable[[None], object], on_error: OnError
    ) -> Call[None]:
        """Show in Resolve what was placed."""
        command = cmd.Show(id=self._number(), page="edit", placement=records.dump(placement))
        return self._ask(command, _nothing, on_done, on_error)

    # ---- inside

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _ask(
        self,
        command: cmd.Command,
        read: Callable[[Any], T],
        on_done: Callable[[T], object],
        on_error: OnError,
        on_progress: OnProgress | None = None,
    ) -> Call[T]:
        call = Call(command.id, read, on_done, on_error, on_progress, self._stop)
        self._calls[command.id] = call
        try:
            sent = self._process.send(command)
        except LineError as error:
            self._calls.pop(command.id).fail("protocol", error.user_message, (), error.detail)
            return call
        if not sent:
            self._calls.pop(command.id).fail("host_child", tr("error.host_child"), ("look_again",))
        return call

    def _stop(self, number: int) -> None:
        self._process.send(cmd.Cancel(id=self._number(), target=number))

    def _take_shot(self, answer: evt.ShotRead) -> Shot:
        """Read the shot of an answer; the service also shows it."""
        return records.load(Shot, answer.shot)


def _nothing(_answer: evt.Done) -> None:
    return None


def _matte(answer: Any) -> Matte | MatteChoice | MatteRefusal:
    match answer:
        case evt.MatteRead():
            return Matte(
                path=answer.path,
                start=0,
                frames=answer.frames,
                width=answer.width,
                height=answer.height,
                tool=answer.tool,
                comp=answer.comp,
                via=answer.via,
                assumed=answer.assumed,
            )
        case evt.MatteAsked():
            return MatteChoice(answer.sentence, answer.masks)
        case evt.MatteRefused():
            render = (
                None if answer.start is None or answer.stop is None else (answer.start, answer.stop)
            )
            return MatteRefusal(
                answer.sentence, answer.reason, answer.ways_out, answer.tool, answer.comp, render
            )
        case _:
            raise TypeError(type(answer).__name__)

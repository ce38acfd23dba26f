"""Takes on their way to the timeline and back; without Resolve, to a file."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from plugin.services.copying import is_full
from plugin.services.host_view import extract_of, placement_of, record_of, result_for, shot_of
from plugin.state.errors import OriginalError, message_of
from plugin.state.messages import Button
from plugin.state.observable import Observable
from plugin.state.takes import Step, UnderWay
from resolve_bridge.shot import ItemKind

if TYPE_CHECKING:
    from plugin.services.copying import CopyService
    from plugin.services.host import HostService
    from plugin.services.host_state import PlacedShot
    from plugin.state.session import PanelModel
    from plugin.state.takes import Take
    from resolve_bridge.placement import Placement, Result
    from resolve_bridge.shot import Shot

__all__ = ["Placing"]

_log = logging.getLogger(__name__)
_RECORD: Final = "record"
_PICTURES: Final = frozenset({".png", ".exr", ".dpx", ".tif", ".tiff"})
_GOING: Final = {
    "place": "say.place.going",
    "undo": "say.place.undoing",
    "save": "say.place.saving",
}
_TOLD: Final = ("light", "one_short")  # notes of a placement that a person has to look after
_CUT_OFF: Final = frozenset({"host_child", "host_lost", "host_restarted"})


class Placing:
    """Places takes, withdraws them, and keeps what Resolve will need for it with the take.

    Parameters
    ----------
    model : PanelModel
    host : HostService
    copies : CopyService
        Saves takes to files.
    originals : callable
        Returns the clips, mattes and takes that no take is ever saved over.
    handled : callable
        Whether the panel can do an action now; buttons of others are left out.

    Attributes
    ----------
    busy : Observable of str
        Id of the take that is being placed, withdrawn or saved, '' for none; what is done with
        it is `Takes.under_way`.
    """

    def __init__(
        self,
        model: PanelModel,
        host: HostService,
        copies: CopyService,
        *,
        originals: Callable[[], Iterable[str]],
        handled: Callable[[str], bool],
    ) -> None:
        self._model = model
        self._host = host
        self._copies = copies
        self._originals = originals
        self._handled = handled
        self._cut_off = ""
        self._saving = ""
        self.busy: Observable[str] = Observable("")
        model.takes.under_way.watch(lambda now: self.busy.set(now.take if now else ""))
        host.recovered.connect(self._on_recovered)

    # ---- to the timeline

    def place(self, take_id: str, *, new_position: bool = False, kind: str = "") -> None:
        """Place a take beside its shot; the same one twice is one.

        Parameters
        ----------
        new_position : bool
            Follow a shot that was moved since.
        kind : str
            Another way of placing than the take was made for: 'frame' for a 'take'.
        """
        take = self._model.takes.known(take_id)
        if take is None or self.remind():
            return
        if take.kind == "test":
            self._model.messages.say("say.place.test", tone="warn", about=take_id)
            return
        try:
            shot, result = self._ready(take, kind)
        except (KeyError, ValueError) as error:
            self._failed(take_id, "internal", "", (), str(error))
            return
        self._begin(take_id, "place")
        self._host.place(
            shot,
            result,
            lambda placed: self._placed(take_id, placed),
            lambda code, sentence, hint: self._failed(take_id, code, sentence, hint),
            new_position=new_position,
            folder=Path(take.file).parent if shot.kind is ItemKind.FILE else None,
        )

    def on_timeline(self, take: Take) -> bool:
        """Whether a take's shot lies on a timeline that can be reached now."""
        try:
            shot = shot_of(str(take.origin["shot"]))
        except (KeyError, ValueError):
            return False
        return self._model.host.value.ready and shot.kind is not ItemKind.FILE

    def undo(self, take_id: str) -> None:
        """Take exactly what `place` added off the timeline again; the take stays."""
        take = self._model.takes.known(take_id)
        if take is None or not take.placement or self.remind():
            return
        placement = self._placement(take)
        self._begin(take_id, "undo")

        def done(_: None) -> None:
            self._end()
            self._model.takes.withdrawn(take_id)
            self._model.messages.say(
                "say.place.undone", tone="done", about=take_id, number=take.number
            )

        self._host.undo(
            placement,
            done,
            lambda code, sentence, hint: self._failed(take_id, code, sentence, hint),
        )

    def show(self, take_id: str) -> None:
        """Show a placed take in Resolve."""
        take = self._model.takes.known(take_id)
        if take is None or not take.placement:
            return
        self._host.show_placed(
            self._placement(take),
            lambda _: None,
            lambda code, sentence, hint: self._failed(take_id, code, sentence, hint),
        )

    # ---- to a file

    def save_as(self, take_id: str, path: Path) -> None:
        """Write a take's file, or its folder of pictures, under another name; whole or not at all.

        It is written while the panel goes on; `busy` and a message tell when it is there.

        Parameters
        ----------
        path : Path
            As the person says it; a file gets its ending, a folder loses that of a picture.
        """
        take = self._model.takes.known(take_id)
        if take is None or self.remind() or self._copies.busy:
            return
        source = Path(take.file)
        target = path
        if source.is_dir():
            target = path.with_suffix("") if path.suffix.lower() in _PICTURES else path
        elif not path.suffix:
            target = path.with_suffix(source.suffix)
        self._saving = target.name
        self._begin(take_id, "save")
        self._copies.copy(
            source,
            target,
            lambda: self._saved(take_id, target.name),
            lambda error: self._not_saved(take_id, take.number, error),
            over=target == path,  # nobody was asked about another name than this
            originals=(each for each in self._originals() if each != take.file),
        )

    def _saved(self, take_id: str, name: str) -> None:
        self._end()
        self._model.messages.say("say.place.saved", tone="done", about=take_id, name=name)

    def _not_saved(self, take_id: str, number: int, error: OSError) -> None:
        if isinstance(error, shutil.SameFileError):
            self._end()
            self._model.messages.say(
                "say.place.itself",
                tone="warn",
                buttons=(Button("other_name", "button.other_name", take_id),),
                about=take_id,
                number=number,
            )
            return
        if isinstance(error, OriginalError):
            self._failed(take_id, error.code, error.user_message, error.hint, error.detail)
            return
        code = "disk" if is_full(error) else "output"
        self._failed(take_id, code, "", (), str(error))

    # ---- one at a time

    def remind(self) -> bool:
        """Say which take is under way, if one is; returns whether."""
        now = self._model.takes.under_way.value
        take = None if now is None else self._model.takes.known(now.take)
        if now is None or take is None:
            return now is not None
        self._model.messages.say(
            _GOING[now.step], about=take.id, number=take.number, name=self._saving
        )
        return True

    def _begin(self, take_id: str, step: Step) -> None:
        self._model.takes.under_way.set(UnderWay(take_id, step))
        self.remind()

    def _end(self) -> None:
        self._model.takes.under_way.set(None)

    # ---- within

    def _ready(self, take: Take, kind: str) -> tuple[Shot, Result]:
        """Return what the bridge needs; a take carries it since its job ended."""
        origin = take.origin
        shot = shot_of(str(origin["shot"]))
        extract = extract_of(str(origin["extract"]))
        first, stop = (int(each) for each in origin["range"])
        result = result_for(
            extract,
            path=take.file,
            frames=take.frames,
            kind=kind or take.delivery,  # type: ignore[arg-type]
            key=take.request_hash,
            shot_name=self._shot_name(take),
            title=take.title,
            take=take.number,
            recipe=json.dumps(take.request, ensure_ascii=False, separators=(",", ":")),
        )
        whole = (first, stop) == (0, shot.frame_count)
        return shot, result if whole else replace(result, part=(first, stop))

    def _shot_name(self, take: Take) -> str:
        comment = take.request.get("comment")
        return str(comment.get("shot", "")) if isinstance(comment, dict) else ""

    def _placed(self, take_id: str, placed: PlacedShot) -> None:
        self._end()
        placement = placed.placement
        self._model.takes.placed(take_id, placement.item_id, {_RECORD: record_of(placement)})
        take = self._model.takes.known(take_id)
        if take is None:
            return
        key = "say.place.placed" if placement.track else "say.place.saved"
        told = next((note for note in _TOLD if note in placement.notes), "")
        if told:
            key = f"say.place.{told}"
        self._model.messages.say(
            key,
            tone="warn" if told else "done",
            buttons=(
                Button("undo_place", "button.undo_place", take_id),
                Button(
                    "show_take" if placement.track else "reveal_file",
                    "button.show_take" if placement.track else "button.reveal_file",
                    take_id,
                ),
            ),
            about=take_id,
            number=take.number,
            track=f"V{placement.track}",
            name=Path(placement.path).name,
        )

    def _failed(
        self,
        take_id: str,
        code: str,
        sentence: str,
        hint: tuple[str, ...],
        detail: str = "",
    ) -> None:
        self._end()
        self._cut_off = take_id if code in _CUT_OFF else ""
        message = message_of(code, sentence, hint, detail, handled=self._handled, about=take_id)
        self._model.messages.show(message)

    def _on_recovered(self, left: str) -> None:
        """Say that what was cut off is undone, and offer to place it again."""
        take_id, self._cut_off = self._cut_off, ""
        if left:
            self._model.messages.show(
                message_of("restore", left, handled=self._handled, about=take_id)
            )
            return
        take = self._model.takes.known(take_id)
        again = take is not None and not take.placed
        self._model.messages.say(
            "say.host.recovered",
            tone="warn",
            buttons=(Button("place", "button.place", take_id),) if again else (),
            about=take_id,
        )

    @staticmethod
    def _placement(take: Take) -> Placement:
        return placement_of(str(take.placement[_RECORD]))

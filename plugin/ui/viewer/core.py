"""What all views of one shot share: the state, the pictures, the cache and the clock.

The viewer in the panel and the one in its own window show the same core, so they are always
on the same frame and hold every picture once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from flowanchor_engine.request import MatteShape
from plugin.locale import tr
from plugin.state.observable import Connection, Observable
from plugin.state.viewer import Mode, PreviewPicture, ViewerState
from plugin.ui.viewer.frames import FrameCache, Prefetch
from plugin.ui.viewer.numbers import Numbers, Reading, exact
from plugin.ui.viewer.pictures import Book, Picture, word_of
from plugin.ui.viewer.player import Player
from plugin.ui.viewer.timecode import frame_timecode

__all__ = ["Core", "Pane", "Tool"]

Tool = Literal["box", "lasso"]


@dataclass(frozen=True)
class Pane:
    """One picture to show: where its pixels come from and what its label says."""

    picture: Picture | None
    label: str
    role: Literal["before", "after"]


class Core(QObject):
    """State, pictures, cache and player of one shot."""

    changed = Signal()
    """Something that is painted changed."""
    shape_drawn = Signal(object)
    """A `MatteShape` was drawn on the frame that is shown, in picture coordinates."""

    def __init__(
        self,
        state: ViewerState,
        book: Book,
        *,
        cache: FrameCache | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.state = state
        self.book = book
        self.cache = cache or FrameCache()
        self.numbers = Numbers()
        self.tool: Observable[Tool | None] = Observable(None)
        self.player = Player(
            state,
            ready=lambda: book.ready.value,
            rate=lambda: book.facts.value.rate,
            parent=self,
        )
        self.prefetch = Prefetch(self)
        self.prefetch.budget_ms = lambda: self.player.budget_ms
        self._rough: tuple[str, QImage] | None = None
        watched = (
            *(state.mode, state.hold_before, state.overlay, state.words_overlay, state.gain),
            *(state.frame, state.frames, state.range, state.zoom, state.pan, state.wipe),
            *(
                state.wipe_angle,
                state.compare,
                state.preview,
                book.facts,
                book.chips,
                book.ready,
                book.matte,
                book.takes,
                book.words,
            ),
            *(book.measured, book.shapes, self.tool),
        )
        self._connections: list[Connection] = [
            item.changed.connect(lambda _value: self.changed.emit()) for item in watched
        ]
        self._connections.append(book.shot.changed.connect(self._on_shot))

    def close(self) -> None:
        """Stop the clock and let the pictures go."""
        self.player.close()
        self.prefetch.stop()
        for connection in self._connections:
            connection.disconnect()
        self.cache.clear()

    def _on_shot(self, _shot: Picture | None) -> None:
        self.state.stop()
        self.cache.clear()
        self.numbers.clear()
        self.changed.emit()

    # ---- what is there ---------------------------------------------------------------------

    @property
    def frames(self) -> int:
        """Frames of the shot."""
        return self.state.frames.value

    @property
    def timecode(self) -> str:
        """Timecode of the frame that is shown, or ''."""
        facts = self.book.facts.value
        return frame_timecode(facts.timecode, self.state.frame.value, facts.rate)

    @property
    def original(self) -> Pane:
        """The shot as it is."""
        return Pane(self.book.shot.value, tr("viewer.label.before"), "before")

    @property
    def pair(self) -> tuple[Pane, Pane]:
        """What is compared: the shot with a take, or a take with another."""
        first, second = self.state.compare.value
        one, two = self.book.take(first), self.book.take(second)
        if one is not None and two is not None:
            return Pane(one, one.name, "after"), Pane(two, two.name, "after")
        return self.original, Pane(one, self._after_label(one), "after")

    def _after_label(self, take: Picture | None) -> str:
        after = tr("viewer.label.after")
        return f"{after} · {take.name}" if take is not None and take.name else after

    @property
    def mode(self) -> Mode:
        """The mode in effect: without anything to compare, the shot itself."""
        if self.state.hold_before.value:
            return "before"
        mode = self.state.mode.value
        if self.pair[1].picture is None:
            if self.rough is None:
                return "before"
            return "after" if mode == "difference" else mode  # a rough picture proves nothing
        return mode

    # ---- the live preview ------------------------------------------------------------------

    @property
    def rough(self) -> QImage | None:
        """The newest rough picture of the running job, None where there is none."""
        preview: PreviewPicture | None = self.state.preview.value
        if preview is None:
            self._rough = None
            return None
        if self._rough is None or self._rough[0] != preview.path:
            image = QImage(preview.path)
            # The engine removes all but its two newest; the last one that was read stays.
            if not image.isNull():
                self._rough = (preview.path, image)
        return None if self._rough is None else self._rough[1]

    # ---- words -----------------------------------------------------------------------------

    @property
    def word(self) -> int | None:
        """Number of the word in the maps whose heat is shown, None for none."""
        chip, words = self.state.words_overlay.value, self.book.words.value
        chips = self.book.chips.value
        if chip is None or words is None or not 0 <= chip < len(chips):
            return None
        return word_of(words.maps.header.words, chips[chip])

    def next_word(self) -> None:
        """Show the next chip that has a map; after the last one, none."""
        words = self.book.words.value
        known = () if words is None else words.maps.header.words
        chips = self.book.chips.value
        now = self.state.words_overlay.value
        for chip in range(0 if now is None else now + 1, len(chips)):
            if word_of(known, chips[chip]) is not None:
                self.state.words_overlay.set(chip)
                return
        self.state.words_overlay.set(None)

    # ---- numbers ---------------------------------------------------------------------------

    def reading(self) -> Reading | None:
        """Return the change of the frame that is shown, None without a pair."""
        first, second = self.pair
        if first.picture is None or second.picture is None:
            return None
        frame = self.state.frame.value
        matte = self.book.matte.value
        take, against = self.state.compare.value
        if against is None:
            index = second.picture.index(frame)
            measured = self.book.measured.value.get(take)
            if measured is not None and index is not None:
                told = exact(measured, index, matte=matte is not None)
                if told is not None:
                    return Reading(told, measured=True)
        if not self.book.shown(frame):
            return None
        told = self.numbers.proxy(first.picture, second.picture, matte, frame)
        return None if told is None else Reading(told, measured=False)

    # ---- drawing ---------------------------------------------------------------------------

    def draw(self, tool: Tool) -> None:
        """Wait for a box or lasso on the frame that is shown."""
        self.state.stop()
        self.tool.set(tool)

    def finish(self, shape: MatteShape) -> None:
        """Hand a drawn shape on and put the tool away."""
        self.tool.set(None)
        self.shape_drawn.emit(shape)

    # ---- what is next ----------------------------------------------------------------------

    def look_ahead(
        self, owner: object, make: Callable[[int], Callable[[], object] | None], *, reach: int
    ) -> None:
        """Plan pictures around the frame that is shown, in the direction of play.

        Parameters
        ----------
        owner : object
            The view that shows them.
        make : frame -> work or None
            What makes the picture of a frame; None where it is held already.
        reach : int
            Frames ahead; while stopped, both ways.
        """
        speed = self.state.playing.value
        frame, last = self.state.frame.value, min(self.frames, self.book.ready.value)
        near: list[int] = []
        for step in range(1, reach + 1):
            if speed:
                near.append(frame + step * speed)
            else:
                near += [frame + step, frame - step]
        if speed and self.player.loop.value and last:
            near = [number % last for number in near]
        work = [make(number) for number in near if 0 <= number < last]
        self.prefetch.plan(owner, [item for item in work if item is not None])

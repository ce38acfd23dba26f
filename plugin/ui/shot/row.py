"""The shot: what it is called, where it stands, what it is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from plugin.locale import tr, trn
from plugin.state.empty import shot_empty
from plugin.state.observable import Observable
from plugin.theme import metrics
from plugin.ui.actions import Actions
from plugin.ui.base import Button, Eliding, follow, listen, words
from plugin.ui.notice import Notice
from plugin.ui.parts import wrapped
from plugin.ui.phrases import rate, tags

if TYPE_CHECKING:
    from plugin.state.session import PanelModel
    from plugin.state.shot import ShotView

__all__ = ["ShotRow", "facts_line"]


def facts_line(shot: ShotView) -> str:
    """Return ``81 frames   24 fps   1920 × 1080   Rec.709``."""
    parts = [
        trn("shot.frames", shot.frames),
        tr("shot.fps", rate=rate(shot.rate)),
        f"{shot.width}×{shot.height}",
        tags(shot.tags),
    ]
    return "   ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts if part)


class ShotRow(QWidget):
    """Two lines of facts with Open and Reread; without a shot, the way to one."""

    def __init__(self, model: PanelModel, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        size = metrics()
        self.setAccessibleName(tr("shot.title"))
        self.name = Eliding(role="title")
        self.place = words("", "small")
        self.facts = wrapped(role="small")
        self.open = Button(tr("shot.open"), tr("tip.shot.open"), role="small")
        self.reread = Button(tr("shot.reread"), tr("tip.shot.reread"), role="small")
        self.open.clicked.connect(lambda: actions.run("open_clip"))
        self.reread.clicked.connect(lambda: actions.run("reread"))
        self.notice = Notice(actions)
        self.how = words("", "small")
        self.warnings = wrapped(role="small")
        self.warnings.setProperty("tone", "warn")
        first = QHBoxLayout()
        first.setSpacing(size.gap)
        first.addWidget(self.name, 1)
        first.addWidget(self.place)
        second = QHBoxLayout()
        second.setSpacing(size.space(1.5))
        second.addWidget(self.facts, 1)
        second.addWidget(self.open)
        second.addWidget(self.reread)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(size.space(1))
        whole.addLayout(first)
        whole.addLayout(second)
        whole.addWidget(self.how)
        whole.addWidget(self.warnings)
        whole.addWidget(self.notice)
        follow(self, model.shot.shot, self._show)
        watched: tuple[Observable[Any], ...] = (
            *(model.host, model.engine, model.viewer.edit_range, model.model_id),
        )
        for observable in watched:
            listen(self, observable.changed, lambda _: self._show_notice())

    def _show(self, shot: ShotView | None) -> None:
        if shot is None:
            self.name.setText(tr("shot.none"))
            self.place.setText("")
            self.facts.setText("")
        else:
            self.name.setText(shot.name)
            self.facts.setText(facts_line(shot))
            self.place.setText(_place_line(shot))
        how = tr(f"say.shot.{shot.how}") if shot is not None else ""
        self.name.setToolTip(f"{shot.path}\n{how}" if shot is not None else "")
        self.setAccessibleDescription(how)
        self.reread.setVisible(shot is not None)
        self.how.setText(how)
        self.how.setVisible(bool(how))
        notes = shot.warnings if shot is not None else ()
        self.warnings.setText("\n".join(map(_note, notes)))
        self.warnings.setVisible(bool(notes))
        self._show_notice()

    def _show_notice(self) -> None:
        model = self._model
        limited = model.viewer.edit_range.value
        state = shot_empty(
            model.shot.shot.value,
            model.host.value,
            window_frames=model.window_frames,
            limited=None if limited is None else limited[1] - limited[0],
        )
        self.notice.show_state(state)
        # Not twice the same button, one above the other.
        offered = state is not None and "open_clip" in state.actions
        shown = model.shot.shot.value is not None or not offered
        self.open.setVisible(shown)
        self.facts.setVisible(shown)  # empty, it still holds the button at the edge


def _place_line(shot: ShotView) -> str:
    """Return the track and timecodes, and how the shot was found."""
    times = " – ".join(part for part in (shot.timecode_in, shot.timecode_out) if part)
    return "   ".join(part for part in (shot.track, times) if part)


def _note(note: str) -> str:
    """Return the sentence of a note of the bridge; what is a sentence already stays."""
    return tr(f"say.note.{note}") if note.isidentifier() else note

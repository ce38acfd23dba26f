"""Action row, message line and footer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QSizePolicy, QWidget
from typing_extensions import override

from plugin.locale import number, tr, trn
from plugin.state.empty import engine_empty
from plugin.state.messages import Button as MessageButton
from plugin.state.messages import Message
from plugin.state.readiness import obstacle
from plugin.theme import metrics, theme
from plugin.ui.actions import Actions, Target
from plugin.ui.base import Button, MessageStrip, describe, follow, listen, words
from plugin.ui.parts import sentence_of, wrapped
from plugin.ui.phrases import gigabytes, minutes

if TYPE_CHECKING:
    from plugin.state.links import EngineState
    from plugin.state.session import PanelModel
    from plugin.ui.desk import Desk

__all__ = ["ActionRow", "Footer", "MessageLine"]

_ONE_AT_A_TIME: Final = frozenset({"place", "place_now", "place_new_position", "undo_place"})


class ActionRow(QWidget):
    """Test, Make the edit, and how long it takes or what is missing."""

    def __init__(self, model: PanelModel, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        size = metrics()
        self.setAccessibleName(tr("act.title"))
        self.test = Button(trn("act.test", 9), tr("tip.act.test"))
        self.edit = Button(tr("act.edit"), tr("tip.act.edit"), role="primary")
        self.time = wrapped(role="small")
        self.time.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        describe(self.time, tr("act.time"), tr("tip.act.time"))
        for button in (self.test, self.edit):
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        buttons = QHBoxLayout()
        buttons.setSpacing(size.gap)
        buttons.addWidget(self.test)
        buttons.addWidget(self.edit)
        buttons.addStretch(1)
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(0, size.space(1.5), 0, size.space(1.5))
        self._box.setSpacing(size.gap)
        self._box.addLayout(buttons)
        self._box.addWidget(self.time, 1)
        self.test.clicked.connect(lambda: actions.run("test"))
        self.edit.clicked.connect(lambda: actions.run("make_edit"))
        follow(self, model.can_run, self.edit.setEnabled)
        follow(self, model.can_test, self.test.setEnabled)
        listen(self, model.estimate.changed, lambda _: self._show_time())
        listen(self, model.blocking.changed, lambda _: self._show_time())
        listen(self, model.why_not.changed, lambda _: self._show_time())
        listen(self, model.takes_wanted.changed, lambda _: self._show_time())
        listen(self, model.shot.shot.changed, lambda _: self._show_test())
        follow(self, model.viewer.range, lambda _: self._show_test())
        self._show_time()

    def fit(self, width: int) -> int:
        """Return the height at a width; the time goes below the buttons where it is narrow."""
        size = metrics()
        buttons = self.test.sizeHint().width() + self.edit.sizeHint().width() + size.gap
        wide = buttons + size.gap + size.px(110) <= width
        way = QBoxLayout.Direction
        spacing = size.gap if wide else size.space(1)
        # Setting even the same spacing asks for a layout, which would come back here for ever.
        if self._box.spacing() != spacing:
            self._box.setSpacing(spacing)
        self._box.setDirection(way.LeftToRight if wide else way.TopToBottom)
        return self._box.totalHeightForWidth(width)

    def _show_test(self) -> None:
        start, stop = self._model.viewer.range.value
        count = stop - start
        self.test.set_name(trn("act.test", count) if count > 0 else tr("act.test_plain"))

    def _show_time(self) -> None:
        model = self._model
        why, state = obstacle(model, "edit")  # both of one moment
        # Empty states stand in their own place; here only what has none.
        if why.startswith(("check.", "error.")):
            self.time.setText(tr(why, **(state.values if state is not None else {})))
            return
        outlook = model.outlook()
        if why:
            self.time.setText("")
        elif outlook.ready_at is not None:
            self.time.setText(tr("say.time.ready_at", clock=outlook.ready_at.strftime("%H:%M")))
        elif outlook.seconds is not None:
            self.time.setText(tr("say.time.about", time=minutes(outlook.seconds)))
        else:
            self.time.setText(tr("say.time.unknown"))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        # It may lie over what scrolls below it.
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme().ground))
        painter.fillRect(0, 0, self.width(), 1, QColor(theme().line))
        painter.end()


class MessageLine(MessageStrip):
    """What was said last; without it what is wrong with the engine.

    A click on the sentence shows the full text where there is one.
    """

    def __init__(self, model: PanelModel, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._actions = actions
        self._targets: dict[str, Target] = {}
        self._details = ""
        self.dismissed.connect(model.messages.dismiss)
        self.pressed.connect(self._press)
        follow(self, model.messages.current, lambda _: self._show())
        listen(self, model.takes.under_way.changed, lambda _: self._allow())
        listen(self, model.engine.changed, lambda _: self._show())

    @property
    def details(self) -> str:
        """The full text of what is said, '' where there is none."""
        return self._details

    def _show(self) -> None:
        message = self._model.messages.current.value
        if message is not None:
            self._show_one(message)
            return
        self._details = ""
        state = engine_empty(self._model.engine.value)
        if state is not None:
            names = [name for name in state.actions if self._actions.can(name)]
            self._targets = {}
            sentence = tr(state.key, **state.values)
            self.show_message(sentence, "warn", [(n, tr(f"button.{n}")) for n in names[:2]],
                              closable=False)  # fmt: skip
            return
        self.clear_message()

    def _show_one(self, message: Message) -> None:
        self._details = message.details
        buttons = [item for item in message.buttons if self._actions.can(item.action)][:2]
        if message.details and len(buttons) < 2:
            buttons.append(MessageButton("details", "button.details"))
        self._targets = {item.action: _target(message, item, self._model) for item in buttons}
        pairs = [(item.action, tr(item.label_key)) for item in buttons]
        self.show_message(sentence_of(message), message.tone, pairs)
        self._allow()

    def _allow(self) -> None:
        """Let takes come and go one at a time."""
        free = self._model.takes.under_way.value is None
        for action in self._targets.keys() & _ONE_AT_A_TIME:
            self.enable(action, free)

    def _press(self, action: str) -> None:
        self._actions.run(action, self._targets.get(action, Target()))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._details:
            self._actions.run("details", Target(details=self._details))
        super().mouseReleaseEvent(event)


def _target(message: Message, item: MessageButton, model: PanelModel) -> Target:
    """Return what a message's button speaks of: its payload is a job, a take or a model."""
    about = item.payload or message.about
    known = Target(code=message.code, details=message.details)
    if model.queue.get(about) is not None:
        return replace(known, job=about)
    if model.takes.known(about) is not None:
        return replace(known, take=about)
    if any(each.id == about for each in model.models):
        return replace(known, model=about)
    return replace(known, text=about, frame=message.values.get("frame"))


class Footer(QWidget):
    """Settings, Help, memory, and whether everything is kept."""

    def __init__(
        self, model: PanelModel, actions: Actions, desk: Desk, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        size = metrics()
        self.settings = Button(tr("foot.settings"), tr("tip.foot.settings"), role="flat")
        self.help = Button(tr("foot.help"), tr("tip.foot.help"), role="flat")
        self.saved = words("", "small")
        self.memory = words("", "small")
        describe(self.memory, tr("foot.memory"), tr("tip.foot.memory"))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(size.space(1.5))
        line.addWidget(self.settings)
        line.addWidget(self.help)
        line.addStretch(1)
        line.addWidget(self.saved)
        line.addWidget(self.memory)
        self.settings.clicked.connect(lambda: actions.run("settings"))
        self.help.clicked.connect(lambda: actions.run("help"))
        follow(self, model.engine, self._show_memory)
        follow(self, desk.saved, self._show_saved)

    def _show_memory(self, state: EngineState) -> None:
        total = state.memory_total_mb
        said = ""
        if total > 0:
            used = gigabytes(state.memory_used_mb)
            said = tr("foot.memory_of", used=used, total=number(total / 1024))
        self.memory.setText(said)
        self.memory.setVisible(bool(said))

    def _show_saved(self, saved: bool) -> None:
        self.saved.setText(tr("foot.saved" if saved else "foot.saving"))

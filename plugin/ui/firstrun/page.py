"""Six steps in a row; every one can be gone back from, done again, or left for later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.theme import draw_icon, metrics, theme
from plugin.ui.actions import Actions
from plugin.ui.base import Button, Line, Row, follow, listen, words
from plugin.ui.firstrun.steps import (
    CheckStep,
    ChooseStep,
    DoneStep,
    GetStep,
    HelloStep,
    Step,
    TryStep,
)
from plugin.ui.windows.frame import scrolled

if TYPE_CHECKING:
    from plugin.state.session import PanelModel
    from plugin.ui.desk import Desk

__all__ = ["STEPS", "FirstRun"]

STEPS: Final = ("hello", "check", "choose", "get", "try", "done")


class _Way(QWidget):
    """Where the person is among the steps: a dot each, a mark in those that are behind."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_step(self, at: int) -> None:
        """Show that step number `at` is here."""
        self._at = at
        name = tr(f"first.{STEPS[at]}")
        self.setAccessibleName(tr("a11y.first.step", n=at + 1, count=len(STEPS), name=name))
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(metrics().px(200), metrics().px(20))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        side, middle = size.px(14), self.height() / 2
        span = (self.width() - side) / (len(STEPS) - 1)
        painter.setPen(QPen(QColor(colours.line), size.px(1.5)))
        painter.drawLine(side // 2, round(middle), self.width() - side // 2, round(middle))
        for i in range(len(STEPS)):
            dot = QRectF(i * span, middle - side / 2, side, side)
            painter.setPen(QPen(QColor(colours.bright if i <= self._at else colours.outline), 1.4))
            painter.setBrush(QColor(colours.bright if i == self._at else colours.ground))
            painter.drawEllipse(dot.adjusted(1, 1, -1, -1))
            if i < self._at:
                draw_icon(painter, "check", dot.adjusted(3, 3, -3, -3), colours.bright)
        painter.end()


class FirstRun(QWidget):
    """The way to the first result; `finished` when the person is done or leaves."""

    finished = Signal()

    def __init__(
        self, model: PanelModel, actions: Actions, desk: Desk, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        size = metrics()
        self.setAccessibleName(tr("first.title"))
        self.way = _Way()
        self.heading = words("", "title")
        font = self.heading.font()
        font.setPixelSize(size.px(17))
        self.heading.setFont(font)
        self.steps: dict[str, Step] = {
            "hello": HelloStep(),
            "check": CheckStep(model, actions, desk),
            "choose": ChooseStep(model, actions, desk),
            "get": GetStep(model, actions, desk),
            "try": TryStep(model, actions, desk),
            "done": DoneStep(model, desk),
        }
        self.stack = QStackedWidget()
        for name in STEPS:
            self.stack.addWidget(scrolled(self.steps[name]))
            self.steps[name].changed.connect(self._show_buttons)
        self.back = Button(tr("first.back"), tr("tip.first.back"))
        self.later = Button(tr("first.later"), tr("tip.first.later"), role="flat")
        self.next = Button(tr("first.next"), tr("tip.first.next"), role="primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(size.margin * 2, size.margin * 2, size.margin * 2, size.margin)
        column.setSpacing(size.space(3))
        column.addWidget(self.way)
        column.addWidget(self.heading)
        column.addWidget(self.stack, 1)
        column.addWidget(Line())
        column.addWidget(Row(self.back, None, self.later, self.next))
        self.back.clicked.connect(lambda: self.go(self.at - 1))
        self.next.clicked.connect(self._on_next)
        self.later.clicked.connect(self.leave)
        self.go(0)
        listen(self, model.models.changed, lambda _: self._show_buttons())
        follow(self, desk.downloads, lambda _: self._show_buttons())

    @property
    def at(self) -> int:
        """Number of the step that is shown."""
        return self.stack.currentIndex()

    @property
    def step(self) -> str:
        """Name of the step that is shown."""
        return STEPS[self.at]

    def start(self) -> None:
        """Begin at the beginning."""
        self.go(0)

    def go(self, at: int) -> None:
        """Show a step, the nearest there is."""
        at = min(len(STEPS) - 1, max(0, at))
        self.stack.setCurrentIndex(at)
        self.way.show_step(at)
        self.heading.setText(tr(f"first.{STEPS[at]}"))
        self._show_buttons()
        self.steps[STEPS[at]].enter()
        self._focus_next()

    def _focus_next(self) -> None:
        if self.isVisible() and self.next.isEnabled():
            self.next.setFocus(Qt.FocusReason.OtherFocusReason)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._focus_next()

    def show_step(self, name: str) -> None:
        """Show a step by its name."""
        self.go(STEPS.index(name))

    def _on_next(self) -> None:
        if self.step == "done":
            self.leave()
        else:
            self.go(self.at + 1)

    def leave(self) -> None:
        """Go to work; what is loading goes on loading."""
        if self.step == "done":
            self._desk.change(first_run_done=True)
        self.finished.emit()

    def _show_buttons(self) -> None:
        step = self.steps[self.step]
        last = self.step == "done"
        self.back.setVisible(self.at > 0)
        self.later.setVisible(not last)
        self.next.setEnabled(step.ready)
        self.next.set_name(tr("first.start" if last else "first.next"))

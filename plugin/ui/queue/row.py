"""One job of the queue as a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QLineF, QPoint, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.theme import draw_icon, metrics, theme
from plugin.ui.base import (
    Button,
    Eliding,
    FlowLayout,
    FocusRing,
    IconButton,
    ProgressBar,
    restyle,
    words,
)
from plugin.ui.parts import clear, wrapped
from plugin.ui.queue.wording import status, time_left, title

if TYPE_CHECKING:
    from plugin.state.job_queue import Job

__all__ = ["FORCE_MS", "JobRow"]

FORCE_MS: Final = 10_000  # from here on ending the process is offered
MARKS: Final = {
    "running": ("play", "accent"),
    "done": ("done", "done"),
    "failed": ("error", "error"),
    "stopped": ("stop", "muted"),
}


class _Mark(QWidget):
    """The state as a shape, and a grip under the mouse where the row can be moved."""

    def __init__(self) -> None:
        super().__init__()
        self.state = "waiting"
        self.grip = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @override
    def sizeHint(self) -> QSize:
        return QSize(metrics().icon, metrics().icon)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        if self.grip:
            draw_icon(painter, "grip", area, theme().muted)
        elif self.state == "waiting":
            # Two lines, as in "=": a pause sign would say that the person paused it.
            painter.setPen(QPen(QColor(theme().muted), metrics().px(1.6)))
            for shift in (-2.5, 2.5):
                y = area.center().y() + metrics().px(1) * shift
                painter.drawLine(QLineF(area.width() * 0.25, y, area.width() * 0.75, y))
        else:
            name, tone = MARKS[self.state]
            ink = getattr(theme(), tone)
            draw_icon(painter, name, area.adjusted(1, 1, -1, -1), ink)
        painter.end()


class JobRow(FocusRing, QWidget):
    """Title, state in words, progress in real units, and what can be done with the job.

    `dragged` follows the mouse in coordinates of the parent; `dropped` ends it.
    """

    stop_pressed = Signal(str)
    force_pressed = Signal(str)
    menu_wanted = Signal(str, object)
    button_pressed = Signal(str, str)
    got_focus = Signal(str)
    stepped = Signal(int)
    dragged = Signal(str, int)
    dropped = Signal(str)

    def __init__(self, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job = job
        self._pressed_at: QPoint | None = None
        self._dragging = False
        self._pointed = False
        self._shown: tuple[tuple[str, str], ...] = ()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self._force_timer = QTimer(self)
        self._force_timer.setSingleShot(True)
        self._force_timer.setInterval(FORCE_MS)
        self._build()

    def _build(self) -> None:
        size = metrics()
        self.mark = _Mark()
        self.title = Eliding(role="value")
        self.left = words(role="small", text="")
        self.menu_button = IconButton("menu", tr("queue.menu"), tr("tip.queue.menu"))
        self.stop_button = IconButton("close", tr("queue.stop"), tr("tip.queue.stop"))
        self.status = wrapped(role="small")
        self.progress = ProgressBar(tr("queue.progress"))
        self.force = Button(tr("button.force_stop"), tr("tip.force_stop"), role="small")
        self.force.hide()
        top = QHBoxLayout()
        top.setSpacing(size.space(0.5))
        top.addWidget(self.mark)
        top.addSpacing(size.space(1))
        top.addWidget(self.title, 1)
        top.addWidget(self.left)
        top.addWidget(self.menu_button)
        top.addWidget(self.stop_button)
        self._holder = QWidget()
        self._links = FlowLayout(self._holder)
        self._holder.hide()
        low = QVBoxLayout()
        low.setContentsMargins(size.icon + size.space(1.5), 0, size.space(2), 0)
        low.setSpacing(size.space(1))
        for part in (self.status, self.progress, self._holder):
            low.addWidget(part)
        low.addWidget(self.force, 0, Qt.AlignmentFlag.AlignLeft)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(size.space(1), size.space(0.5), 0, size.space(1.5))
        whole.setSpacing(0)
        whole.addLayout(top)
        whole.addLayout(low)
        self.menu_button.clicked.connect(self._ask_menu)
        self.stop_button.clicked.connect(lambda: self.stop_pressed.emit(self.job.id))
        self.force.clicked.connect(lambda: self.force_pressed.emit(self.job.id))
        self._force_timer.timeout.connect(self.force.show)

    def _ask_menu(self) -> None:
        below = self.menu_button.mapToGlobal(self.menu_button.rect().bottomLeft())
        self.menu_wanted.emit(self.job.id, below)

    # ---- showing ---------------------------------------------------------------------------

    def show_job(
        self,
        job: Job,
        *,
        wait_s: float | None,
        paused: bool,
        buttons: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Show a job; `buttons` are pairs of an action and its words."""
        self.job = job
        running = job.state == "running"
        self.mark.state = job.state
        self.mark.update()
        said = status(job, wait_s=wait_s, paused=paused)
        self.title.setText(title(job))
        self.left.setText(time_left(job))
        self.left.setVisible(bool(self.left.text()))
        self.status.setText(said)
        restyle(self.status, tone="error" if job.state == "failed" else "")
        self.progress.setVisible(running)
        if running:
            self.progress.set_progress(job.done, job.total)
            self.progress.set_active(not job.stopping)
        self.stop_button.setVisible(job.state in ("running", "waiting"))
        self.stop_button.setEnabled(not job.stopping)
        self._show_stopping(running and job.stopping)
        self._show_buttons(buttons)
        self.setAccessibleName(f"{title(job)}, {tr(f'job.{job.state}')}")
        self.setAccessibleDescription(said)

    def _show_stopping(self, stopping: bool) -> None:
        """After ten seconds of stopping a harder way is offered."""
        if stopping and not self._force_timer.isActive() and self.force.isHidden():
            self._force_timer.start()
        elif not stopping:
            self._force_timer.stop()
            self.force.hide()

    def _show_buttons(self, buttons: tuple[tuple[str, str], ...]) -> None:
        if buttons == self._shown:
            return
        self._shown = buttons
        clear(self._links)
        for action, name in buttons:
            made = Button(name, role="small")
            made.setObjectName(f"action:{action}")
            made.clicked.connect(
                lambda _=False, action=action: self.button_pressed.emit(self.job.id, action)
            )
            self._links.addWidget(made)
        self._holder.setVisible(bool(buttons))

    def buttons(self) -> list[Button]:
        """Return the buttons that help with a failed or stopped job."""
        return self._holder.findChildren(Button)

    def set_current(self, *, current: bool) -> None:
        """Make this row the list's one stop of the Tab key, or not."""
        policy = Qt.FocusPolicy.StrongFocus if current else Qt.FocusPolicy.ClickFocus
        for widget in (self, self.menu_button, self.stop_button):
            widget.setFocusPolicy(policy)

    def set_pointed(self, *, pointed: bool) -> None:
        """Stand out while the message line speaks of this job, or no longer."""
        if pointed != self._pointed:
            self._pointed = pointed
            self.update()

    @property
    def pointed(self) -> bool:
        """Whether the message line speaks of this job."""
        return self._pointed

    @property
    def movable(self) -> bool:
        """Whether the row may change its place: only what has not begun."""
        return self.job.state == "waiting"

    # ---- mouse and keyboard ----------------------------------------------------------------

    def _set_cursor(self) -> None:
        shape = Qt.CursorShape.OpenHandCursor if self.movable else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)

    @override
    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.got_focus.emit(self.job.id)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        by = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if by is not None and not event.modifiers():
            self.stepped.emit(by)
        else:
            super().keyPressEvent(event)

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self._ask_menu()
        else:
            self.menu_wanted.emit(self.job.id, event.globalPos())

    @override
    def enterEvent(self, event: QEnterEvent) -> None:
        self.mark.grip = self.movable
        self._set_cursor()
        self.mark.update()
        self.update()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self.mark.grip = False
        self.mark.update()
        self.update()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = event.position().toPoint()
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is None or not self.movable:
            return
        spot = event.position().toPoint()
        far = (spot - self._pressed_at).manhattanLength() >= QApplication.startDragDistance()
        if self._dragging or far:
            self._dragging = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.update()
            self.dragged.emit(self.job.id, self.mapToParent(spot).y())

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        dragging, self._dragging = self._dragging, False
        self._pressed_at = None
        self._set_cursor()
        self.update()
        if dragging:
            self.dropped.emit(self.job.id)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area, radius = QRectF(self.rect()), metrics().radius
        if self._dragging or self._pointed or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme().selection if self._dragging else theme().raised))
            painter.drawRoundedRect(area, radius, radius)
        if self._pointed:  # by its outline: small text would be too faint on a selection
            thick = metrics().px(1)
            painter.setPen(QPen(QColor(theme().outline_hover), thick))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            inset = area.adjusted(thick / 2, thick / 2, -thick / 2, -thick / 2)
            painter.drawRoundedRect(inset, radius, radius)
        self.paint_ring(painter, area, radius)
        painter.end()

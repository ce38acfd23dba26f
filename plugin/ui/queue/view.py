"""The queue as a list of rows under a heading that counts them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget
from typing_extensions import override

from plugin.locale import tr, trn
from plugin.state.errors import message_of
from plugin.state.job_queue import ENDED
from plugin.state.repeats import IN_QUEUE
from plugin.theme import metrics, theme
from plugin.ui.actions import Actions, Target
from plugin.ui.base import Button, Eliding, IconButton, Section, listen
from plugin.ui.queue.row import JobRow

if TYPE_CHECKING:
    from plugin.state.job_queue import Job
    from plugin.state.session import PanelModel

__all__ = ["QueueList"]


class _Rows(QWidget):
    """Holds the rows and draws where a dragged one would land."""

    def __init__(self) -> None:
        super().__init__()
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.mark = _Landing(self)

    def set_mark(self, y: int | None) -> None:
        """Show where a row would land, or no longer."""
        self.mark.setVisible(y is not None)
        if y is not None:
            thick = metrics().px(2)
            self.mark.setGeometry(QRect(0, max(0, y - thick // 2), self.width(), thick))
            self.mark.raise_()


class _Landing(QWidget):
    """A line over the rows."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme().focus))
        painter.end()


class QueueList(Section):
    """Rows of all jobs; one row is the stop of the Tab key. An empty queue is not shown.

    `pointed` gives the row that somebody should see now.
    """

    pointed = Signal(QWidget)

    def __init__(self, model: PanelModel, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(tr("queue.title"), parent=parent)
        self._model = model
        self._queue = model.queue
        self._actions = actions
        self._rows: dict[str, JobRow] = {}
        self._current: str | None = None
        self._target: str | None = None  # drop before this job; None: at the end
        self.setAccessibleName(tr("queue.title"))
        self.pause = Button(tr("queue.pause"), tr("tip.queue.pause"), role="flat")
        self.clear = Button(tr("queue.clear"), tr("tip.queue.clear"), role="flat")
        self.all = IconButton("stop", tr("queue.stop_all"), tr("tip.queue.stop_all"))
        self.pause.clicked.connect(self.toggle_pause)
        self.all.clicked.connect(self.stop_all)
        self.clear.clicked.connect(self._queue.clear_finished)
        self.count = Eliding(role="small")
        self.add_beside(self.count)
        self.add_beside(self.pause)
        self.add_beside(self.all)
        self.add_beside(self.clear)
        self.list = _Rows()
        self.add(self.list)
        listen(self, self._queue.jobs.changed, lambda _: self._show())
        listen(self, self._queue.paused.changed, lambda _: self._show())
        listen(self, model.messages.current.changed, lambda _: self._point())
        self._show()

    # ---- showing ---------------------------------------------------------------------------

    def jobs_rows(self) -> list[JobRow]:
        """Return the rows from first to last."""
        return [self._rows[job.id] for job in self._queue.jobs.value if job.id in self._rows]

    def _show(self) -> None:
        jobs = self._queue.jobs.value
        paused = self._queue.paused.value
        known = {job.id for job in jobs}
        for gone in [name for name in self._rows if name not in known]:
            row = self._rows.pop(gone)
            self.list.column.removeWidget(row)
            row.hide()
            row.setParent(None)
            row.deleteLater()
        for index, job in enumerate(jobs):
            row = self._rows.get(job.id) or self._add_row(job)
            if self.list.column.indexOf(row) != index:
                self.list.column.removeWidget(row)
                self.list.column.insertWidget(index, row)
            row.show_job(
                job,
                wait_s=self._queue.starts_in(job.id) if job.state == "waiting" else None,
                paused=paused,
                buttons=self._buttons_of(job),
            )
        self._show_heading()
        self._choose_current()

    def _add_row(self, job: Job) -> JobRow:
        row = JobRow(job, self.list)
        row.stop_pressed.connect(self.stop)
        row.force_pressed.connect(lambda name: self._actions.run("force_stop", Target(job=name)))
        row.menu_wanted.connect(self.open_menu)
        row.button_pressed.connect(self._press)
        row.got_focus.connect(self._on_focus)
        row.stepped.connect(self.step)
        row.dragged.connect(self._on_dragged)
        row.dropped.connect(self._on_dropped)
        self._rows[job.id] = row
        return row

    def _buttons_of(self, job: Job) -> tuple[tuple[str, str], ...]:
        if job.state == "stopped":
            return (("start_again", tr("button.start_again")),)
        if job.state != "failed":
            return ()
        message = message_of(
            job.code, job.sentence, job.hint, job.detail, handled=self._actions.can, about=job.id
        )
        return tuple((item.action, tr(item.label_key)) for item in message.buttons)

    def _show_heading(self) -> None:
        jobs = self._queue.jobs.value
        running = sum(job.state == "running" for job in jobs)
        waiting = sum(job.state == "waiting" for job in jobs)
        paused = self._queue.paused.value
        parts = []
        if running:
            parts.append(trn("queue.running", running))
        if waiting:
            parts.append(trn("queue.waiting", waiting))
        if paused:
            parts.append(tr("queue.paused"))
        self.count.setText(", ".join(parts))
        self.pause.set_name(tr("queue.resume" if paused else "queue.pause"))
        self.pause.setVisible(bool(running or waiting) or paused)
        self.all.setVisible(running + waiting > 1)
        self.clear.setVisible(any(job.state in ENDED for job in jobs))
        self.setVisible(bool(jobs))

    def _point(self) -> None:
        """Let the row stand out that the message line speaks of; the keyboard stays where it is."""
        message = self._model.messages.current.value
        name = message.about if message is not None and message.key == IN_QUEUE else ""
        for each, row in self._rows.items():
            row.set_pointed(pointed=each == name)
        if name in self._rows:
            # The message line has taken its room by then.
            QTimer.singleShot(0, self._rows[name], lambda: self.pointed.emit(self._rows[name]))

    # ---- focus -----------------------------------------------------------------------------

    @property
    def current(self) -> str | None:
        """The row that keys speak of."""
        return self._current

    def _on_focus(self, name: str) -> None:
        self._current = name
        self._choose_current()

    def _choose_current(self) -> None:
        jobs = [job.id for job in self._queue.jobs.value]
        if self._current not in jobs:
            self._current = jobs[0] if jobs else None
        for name, row in self._rows.items():
            row.set_current(current=name == self._current)

    def focus_job(self, name: str) -> None:
        """Give the keyboard to a row."""
        row = self._rows.get(name)
        if row is not None:
            row.setFocus(Qt.FocusReason.TabFocusReason)

    def step(self, by: int) -> None:
        """Move the keyboard up (-1) or down (1) by a row."""
        names = [job.id for job in self._queue.jobs.value]
        if self._current in names:
            index = min(len(names) - 1, max(0, names.index(self._current) + by))
            self.focus_job(names[index])

    # ---- doing -----------------------------------------------------------------------------

    def toggle_pause(self) -> None:
        """Finish the running job and then wait, or go on."""
        self._queue.paused.set(not self._queue.paused.value)

    def stop(self, name: str) -> None:
        """Stop a running job, or take a waiting one out of the line."""
        if self._queue.cancel(name):
            self._actions.run("stop_job", Target(job=name))

    def stop_all(self) -> None:
        """Stop the running job and take all waiting ones out of the line; each can start again."""
        running = self._queue.running
        if self._queue.cancel_all() and running is not None:
            self._actions.run("stop_job", Target(job=running.id))

    def stop_current(self) -> None:
        """Stop the job that keys speak of."""
        if self._current is not None:
            self.stop(self._current)

    def move_current(self, by: Literal[-1, 1]) -> None:
        """Move the row that keys speak of up (-1) or down (1) among those that wait."""
        name = self._current
        if name is None:
            return
        self._queue.move(name, by)
        # The layout takes the row out and in again; the keyboard stays with it.
        QTimer.singleShot(0, self, lambda: self.focus_job(name))

    def menu_current(self) -> None:
        """Open the menu of the row that keys speak of."""
        if self._current is not None:
            self.open_menu(self._current)

    def _press(self, name: str, action: str) -> None:
        job = self._queue.get(name)
        if job is not None:
            details = "\n".join((job.sentence, job.detail, *job.last_lines)).strip()
            self._actions.run(action, Target(code=job.code, job=name, details=details))

    # ---- dragging --------------------------------------------------------------------------

    def _on_dragged(self, name: str, y: int) -> None:
        rows = self.jobs_rows()
        self._target = None
        mark = max((row.geometry().bottom() + 1 for row in rows), default=0)
        for row in rows:
            if row.movable and row.job.id != name and y < row.geometry().center().y():
                self._target = row.job.id
                mark = row.geometry().top()
                break
        self.list.set_mark(mark)

    def _on_dropped(self, name: str) -> None:
        self.list.set_mark(None)
        self._queue.move_before(name, self._target)

    # ---- menu ------------------------------------------------------------------------------

    def menu_for(self, name: str) -> QMenu:
        """Return the menu of a row; only what can be done is enabled."""
        job = self._queue.get(name)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if job is None:
            return menu
        ended = job.state in ("failed", "stopped")
        entries = (
            ("queue.retry", ended, lambda: self._queue.retry(name)),
            ("queue.duplicate", True, lambda: self._queue.duplicate(name)),
            ("queue.edit_again", True, lambda: self._actions.run("edit_again", Target(job=name))),
            ("queue.to_front", job.state == "waiting", lambda: self._queue.to_front(name)),
            ("", True, None),
            ("queue.copy_recipe", True, lambda: _copy(job)),
            ("queue.show_log", True, lambda: self._press(name, "show_log")),
            ("queue.remove", job.state in ENDED, lambda: self._queue.remove([name])),
        )
        for key, enabled, run in entries:
            if run is None:
                menu.addSeparator()
                continue
            entry = menu.addAction(tr(key))
            entry.setObjectName(key)
            entry.setEnabled(enabled)
            entry.triggered.connect(lambda _=False, run=run: run())
        return menu

    def open_menu(self, name: str, spot: QPoint | None = None) -> None:
        """Open the menu of a row."""
        row = self._rows[name]
        self.menu_for(name).popup(spot or row.mapToGlobal(row.rect().bottomLeft()))


def _copy(job: Job) -> None:
    text = json.dumps(dict(job.request), ensure_ascii=False, indent=2)
    QGuiApplication.clipboard().setText(text)

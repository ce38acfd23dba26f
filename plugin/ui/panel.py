"""The panel: all parts in one column, the pages that take its place, keys and dropped files."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QScrollArea, QSplitter, QStackedWidget, QVBoxLayout, QWidget
from shiboken6 import isValid
from typing_extensions import override

from plugin.state.keys import ACTIONS as KEYS
from plugin.state.session import PanelModel
from plugin.theme import metrics
from plugin.ui.actions import Actions, Target
from plugin.ui.base import Line
from plugin.ui.desk import Desk
from plugin.ui.dialogs import Ask, FileDialogs, is_clip
from plugin.ui.firstrun import FirstRun
from plugin.ui.foot import ActionRow, Footer, MessageLine
from plugin.ui.how import HowSection
from plugin.ui.matte import MatteSection
from plugin.ui.own_actions import OwnActions
from plugin.ui.prompts import PromptsSection
from plugin.ui.queue import QueueList
from plugin.ui.shortcuts import Shortcuts
from plugin.ui.shot import Header, ShotRow
from plugin.ui.taborder import chain_tabs
from plugin.ui.takes import TakesStrip
from plugin.ui.viewer import Book, Core, PopOut, Viewer
from plugin.ui.windows import Windows

__all__ = ["LEAST_WIDTH", "WIDTH", "Panel"]

WIDTH = 420
LEAST_WIDTH = 370
HEIGHT = 980
_SETTLE_MS = 300


class _Column(QWidget):
    """What scrolls; the row with the main button stays in sight at the lower edge.

    Its place in the column is kept by an empty widget; where that is below what can be seen,
    the row lies at the edge instead.
    """

    def __init__(self, upper: list[QWidget], row: ActionRow, lower: list[QWidget]) -> None:
        super().__init__()
        self.setProperty("role", "page")
        size = metrics()
        self.row = row
        self.place = QWidget()
        row.setProperty("place", self.place)
        self.rows = QVBoxLayout(self)
        self.rows.setContentsMargins(size.margin, 0, size.margin, size.space(2))
        self.rows.setSpacing(size.space(1))
        for part in (*upper, self.place, *lower):
            self.rows.addWidget(part)
        self.rows.addStretch(1)


class _Scroll(QScrollArea):
    def __init__(self, column: _Column) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(column)
        self._column = column
        self._revealed: QWidget | None = None
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(_SETTLE_MS)
        self._settling.timeout.connect(self._settled)
        column.row.setParent(self.viewport())
        column.row.raise_()
        column.installEventFilter(self)
        column.row.installEventFilter(self)
        self.verticalScrollBar().valueChanged.connect(self.pin)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.pin()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kinds = (QEvent.Type.LayoutRequest, QEvent.Type.Resize, QEvent.Type.Move)
        if event.type() in kinds:
            self.pin()
        return super().eventFilter(watched, event)

    def pin(self) -> None:
        """Put the row on its place, or at the lower edge while that is out of sight."""
        column, row = self._column, self._column.row
        bar = self.verticalScrollBar()
        # The bar stands in the margin, so that content ends where the viewer ends.
        right = metrics().margin - (bar.width() if bar.isVisible() else 0)
        margins = column.rows.contentsMargins()
        if margins.right() != right:
            margins.setRight(right)
            column.rows.setContentsMargins(margins)
        width = column.width() - metrics().margin - right
        high = row.fit(max(0, width))
        if column.place.minimumHeight() != high:
            column.place.setFixedHeight(high)
        there = column.place.mapTo(self.viewport(), column.place.rect().topLeft()).y()
        y = min(there, self.viewport().height() - high)
        row.setGeometry(metrics().margin, y, max(0, width), high)
        self._follow()

    @override
    def focusNextPrevChild(self, next: bool) -> bool:
        # Scrolling follows the focus, with room for the row that may lie at the edge.
        moved = super().focusNextPrevChild(next)
        focus = self.focusWidget()
        if moved and focus is not None and self._column.isAncestorOf(focus):
            self.reveal(focus)
        return moved

    def reveal(self, widget: QWidget) -> None:
        """Scroll until a part of the column can be seen above the row at the edge.

        It is followed for a moment: what has just come finds its place in several steps.
        """
        self._revealed = widget
        self._settling.start()
        self._follow()

    def _follow(self) -> None:
        if self._revealed is not None and isValid(self._revealed):
            room = self._column.row.height() + metrics().gap
            self.ensureWidgetVisible(self._revealed, 0, room)

    def _settled(self) -> None:
        self._revealed = None

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self._column.minimumSizeHint().width(), metrics().px(160))


class Panel(QWidget):
    """Everything the person sees, on a model that somebody else fills.

    Parameters
    ----------
    model : PanelModel
    actions : Actions
        What the application does is provided before the panel is built; see `SERVICE`.
    desk : Desk, optional
        What pages and windows show beside the model.
    book : Book, optional
        What the viewer can show.
    ask : callable, optional
        Makes what asks for files, given the panel; default: the system's dialogs.
    """

    def __init__(
        self,
        model: PanelModel,
        actions: Actions,
        desk: Desk | None = None,
        book: Book | None = None,
        *,
        ask: Callable[[QWidget], Ask] = FileDialogs,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.model = model
        self.commands = actions
        self.desk = desk or Desk()
        self.book = book or Book()
        self.setObjectName("panel")
        self.setAcceptDrops(True)
        self.core = Core(model.viewer, self.book, parent=self)
        self.core.shape_drawn.connect(model.matte.draw)
        OwnActions(self, ask(self))
        self._make_parts()
        self._lay_out()
        self.windows = Windows(model, actions, self.desk, owner=self)
        self.pop_out = PopOut(self.core, keymap=self.desk.keymap)
        self._join_keys()

    # ---- building --------------------------------------------------------------------------

    def _make_parts(self) -> None:
        model, actions, desk = self.model, self.commands, self.desk
        self.header = Header(model, actions)
        self.shot = ShotRow(model, actions)
        self.viewer = Viewer(self.core, keymap=desk.keymap)
        self.matte = MatteSection(model, actions, desk)
        self.prompts = PromptsSection(model.prompts, model.checks, desk.keymap)
        self.how = HowSection(model)
        self.act = ActionRow(model, actions)
        self.queue = QueueList(model, actions)
        self.takes = TakesStrip(model, actions)
        self.message = MessageLine(model, actions)
        self.footer = Footer(model, actions, desk)
        self.first_run = FirstRun(model, actions, desk)
        self.prompts.set_describe(actions.can("describe"))
        self.prompts.action_asked.connect(actions.run)
        self.prompts.describe_asked.connect(lambda: actions.run("describe"))
        self.first_run.finished.connect(self.show_work)

    def _lay_out(self) -> None:
        size = metrics()
        self._column = _Column(
            [self.matte, self.prompts, self.how], self.act, [self.queue, self.takes]
        )
        self.area = _Scroll(self._column)
        self.queue.pointed.connect(self.area.reveal)
        top = QWidget()
        upper = QVBoxLayout(top)
        upper.setContentsMargins(size.margin, 0, size.margin, size.space(1))
        upper.addWidget(self.viewer)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(size.px(5))
        self.splitter.addWidget(top)
        self.splitter.addWidget(self.area)
        self.splitter.setStretchFactor(0, 0)
        self.splitter.setStretchFactor(1, 1)
        work = QWidget()
        column = QVBoxLayout(work)
        column.setContentsMargins(0, size.space(1), 0, size.space(1))
        column.setSpacing(size.space(1))
        head = QVBoxLayout()
        head.setContentsMargins(size.margin, 0, size.margin, 0)
        head.setSpacing(size.space(1))
        head.addWidget(self.header)
        head.addWidget(Line())
        head.addWidget(self.shot)
        foot = QVBoxLayout()
        foot.setContentsMargins(size.margin, 0, size.margin, 0)
        foot.setSpacing(size.space(1))
        foot.addWidget(self.message)
        foot.addWidget(Line())
        foot.addWidget(self.footer)
        column.addLayout(head)
        column.addWidget(self.splitter, 1)
        column.addLayout(foot)
        self.pages = QStackedWidget()
        self.pages.addWidget(work)
        self.pages.addWidget(self.first_run)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.pages)

    def _join_keys(self) -> None:
        names = [name for name, action in KEYS.items() if action.scope == "window"]

        def runner(name: str) -> Callable[[], object]:
            return lambda: self.commands.run(name)

        window = {name: runner(name) for name in names if self.commands.can(name)}
        queue: dict[str, Callable[[], object]] = {
            "stop_job": self.queue.stop_current,
            "move_up": lambda: self.queue.move_current(-1),
            "move_down": lambda: self.queue.move_current(1),
            "row_menu": self.queue.menu_current,
        }
        takes: dict[str, Callable[[], object]] = {
            "stop_job": self.takes.delete_current,
            "row_menu": self.takes.menu_current,
            "place": self.takes.place_current,
            "star": self.takes.star_current,
        }
        self.shortcuts = Shortcuts(
            self.desk.keymap,
            ((self, window), (self.queue.list, queue), (self.takes.list, takes)),
            self,
        )

    @override
    def focusNextPrevChild(self, next: bool) -> bool:
        # Rows and buttons come and go, and Qt puts what is new at the end.
        chain_tabs(self)
        return super().focusNextPrevChild(next)

    # ---- pages -----------------------------------------------------------------------------

    def show_first_run(self) -> None:
        """Show the first run in the place of the work."""
        self.pages.setCurrentWidget(self.first_run)
        self.first_run.start()

    def show_work(self) -> None:
        """Show the work."""
        self.pages.setCurrentIndex(0)

    # ---- files dropped on the window -------------------------------------------------------

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self._dropped(event):
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        path = self._dropped(event)
        if path:
            event.acceptProposedAction()
            self.show_work()
            self.commands.run("open_file", Target(path=path))

    def _dropped(self, event: QDropEvent) -> str:
        if not self.commands.can("open_file"):
            return ""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        return next((path for path in paths if is_clip(path)), "")

    # ---- size and end ----------------------------------------------------------------------

    @override
    def sizeHint(self) -> QSize:
        return QSize(metrics().px(WIDTH), metrics().px(HEIGHT))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(metrics().px(LEAST_WIDTH), metrics().px(480))

    def close_all(self) -> None:
        """Close every window that belongs to the panel and let the pictures go."""
        self.windows.close_all()
        self.pop_out.close()
        self.pop_out.deleteLater()
        self.core.close()

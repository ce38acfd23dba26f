"""The application: one window on one set of lists, painted before anything else starts.

The order matters: whoever opens the panel sees it within a second; children, lists and Resolve
follow after the first paint.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
from importlib import metadata
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import (
    QEvent,
    QFileSystemWatcher,
    QLocale,
    QObject,
    QSocketNotifier,
    QTimer,
)
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from plugin import locale, theme
from plugin.control.folders import Folders
from plugin.control.ground import Ground
from plugin.control.window import WindowKeeper
from plugin.services.lock import InstanceLock, RaiseBox
from plugin.state.errors import PanelError, message_of
from plugin.ui import qt_words
from plugin.ui.actions import Target
from plugin.ui.dialogs import Ask, FileDialogs
from plugin.ui.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtWidgets import QWidget

    from plugin.control.suite import Launches, Suite
    from plugin.services.settings import Settings

__all__ = ["Application", "main", "version"]

_log = logging.getLogger(__name__)
NAME: Final = "FlowAnchor"


def version() -> str:
    """Return the installed product's version."""
    try:
        return metadata.version("flowanchor")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "0+checkout"


class Application(QObject):
    """One running panel.

    Parameters
    ----------
    folders : Folders
        Locked by the caller.
    launches : Launches, optional
        What is started as children.
    clip : str
        Opened at start.
    language : str
        '' for the settings' or the system's.
    ask : callable
        Makes what asks for files, given the panel.
    """

    def __init__(
        self,
        folders: Folders,
        launches: Launches | None = None,
        *,
        clip: str = "",
        language: str = "",
        ask: Callable[[QWidget], Ask] = FileDialogs,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.ground = Ground(folders)
        self._launches = launches
        self._suite: Suite | None = None
        self._language = language
        self._make_ask = ask
        self._clip = clip
        self.started = False
        self.closed = False
        self._worn = _looks(self.ground.settings)
        self._build()
        self.ground.desk.settings.changed.connect(self._on_settings)
        self._box = RaiseBox(folders.data)
        self._watcher = QFileSystemWatcher([str(folders.data)], self)
        self._watcher.directoryChanged.connect(lambda _: self._on_mail())

    def _build(self) -> None:
        """Make the window in the language and the look of the settings."""
        ground, settings = self.ground, self.ground.desk.settings.value
        locale.set_language(self._language or settings.language or _system_language())
        qt_words.speak(_application(), locale.language())
        colours = theme.THEMES.get(settings.theme, theme.DARK)
        theme.apply(_application(), colours, font_px=settings.text_px)
        self.panel = Panel(
            ground.model, ground.actions, ground.desk, ground.book, ask=self._make_ask
        )
        self._ask = self._make_ask(self.panel)
        self.panel.setWindowTitle(NAME)
        self._keeper = WindowKeeper(self.panel, ground.desk, parent=self)
        self.panel.installEventFilter(self)

    def _on_settings(self, settings: Settings) -> None:
        looks = _looks(settings)
        if looks != self._worn:
            self._worn = looks
            self._language = ""  # what was chosen now counts, not what the start said
            QTimer.singleShot(0, self, self._rebuild)

    def _rebuild(self) -> None:
        """Put a new window in the place of the old one; everything else goes on."""
        old, place = self.panel, self.panel.geometry()
        self._drop(old)
        self._build()
        if self._suite is not None:
            self._suite.ask_save = self._ask.save
        self.panel.setGeometry(place)
        self.panel.show()
        self.panel.windows.settings("look")

    def _drop(self, panel: Panel) -> None:
        panel.removeEventFilter(self)
        self._keeper.close()
        panel.close_all()
        panel.close()
        panel.deleteLater()

    def show(self) -> None:
        """Show the window; everything else starts after its first paint."""
        self._keeper.restore()
        self.panel.show()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self.started:
            self.started = True
            QTimer.singleShot(0, self, self._start)
        if event.type() == QEvent.Type.Close and watched is self.panel:
            self._keeper.save()
        return super().eventFilter(watched, event)

    @property
    def suite(self) -> Suite:
        """Services and controls; made when they are first asked for."""
        if self._suite is None:
            from plugin.control.suite import Suite  # after the first paint: it loads a lot

            self._suite = Suite(self.ground, self._launches, version=version(), parent=self)
            self._suite.ask_save = self._ask.save
        return self._suite

    def _start(self) -> None:
        self.suite.start()
        if self._clip:
            self.ground.actions.run("open_file", Target(path=self._clip))
        elif not self.ground.settings.first_run_done:
            self.panel.show_first_run()
        self._on_mail()  # a second panel may have come before anybody watched

    def _on_mail(self) -> None:
        """Come to the front because a second panel was started."""
        wish = self._box.take()
        if wish is None:
            return
        self.panel.show()
        self.panel.raise_()
        self.panel.activateWindow()
        if wish and wish[0]:
            self.panel.show_work()
            self.ground.actions.run("open_file", Target(path=wish[0]))

    def close(self) -> None:
        """End the children and keep everything."""
        self.closed = True
        self._keeper.save()
        self._drop(self.panel)
        if self._suite is not None:
            self._suite.close()
        self.ground.close()

    def tell(self, error: BaseException) -> None:
        """Show an error that nobody expected, where a person reads."""
        self.ground.model.messages.show(
            message_of("internal", "", (), repr(error), handled=self.ground.actions.can)
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Start the panel; return the exit status."""
    chosen = _parser().parse_args(arguments)
    folders = Folders.under(chosen.home) if chosen.home is not None else Folders.of_user()
    clip = str(chosen.clip.resolve()) if chosen.clip is not None else ""
    try:
        folders.make()
        lock = InstanceLock(folders.data)
        alone = lock.acquire()
        if alone:
            RaiseBox(folders.data).take()  # a wish to a panel that is gone
    except OSError as error:
        sys.stderr.write(f"{NAME} cannot keep its files in {folders.data}: {error}\n")
        return 1
    if not alone:
        RaiseBox(folders.data).ask(clip)
        return 0
    _log_to(folders.logs / "panel.log")
    QGuiApplication.setApplicationName(NAME)
    QGuiApplication.setDesktopFileName("flowanchor")
    application = QApplication.instance() or QApplication(sys.argv[:1])
    launches = None
    if chosen.mock is not None:
        from plugin.control.suite import Launches  # loads a lot: not before the first paint

        launches = Launches.usual(folders, mock=chosen.mock)
    try:
        panel = Application(folders, launches, clip=clip, language=chosen.language)
    except PanelError as error:
        sys.stderr.write(f"{error.user_message} {error.detail}\n")
        lock.release()
        return 1
    notifier = _end_on_signals(application)
    _tell_of_errors(panel)
    panel.show()
    try:
        status = QApplication.exec()
    finally:
        notifier.setEnabled(False)
        panel.close()
        lock.release()
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="flowanchor panel", description="Open the panel.")
    parser.add_argument("clip", nargs="?", type=Path, help="a clip file to work on")
    parser.add_argument("--home", type=Path, help="keep everything in this folder")
    parser.add_argument("--language", default="", help="en or de; default: the settings'")
    parser.add_argument(
        "--mock", metavar="SCRIPT", help="play a script instead of an engine; - for the built-in"
    )
    return parser


def _looks(settings: Settings) -> tuple[object, ...]:
    """Return the settings that only a new window can show."""
    return settings.language, settings.theme, settings.text_px


def _application() -> QApplication:
    found = QApplication.instance()
    assert isinstance(found, QApplication)
    return found


def _system_language() -> str:
    wished = QLocale.system().name().partition("_")[0]
    return wished if wished in locale.languages() else "en"


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=1 << 20, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=os.environ.get("FLOWANCHOR_LOG", "INFO"), handlers=[handler])


def _tell_of_errors(panel: Application) -> None:
    """Log what nobody caught, and say so in the panel instead of ending it."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        _log.critical("nobody caught this", exc_info=(kind, error, trace))
        panel.tell(error)

    sys.excepthook = hook


def _end_on_signals(parent: QObject) -> QSocketNotifier:
    """Let SIGINT and SIGTERM end the event loop in order.

    Python runs a signal's handler between two of its own instructions; while Qt waits there are
    none, so the signal writes to a socket that Qt watches.
    """
    here, there = socket.socketpair()
    for end in (here, there):
        end.setblocking(False)
    signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)

    def stop(_number: int, _frame: FrameType | None) -> None:
        QApplication.quit()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    notifier = QSocketNotifier(here.fileno(), QSocketNotifier.Type.Read, parent)

    def swallow(*_: object, ends: tuple[socket.socket, socket.socket] = (here, there)) -> None:
        ends[0].recv(64)  # and both ends live as long as the connection

    notifier.activated.connect(swallow)
    return notifier

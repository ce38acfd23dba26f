"""Ground of every panel test: no display, one application, and nothing may be left behind.

A test fails that leaves a running `QThread`, a busy `QThreadPool`, an active `QTimer`, a running
animation, a child process or a temporary file, and says where that began. Pictures taken with
`shoot` go where ``FLOWANCHOR_SHOTS`` says, or to the test's own folder.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before Qt is loaded, whatever the shell says
os.environ.pop("QT_SCALE_FACTOR", None)

import psutil
import pytest
from PySide6.QtCore import (
    QAbstractAnimation,
    QCoreApplication,
    QEvent,
    QPoint,
    QProcess,
    QThread,
    QThreadPool,
    QTimer,
)
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from plugin import locale, theme

# What has been told to end may take this long: a starved machine needs it, others never do.
GRACE_MS = int(os.environ.get("FLOWANCHOR_GRACE_MS", "60000"))


class _Watch:
    """Remembers what was started, and the lines of code that did it."""

    def __init__(self) -> None:
        self.started: dict[int, tuple[weakref.ref[Any], str]] = {}
        self.files: dict[str, str] = {}

    def note(self, thing: object) -> None:
        self.started[id(thing)] = (weakref.ref(thing), _origin())

    def running(self, kind: type) -> Iterator[tuple[Any, str]]:
        for ref, origin in list(self.started.values()):
            thing = ref()
            if thing is not None and isinstance(thing, kind) and isValid(thing):
                yield thing, origin


def _origin() -> str:
    lines = [
        line
        for line in traceback.format_stack()[:-2]
        if "_pytest" not in line and "pluggy" not in line and __file__ not in line
    ]
    return "".join(lines[-6:])


_watch = _Watch()


def _record(kind: type, method: str) -> None:
    """Note every call of a starting method; the method itself does what it always did."""
    original = getattr(kind, method)

    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        _watch.note(self)
        return original(self, *args, **kwargs)

    start.__name__ = method
    setattr(kind, method, start)


for _kind in (QThread, QTimer, QAbstractAnimation, QProcess):
    _record(_kind, "start")


def _record_files(name: str) -> None:
    original = getattr(tempfile, name)

    def make(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        path = made[1] if isinstance(made, tuple) else made
        _watch.files[str(getattr(path, "name", path))] = _origin()
        return made

    setattr(tempfile, name, make)


for _name in ("mkstemp", "mkdtemp", "NamedTemporaryFile"):
    _record_files(_name)


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """Return the one application, dressed, speaking English and strict about words."""
    app = QApplication.instance() or QApplication([sys.argv[0]])
    assert isinstance(app, QApplication)
    theme.apply(app)
    return app


@pytest.fixture(autouse=True)
def _strict_words() -> Iterator[None]:
    locale.set_strict(True)
    yield
    if locale.language() != "en":
        locale.set_language("en")


@pytest.fixture
def speak(qapp: QApplication) -> Callable[[str], None]:
    """Change the language for this test; English comes back after it."""
    return locale.set_language


@pytest.fixture(autouse=True)
def _nothing_dangles(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    temp = tmp_path_factory.mktemp("temp")
    monkeypatch.setenv("TMPDIR", str(temp))
    monkeypatch.setattr(tempfile, "tempdir", str(temp))
    _watch.started.clear()
    _watch.files.clear()
    before = {child.pid for child in _children()}
    yield
    left = list(_left_in_qt()) + list(_left_children(before)) + list(_left_files(temp))
    if left:
        pytest.fail(f"{request.node.name} leaves behind:\n" + "\n".join(left), pytrace=False)


def _left_in_qt() -> Iterator[str]:
    app = QCoreApplication.instance()
    if app is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        app.processEvents()
    if not QThreadPool.globalInstance().waitForDone(GRACE_MS):
        yield "a job in the thread pool"
    for thread, origin in _watch.running(QThread):
        if thread.isRunning() and not thread.wait(GRACE_MS):
            yield f"a running {thread!r}, begun at\n{origin}"
    for timer, origin in _watch.running(QTimer):
        if timer.isActive():
            timer.stop()
            yield f"an active {timer!r}, begun at\n{origin}"
    for animation, origin in _watch.running(QAbstractAnimation):
        if animation.state() == QAbstractAnimation.State.Running:
            animation.stop()
            yield f"a running {animation!r}, begun at\n{origin}"
    for process, origin in _watch.running(QProcess):
        if process.state() != QProcess.ProcessState.NotRunning:
            process.kill()
            process.waitForFinished(GRACE_MS)
            yield f"a running {process!r}, begun at\n{origin}"


def _children() -> list[psutil.Process]:
    told = list(Path("/proc/self/task").glob("*/children"))  # Linux: cheap where there are none
    try:
        if told and not any(path.read_text() for path in told):
            return []
    except OSError:  # a thread ended while it was looked at
        pass
    return psutil.Process().children(recursive=True)


def _left_children(before: set[int]) -> Iterator[str]:
    new = [child for child in _children() if child.pid not in before]
    if not new:
        return
    _, alive = psutil.wait_procs(new, timeout=GRACE_MS / 1000)
    for child in alive:
        try:
            line = " ".join(child.cmdline())
            child.kill()
            child.wait(GRACE_MS / 1000)
        except psutil.NoSuchProcess:
            continue
        yield f"a child process {child.pid}: {line}"


def _left_files(temp: Path) -> Iterator[str]:
    for path in sorted(temp.rglob("*")):
        known = [origin for name, origin in _watch.files.items() if Path(name) == path]
        yield f"a temporary file {path.relative_to(temp)}" + (
            f", begun at\n{known[0]}" if known else ""
        )


@pytest.fixture
def shoot(qapp: QApplication, tmp_path: Path) -> Callable[..., Path]:
    """Return ``shoot(widget, name, scale=1.0, width=None) -> Path``: a picture of a widget.

    `scale` is the number of pixels per point: 1, 1.5, 2 for 100, 150, 200 %. With a `width`
    the widget gets that width, and the height it wants there.
    """
    folder = Path(os.environ.get("FLOWANCHOR_SHOTS", tmp_path))

    def take(widget: QWidget, name: str, scale: float = 1.0, width: int | None = None) -> Path:
        widget.ensurePolished()
        if not widget.isVisible():
            widget.show()
        for _ in range(3 if width is not None else 0):  # lines that break ask for more height
            qapp.processEvents()
            high = widget.heightForWidth(width) if widget.hasHeightForWidth() else -1
            widget.resize(width, max(high, widget.sizeHint().height()))
        qapp.processEvents()
        picture = QPixmap(widget.size() * scale)
        picture.setDevicePixelRatio(scale)
        picture.fill(theme.theme().ground)
        widget.render(picture, QPoint())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.png"
        assert picture.save(str(path))
        return path

    return take


@pytest.fixture
def tab_order(qapp: QApplication) -> Callable[[QWidget], list[QWidget]]:
    """Return ``tab_order(window) -> widgets`` as the Tab key visits them."""

    def walk(window: QWidget) -> list[QWidget]:
        visited: list[QWidget] = []
        each = window.nextInFocusChain()
        while each is not window and len(visited) < 1000:
            by_tab = each.focusPolicy().value & 1  # Qt.FocusPolicy.TabFocus
            if by_tab and each.isVisibleTo(window) and each.isEnabled() and not each.focusProxy():
                visited.append(each)
            each = each.nextInFocusChain()
        return [widget for widget in visited if window.isAncestorOf(widget)]

    return walk


@pytest.fixture
def check_access(tab_order: Callable[[QWidget], list[QWidget]]) -> Callable[[QWidget], None]:
    """Return ``check_access(window)``: every control is named, and Tab goes in reading order."""

    def check(window: QWidget) -> None:
        order = tab_order(window)
        assert order, "nothing can be reached with the keyboard"
        for widget in order:
            assert widget.accessibleName(), f"{widget!r} has no name"
        spots = [
            (widget.mapTo(window, widget.rect().center()), widget.height(), widget)
            for widget in order
        ]
        for (before, high, first), (after, other, second) in itertools.pairwise(spots):
            same_line = abs(before.y() - after.y()) < (high + other) / 4
            in_order = after.x() > before.x() if same_line else after.y() > before.y()
            assert in_order, f"Tab goes from {first.accessibleName()} to {second.accessibleName()}"

    return check

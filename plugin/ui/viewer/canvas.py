"""The picture area: paints the scene and turns the mouse into edits of the state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import (
    QCursor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.theme import metrics
from plugin.ui.base import FocusRing
from plugin.ui.viewer.core import Core
from plugin.ui.viewer.gain import GainBox
from plugin.ui.viewer.geometry import FIT, Box, View, zoomed
from plugin.ui.viewer.paint import device_pixels
from plugin.ui.viewer.scene import Scene
from plugin.ui.viewer.tools import Stroke
from plugin.ui.viewer.views import views_of, wipe_of
from plugin.ui.viewer.wipe import CENTRE, HORIZONTAL, VERTICAL, grip

__all__ = ["Canvas"]

_NOTCH: Final = 120.0  # eighths of a degree of one click of a wheel
_PER_NOTCH: Final = 1.25
_REACH_PX: Final = 7  # how near to a line a press takes hold of it
_AHEAD: Final = 6


class Canvas(FocusRing, QWidget):
    """Paints the shot and its takes; wheel, drag and double-click act on the shared state."""

    def __init__(self, core: Core, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.core = core
        self.space_held = False
        self.panned_while_held = False
        self._stroke: Stroke | None = None
        self._pan_from: tuple[QPointF, tuple[float, float], float] | None = None
        self._wipe_angle: float | None = None  # of the wipe that is being dragged
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(tr("viewer.canvas"))
        self.setAccessibleDescription(tr("a11y.viewer.canvas"))
        self.gain = GainBox(core)
        self.gain.setParent(self)
        core.changed.connect(self._on_changed)
        self._on_changed()

    # ---- sizes -----------------------------------------------------------------------------

    @override
    def sizeHint(self) -> QSize:
        return QSize(metrics().px(396), metrics().px(396 * 9 // 16))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(metrics().px(160), metrics().px(90))

    @override
    def hasHeightForWidth(self) -> bool:
        return False

    @property
    def viewport(self) -> Box:
        """What can be painted, device pixels."""
        ratio = self.devicePixelRatioF()
        return Box(0, 0, max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))

    def _device(self, position: QPointF) -> tuple[float, float]:
        ratio = self.devicePixelRatioF()
        return position.x() * ratio, position.y() * ratio

    def view_at(self, position: QPointF) -> View:
        """Return the view under a widget point: of Side's halves the one it lies in."""
        x, y = self._device(position)
        views = views_of(self.core, self.viewport)
        for view in views:
            if view.viewport.contains(x, y):
                return view
        return views[0]

    # ---- painting --------------------------------------------------------------------------

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            viewport = self._paint(painter)
        finally:
            painter.end()
        self._look_ahead(viewport)

    def _paint(self, painter: QPainter) -> Box:
        ratio, x, y = device_pixels(painter)
        width, height = round(x + self.width() * ratio), round(y + self.height() * ratio)
        viewport = Box(0, 0, max(1, width), max(1, height))
        focused = self.ring_shown() and self.window().isActiveWindow()
        Scene(self.core, painter, viewport, ratio, focused=focused, stroke=self._stroke).paint()
        return viewport

    def _look_ahead(self, viewport: Box) -> None:
        """Have the next frames of what is shown ready before they are due."""
        core = self.core
        view = views_of(core, viewport)[0]
        target = view.target
        first, second = core.pair
        pictures = {
            "before": [core.original.picture],
            "after": [second.picture],
        }.get(core.mode, [first.picture, second.picture])
        if core.mode == "difference":
            pictures = []
        cache = core.cache

        def make(frame: int) -> Callable[[], object] | None:
            missing = []
            for picture in pictures:
                if picture is None or picture.index(frame) is None:
                    continue
                small = target.width <= picture.size[0] and target.height <= picture.size[1]
                size = (target.width, target.height) if small else None
                if size == picture.size:
                    size = None
                if (picture.key, picture.index(frame), size) not in cache:
                    missing.append((picture, size))
            if not missing:
                return None
            return lambda: [cache.picture(picture, frame, size) for picture, size in missing]

        core.look_ahead(self, make, reach=_AHEAD)

    def _on_changed(self) -> None:
        if self.core.tool.value is None:
            self._stroke = None
        difference = self.core.mode == "difference"
        if difference != self.gain.isVisibleTo(self):
            self.gain.setVisible(difference)
            self._place_gain()
        self._show_cursor(self.mapFromGlobal(QCursor.pos()).toPointF())
        self.update()

    def _place_gain(self) -> None:
        self.gain.adjustSize()
        margin = metrics().gap
        self.gain.move(self.width() - self.gain.width() - margin, margin)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_gain()

    # ---- zoom ------------------------------------------------------------------------------

    def zoom_by(self, factor: float, position: QPointF | None = None) -> None:
        """Scale around a widget point, or around the centre."""
        at = position or QPointF(self.width() / 2, self.height() / 2)
        view = self.view_at(at)
        x, y = self._device(at)
        zoom, pan = zoomed(view, factor=factor, x=x, y=y)
        self.core.state.zoom.set(zoom)
        self.core.state.pan.set(pan)

    def fit(self) -> None:
        """Show the whole picture."""
        self.core.state.zoom.set(FIT)
        self.core.state.pan.set((0.0, 0.0))

    def one_to_one(self, position: QPointF | None = None) -> None:
        """Show every pixel of the picture as one pixel of the screen."""
        at = position or QPointF(self.width() / 2, self.height() / 2)
        view = self.view_at(at)
        x, y = self._device(at)
        u, v = view.to_picture(x, y)
        centre_x = view.viewport.x + view.viewport.width / 2
        centre_y = view.viewport.y + view.viewport.height / 2
        if position is None:
            pan = view.pan if view.zoom > 0 else (0.0, 0.0)
        else:
            width, height = view.picture
            pan = (u - 0.5 - (x - centre_x) / width, v - 0.5 - (y - centre_y) / height)
        self.core.state.zoom.set(1.0)
        self.core.state.pan.set(_within(pan))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        notches = event.angleDelta().y() / _NOTCH
        if notches:
            self.zoom_by(_PER_NOTCH**notches, event.position())
        event.accept()

    # ---- mouse -----------------------------------------------------------------------------

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        position = event.position()
        button = event.button()
        panning = button == Qt.MouseButton.MiddleButton or (
            button == Qt.MouseButton.LeftButton and self.space_held
        )
        if panning:
            state = self.core.state
            view = self.view_at(position)
            if state.zoom.value <= 0:  # a fitted picture has no slack to pan in
                return
            self._pan_from = (position, state.pan.value, view.scale)
            self.panned_while_held = self.space_held
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif button == Qt.MouseButton.LeftButton and self.core.tool.value is not None:
            self._stroke = Stroke(self.core.tool.value)
            self._stroke.add(self.view_at(position), *self._device(position))
        elif button == Qt.MouseButton.LeftButton and self.core.mode == "wipe":
            self._take_wipe(position, event.modifiers())

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        if self._pan_from is not None:
            start, pan, scale = self._pan_from
            ratio = self.devicePixelRatioF()
            width, height = views_of(self.core, self.viewport)[0].picture
            moved = position - start
            self.core.state.pan.set(
                _within(
                    (
                        pan[0] - moved.x() * ratio / (scale * width),
                        pan[1] - moved.y() * ratio / (scale * height),
                    )
                )
            )
        elif self._stroke is not None:
            self._stroke.add(self.view_at(position), *self._device(position))
            self.update()
        elif self._wipe_angle is not None:
            self._drag_wipe(position, event.modifiers())
        else:
            self._show_cursor(position)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        if self._pan_from is not None:
            self._pan_from = None
        elif self._stroke is not None and event.button() == Qt.MouseButton.LeftButton:
            view = self.view_at(position)
            stroke, self._stroke = self._stroke, None
            stroke.add(view, *self._device(position))
            shape = stroke.shape(view, frame=self.core.state.frame.value)
            if shape is not None:
                self.core.finish(shape)
            self.update()
        self._wipe_angle = None
        self._show_cursor(position)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.core.tool.value is not None:
            return
        state = self.core.state
        if self.core.mode == "wipe":
            shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            state.wipe.set(CENTRE)
            state.wipe_angle.set(HORIZONTAL if shift else VERTICAL)
        elif state.zoom.value > 0:
            self.fit()
        else:
            self.one_to_one(event.position())

    # ---- wipe ------------------------------------------------------------------------------

    def _take_wipe(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        view = self.view_at(position)
        wipe = wipe_of(self.core, view)
        held = grip(wipe, *self._device(position), reach=self._reach())
        if held is None:
            return
        if held == "line":
            self._wipe_angle = wipe.angle
        else:
            self._wipe_angle = VERTICAL if held == "side" else HORIZONTAL
        self._drag_wipe(position, modifiers)

    def _drag_wipe(self, position: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if self._wipe_angle is None:
            return
        state = self.core.state
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        state.wipe_angle.set(HORIZONTAL if shift else self._wipe_angle)
        wipe = wipe_of(self.core, self.view_at(position))
        state.wipe.set(wipe.position_at(*self._device(position)))

    def _reach(self) -> float:
        return metrics().px(_REACH_PX) * self.devicePixelRatioF()

    def _show_cursor(self, position: QPointF) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if self._pan_from is not None:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self.space_held:
            shape = Qt.CursorShape.OpenHandCursor
        elif self.core.tool.value is not None:
            shape = Qt.CursorShape.CrossCursor
        elif self.core.mode == "wipe" and self.rect().contains(position.toPoint()):
            wipe = wipe_of(self.core, self.view_at(position))
            held = grip(wipe, *self._device(position), reach=self._reach())
            level = held == "rim" or (held == "line" and wipe.angle % 180 == HORIZONTAL)
            if held is not None:
                shape = Qt.CursorShape.SplitVCursor if level else Qt.CursorShape.SplitHCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)

    # ---- keys and focus --------------------------------------------------------------------

    def hold_space(self, held: bool) -> None:
        """Let a drag pan while the space bar is down."""
        if held and not self.space_held:
            self.panned_while_held = False
        self.space_held = held
        self._show_cursor(self.mapFromGlobal(QCursor.pos()).toPointF())

    def cancel(self) -> bool:
        """Give up what is being drawn; False if nothing was."""
        if self.core.tool.value is None:
            return False
        self._stroke = None
        self.core.tool.set(None)
        return True

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)  # shows the ring
        event.ignore()  # keys belong to the viewer around it

    @override
    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.space_held = False
        self.core.state.hold_before.set(False)
        self.update()


def _within(pan: tuple[float, float]) -> tuple[float, float]:
    x, y = (min(0.5, max(-0.5, value)) for value in pan)
    if math.isnan(x) or math.isnan(y):
        return 0.0, 0.0
    return x, y

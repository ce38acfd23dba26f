"""The first line: the product's name, and how engine and Resolve are doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSizePolicy, QWidget
from typing_extensions import override

from plugin.locale import tr
from plugin.theme import metrics, theme
from plugin.ui.actions import Actions
from plugin.ui.base import Eliding, FocusRing, describe, follow, words

if TYPE_CHECKING:
    from plugin.state.links import EngineState, HostState
    from plugin.state.session import PanelModel

__all__ = ["EngineDot", "Header", "host_words"]

# Shape and tone of each phase; the shape tells what the colour does.
_LOOKS: Final = {
    "off": ("ring", "muted"),
    "starting": ("half", "text"),
    "ready": ("full", "done"),
    "busy": ("full", "accent"),
    "stopping": ("half", "warn"),
    "crashed": ("cross", "error"),
    "mismatch": ("cross", "warn"),
    "no_engine": ("ring", "warn"),
}


class EngineDot(FocusRing, QPushButton):
    """State of the engine as shape, colour and words; a click shows the details."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFlat(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._phase = "off"

    @property
    def look(self) -> tuple[str, str]:
        """Shape and tone that are drawn."""
        return _LOOKS[self._phase]

    def show_state(self, state: EngineState) -> None:
        """Show a state of the engine."""
        self._phase = state.phase
        words = tr(f"engine.{state.phase}")
        self.setText(words)
        describe(self, f"{tr('engine.title')}: {words}", tr("tip.engine"))
        self.updateGeometry()
        self.update()

    def _dot(self) -> int:
        return metrics().px(9)

    @override
    def sizeHint(self) -> QSize:
        wide = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(wide + self._dot() + metrics().space(4), metrics().hit)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        colours, size = theme(), metrics()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect())
        if self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.hover))
            painter.drawRoundedRect(area, size.radius, size.radius)
        shape, tone = self.look
        dot = QRectF(size.space(1.5), (area.height() - self._dot()) / 2, self._dot(), self._dot())
        ink = QColor(getattr(colours, tone))
        painter.setPen(QPen(ink, size.px(1.6)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        inner = dot.adjusted(0.8, 0.8, -0.8, -0.8)
        if shape == "cross":
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
        else:
            if shape == "full":
                painter.setBrush(ink)
            painter.drawEllipse(inner)
            if shape == "half":
                painter.setBrush(ink)
                painter.drawPie(inner, 90 * 16, 180 * 16)
        painter.setPen(QColor(colours.bright if self.underMouse() else colours.text))
        text = QRectF(dot.right() + size.space(1), 0, area.width(), area.height())
        baseline = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(text.translated(QPointF(size.space(0.5), 0)), baseline, self.text())
        self.paint_ring(painter, area, size.radius)
        painter.end()


def host_words(state: HostState) -> str:
    """Return the editing program in few words, '' where the panel works on files only."""
    if state.kind == "none":
        return ""
    if state.kind != "ready":
        return tr(f"host.state.{state.kind}")
    return " ".join(part for part in (state.product or "Resolve", state.version) if part)


class Header(QWidget):
    """Name of the product, Resolve, engine and graphics card."""

    def __init__(self, model: PanelModel, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        size = metrics()
        self.title = words("FlowAnchor", "title")
        self.host = Eliding(role="small")
        self.host.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.dot = EngineDot()
        self.device = Eliding(role="small")
        self.device.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(size.space(1.5))
        line.addWidget(self.title)
        line.addWidget(self.host, 1)
        line.addWidget(self.dot)
        line.addWidget(self.device)
        self.dot.clicked.connect(lambda: actions.run("engine_details"))
        follow(self, model.engine, self._show_engine)
        follow(self, model.host, self._show_host)

    def _show_engine(self, state: EngineState) -> None:
        self.dot.show_state(state)
        self.device.setText(state.device)
        self.device.setAccessibleName(tr("engine.device", name=state.device or "–"))
        self.device.setVisible(bool(state.device))

    def _show_host(self, state: HostState) -> None:
        words = host_words(state)
        self.host.setText(words)
        self.host.setAccessibleName(words or tr("host.state.none"))

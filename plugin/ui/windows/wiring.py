"""Lines of a check: a sign, what was looked at, how it went, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from plugin.locale import number, tr
from plugin.state.errors import BUTTONS
from plugin.theme import draw_icon, metrics, theme
from plugin.ui.base import describe, follow
from plugin.ui.parts import clear, error_words, wrapped

if TYPE_CHECKING:
    from plugin.ui.desk import Desk, Verdict, WiringLine

__all__ = ["CheckRow", "VerdictSign", "WiringView"]

_LOOKS: Final = {"ok": ("done", "done"), "warn": ("warn", "warn"), "fail": ("error", "error")}


class VerdictSign(QWidget):
    """A check mark, a warning, a stop sign, or a ring that is still open."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        describe(self, tr(f"verdict.{verdict}"))

    @override
    def sizeHint(self) -> QSize:
        return QSize(metrics().icon, metrics().icon)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.verdict in _LOOKS:
            name, tone = _LOOKS[self.verdict]
            draw_icon(painter, name, area, getattr(theme(), tone))
        else:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(theme().muted), 1.4, Qt.PenStyle.DotLine))
            painter.drawEllipse(area.adjusted(2, 2, -2, -2))
        painter.end()


class CheckRow(QWidget):
    """One line: sign, sentence, and a button where something helps."""

    def __init__(self, verdict: Verdict, sentence: str, button: QWidget | None = None) -> None:
        super().__init__()
        self.verdict = verdict
        self.text = wrapped(sentence, "value" if verdict in ("ok", "running") else "")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(metrics().gap)
        line.addWidget(VerdictSign(verdict), 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(self.text, 1)
        if button is not None:
            line.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(f"{tr(f'verdict.{verdict}')}: {sentence}")


class WiringView(QWidget):
    """The steps of the wiring test as they come."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(metrics().space(1.5))
        follow(self, desk.wiring, self._show)

    def rows(self) -> list[CheckRow]:
        """Return the lines."""
        return self.findChildren(CheckRow)

    def _show(self, lines: tuple[WiringLine, ...]) -> None:
        clear(self._column)
        for line in lines:
            said = tr(f"say.wiring.{line.step}")
            if line.seconds is not None:
                said = tr("say.wiring.took", what=said, seconds=number(line.seconds, 1))
            told = error_words(line.code, line.detail) if line.code in BUTTONS else line.detail
            if told:
                said = f"{said}\n{told}"
            self._column.addWidget(CheckRow(line.verdict, said))

"""One text: grows from one line to four, shows its marks, walks through earlier texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QMimeData, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextLayout,
)
from PySide6.QtWidgets import QPlainTextDocumentLayout, QPlainTextEdit, QSizePolicy, QWidget

from plugin.state.keys import ACTIONS, normal
from plugin.theme import metrics, theme
from plugin.ui.base import describe
from plugin.ui.prompts._marks import Mark, utf16

__all__ = ["THROTTLE_MS", "PromptEdit"]

THROTTLE_MS = 150
MOST_LINES = 4
_BORDER = 1  # of the style sheet


class _Highlighter(QSyntaxHighlighter):
    """Paints marks; it knows nothing of where they come from."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self.marks: Sequence[Mark] = ()

    def show_marks(self, marks: Sequence[Mark]) -> bool:
        """Take marks; False if they are painted already."""
        if tuple(marks) == tuple(self.marks):
            return False
        self.marks = tuple(marks)
        self.rehighlight()
        return True

    def highlightBlock(self, text: str) -> None:
        """Paint one line of the text (Qt calls this)."""
        colours = theme()
        whole = self.document().toPlainText()
        start = self.currentBlock().position()
        for mark in self.marks:
            first = utf16(whole, mark.start) - start
            last = utf16(whole, mark.stop) - start
            if last <= 0 or first >= self.currentBlock().length():
                continue
            form = QTextCharFormat()
            if mark.drives:
                form.setForeground(QColor(colours.accent))
            if mark.changed:
                form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
                form.setUnderlineColor(QColor(colours.accent if mark.drives else colours.text))
            if mark.replaced:
                form.setFontStrikeOut(True)
                form.setForeground(QColor(colours.muted))
            if mark.quiet:
                form.setForeground(QColor(colours.disabled))
            self.setFormat(first, last - first, form)


class PromptEdit(QPlainTextEdit):
    """A prompt: one paragraph, however long.

    Tab leaves it. Return does nothing by itself, so that a shortcut with Return may start the
    run; pasted line breaks become spaces. The keys of earlier and later texts are the person's.

    Signals
    -------
    value_changed(str)
    older_asked(), newer_asked(), mark_asked(int), focused()
        `mark_asked` carries the character under the caret.
    """

    value_changed = Signal(object)
    older_asked = Signal()
    newer_asked = Signal()
    mark_asked = Signal(int)
    focused = Signal()

    def __init__(self, name: str, tip: str = "", *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        describe(self, name, tip)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.document().setDocumentMargin(metrics().px(3.5))
        self._text = ""
        self._lines = 1
        self._marks: Callable[[], Sequence[Mark]] = lambda: ()
        self._highlighter = _Highlighter(self.document())
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(THROTTLE_MS)
        self._soon.timeout.connect(self.highlight_now)
        self._keys: dict[str, frozenset[str]] = {
            name: frozenset(ACTIONS[name].keys)
            for name in ("prompt_older", "prompt_newer", "toggle_word")
        }
        self.textChanged.connect(self._typed)
        self.document().documentLayout().documentSizeChanged.connect(self._grow)

    # ---- value ------------------------------------------------------------------------------

    def value(self) -> str:
        """Return the text."""
        return self._text

    def set_value(self, value: str) -> None:
        """Show a text; the change can be undone like typing."""
        if value == self.toPlainText():
            return
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(value)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self.setTextCursor(cursor)

    def _typed(self) -> None:
        text = self.toPlainText()
        if text != self._text:  # painting marks is a change to Qt as well
            self._text = text
            self.value_changed.emit(text)

    # ---- marks ------------------------------------------------------------------------------

    def set_marks(self, marks: Callable[[], Sequence[Mark]]) -> None:
        """Ask for marks there from now on."""
        self._marks = marks
        self.highlight_now()

    def highlight_soon(self) -> None:
        """Paint the marks anew, at most every 150 ms."""
        if not self._soon.isActive():
            self._soon.start()

    def highlight_now(self) -> None:
        """Paint the marks anew at once."""
        self._soon.stop()
        self._highlighter.show_marks(self._marks())

    def marks_shown(self) -> tuple[Mark, ...]:
        """Return the marks that are painted."""
        return tuple(self._highlighter.marks)

    # ---- keys -------------------------------------------------------------------------------

    def set_keys(self, action: str, keys: Sequence[str]) -> None:
        """Give ``prompt_older``, ``prompt_newer`` or ``toggle_word`` other keys."""
        self._keys[action] = frozenset(normal(key) for key in keys)

    def select_word(self, word: str) -> None:
        """Go there and choose a word, or the end of the text if it is not there."""
        self.setFocus(Qt.FocusReason.ShortcutFocusReason)
        cursor = self.document().find(word) if word else QTextCursor()
        if cursor.isNull():
            self.moveCursor(QTextCursor.MoveOperation.End)
        else:
            self.setTextCursor(cursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk through earlier texts; leave Return to the window."""
        pressed = QKeySequence(event.keyCombination()).toString(
            QKeySequence.SequenceFormat.PortableText
        )
        if pressed in self._keys["prompt_older"]:
            self.older_asked.emit()
        elif pressed in self._keys["prompt_newer"]:
            self.newer_asked.emit()
        elif pressed in self._keys["toggle_word"]:
            before = self.textCursor().position()
            whole = self.toPlainText()
            inside = whole.encode("utf-16-le")[: 2 * before].decode("utf-16-le", "ignore")
            self.mark_asked.emit(len(inside))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Tell that writing begins."""
        super().focusInEvent(event)
        self.focused.emit()

    def insertFromMimeData(self, source: QMimeData) -> None:
        """Paste as one paragraph."""
        if source.hasText():
            self.insertPlainText(" ".join(source.text().split()))

    # ---- size -------------------------------------------------------------------------------

    def _count_lines(self) -> int:
        layout = self.document().documentLayout()
        assert isinstance(layout, QPlainTextDocumentLayout)
        lines, block = 0, self.document().begin()
        while block.isValid():
            layout.ensureBlockLayout(block)  # Qt breaks lines when it paints, which is too late
            lines += max(1, block.layout().lineCount())
            block = block.next()
        return max(1, lines)

    def _grow(self) -> None:
        lines = self._count_lines()
        shown = min(MOST_LINES, lines)
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if lines > MOST_LINES else policy.ScrollBarAlwaysOff
        )
        if shown != self._lines:
            self._lines = shown
            self.updateGeometry()
        if lines <= MOST_LINES:
            self.verticalScrollBar().setValue(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Count the lines anew."""
        super().resizeEvent(event)
        self._grow()

    def lines_shown(self) -> int:
        """Return the height in lines, 1 to 4."""
        return self._lines

    def _height(self, lines: int) -> int:
        margin = 2 * round(self.document().documentMargin())
        return min(MOST_LINES, lines) * self.fontMetrics().lineSpacing() + margin + 2 * _BORDER

    def hasHeightForWidth(self) -> bool:
        """Be higher where narrower."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of the text at a width, so that the first layout is the last."""
        room = width - 2 * _BORDER - 2 * self.document().documentMargin()
        lines = 0
        for paragraph in self.toPlainText().split("\n"):
            layout = QTextLayout(paragraph, self.document().defaultFont())
            layout.setTextOption(self.document().defaultTextOption())
            layout.beginLayout()
            while (line := layout.createLine()).isValid():
                line.setLineWidth(max(1.0, room))
            layout.endLayout()
            lines += max(1, layout.lineCount())
        return self._height(lines)

    def sizeHint(self) -> QSize:
        """As many lines as the text has now, up to four."""
        return QSize(metrics().px(200), self._height(self._lines))

    def minimumSizeHint(self) -> QSize:
        """Leave room for a few words."""
        return QSize(metrics().px(96), self._height(1))

"""Small parts that rows share: wrapped sentences, buttons by action, emptying a layout."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QLayout, QSizePolicy
from typing_extensions import override

from plugin.locale import language, tr
from plugin.state.errors import message_of
from plugin.state.messages import Message
from plugin.theme import metrics
from plugin.ui.actions import NOTHING, Actions, Target
from plugin.ui.base import Button
from plugin.ui.phrases import gigabytes

__all__ = ["action_button", "clear", "error_words", "sentence_of", "wrapped"]


class _Wrapped(QLabel):
    """A label whose least height is that of one line; how many it needs, its width says.

    Qt's own least size of a wrapped label is that of its narrowest form, which makes pages
    scroll that have room.
    """

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(metrics().px(80), self.fontMetrics().height())


def wrapped(text: str = "", role: str = "") -> QLabel:
    """Return a sentence that breaks into as many lines as it needs."""
    made = _Wrapped(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setProperty("role", role)
    made.setWordWrap(True)
    policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    policy.setHeightForWidth(True)
    made.setSizePolicy(policy)
    return made


def action_button(
    actions: Actions,
    action: str,
    *,
    key: str = "",
    target: Target | Callable[[], Target] = NOTHING,
    role: str = "",
    tip: str = "",
) -> Button:
    """Return a button that runs an action; its words stand under ``button.ACTION``."""
    made = Button(tr(key or f"button.{action}"), tip, role=role)
    made.setObjectName(f"action:{action}")

    def run() -> None:
        actions.run(action, target() if callable(target) else target)

    made.clicked.connect(run)
    return made


def sentence_of(message: Message) -> str:
    """Return what a message says in the language of the person.

    Sizes in MB, named ``x_mb``, are worded in GB as ``x_gb``.

    The engine's own words carry the numbers of the case but are English; they are shown where
    English is spoken, and stand under Details everywhere.
    """
    if message.sentence and language() == "en":
        return message.sentence
    sizes = {
        f"{name.removesuffix('_mb')}_gb": gigabytes(value)
        for name, value in message.values.items()
        if name.endswith("_mb")
    }
    return tr(message.key, **message.values, **sizes)


def error_words(code: str, sentence: str = "") -> str:
    """Return what an error says in the language of the person (see `sentence_of`)."""
    return sentence_of(message_of(code, sentence))


def clear(layout: QLayout) -> None:
    """Take everything out of a layout and let its widgets go."""
    while (item := layout.takeAt(0)) is not None:
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
        elif inner is not None:
            clear(inner)

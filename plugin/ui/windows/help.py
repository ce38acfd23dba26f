"""The help page: the link to Resolve, two mattes, words and sliders, limits."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from plugin.locale import tr
from plugin.theme import heading_font, metrics
from plugin.ui.base import Button, FlowLayout, Line, describe, words
from plugin.ui.parts import wrapped
from plugin.ui.windows.drawings import two_mattes
from plugin.ui.windows.frame import Window, scrolled

__all__ = ["TOPICS", "HelpWindow"]

# In the order in which they are needed; each has help.NAME.title and help.NAME.1, .2 ...
TOPICS: Final = {"link": 3, "render": 2, "mattes": 4, "words": 3, "sliders": 4, "limits": 4}


class HelpWindow(Window):
    """Passages under headings, and buttons that go to each."""

    def __init__(self, owner: QWidget) -> None:
        super().__init__(tr("help.window"), owner, size=(480, 640))
        size = metrics()
        index = QWidget()
        flow = FlowLayout(index, spacing=size.space(1.5))
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, size.space(2), 0)
        column.setSpacing(size.space(2))
        self.headings: dict[str, QLabel] = {}
        for topic, count in TOPICS.items():
            heading = words(tr(f"help.{topic}.title"), "title")
            heading.setFont(heading_font())
            self.headings[topic] = heading
            column.addWidget(heading)
            if topic == "mattes":
                column.addWidget(_drawing())
            for number in range(1, count + 1):
                text = wrapped(tr(f"help.{topic}.{number}"))
                text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                column.addWidget(text)
            column.addWidget(Line())
            go = Button(tr(f"help.{topic}.title"), role="flat")
            go.clicked.connect(lambda _=False, topic=topic: self.show_topic(topic))
            flow.addWidget(go)
        column.addStretch(1)
        self._page, self._column = page, column
        self.area: QScrollArea = scrolled(page)
        self.column.addWidget(index)
        self.column.addWidget(self.area, 1)
        self.topic = ""

    def show_topic(self, topic: str) -> None:
        """Scroll to a passage, '' for the beginning."""
        self.topic = topic
        bar = self.area.verticalScrollBar()
        if topic not in self.headings:
            bar.setValue(0)
            return
        self._page.adjustSize()
        self._column.activate()
        bar.setValue(self.headings[topic].y())


def _drawing() -> QLabel:
    shown = QLabel()
    scale = shown.devicePixelRatioF()
    picture: QPixmap = two_mattes(metrics().px(400), scale)
    shown.setPixmap(picture)
    describe(shown, tr("help.mattes.picture"))
    return shown

"""Asks the engine how it understands the texts, as they are typed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

if TYPE_CHECKING:
    from flowanchor_engine.protocol import WordsReply
    from plugin.services.media import MediaService
    from plugin.state.prompts import Question
    from plugin.state.session import PanelModel
    from plugin.ui.viewer.pictures import Book

__all__ = ["WordsControl"]

_log = logging.getLogger(__name__)
_SETTLE_MS = 150


class WordsControl(QObject):
    """Keeps chips, difference and warnings up to date with the texts."""

    def __init__(
        self,
        model: PanelModel,
        book: Book,
        media: MediaService,
        *,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model = model
        self._media = media
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._ask)
        model.prompts.changed.connect(lambda _: self._settle.start())
        model.model_id.changed.connect(lambda _: self._settle.start())
        model.prompts.chips.watch(book.chips.set)

    def start(self) -> None:
        """Ask about what is there already."""
        self._settle.start()

    def close(self) -> None:
        """Ask no more."""
        self._settle.stop()

    def _ask(self) -> None:
        for question in self._model.prompts.questions():
            self._send(question)

    def _send(self, question: Question) -> None:
        def answer(reply: WordsReply) -> None:
            self._model.prompts.answer(question, reply)

        self._media.words(
            question.now,
            question.wanted,
            answer,
            lambda trouble: _log.warning("words: %s %s", trouble.code, trouble.detail),
            drive=question.drive,
            model=self._model.model_id.value,
            matte_share=self._model.matte.mean_coverage,
            slot="words-marked" if question.drive else "words",
        )

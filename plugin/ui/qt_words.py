"""Qt's own words: Cut and Paste in the menus of texts, and the boxes that choose files."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QTranslator

__all__ = ["speak"]

_NAME: Final = "qt-words"


def speak(application: QCoreApplication, language: str) -> None:
    """Let Qt speak a language as well; English, where it comes without it."""
    old = application.findChild(QTranslator, _NAME)
    if old is not None:
        application.removeTranslator(old)
        old.setObjectName("")
        old.deleteLater()
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    made = QTranslator(application)
    if language != "en" and made.load(f"qtbase_{language}", folder):
        made.setObjectName(_NAME)
        application.installTranslator(made)
    else:
        made.deleteLater()

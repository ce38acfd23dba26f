"""Which characters of the two texts are marked, and how: pure functions of the texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plugin.state.prompts import Chip
from plugin.state.word_spans import Spanned, changed_words

__all__ = ["Mark", "now_marks", "utf16", "wanted_marks"]


@dataclass(frozen=True)
class Mark:
    """Characters ``start <= i < stop`` of a text.

    Parameters
    ----------
    changed : bool
        Wanted only: the word is new; underlined.
    drives : bool
        Wanted only: it is a target of the edit; in the accent.
    replaced : bool
        Now only: the word goes away; struck through.
    quiet : bool
        A bracket: seen here, never by the encoder.
    """

    start: int
    stop: int
    changed: bool = False
    drives: bool = False
    replaced: bool = False
    quiet: bool = False


def wanted_marks(now: str, wanted: str, chips: Iterable[Chip], *, answered: bool) -> list[Mark]:
    """Return the marks of the wanted text.

    Parameters
    ----------
    answered : bool
        The engine has read these very texts, so a word without a chip drives nothing; before
        that every changed word is taken to drive.
    """
    states = {chip.span: chip.state for chip in chips}
    changed = set(changed_words(now, wanted)) if now.strip() else set()
    marks = []
    for span in sorted(changed | set(states)):
        state = states.get(span, "neutral" if answered else "drive")
        if span in changed or state == "drive":
            marks.append(Mark(*span, changed=span in changed, drives=state == "drive"))
    brackets = [i for i, letter in enumerate(wanted) if letter in "[]"]
    return [*marks, *(Mark(i, i + 1, quiet=True) for i in brackets)]


def now_marks(now: str, wanted: str, removed: Iterable[Spanned]) -> list[Mark]:
    """Return the marks of the text of what is shown now.

    Parameters
    ----------
    removed : iterable of (int, int)
        The engine's answer; while there is none, our own comparison.
    """
    gone = tuple(removed)
    if not gone:
        gone = changed_words(wanted, now) if wanted.strip() else ()
    return [Mark(start, stop, replaced=True) for start, stop in gone]


def utf16(text: str, index: int) -> int:
    """Return where Qt counts a character: letters beyond the 16-bit plane are two to it."""
    return len(text[:index].encode("utf-16-le")) // 2

"""A prompt as it was typed, as the model reads it, and which characters became which."""

from __future__ import annotations

import html
import re
from difflib import SequenceMatcher

import ftfy

__all__ = ["CharSpan", "clean", "reach"]

CharSpan = tuple[int, int]
"""Characters ``start <= i < stop``."""

# What cleaning changes by itself: an HTML entity (escaped once or more), or one character.
_UNIT = re.compile(r"&(?:amp;)*#?\w+;|.", re.DOTALL)


def clean(text: str) -> str:
    """Return a prompt as Wan's pipeline cleans it before tokenizing.

    Mojibake is mended, HTML entities are resolved twice, white space is squeezed.
    """
    mended = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    return re.sub(r"\s+", " ", mended).strip()


def reach(typed: str, cleaned: str) -> list[CharSpan]:
    """For every typed character, the characters of the cleaned text that it became.

    Cleaning is followed word by word, which is exact wherever it acts within words. The rest
    (mojibake across words) is aligned as a whole.
    """
    went: list[CharSpan] = [(0, 0)] * len(typed)
    pieces = [(match.start(), match.group()) for match in re.finditer(r"\S+", typed)]
    became = [clean(piece) for _, piece in pieces]
    if " ".join(piece for piece in became if piece) == cleaned:
        place = 0
        for (start, old), new in zip(pieces, became, strict=True):
            for i, (first, last) in enumerate(_aligned(old, new)):
                went[start + i] = (place + first, place + last)
            place += len(new) + 1 if new else 0
        return went
    for kind, first, last, to_first, to_last in SequenceMatcher(
        None, typed, cleaned, autojunk=False
    ).get_opcodes():
        for i in range(first, last):
            moved = to_first + i - first
            went[i] = (moved, moved + 1) if kind == "equal" else (to_first, to_last)
    return went


def _aligned(old: str, new: str) -> list[CharSpan]:
    """For every character of a word, its place in the cleaned word."""
    if old == new:
        return [(i, i + 1) for i in range(len(old))]
    units = _UNIT.findall(old)
    became = [clean(unit) for unit in units]
    reach: list[CharSpan] = []
    if "".join(became) == new:  # entities, quotes and ligatures, each by itself
        place = 0
        for unit, piece in zip(units, became, strict=True):
            reach.extend([(place, place + len(piece))] * len(unit))
            place += len(piece)
        return reach
    same = _shared(old, new)
    tail = _shared(old[same:][::-1], new[same:][::-1])
    shift = len(new) - len(old)
    for i in range(len(old)):
        if i < same:
            reach.append((i, i + 1))
        elif i >= len(old) - tail:
            reach.append((i + shift, i + shift + 1))
        else:  # changed characters move as one
            reach.append((same, len(new) - tail))
    return reach


def _shared(left: str, right: str) -> int:
    """Length of the common beginning."""
    for count, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return count
    return min(len(left), len(right))

"""Words of a text by characters, and how marks follow a text that is edited."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

__all__ = ["Spanned", "changed_words", "moved", "nouns_behind", "word_at", "words_of"]

Spanned = tuple[int, int]
"""Characters ``start <= i < stop``."""

# Scripts written without spaces: every character is a word of its own, as for the engine.
_IDEOGRAPH: Final = "぀-ヿ㐀-䶿一-鿿豈-﫿"
_LETTERS: Final = rf"(?:(?![{_IDEOGRAPH}])\w)+"
_WORD: Final = re.compile(rf"[{_IDEOGRAPH}]|{_LETTERS}(?:[-'’]{_LETTERS})*")


# Words that never are the noun of a title; English and German.
_ENGLISH: Final = """
    a an the and or but with without in on at of to from by for as into onto over under near
    behind beside is are was were has have that which who while it its his her their
"""
_GERMAN: Final = """
    ein eine einen einem einer der die das den dem des und oder aber mit ohne in im an am auf
    aus bei von vor zu zum zur für als über unter neben hinter ist sind war hat haben
"""
_SMALL: Final = frozenset(f"{_ENGLISH} {_GERMAN}".split())
_VERBAL: Final = ("ing", "ed", "ly", "s")  # walks, walking, walked, slowly


def words_of(text: str) -> tuple[Spanned, ...]:
    """Return the words of a text in order."""
    return tuple(match.span() for match in _WORD.finditer(text))


def word_at(text: str, index: int) -> Spanned | None:
    """Return the word at or just before a character, as under a caret."""
    for start, stop in words_of(text):
        if start <= index <= stop:
            return start, stop
    return None


def changed_words(now: str, wanted: str) -> tuple[Spanned, ...]:
    """Return the words of `wanted` that `now` lacks, by order and without regard to case."""
    before = [now[start:stop].casefold() for start, stop in words_of(now)]
    spans = words_of(wanted)
    after = [wanted[start:stop].casefold() for start, stop in spans]
    same = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    kept = {block.b + i for block in same for i in range(block.size)}
    return tuple(span for index, span in enumerate(spans) if index not in kept)


def nouns_behind(text: str, spans: Iterable[Spanned]) -> tuple[Spanned, ...]:
    """Return the words that probably are the nouns which marked words describe.

    Right behind a marked word, only blanks between, no small word and nothing that looks like
    a verb: "leather" of "a leather jacket walks" gives "jacket", "jacket" gives nothing. For
    titles only: a wrong guess names a file a little longer.
    """
    marked = sorted(spans)
    words = words_of(text)
    found = []
    for (_, stop), (start, end) in pairwise(words):
        inside = any(a < stop <= b for a, b in marked)
        taken = any(a < end and start < b for a, b in marked)
        word = text[start:end].casefold()
        verbal = len(word) > 3 and word.endswith(_VERBAL) and not word.endswith("ss")
        if (
            inside
            and not taken
            and text[stop:start].isspace()
            and word not in _SMALL
            and not verbal
        ):
            found.append((start, end))
    return tuple(found)


def moved(old: str, new: str, spans: Iterable[Spanned]) -> dict[Spanned, Spanned]:
    """Follow marks through an edit of the text.

    Parameters
    ----------
    old, new : str
        The text before and after.
    spans : iterable of (int, int)
        Marks of `old`: one word or several.

    Returns
    -------
    dict
        Every mark whose words all still stand together, and where it is now. A word outside
        the edited stretch always stays marked; one inside it does if it is found there again.
    """
    before, after = words_of(old), words_of(new)
    image = _words_image(old, new, before, after)
    found: dict[Spanned, Spanned] = {}
    for start, stop in spans:
        inside = [i for i, (a, b) in enumerate(before) if a < stop and b > start]
        places = [image.get(i) for i in inside]
        if not inside or None in places:
            continue
        first, last = places[0], places[-1]
        assert first is not None
        assert last is not None
        if last - first != inside[-1] - inside[0]:
            continue
        # A mark keeps its distance to the words that it begins and ends with.
        lead = max(0, start - before[inside[0]][0])
        trail = max(0, before[inside[-1]][1] - stop)
        found[(start, stop)] = (after[first][0] + lead, after[last][1] - trail)
    return found


def _words_image(
    old: str, new: str, before: tuple[Spanned, ...], after: tuple[Spanned, ...]
) -> dict[int, int]:
    """Return which word of the new text each word of the old one has become."""
    head = _shared(old, new)
    room = min(len(old), len(new)) - head
    tail = min(room, _shared(old[::-1], new[::-1]))
    shift = len(new) - len(old)
    places = {span: index for index, span in enumerate(after)}
    image: dict[int, int] = {}
    for index, (start, stop) in enumerate(before):
        place = None
        if stop <= head:
            place = places.get((start, stop))
        elif start >= len(old) - tail:
            place = places.get((start + shift, stop + shift))
        if place is not None:
            image[index] = place
    # Between the two fixed ends, words are paired in order by their spelling.
    low = max((i for i in image if before[i][1] <= head), default=-1)
    high = min((i for i in image if i > low and before[i][0] >= len(old) - tail), default=None)
    rest = range(low + 1, len(before) if high is None else high)
    first = image[low] + 1 if low >= 0 else 0
    goals = range(first, len(after) if high is None else image[high])
    matcher = SequenceMatcher(
        None,
        [old[slice(*before[i])] for i in rest],
        [new[slice(*after[j])] for j in goals],
        autojunk=False,
    )
    for block in matcher.get_matching_blocks():
        for k in range(block.size):
            image.setdefault(rest[block.a + k], goals[block.b + k])
    return image


def _shared(left: str, right: str) -> int:
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count

"""Which words of the wanted text drive the edit, and which token columns they are (A10).

Three sources, in this order unless one is forced: spans that a person marked, words in
[brackets], words that differ between the two texts. All spans are half-open character
ranges of the *cleaned* text, the one that the tokenizer sees.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from flowanchor_engine.errors import WordsError, WordsUnchangedError
from flowanchor_engine.method.typed import CharSpan, clean, reach

__all__ = [
    "CharSpan",
    "Targets",
    "brackets",
    "clean",
    "diff_spans",
    "follow",
    "pieces",
    "removed_spans",
    "resolve_targets",
    "token_columns",
    "typed_spans",
    "word_spans",
]

# Scripts written without spaces: every character is a word of its own.
_IDEOGRAPH = "぀-ヿ㐀-䶿一-鿿豈-﫿"
_LETTERS = rf"(?:(?![{_IDEOGRAPH}])\w)+"
_WORD = re.compile(rf"[{_IDEOGRAPH}]|{_LETTERS}(?:[-'’]{_LETTERS})*")


@dataclass(frozen=True)
class Targets:
    """What drives an edit.

    Attributes
    ----------
    text : str
        The wanted text, cleaned, without brackets: what is encoded.
    spans : tuple of (int, int)
        The driving characters of `text`, in order.
    covered : tuple of str
        The text of each span, for showing.
    now : str
        The text of what is shown, cleaned, without brackets.
    source : str
        Where the spans come from: 'explicit', 'brackets' or 'diff'.
    """

    text: str
    spans: tuple[CharSpan, ...]
    covered: tuple[str, ...]
    now: str
    source: Literal["explicit", "brackets", "diff"]


def brackets(text: str) -> tuple[str, tuple[CharSpan, ...]]:
    """Strip [brackets] from a prompt and return what they held.

    Returns
    -------
    tuple
        The cleaned text without brackets, and the spans of the bracketed words in it.

    Raises
    ------
    WordsError
        For a bracket without its partner, one inside another, or an empty pair.
    """
    stripped, spans, _ = _strip(clean(text))
    return stripped, spans


def diff_spans(now: str, wanted: str) -> tuple[CharSpan, ...]:
    """Return the words of `wanted` that a longest common subsequence leaves out.

    Words are compared one by one in order, without regard to case and punctuation, so one
    occurrence of a repeated word can drive while the other does not. Every changed word
    drives, articles included.

    Parameters
    ----------
    now, wanted : str
        Cleaned texts without brackets.

    Returns
    -------
    tuple of (int, int)
        One span per changed word; empty if `wanted` adds no word.
    """
    after = list(_WORD.finditer(wanted))
    kept = {index for index, _ in _common(_words(wanted), _words(now))}
    return tuple(match.span() for index, match in enumerate(after) if index not in kept)


def removed_spans(now: str, wanted: str) -> tuple[CharSpan, ...]:
    """Return the words of `now` that go away: the other side of `diff_spans`.

    Both sides come from one and the same pairing of words.
    """
    before = list(_WORD.finditer(now))
    kept = {index for _, index in _common(_words(wanted), _words(now))}
    return tuple(match.span() for index, match in enumerate(before) if index not in kept)


def word_spans(text: str) -> tuple[CharSpan, ...]:
    """Return every word of a text, as `diff_spans` sees words."""
    return tuple(match.span() for match in _WORD.finditer(text))


def follow(typed: str) -> tuple[str, tuple[CharSpan, ...]]:
    """Clean a prompt, take its brackets out, and say where every typed character went.

    Parameters
    ----------
    typed : str
        As a person wrote it.

    Returns
    -------
    tuple
        The text that is encoded, and for every typed character its half-open range there;
        an empty range for brackets and for what falls away.

    Raises
    ------
    WordsError
        Brackets do not pair.
    """
    cleaned = clean(typed)
    text, _, image = _strip(cleaned)
    went: list[CharSpan] = []
    for first, last in reach(typed, cleaned):
        places = [place for i in range(first, last) if (place := image[i]) is not None]
        inside = [place for place in places if place < len(text)]
        went.append((inside[0], inside[-1] + 1) if inside else (0, 0))
    return text, tuple(went)


def resolve_targets(
    now: str,
    wanted: str,
    *,
    explicit: Sequence[CharSpan] = (),
    target_from: Literal["auto", "explicit", "brackets", "diff"] = "auto",
) -> Targets:
    """Find the words that drive an edit.

    Parameters
    ----------
    now, wanted : str
        The texts as they were typed.
    explicit : sequence of (int, int)
        Marked character ranges of `wanted` as typed; they follow the text through cleaning.
    target_from : {'auto', 'explicit', 'brackets', 'diff'}
        `auto` takes the first of the three that has something; the others force one.

    Raises
    ------
    WordsUnchangedError
        Both texts are equal and no word is marked.
    WordsError
        The forced source has nothing, words were only taken away, a mark covers no word or
        lies outside the text, or brackets do not pair.
    """
    shown, _ = brackets(now)
    cleaned = clean(wanted)
    text, bracketed, image = _strip(cleaned)
    if not _WORD.search(text):
        raise WordsError("The wanted text holds no words.", hint=["edit_wanted"])

    if target_from == "explicit" or (target_from == "auto" and explicit):
        if not explicit:
            raise WordsError("No word of the wanted text is marked.", hint=["mark_words"])
        return _targets(shown, text, _carry(explicit, wanted, cleaned, text, image), "explicit")
    if target_from == "brackets" or (target_from == "auto" and bracketed):
        if not bracketed:
            raise WordsError(
                "No word of the wanted text stands in [brackets].", hint=["mark_words"]
            )
        return _targets(shown, text, bracketed, "brackets")

    changed = diff_spans(shown, text)
    if not changed:
        if _words(shown) == _words(text):
            raise WordsUnchangedError(
                "Both texts say the same, so there is nothing to change.",
                hint=["edit_wanted", "mark_words"],
            )
        raise WordsError(
            "Words were only taken away; mark the words that should drive the edit.",
            hint=["mark_words", "edit_wanted"],
        )
    return _targets(shown, text, changed, "diff")


def token_columns(
    spans: Sequence[CharSpan], offsets: Sequence[CharSpan], *, text: str | None = None
) -> tuple[int, ...]:
    """Return the token columns J that cover the spans, in order.

    Parameters
    ----------
    spans : sequence of (int, int)
        Driving characters.
    offsets : sequence of (int, int)
        Characters of each token, as a fast tokenizer returns them. Tokens without
        characters (the end token, pads) are never chosen.
    text : str, optional
        The text itself, for the error's words.

    Raises
    ------
    WordsError
        If a span maps to no token, for example past the length that the model reads.
    """
    chosen: set[int] = set()
    for start, stop in spans:
        covering = {
            column
            for column, (first, last) in enumerate(offsets)
            if first < last and max(first, start) < min(last, stop)
        }
        if not covering:
            what = f"“{text[start:stop]}”" if text else f"The marked text at {start}..{stop}"
            raise WordsError(
                f"{what} is not among the tokens that the model reads.",
                hint=["mark_words", "shorten_text"],
                detail=f"span {start}..{stop}, {len(offsets)} tokens",
            )
        chosen |= covering
    return tuple(sorted(chosen))


def pieces(text: str, spans: Sequence[CharSpan]) -> tuple[tuple[CharSpan, bool], ...]:
    """Return every word of a text, cut where driving characters begin or end.

    Returns
    -------
    tuple of ((int, int), bool)
        Characters of a piece, and whether they drive.
    """
    edges = sorted({edge for span in spans for edge in span})
    found: list[tuple[CharSpan, bool]] = []
    for start, stop in word_spans(text):
        cuts = [start, *(edge for edge in edges if start < edge < stop), stop]
        for first, last in pairwise(cuts):
            found.append(((first, last), any(a <= first and last <= b for a, b in spans)))
    return tuple(found)


def typed_spans(went: Sequence[CharSpan], spans: Sequence[CharSpan]) -> tuple[CharSpan | None, ...]:
    """Bring spans of a cleaned text back to the typed one.

    Parameters
    ----------
    went : sequence of (int, int)
        Where every typed character went, from `follow`.
    spans : sequence of (int, int)

    Returns
    -------
    tuple of (int, int) or None
        None for a span that no typed character became.
    """
    found: list[CharSpan | None] = []
    for start, stop in spans:
        places = [i for i, (first, last) in enumerate(went) if first < stop and last > start]
        found.append((places[0], places[-1] + 1) if places else None)
    return tuple(found)


def _words(text: str) -> list[str]:
    return [match.group().casefold() for match in _WORD.finditer(text)]


def _targets(
    now: str,
    text: str,
    spans: tuple[CharSpan, ...],
    source: Literal["explicit", "brackets", "diff"],
) -> Targets:
    covered = tuple(text[start:stop] for start, stop in spans)
    return Targets(text=text, spans=spans, covered=covered, now=now, source=source)


def _strip(cleaned: str) -> tuple[str, tuple[CharSpan, ...], list[int | None]]:
    """Take brackets out of a cleaned text.

    Returns the text, the bracketed spans, and for every character of `cleaned` its place in
    the text (None for brackets and for white space that falls away with them).
    """
    kept: list[str] = []
    image: list[int | None] = []
    spans: list[CharSpan] = []
    opened: int | None = None
    for character in cleaned:
        place: int | None = None
        if character == "[":
            if opened is not None:
                raise WordsError("A [bracket] opens inside another one.", hint=["edit_wanted"])
            opened = len(kept)
        elif character == "]":
            if opened is None:
                raise WordsError("A bracket closes that was never opened.", hint=["edit_wanted"])
            spans.append((opened, len(kept)))
            opened = None
        elif character != " " or (kept and kept[-1] != " "):
            place = len(kept)
            kept.append(character)
        image.append(place)
    if opened is not None:
        raise WordsError("A [bracket] is not closed.", hint=["edit_wanted"])
    text = "".join(kept).rstrip()
    if clean(text) != text:
        raise WordsError(
            "Brackets cut a special character in two; set them around whole words.",
            hint=["edit_wanted"],
            detail=repr(text),
        )
    trimmed = tuple(_trim(text, span) for span in spans)
    return text, trimmed, image


def _trim(text: str, span: CharSpan) -> CharSpan:
    """Shrink a span to the non-blank characters in it."""
    start, stop = span
    held = text[start:stop]
    start += len(held) - len(held.lstrip())
    stop = start + len(held.strip())
    if not _WORD.search(text[start:stop]):
        raise WordsError("A mark in the wanted text covers no word.", hint=["mark_words"])
    return start, stop


def _carry(
    spans: Sequence[CharSpan], typed: str, cleaned: str, text: str, image: list[int | None]
) -> tuple[CharSpan, ...]:
    """Move spans of the typed text to the cleaned text without brackets."""
    became = reach(typed, cleaned)
    carried: set[CharSpan] = set()
    for start, stop in spans:
        if not 0 <= start < stop <= len(typed):
            raise WordsError(
                "A mark lies outside the wanted text.",
                hint=["mark_words"],
                detail=f"span {start}..{stop} of {len(typed)} characters",
            )
        reached = (i for first, last in became[start:stop] for i in range(first, last))
        places = [place for i in reached if (place := image[i]) is not None]
        if not places:
            raise WordsError("A mark in the wanted text covers no word.", hint=["mark_words"])
        carried.add(_trim(text, (min(places), max(places) + 1)))
    return tuple(sorted(carried))


def _common(after: list[str], before: list[str]) -> list[tuple[int, int]]:
    """Return the index pairs (after, before) of a longest common subsequence."""
    rows, width = len(after), len(before)
    length = [[0] * (width + 1) for _ in range(rows + 1)]
    for i in reversed(range(rows)):
        for j in reversed(range(width)):
            if after[i] == before[j]:
                length[i][j] = length[i + 1][j + 1] + 1
            else:
                length[i][j] = max(length[i + 1][j], length[i][j + 1])
    kept: list[tuple[int, int]] = []
    i = j = 0
    while i < rows and j < width:
        if after[i] == before[j]:
            kept.append((i, j))
            i, j = i + 1, j + 1
        elif length[i + 1][j] >= length[i][j + 1]:
            i += 1
        else:
            j += 1
    return kept

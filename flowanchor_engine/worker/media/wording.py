"""`Words`: how the two texts are understood, exactly as an edit would, told in typed places.

The rules are `method.words`'; tokens come from the model's own tokenizer file. Nothing here
loads a model, so an answer takes a few milliseconds.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from flowanchor_engine import models
from flowanchor_engine.errors import FlowAnchorError, WordsError
from flowanchor_engine.method import words
from flowanchor_engine.protocol import Word, Words, WordsReply

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowanchor_engine.method.words import CharSpan

__all__ = ["STYLE_WORDS", "reply"]

_log = logging.getLogger(__name__)

TEXT_ROWS: Final = 512  # of text that every Wan model reads
_LONG_WORDS: Final = 60
_MOST_WORDS: Final = 2048  # far beyond what a model reads; comparing more would take long
_SMALL_MATTE: Final = 0.25  # of the picture: below it a change of style has little to act on

_STYLES: Final = """
    abstract aesthetic animated anime art artistic artwork baroque cartoon cartoonish charcoal
    cinematic claymation comic cubist cyberpunk digital drawing drawn dreamlike dreamy engraving
    etching expressionist fantasy film filmic futuristic ghibli gothic graphic grainy grunge
    hdr hyperrealistic illustration illustrated impressionist ink kodak lighting lofi lomo
    manga minimalist monochrome moody mosaic noir oil origami painted painterly painting pastel
    pencil photorealistic photographic pixar pixel pixelated pointillist pop portrait poster
    psychedelic realistic render rendered rendering retro romantic sepia sketch sketched
    steampunk style styled stylised stylized surreal surrealist toon ukiyo-e vaporwave vector
    vintage watercolor watercolour woodcut
    gemälde gemalt zeichnung gezeichnet aquarell ölgemälde stil filmisch skizze comicstil
"""
STYLE_WORDS: Final = frozenset(_STYLES.split())
"""Words that name a way of picturing, not a thing in the picture."""

_SMALL: Final = """
    a an the in of on as with and or like by from to
    der die das ein eine im als wie für von mit und oder
"""
_FILLERS: Final = frozenset(_SMALL.split())


def reply(question: Words) -> WordsReply:
    """Say what drives, what goes away, how words split, and what is worth a warning."""
    most = max(len(words.word_spans(text)) for text in (question.now, question.wanted))
    if most > _MOST_WORDS:
        return WordsReply(
            id=question.id,
            notes=("long",),
            code=WordsError.code,
            user_message=f"The text has {most} words; the model reads at most {TEXT_ROWS} tokens.",
        )
    code = user_message = origin = ""
    spans: tuple[CharSpan, ...] = ()
    try:
        targets = words.resolve_targets(question.now, question.wanted, explicit=question.drive)
        spans, origin = targets.spans, targets.source
    except WordsError as error:
        code, user_message = error.code, error.user_message
    text, went = _followed(question.wanted)
    now, now_went = _followed(question.now)
    tokens, offsets = _tokens(question.model, text)
    if not code:
        try:
            _check_tokens(spans, tokens, offsets, text)
            _check_length(_tokens(question.model, now)[0])
        except WordsError as error:
            code, user_message = error.code, error.user_message
    pieces = words.pieces(text, spans)
    typed = words.typed_spans(went, [span for span, _ in pieces])
    told = tuple(
        Word(start=place[0], stop=place[1], drives=drives, tokens=_inside(span, tokens, offsets))
        for (span, drives), place in zip(pieces, typed, strict=True)
        if place is not None
    )
    gone = words.typed_spans(now_went, words.removed_spans(now, text))
    return WordsReply(
        id=question.id,
        words=told,
        removed=tuple(place for place in gone if place is not None),
        origin=origin,
        token_count=len(tokens),
        notes=_notes(now, text, spans, question.matte_share),
        code=code,
        user_message=user_message,
    )


def _followed(typed: str) -> tuple[str, tuple[CharSpan, ...]]:
    """Follow typed characters; texts that an edit refuses are followed as far as can be."""
    for text in (typed, typed.replace("[", "(").replace("]", ")")):
        try:
            return words.follow(text)
        except WordsError:  # brackets that do not pair; the answer says so in its code
            continue
    return "", ((0, 0),) * len(typed)


def _inside(span: CharSpan, tokens: Sequence[str], offsets: Sequence[CharSpan]) -> tuple[str, ...]:
    return tuple(
        token
        for token, (first, last) in zip(tokens, offsets, strict=True)
        if first < last and max(first, span[0]) < min(last, span[1])
    )


def _check_tokens(
    spans: Sequence[CharSpan], tokens: Sequence[str], offsets: Sequence[CharSpan], text: str
) -> None:
    if tokens:
        _check_length(tokens)
        words.token_columns(spans, offsets, text=text)


def _check_length(tokens: Sequence[str]) -> None:
    if len(tokens) > TEXT_ROWS:
        raise WordsError(
            f"The text has {len(tokens)} tokens; the model reads at most {TEXT_ROWS}.",
            hint=["shorten_text"],
        )


def _notes(
    now: str, text: str, spans: Sequence[CharSpan], matte_share: float | None
) -> tuple[str, ...]:
    before, after = _spoken(now), _spoken(text)
    notes = []
    if not before:
        notes.append("now_empty")
    if before and before == after:
        notes.append("unchanged")
    if before and after and len(words.removed_spans(now, text)) == len(before):
        notes.append("nothing_shared")
    driving = [word for span in spans for word in _spoken(text[span[0] : span[1]])]
    named = [word for word in driving if word not in _FILLERS]
    small = matte_share is not None and matte_share < _SMALL_MATTE
    if small and named and all(word in STYLE_WORDS for word in named):
        notes.append("style_only")
    if max(len(before), len(after)) > _LONG_WORDS:
        notes.append("long")
    return tuple(notes)


def _spoken(text: str) -> list[str]:
    return [text[start:stop].casefold() for start, stop in words.word_spans(text)]


def _tokens(model: str, text: str) -> tuple[tuple[str, ...], tuple[CharSpan, ...]]:
    """Split a cleaned text as the model does; nothing where the model is not here."""
    home = _home(model)
    if home is None:
        return (), ()
    tokenizer = _tokenizer(home, home.stat().st_mtime_ns)
    if tokenizer is None:
        return (), ()
    found = tokenizer.encode(text, add_special_tokens=True)
    # By number, so that what the model does not know reads <unk>.
    names = tuple(tokenizer.id_to_token(number) or "" for number in found.ids)
    return names, tuple((start, stop) for start, stop in found.offsets)


def _home(model: str) -> Path | None:
    try:
        home = models.folder(model) / "tokenizer" / "tokenizer.json"
    except FlowAnchorError:
        return None
    return home if home.is_file() else None


@lru_cache(maxsize=2)
def _tokenizer(path: Path, _changed: int) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - the library raises bare Exception
        _log.warning("no tokens: %s: %s", path, error)
        return None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer

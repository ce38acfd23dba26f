"""What the panel is told about words is what an edit does with them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowanchor_engine import models
from flowanchor_engine.errors import WordsError
from flowanchor_engine.method import words
from flowanchor_engine.protocol import Word, Words, WordsReply
from flowanchor_engine.wan.text import TextStage
from flowanchor_engine.worker.media import wording
from tests.doubles.gate import Gate
from tests.engine.media.conftest import Media


def ask(now: str, wanted: str, **more: object) -> WordsReply:
    return wording.reply(Words.model_validate({"id": 1, "now": now, "wanted": wanted, **more}))


def typed(wanted: str, reply: WordsReply, *, drives: bool = True) -> list[str]:
    return [wanted[w.start : w.stop] for w in reply.words if w.drives is drives]


# Texts as people type and paste them: brackets, odd spaces, entities, mojibake, scripts.
PIECES = st.sampled_from(
    [
        *("a", "red", "cube", "Red", "light-blue", "dog's", "it’s", "café", "猫", "红色的", "x1"),
        *("&amp;", "&lt;b&gt;", "caf&eacute;", "schÃ¶n", "Ã©", "[", "]", "[blue]", "[big ball]"),
        *(" ", "  ", "\n", "\u00a0", "\t", ",", ".", "!", "“", "ﬁn", "e\u0301", "🎈", "&#39;"),
    ]
)
TEXTS = st.lists(PIECES, max_size=9).map("".join) | st.lists(PIECES, max_size=9).map(" ".join)


PLAIN = st.sampled_from(
    [
        *("a", "red", "cube", "light-blue", "dog's", "it’s", "café", "x1", "[blue]", "[big ball]"),
        *("&amp;", "caf&eacute;", "red,", "cube.", "schÃ¶n", "猫", "红色的"),
    ]
)
SPACED = st.lists(st.tuples(PLAIN, st.sampled_from([" ", "  ", "\n", "\u00a0"])), max_size=9).map(
    lambda parts: "".join(word + space for word, space in parts)
)


@settings(max_examples=400, deadline=None)
@given(now=TEXTS, wanted=TEXTS)
@example("a red cube", "a  [green &amp; big] cube")
@example("", "schÃ¶n schÃ¶n")
def test_what_is_shown_as_driving_is_what_drives(now: str, wanted: str) -> None:
    reply = ask(now, wanted)
    for word in reply.words:
        assert 0 <= word.start < word.stop <= len(wanted)
    covered, error = drives(now, wanted)
    if error is not None:
        assert (reply.code, reply.user_message) == (error.code, error.user_message)
        assert not any(word.drives for word in reply.words)
        return
    assert reply.code == ""
    shown = [words.clean(part) for part in typed(wanted, reply)]
    # Where cleaning changes neighbours together they are followed together: more may be
    # shown than drives, but nothing that drives is left out.
    assert all(any(word in part for part in shown) for word in covered)


@settings(max_examples=300, deadline=None)
@given(now=SPACED, wanted=SPACED)
def test_of_words_with_spaces_between_exactly_those_are_shown(now: str, wanted: str) -> None:
    covered, error = drives(now, wanted)
    reply = ask(now, wanted)
    assert reply.code == ("" if error is None else error.code)
    assert [words.clean(part) for part in typed(wanted, reply)] == covered


@settings(max_examples=300, deadline=None)
@given(now=SPACED, wanted=SPACED, data=st.data())
def test_marking_what_is_shown_drives_exactly_that(
    now: str, wanted: str, data: st.DataObject
) -> None:
    """A person who clicks words gets these words and no others."""
    reply = ask(now, wanted)
    assert disjoint(reply)
    if not reply.words:
        return
    chosen = data.draw(st.lists(st.sampled_from(reply.words), min_size=1, unique=True))
    marks = sorted((word.start, word.stop) for word in chosen)
    again = ask(now, wanted, drive=marks)
    assert (again.code, again.origin) == ("", "explicit")
    assert [(w.start, w.stop) for w in again.words if w.drives] == marks


def drives(now: str, wanted: str) -> tuple[list[str], WordsError | None]:
    """The words that an edit would be driven by, or why it would not run."""
    try:
        targets = words.resolve_targets(now, wanted)
    except WordsError as error:
        return [], error
    return [
        text[start:stop] for text in targets.covered for start, stop in words.word_spans(text)
    ], None


def disjoint(reply: WordsReply) -> bool:
    """Whether every word has typed characters of its own."""
    return all(a.stop <= b.start for a, b in pairwise(reply.words))


@settings(max_examples=200, deadline=None)
@given(
    now=st.lists(st.sampled_from("abcd"), max_size=8),
    wanted=st.lists(st.sampled_from("abcd"), min_size=1, max_size=8),
)
def test_what_stays_is_the_same_on_both_sides(now: list[str], wanted: list[str]) -> None:
    before, after = " ".join(now), " ".join(wanted)
    reply = ask(before, after)
    kept = [word for i, word in enumerate(now) if (2 * i, 2 * i + 1) not in set(reply.removed)]
    stays = {word.start for word in reply.words if not word.drives}
    if reply.code == "":
        assert [after[place] for place in sorted(stays)] == kept


@settings(max_examples=200, deadline=None)
@given(wanted=TEXTS)
def test_tokens_are_the_models_own(wanted: str) -> None:
    """The tokenizer file read without torch says what the text stage of an edit says."""
    reply = ask("", wanted)
    try:
        text, _ = words.follow(wanted)
    except WordsError:
        return
    _, tokens, offsets = STAGE.tokens(text)
    assert reply.token_count == len(tokens)
    columns = words.token_columns(words.word_spans(text), offsets, text=text)
    told = [token for word in reply.words for token in word.tokens]
    assert set(told) == {tokens[column] for column in columns}


STAGE = TextStage(models.folder("demo"))


def test_a_plain_change() -> None:
    wanted = "a green metal cube beside a red ball"
    reply = ask("a red cube beside a red ball", wanted)
    assert typed(wanted, reply) == ["green", "metal"]
    assert reply.removed == ((2, 5),)
    assert reply.origin == "diff"
    assert reply.words[0] == Word(start=0, stop=1, drives=False, tokens=("▁a",))
    assert reply.notes == ()
    assert reply.code == ""


def test_places_are_those_of_the_typed_text() -> None:
    wanted = "a   [green &amp; big]\n caf&eacute;, schÃ¶n"
    reply = ask("a red one", wanted)
    assert typed(wanted, reply) == ["green", "big"]
    assert typed(wanted, reply, drives=False) == ["a", "caf&eacute;", "schÃ¶n"]
    assert reply.origin == "brackets"


def test_a_marked_part_of_a_word_is_a_piece_of_its_own() -> None:
    reply = ask("a cube", "a lightblue cube", drive=[(2, 7)])
    assert [(w.start, w.stop, w.drives) for w in reply.words] == [
        (0, 1, False),
        (2, 7, True),
        (7, 11, False),
        (12, 16, False),
    ]


@pytest.mark.parametrize(
    ("now", "wanted", "more", "code", "notes"),
    [
        ("a cube", "a cube", {}, "words_unchanged", {"unchanged"}),
        ("a cube", "A  cube!", {}, "words_unchanged", {"unchanged"}),
        ("a cube", "a cube", {"drive": [(2, 6)]}, "", {"unchanged"}),
        ("a red cube", "a cube", {}, "words", set()),
        ("a red cube", "", {}, "words", set()),
        ("", "a cube", {}, "", {"now_empty"}),
        ("red cube", "blue balls", {}, "", {"nothing_shared"}),
        ("a cube", "a [cube", {}, "words", {"unchanged"}),
        ("a cube", "a cube", {"drive": [(2, 99)]}, "words", {"unchanged"}),
        ("a dog", "a dog, oil painting", {"matte_share": 0.1}, "", {"style_only"}),
        ("a dog", "a dog as an oil painting", {"matte_share": 0.1}, "", {"style_only"}),
        ("a dog", "a dog, oil painting", {"matte_share": 0.9}, "", set()),
        ("a dog", "a dog, oil painting", {}, "", set()),
        ("a dog", "a painted cat", {"matte_share": 0.1}, "", set()),
        ("a dog " + "walks " * 60, "a cat " + "walks " * 60, {}, "", {"long"}),
        ("a dog " + "walks " * 58, "a cat " + "walks " * 58, {}, "", set()),
        ("a dog", "a cat " + "walks " * 600, {}, "words", {"long"}),
    ],
)
def test_codes_and_notes(
    now: str, wanted: str, more: dict[str, object], code: str, notes: set[str]
) -> None:
    reply = ask(now, wanted, **more)
    assert (reply.code, set(reply.notes)) == (code, notes)


def test_a_book_is_refused() -> None:
    reply = ask("a dog " * 50_000, "a cat " * 50_000)
    assert (reply.code, reply.notes, reply.words) == ("words", ("long",), ())


def test_a_model_that_is_not_here_has_no_tokens() -> None:
    reply = ask("a cube", "a ball", model="wan2.1-14b")
    assert reply.token_count == 0
    assert typed("a ball", reply) == ["ball"]
    assert reply.code == ""


def test_a_damaged_tokenizer_only_costs_the_tokens(tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "tokenizer.json").write_text("{")
    reply = ask("a cube", "a ball", model=str(tmp_path))
    assert (reply.token_count, reply.code) == (0, "")


def test_words_are_answered_while_pictures_are_made(tmp_path: Path, gate: Gate) -> None:
    from tests.engine.clip.film import Film, write

    film = Film("f.mp4", "libx264", frames=20, size=(640, 360), options={"preset": "ultrafast"})
    clip = write(tmp_path / film.name, film)
    gate.hold("read", done=1)
    with Media(tmp_path, gate) as media:
        media.hello()
        media.send("proxy", job="busy", clip={"path": str(clip)}, out=str(tmp_path / "p"))
        media.wait("phase", job="busy")
        asked = media.send("words", now="a red cube " * 15, wanted="a blue cube " * 15)
        assert media.wait("words", id=asked)["words"]
        gate.let_go()
        assert media.wait_end("busy")["type"] == "proxy_done"
        assert media.close() == 0

"""Cleaning, brackets, word diff, explicit marks, token columns."""

from __future__ import annotations

import itertools
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowanchor_engine.errors import WordsError, WordsUnchangedError
from flowanchor_engine.method.words import (
    brackets,
    clean,
    diff_spans,
    resolve_targets,
    token_columns,
)


def covered(now: str, wanted: str) -> list[str]:
    return [wanted[start:stop] for start, stop in diff_spans(now, wanted)]


# ---- cleaning ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("  a red\n\n cube\t", "a red cube"),
        ("salt &amp;amp; pepper", "salt & pepper"),
        ("a &lt;b&gt; c", "a <b> c"),
        ("a < b &amp;amp; c", "a < b & c"),  # ftfy leaves entities beside a bare "<" alone
        ("schÃ¶n", "schön"),
        ("it’s", "it's"),
        ("", ""),
    ],
)
def test_cleaning(typed: str, cleaned: str) -> None:
    assert clean(typed) == cleaned


@settings(max_examples=200, deadline=None)
@given(text=st.one_of(st.text(max_size=40), st.from_regex(r"(a|é|Ã©|&amp;|&lt;|’| |\n){0,12}")))
def test_cleaning_is_wans_own(text: str) -> None:
    from diffusers.pipelines.wan.pipeline_wan import prompt_clean

    assert clean(text) == prompt_clean(text)


# ---- brackets ---------------------------------------------------------------------------


def test_brackets_come_off_and_mark_words() -> None:
    text, spans = brackets("an  [ orange ] cube &amp; [two balls].")
    assert text == "an orange cube & two balls."
    assert [text[start:stop] for start, stop in spans] == ["orange", "two balls"]


WORDS = st.lists(
    st.tuples(st.from_regex(r"[a-zä&']{0,3}[a-z]{1,4}", fullmatch=True), st.booleans()),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(words=WORDS, pad=st.sampled_from(["", " ", "  "]))
def test_any_bracketed_words_are_found(words: list[tuple[str, bool]], pad: str) -> None:
    typed = " ".join(f"[{pad}{word}{pad}]" if marked else word for word, marked in words)
    text, spans = brackets(typed)
    assert text == clean(" ".join(word for word, _ in words))
    assert [text[start:stop] for start, stop in spans] == [
        clean(word) for word, marked in words if marked
    ]
    assert clean(text) == text
    assert not set("[]") & set(text)


@pytest.mark.parametrize(
    "typed", ["a [red cube", "a red] cube", "a [red [big] cube]", "a [] cube", "a [ ] cube",
              "a [.] cube", "a &[amp]; b"]
)  # fmt: skip
def test_broken_brackets_are_refused(typed: str) -> None:
    with pytest.raises(WordsError) as caught:
        brackets(typed)
    assert caught.value.code == "words"
    assert caught.value.hint


# ---- word diff --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "wanted", "expected"),
    [
        ("a red cube", "a green cube", ["green"]),
        ("a red cube and a red ball", "a red cube and a blue ball", ["blue"]),
        ("a red cube and a red ball", "a blue cube and a red ball", ["blue"]),
        ("a red cube", "an orange cube", ["an", "orange"]),
        ("A red cube.", "a RED cube, shining", ["shining"]),
        ("a red cube", "a light-blue cube", ["light-blue"]),
        ("a cat", "a dog's bone", ["dog's", "bone"]),
        ("left of a ball", "a ball left", ["left"]),
        ("a red cube", "a red cube", []),
        ("a red cube with a hat", "a red cube", []),
        ("一只红色的猫", "一只蓝色的猫", ["蓝"]),
    ],
)
def test_changed_words_drive(now: str, wanted: str, expected: list[str]) -> None:
    assert covered(now, wanted) == expected


@settings(max_examples=200, deadline=None)
@given(
    now=st.lists(st.sampled_from("abcd"), max_size=9),
    wanted=st.lists(st.sampled_from("abcd"), max_size=9),
)
def test_kept_words_are_a_longest_common_subsequence(now: list[str], wanted: list[str]) -> None:
    text = " ".join(wanted)
    spans = set(diff_spans(" ".join(now), text))
    kept = [word for index, word in enumerate(wanted) if (2 * index, 2 * index + 1) not in spans]

    @cache
    def longest(i: int, j: int) -> int:
        if i == len(now) or j == len(wanted):
            return 0
        if now[i] == wanted[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    assert len(kept) == longest(0, 0)
    rest = iter(now)
    assert all(word in rest for word in kept)


# ---- which source -----------------------------------------------------------------------


def test_order_of_sources() -> None:
    now, wanted = "a red cube", "a [green cube] now"
    start = wanted.index("now")
    explicit = [(start, start + 3)]
    auto = resolve_targets(now, wanted, explicit=explicit)
    assert (auto.source, auto.covered, auto.text) == ("explicit", ("now",), "a green cube now")
    auto = resolve_targets(now, wanted)
    assert (auto.source, auto.covered) == ("brackets", ("green cube",))
    forced = resolve_targets(now, wanted, explicit=explicit, target_from="brackets")
    assert forced.covered == ("green cube",)
    forced = resolve_targets(now, wanted, explicit=explicit, target_from="diff")
    assert (forced.source, forced.covered) == ("diff", ("green", "now"))
    for found in (auto, forced):
        assert tuple(found.text[start:stop] for start, stop in found.spans) == found.covered


def test_the_text_of_now_loses_its_brackets_too() -> None:
    found = resolve_targets("a [red]  cube", "a [green] cube")
    assert (found.now, found.text) == ("a red cube", "a green cube")


def test_explicit_marks_follow_the_text_through_cleaning() -> None:
    typed = "  salt &amp;  [light]   blue\nballs"
    start = typed.index("blue")
    found = resolve_targets("x", typed, explicit=[(start, len(typed))])
    assert found.text == "salt & light blue balls"
    assert found.covered == ("blue balls",)
    start = typed.index("&amp;")
    found = resolve_targets("x", typed, explicit=[(start, start + len("&amp;  [light]"))])
    assert found.covered == ("& light",)


def test_marks_follow_mojibake_across_words() -> None:
    typed = "l’eau Ã  la rose  bleue"
    cleaned = clean(typed)
    assert cleaned != " ".join(clean(word) for word in typed.split())  # not word by word
    for word in ("rose", "bleue", "la"):
        start = typed.index(word)
        found = resolve_targets("x", typed, explicit=[(start, start + len(word))])
        assert found.text == cleaned
        assert found.covered == (word,)


def test_marks_tell_repeated_words_apart() -> None:
    found = resolve_targets("x", "aa  a  a", explicit=[(4, 5)])
    assert (found.text, found.spans) == ("aa a a", ((3, 4),))
    found = resolve_targets("x", "a  &amp;  a", explicit=[(10, 11)])
    assert (found.text, found.spans) == ("a & a", ((4, 5),))
    for word in ("salt", "pepper"):  # of one piece, around a character that cleaning changes
        start = "salt&amp;pepper".index(word)
        marked = [(start, start + len(word))]
        assert resolve_targets("x", "salt&amp;pepper", explicit=marked).covered == (word,)


@settings(max_examples=150, deadline=None)
@given(words=WORDS, data=st.data(), gap=st.sampled_from([" ", "  ", " \n"]))
def test_marking_a_word_as_typed_drives_that_word(
    words: list[tuple[str, bool]], data: st.DataObject, gap: str
) -> None:
    pick = data.draw(st.integers(0, len(words) - 1))
    typed = gap.join(word for word, _ in words)
    start = len(gap.join(word for word, _ in words[:pick])) + (len(gap) if pick else 0)
    word = words[pick][0]
    found = resolve_targets("x", typed, explicit=[(start, start + len(word))])
    assert found.covered == (clean(word),)
    before = clean(gap.join(word for word, _ in words[:pick]))
    assert found.spans[0][0] == (len(before) + 1 if pick else 0)


@pytest.mark.parametrize(
    ("now", "wanted", "options", "code"),
    [
        ("a red cube", "a red cube", {}, "words_unchanged"),
        ("a red cube", " A red, cube. ", {}, "words_unchanged"),
        ("a red cube", "a red cube", {"target_from": "diff"}, "words_unchanged"),
        ("a red cube with a hat", "a red cube", {}, "words"),
        ("a red cube", "", {}, "words"),
        ("a red cube", "...", {}, "words"),
        ("a red cube", "a green cube", {"target_from": "explicit"}, "words"),
        ("a red cube", "a green cube", {"target_from": "brackets"}, "words"),
        ("a red cube", "a green cube", {"explicit": [(2, 99)]}, "words"),
        ("a red cube", "a green cube", {"explicit": [(1, 2)]}, "words"),
        ("a red cube", "a [ green ] cube", {"explicit": [(2, 3)]}, "words"),
        ("a [red cube", "a green cube", {}, "words"),
    ],
)
def test_nothing_to_drive_is_one_clear_error(
    now: str, wanted: str, options: dict[str, object], code: str
) -> None:
    with pytest.raises(WordsError) as caught:
        resolve_targets(now, wanted, **options)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert caught.value.user_message.endswith(".")
    assert isinstance(caught.value, WordsUnchangedError) == (code == "words_unchanged")


def test_marked_words_may_stay_the_same() -> None:
    assert resolve_targets("a red cube", "a [red] cube").covered == ("red",)


# ---- token columns ----------------------------------------------------------------------


def test_tokens_that_cover_a_word() -> None:
    text = "a light-blue cube"
    #   a, light (with its blank), -, bl, ue, a lone blank, cube, </s>, pads
    offsets = [(0, 1), (1, 7), (7, 8), (8, 10), (10, 12), (13, 14), (13, 17), (0, 0), (0, 0)]
    assert token_columns([(2, 12)], offsets, text=text) == (1, 2, 3, 4)
    assert token_columns([(0, 1), (13, 17)], offsets, text=text) == (0, 5, 6)
    assert token_columns([], offsets) == ()


@settings(max_examples=150, deadline=None)
@given(data=st.data(), length=st.integers(1, 30), pads=st.integers(0, 4))
def test_columns_are_exactly_the_overlapping_tokens(
    data: st.DataObject, length: int, pads: int
) -> None:
    cuts = sorted({0, length, *data.draw(st.lists(st.integers(0, length)))})
    offsets = list(itertools.pairwise(cuts))
    real = len(offsets)
    offsets += [(0, 0)] * (1 + pads)  # the end token and pads have no characters
    start = data.draw(st.integers(0, length - 1))
    stop = data.draw(st.integers(start + 1, length))
    chosen = token_columns([(start, stop)], offsets)
    for column, (first, last) in enumerate(offsets):
        shares = bool(set(range(first, last)) & set(range(start, stop)))
        assert (column in chosen) == shares
    assert max(chosen) < real
    assert list(chosen) == sorted(chosen)


def test_a_word_without_tokens_is_refused_with_its_text() -> None:
    text = "a red cube and a ball"
    cut = [(0, 1), (1, 5), (0, 0)]
    with pytest.raises(WordsError, match="“ball”"):
        token_columns([(2, 5), (17, 21)], cut, text=text)
    with pytest.raises(WordsError, match=r"17\.\.21"):
        token_columns([(17, 21)], cut)

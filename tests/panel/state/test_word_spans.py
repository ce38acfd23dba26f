"""Marks follow the text: a word outside the edited stretch always stays marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.state.naming import title_of
from plugin.state.word_spans import changed_words, moved, nouns_behind, word_at, words_of

words = st.sampled_from(["red", "car", "a", "über", "don't", "light-blue", "夜", "犬"])
texts = st.lists(words, max_size=6).map(" ".join)
noise = st.text(alphabet="ab red,.[]夜", max_size=12)


def test_words_are_the_engines_words() -> None:
    text = "A man's light-blue 夜空, 4k!"
    assert [text[a:b] for a, b in words_of(text)] == ["A", "man's", "light-blue", "夜", "空", "4k"]


def test_a_caret_belongs_to_the_word_it_touches() -> None:
    assert word_at("a red car", 2) == (2, 5)
    assert word_at("a red car", 5) == (2, 5)
    assert word_at("a  b", 2) is None


@given(texts, texts, texts, noise)
def test_a_mark_outside_the_edited_stretch_stays(
    head: str, middle: str, tail: str, typed: str
) -> None:
    old = f"{head} {middle} {tail}"
    new = f"{head} {typed} {tail}"
    marks = [s for s in words_of(old) if s[1] <= len(head)]
    kept = moved(old, new, marks)
    assert list(kept) == marks
    behind = [s for s in words_of(old) if s[0] > len(head) + len(middle)]
    moved_on = moved(old, new, behind)
    assert [old[slice(*s)] for s in behind] == [new[slice(*s)] for s in moved_on.values()]
    assert len(moved_on) == len(behind)


@given(texts, texts)
def test_a_mark_keeps_its_word_order_and_stands_on_words(old: str, new: str) -> None:
    marks = words_of(old)
    places = moved(old, new, marks)
    assert all(old[slice(*a)] == new[slice(*b)] for a, b in places.items())
    assert list(places.values()) == sorted(set(places.values()))


@given(texts)
def test_nothing_moves_without_an_edit(text: str) -> None:
    marks = words_of(text)
    assert moved(text, text, marks) == {mark: mark for mark in marks}


def test_a_mark_goes_with_its_word() -> None:
    assert moved("a red car", "a car", [(2, 5)]) == {}
    assert moved("a red car", "a reddish car", [(2, 5)]) == {}
    assert moved("a red car", "a redcar", [(2, 5)]) == {}


def test_each_occurrence_is_followed_by_itself() -> None:
    assert moved("red car and red hat", "big red car and red hat", [(12, 15)]) == {
        (12, 15): (16, 19)
    }


def test_a_mark_over_several_words_needs_them_together() -> None:
    old = "a dark red car"
    assert moved(old, "the dark red car", [(2, 10)]) == {(2, 10): (4, 12)}
    assert moved(old, "a dark old red car", [(2, 10)]) == {}


def test_changed_words() -> None:
    wanted = "a man in a Red leather jacket"
    got = changed_words("a man in a grey jacket", wanted)
    assert [wanted[slice(*s)] for s in got] == ["Red", "leather"]


@pytest.mark.parametrize(
    ("now", "wanted", "title"),
    [
        ("a grey jacket walks", "a red leather jacket walks", "red leather jacket"),
        ("a coat walks by", "a jacket walks by", "jacket"),
        ("a car on a street", "a truck on a street", "truck"),
        ("a car, old", "a truck, old", "truck"),
        ("ein Mann in grauer Jacke", "ein Mann in roter Jacke", "roter Jacke"),
        ("blue glass", "red glass", "red glass"),
        ("a dog", "a dog with a hat", "with a hat"),
    ],
)
def test_nouns_behind_changed_words(now: str, wanted: str, title: str) -> None:
    changed = changed_words(now, wanted)
    assert title_of(wanted, {*changed, *nouns_behind(wanted, changed)}) == title

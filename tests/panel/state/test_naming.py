"""Names of files and jobs: safe on every system, in every script."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.state.naming import safe_name, shot_name, take_name, title_of
from plugin.state.word_spans import words_of

FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')


def test_the_name_of_a_take() -> None:
    got = take_name("A012_C004.mov", "red leather jacket", 3)
    assert got == "A012_C004 - red leather jacket - t3.mov"


@given(st.text(max_size=400), st.text(max_size=400), st.integers(1, 10**6))
def test_names_are_safe_everywhere(shot: str, title: str, number: int) -> None:
    name = take_name(shot, title, number)
    assert name.endswith(f"t{number}.mov")
    assert not FORBIDDEN.search(name)
    assert len(name.encode()) <= 200
    assert name == name.strip()
    assert not name.startswith(".")
    stem = name.split(".")[0].upper()
    assert stem not in {"CON", "NUL", "AUX", "PRN", "COM1", "LPT9"}


@given(st.text(max_size=100))
def test_a_safe_name_is_safe_already(text: str) -> None:
    once = safe_name(text)
    assert safe_name(once) == once
    assert len(once) <= 49


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("grüne Jacke", "grüne Jacke"),
        ("夜の犬", "夜の犬"),
        ("a/b\\c:d", "a b c d"),
        ("  many   blanks . ", "many blanks"),
        ("con", "_con"),
        ("COM1.txt", "_COM1.txt"),
        ("concrete", "concrete"),
        ("\u202eevil", "evil"),
        ("🚗 red", "🚗 red"),
        ("%00", "00"),
        ("x" * 99, "x" * 48),
    ],
)
def test_safe_names(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_a_cut_falls_between_words() -> None:
    assert safe_name("a long dark wooden boat on a wide silver river at dusk") == (
        "a long dark wooden boat on a wide silver river"
    )


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/media/A012_C004.mov", "A012_C004"),
        ("C:\\films\\A012.mxf", "A012"),
        ("name_[0001-0024].png", "name"),
        ("no suffix", "no suffix"),
        ("v1.2 final", "v1.2 final"),
        ("", ""),
    ],
)
def test_shot_names(path: str, name: str) -> None:
    assert shot_name(path) == name


def test_titles() -> None:
    text = "a man in a red leather jacket near a blue  car"
    spans = [s for s in words_of(text) if text[slice(*s)] in ("red", "leather", "jacket", "blue")]
    assert title_of(text, spans) == "red leather jacket, blue"
    assert title_of(text, ()) == "a man in a red leather"
    assert title_of("", ()) == ""
    long = title_of("word " * 40, words_of("word " * 40))
    assert long.endswith("word…")
    assert len(long) <= 48
    assert take_name("A", long, 1).endswith("word - t1.mov")

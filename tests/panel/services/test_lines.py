"""A stream gives the same lines however it is cut into pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowanchor_engine.protocol import LineError
from plugin.services.lines import LineCutter


def cut(data: bytes, pieces: list[int], limit: int) -> list[bytes | str]:
    cutter = LineCutter(limit)
    found: list[bytes | LineError] = []
    at = 0
    for piece in [*pieces, len(data)]:
        found += cutter.feed(data[at : at + piece])
        at += piece
    found += cutter.feed(data[at:])
    found += cutter.end()
    return [str(line) if isinstance(line, LineError) else line for line in found]


@given(
    data=st.lists(st.binary(max_size=30), max_size=8).map(b"\n".join),
    pieces=st.lists(st.integers(0, 40), max_size=12),
    limit=st.integers(1, 20),
)
def test_pieces_do_not_matter(data: bytes, pieces: list[int], limit: int) -> None:
    assert cut(data, pieces, limit) == cut(data, [], limit)


@given(
    lines=st.lists(st.binary(min_size=1, max_size=9).filter(lambda b: b.strip() and b"\n" not in b))
)
def test_short_lines_come_through_unchanged(lines: list[bytes]) -> None:
    assert cut(b"".join(line + b"\n" for line in lines), [3, 5], 9) == lines


def test_a_long_line_is_one_error_and_the_next_is_heard() -> None:
    found = cut(b"a\n" + b"x" * 25 + b"\nb\nc", [1] * 20, 20)
    assert found == [
        b"a",
        "A line of 25 bytes is too long.",
        b"b",
        "The last line broke off after 1 bytes.",
    ]


def test_no_more_than_a_line_is_held() -> None:
    cutter = LineCutter(100)
    for _ in range(1000):
        assert cutter.feed(b"x" * 1000) == []
    assert len(cutter._held) == 0
    (error,) = cutter.feed(b"\n")
    assert "1000000 bytes" in str(error)

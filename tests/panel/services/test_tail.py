"""What a child says on stderr: the same lines in whatever pieces they come, and never too many."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from plugin.services.logfile import LogFile
from plugin.services.spawn import Tail

_texts = st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=30))


@given(lines=_texts, cuts=st.lists(st.integers(1, 7), min_size=1), ends=st.sampled_from("\n\r"))
def test_pieces_do_not_matter(lines: list[str], cuts: list[int], ends: str) -> None:
    """Also where a cut goes through a letter of several bytes."""
    data = "".join(f"{line}{ends}" for line in lines).encode()
    tail, at, turn = Tail(), 0, 0
    while at < len(data):
        length = cuts[turn % len(cuts)]
        tail.feed(data[at : at + length])
        at, turn = at + length, turn + 1
    said = [line.rstrip() for line in lines]
    assert tail.lines == tuple(line for line in said if line)[-40:]


def test_half_a_line_counts_at_the_end_and_only_then() -> None:
    tail = Tail()
    tail.feed(b"Segmentation fa")
    assert tail.lines == ()
    tail.feed(b"ult")
    tail.flush()
    tail.flush()
    assert tail.lines == ("Segmentation fault",)
    tail.begin()
    assert tail.lines == ()


def test_a_line_without_an_end_is_cut_and_not_held() -> None:
    tail = Tail()
    for _ in range(1000):
        tail.feed(b"x" * 1000)
    assert all(len(line) <= 2000 for line in tail.lines)
    assert len(tail._held) <= 3000


def test_everything_goes_to_the_log_which_opens_again(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "engine.log")
    tail = Tail(log)
    for number in range(60):
        tail.feed(f"line {number}\n".encode())
    tail.close()
    tail.note("[panel] after the end")
    tail.close()
    kept = (tmp_path / "engine.log").read_text(encoding="utf-8").splitlines()
    assert kept == [*(f"line {number}" for number in range(60)), "[panel] after the end"]
    assert tail.lines == tuple(kept[-40:])

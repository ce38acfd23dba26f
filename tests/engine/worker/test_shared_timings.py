"""Engines of several devices remember their timings in one file."""

from __future__ import annotations

from pathlib import Path

from flowanchor_engine.worker.estimate import Memory


def test_each_keeps_what_the_other_learned(tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    one, other = Memory(file), Memory(file)  # both begin with nothing
    one.record("card one", s_per_forward=1.0, s_besides=5.0)
    other.record("card two", s_per_forward=2.0, s_besides=5.0)
    one.record("card one", s_per_forward=1.0, s_besides=5.0)
    known = Memory(file)
    assert known.forecast("card one", 10).total_s == 15.0
    assert known.forecast("card two", 10).total_s == 25.0


def test_equal_cards_learn_together(tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    one, other = Memory(file), Memory(file)
    for s_per_forward in (1.0, 2.0, 9.0):
        one, other = other, one
        one.record("card", s_per_forward=s_per_forward, s_besides=0.0)
    assert one.forecast("card", 1).s_per_forward == 2.0
    assert Memory(file).forecast("card", 1).s_per_forward == 2.0


def test_a_file_that_cannot_be_written_or_read_costs_no_knowledge_of_this_run(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder").mkdir()
    memory = Memory(tmp_path / "folder")
    for s_per_forward in (1.0, 2.0, 9.0):
        memory.record("card", s_per_forward=s_per_forward, s_besides=0.0)
    assert memory.forecast("card", 1).s_per_forward == 2.0
    file = tmp_path / "timings.json"
    healthy = Memory(file)
    healthy.record("card", s_per_forward=3.0, s_besides=0.0)
    file.write_text("{")
    healthy.record("card", s_per_forward=3.0, s_besides=0.0)
    assert Memory(file).forecast("card", 1).s_per_forward == 3.0

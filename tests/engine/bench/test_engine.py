"""The benches of speed, in a size that takes seconds: they measure what they say."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from flowanchor_engine.bench import engine, gpu
from flowanchor_engine.bench.shapes import TINY, Subject, bundle, random_subject
from flowanchor_engine.cli.bench import app
from flowanchor_engine.method import words


@pytest.fixture
def subject() -> Subject:
    return random_subject(layers=2, grid=(2, 4, 4), steps=3, shape=TINY)


def test_random_texts_have_the_words_offsets_and_pads_of_real_ones() -> None:
    made = bundle("a red ball and a blue ball", 16)
    assert made.real == 8
    assert made.pad_count == 504
    assert [made.text[a:b] for a, b in made.offsets[:-1]] == list(made.tokens[:-1])
    assert torch.equal(made.embeds[2], made.embeds[6])
    spans = words.diff_spans(made.text, "a red ball and a red ball")
    assert words.token_columns(spans, made.offsets, text=made.text) == (5,)


def test_the_figures_are_ratios_of_one_run(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By the thread's own time: steps of milliseconds are short beside a moment without a processor.
    monkeypatch.setattr(engine, "time", SimpleNamespace(perf_counter=time.thread_time))
    found = engine.measure(subject, runs=2, stops=4)
    assert (found.layers, found.tokens) == (2, 32)
    assert (found.forwards, found.reedit_forwards) == (11, 5)  # first step shared: 4*3-1, 2*3-1
    assert found.overhead > 1
    assert 0 < found.reedit < 1
    assert found.sar_mib > 0  # refined logits
    assert found.stock_mib > found.sar_mib  # 512 rows of text
    # Asked before each of 2 blocks of 4 forwards: a ninth of a step and what unwinding takes.
    assert 0 < found.cancel <= found.cancel_worst < 1
    labels = [label for label, *_ in found.rows()]
    assert len(labels) == len(set(labels)) == 5


def test_slow_code_around_the_forwards_is_seen(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowanchor_engine.wan.velocity import WanVelocity

    plain = engine.measure(subject, runs=3, stops=1)
    forward = WanVelocity._run

    def slow(self: WanVelocity, jobs: object) -> object:
        counted = self.forwards
        for _ in range(5):  # as slow as the machine is just now
            forward(self, jobs)  # type: ignore[arg-type]
        self.forwards = counted
        return forward(self, jobs)  # type: ignore[arg-type]

    monkeypatch.setattr(WanVelocity, "_run", slow)
    assert engine.measure(subject, runs=3, stops=1).overhead > plain.overhead + 2


def test_a_stop_is_measured_also_where_edits_have_become_quicker(subject: Subject) -> None:
    delays = list(engine._stop(subject, 60.0, 2))  # a wish up to a minute after the start
    assert len(delays) == 2
    assert all(0 < delay < 60 for delay in delays)


def test_targets_are_judged(subject: Subject) -> None:
    good = engine.EngineBench(
        model="m", layers=1, tokens=1, forwards=4, reedit_forwards=2, forward_s=1.0,
        overhead=1.04, reedit=0.5, reedit_cpu=0.5, sar=0.02, sar_to_stock=0.0, sar_mib=1.0,
        stock_mib=2.0, cancel=0.01, cancel_worst=0.2, step_s=1.0,
    )  # fmt: skip
    assert [met for *_, met in good.rows() if met is not None] == [True] * 4
    bad = replace(good, overhead=1.06, reedit=0.56, sar=0.031, cancel=0.051)
    assert [met for *_, met in bad.rows() if met is not None] == [False] * 4


@pytest.mark.slow
def test_the_command_writes_table_numbers_and_plot(tmp_path: Path) -> None:
    numbers, plot = tmp_path / "e.json", tmp_path / "e.png"
    done = CliRunner().invoke(
        app, ["engine", "--tiny", "--layers", "2", "--json", str(numbers), "--plot", str(plot)]
    )
    assert done.exit_code == 0, done.output
    data = json.loads(numbers.read_text())
    assert [item["model"] for item in data["models"]] == ["embedded", "tiny shape"]
    assert data["hello_s"] > 0
    assert plot.read_bytes()[:4] == b"\x89PNG"
    assert "start to hello" in done.output


def test_the_card_s_list_runs_whole_in_a_tiny_size(tmp_path: Path) -> None:
    found = gpu.run(tiny=True, json_path=tmp_path / "g.json")
    judged = {(line.item, line.what): line.met for line in found if line.met is not None}
    assert all(judged.values()), judged
    assert {item for item, _ in judged} >= {"8.1", "8.2", "8.7", "8.14", "8.15", "8.24"}
    assert all(bool(line.figure) != bool(line.skipped) for line in found)
    assert {line.item for line in found if "trained weights" in line.skipped} == set("23456")
    assert json.loads((tmp_path / "g.json").read_text())["tiny"] is True


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_without_a_card_everything_is_named_and_skipped() -> None:
    found = gpu.run()
    assert [line.item for line in found] == [str(number) for number in range(1, 9)]
    assert all("no CUDA card" in line.skipped for line in found)


def test_a_broken_law_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from flowanchor_engine.method import attend as attend_module
    from flowanchor_engine.wan import attention

    def without_pads(
        q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, columns: object
    ) -> torch.Tensor:
        return attend_module.attend(q[..., :], k[:, :, :-1], v[:, :, :-1], _only_real(columns))

    def _only_real(columns: object) -> object:
        real = columns.real  # type: ignore[attr-defined]
        return replace(columns, pad_count=0, target=columns.target[:real])  # type: ignore[type-var, attr-defined]

    monkeypatch.setattr(attention, "attend", without_pads)
    found = gpu.run(tiny=True)
    assert any(line.met is False and line.item == "8.7" for line in found)

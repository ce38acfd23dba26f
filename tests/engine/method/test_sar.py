"""Refinement of logits against loops, and the laws of Eq. 14-22."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from flowanchor_engine.method.columns import SarSettings, TextColumns, expand_pads
from flowanchor_engine.method.sar import SarWeights, refine, refine_, refine_dense
from tests.engine.method.references import sar_loops

PADS: st.SearchStrategy[Any] = st.sampled_from(["real", "all", "stats_all"])
BETA = st.one_of(st.just(0.0), st.just(1.0), st.just(0.3), st.floats(0, 1))


@dataclass(frozen=True)
class Case:
    logits: Tensor  # (H, N, C) float64, collapsed
    rows: Tensor
    columns: TextColumns
    sar: SarSettings

    def dense(self) -> Tensor:
        return expand_pads(self.logits.unsqueeze(-1), self.columns).squeeze(-1)

    def dense_target(self) -> Tensor:
        wide = torch.zeros(self.columns.real + self.columns.pad_count, dtype=torch.bool)
        wide[: self.columns.width] = self.columns.target
        return wide


@st.composite
def cases(draw: st.DrawFn, heads: str | None = None) -> Case:
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    real = draw(st.integers(2, 7))
    pads = draw(st.sampled_from([0, 1, 5]))
    target = torch.rand(real + (1 if pads else 0), generator=generator) < 0.4
    target[real - 1 :] = False  # neither the end token nor pads
    count = draw(st.integers(1, 9))
    share = draw(st.sampled_from([0.0, 0.4, 1.0]))
    spread = draw(st.sampled_from([0.1, 3.0, 40.0]))
    return Case(
        logits=spread
        * torch.randn(
            draw(st.integers(1, 3)),
            count,
            target.numel(),
            generator=generator,
            dtype=torch.float64,
        ),
        rows=torch.rand(count, generator=generator) < share,
        columns=TextColumns(real, pads, target, eos=real - 1),
        sar=SarSettings(
            draw(BETA),
            draw(BETA),
            pads=draw(PADS),
            eos=draw(st.sampled_from(["real", "exclude"])),
            heads=draw(st.sampled_from(["independent", "averaged"])) if heads is None else heads,  # type: ignore[arg-type]
        ),
    )


def close(left: Tensor, right: Tensor, case: Case) -> None:
    scale = float(case.logits.abs().max()) + 1
    torch.testing.assert_close(left, right, rtol=0, atol=1e-13 * scale)


@settings(max_examples=120, deadline=None)
@given(case=cases())
def test_collapsed_and_dense_equal_the_triple_loop(case: Case) -> None:
    expected = sar_loops(
        case.dense(),
        case.rows.tolist(),
        case.dense_target().tolist(),
        case.columns.real,
        case.sar,
        case.columns.eos,
    )
    dense = refine_dense(
        case.dense(), case.rows, case.dense_target(), case.columns.real, case.sar,
        eos=case.columns.eos,
    )  # fmt: skip
    close(dense, expected, case)
    collapsed = refine(case.logits, case.rows, case.columns, case.sar)
    close(collapsed, expected[..., : case.columns.width], case)


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_refinement_leaves_its_input_alone_unless_asked(case: Case) -> None:
    before = case.logits.clone()
    refined = refine(case.logits, case.rows, case.columns, case.sar)
    assert torch.equal(case.logits, before)
    weights = SarWeights.of(case.rows, case.columns, case.sar, case.logits.dtype)
    assert refine_(case.logits, case.columns, case.sar, weights) is case.logits
    assert torch.equal(case.logits, refined)


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_beta_zero_changes_nothing(case: Case) -> None:
    off = replace(case.sar, beta1=torch.tensor(0.0), beta2=0.0)
    refined = refine(case.logits, case.rows, case.columns, off)
    assert torch.equal(refined, case.logits)


@settings(max_examples=150, deadline=None)
@given(case=cases("independent"))
def test_refined_logits_stay_in_bounds(case: Case) -> None:
    """Eq. 21-22: A' within its row's extremes, A'' within its column's, all within A's."""
    only_rows = replace(case.sar, beta2=0.0)
    first = refine(case.logits, case.rows, case.columns, only_rows)
    tiny = 4e-16 * float(case.logits.abs().max())  # an ulp of the largest logit
    low, high = case.logits.amin(-1, keepdim=True), case.logits.amax(-1, keepdim=True)
    assert bool(((first >= low - tiny) & (first <= high + tiny)).all())
    second = refine(case.logits, case.rows, case.columns, case.sar)
    low, high = first.amin(-2, keepdim=True), first.amax(-2, keepdim=True)
    assert bool(((second >= low - tiny) & (second <= high + tiny)).all())
    low, high = case.logits.amin((-1, -2), True), case.logits.amax((-1, -2), True)
    assert bool(((second >= low - tiny) & (second <= high + tiny)).all())


def test_a_logit_may_leave_its_own_rows_interval() -> None:
    logits = torch.tensor([[[0.0, 1.0], [9.0, 0.0]]], dtype=torch.float64)
    columns = TextColumns(2, 0, torch.tensor([True, False]))
    refined = refine(logits, torch.tensor([True, True]), columns, SarSettings(0.3, 0.3))
    assert refined[0, 0, 0] > 1.0


@settings(max_examples=80, deadline=None)
@given(case=cases(), seed=st.integers(0, 2**31))
def test_permuting_rows_and_columns_permutes_the_result(case: Case, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(case.rows.numel(), generator=generator)
    columns = torch.arange(case.columns.width)
    columns[: case.columns.real - 1] = torch.randperm(case.columns.real - 1, generator=generator)
    moved = replace(case.columns, target=case.columns.target[columns])
    refined = refine(case.logits, case.rows, case.columns, case.sar)
    again = refine(case.logits[:, rows][..., columns], case.rows[rows], moved, case.sar)
    assert torch.equal(again, refined[:, rows][..., columns])


@settings(max_examples=80, deadline=None)
@given(case=cases(), factor=st.floats(0.01, 100), shift=st.floats(-50, 50))
def test_scaling_and_shifting_commute_with_refinement(
    case: Case, factor: float, shift: float
) -> None:
    refined = refine(case.logits, case.rows, case.columns, case.sar)
    scale = 1e-12 * (float(case.logits.abs().max()) + abs(shift) + 1)
    scaled = refine(factor * case.logits, case.rows, case.columns, case.sar)
    torch.testing.assert_close(scaled, factor * refined, rtol=0, atol=factor * scale)
    shifted = refine(case.logits + shift, case.rows, case.columns, case.sar)
    torch.testing.assert_close(shifted, refined + shift, rtol=0, atol=scale)


def example(pads: str = "real", eos: str = "real") -> Case:
    generator = torch.Generator().manual_seed(4)
    target = torch.zeros(7, dtype=torch.bool)
    target[[1, 3]] = True
    return Case(
        logits=torch.randn(3, 40, 7, generator=generator, dtype=torch.float64),
        rows=torch.rand(40, generator=generator) < 0.4,
        columns=TextColumns(6, 500, target, eos=5),
        sar=SarSettings(0.3, 0.3, pads=pads, eos=eos),  # type: ignore[arg-type]
    )


def test_column_extremes_span_all_frames() -> None:
    case = example()
    changed = case.logits.clone()
    changed[:, 0, 1] += 20  # a logit in the first frame
    before = refine(case.logits, case.rows, case.columns, case.sar)
    after = refine(changed, case.rows, case.columns, case.sar)
    last = slice(30, 40)
    inside = case.rows[last]
    moved = (after - before)[:, last, 1]
    assert bool((moved[:, inside] > 1).all())  # inside tokens are drawn to the new maximum
    assert torch.equal(after[:, last, 2], before[:, last, 2])  # other columns are not


def test_target_rises_inside_and_falls_outside() -> None:
    case = example()
    moved = refine(case.logits, case.rows, case.columns, case.sar) - case.logits
    target, other = case.columns.target, ~case.columns.target
    other[-1] = False  # pads keep their logit in this mode
    assert bool((moved[:, case.rows][..., target] >= 0).all())
    assert bool((moved[:, ~case.rows][..., target] <= 0).all())
    assert bool((moved[:, case.rows][..., other] <= 0).all())
    assert bool((moved[:, ~case.rows][..., other] == 0).all())
    assert bool((moved[..., -1] == 0).all())


def test_pad_and_end_token_modes_differ_where_they_should() -> None:
    case = example()
    case.logits[..., -1] += 8  # pads attract, as they do in Wan
    case.logits[..., 5] += 4  # the end token as well
    results = {}
    for pads in ("real", "all", "stats_all"):
        for eos in ("real", "exclude"):
            other = replace(case.sar, pads=pads, eos=eos)
            results[pads, eos] = refine(case.logits, case.rows, case.columns, other)
    keys = list(results)
    for index, key in enumerate(keys):
        for second in keys[index + 1 :]:
            # with pads in the extremes they outbid the end token, but its own logit moves
            assert (results[key] - results[second]).abs().max() > 0.1, (key, second)
    held = case.logits[:, case.rows]
    assert torch.equal(results["stats_all", "real"][:, case.rows][..., -1], held[..., -1])
    assert not torch.equal(results["all", "real"][:, case.rows][..., -1], held[..., -1])
    assert torch.equal(results["real", "exclude"][:, case.rows][..., 5], held[..., 5])


def test_sharded_rows_need_the_reduction() -> None:
    case = example()
    whole = refine(case.logits, case.rows, case.columns, case.sar)
    shards = [slice(0, 17), slice(17, 40)]
    firsts = [
        refine(case.logits[:, s], case.rows[s], case.columns, replace(case.sar, beta2=0.0))
        for s in shards
    ]

    def reduce(tensor: Tensor, kind: str) -> Tensor:
        assert tensor.shape == (3, 1, 7)
        both = [f.amax(1, True) if kind == "max" else f.amin(1, True) for f in firsts]
        return torch.stack(both).amax(0) if kind == "max" else torch.stack(both).amin(0)

    joined = [
        refine(case.logits[:, s], case.rows[s], case.columns, case.sar, reduce=reduce)
        for s in shards
    ]
    assert torch.equal(torch.cat(joined, 1), whole)
    alone = [refine(case.logits[:, s], case.rows[s], case.columns, case.sar) for s in shards]
    assert (torch.cat(alone, 1) - whole).abs().max() > 0.05


@pytest.mark.parametrize(
    "make",
    [
        lambda: TextColumns(0, 3, torch.zeros(1, dtype=torch.bool)),
        lambda: TextColumns(3, -1, torch.zeros(3, dtype=torch.bool)),
        lambda: TextColumns(3, 4, torch.zeros(3, dtype=torch.bool)),
        lambda: TextColumns(3, 0, torch.zeros(3)),
        lambda: TextColumns(3, 4, torch.zeros(4, dtype=torch.bool), eos=3),
        lambda: refine(
            torch.zeros(1, 2, 1),
            torch.ones(2, dtype=torch.bool),
            TextColumns(1, 0, torch.zeros(1, dtype=torch.bool), eos=0),
            SarSettings(0.3, 0.3, eos="exclude"),
        ),
    ],
)
def test_contradictory_columns_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        make()  # type: ignore[operator]


def test_columns_know_their_width_and_count() -> None:
    columns = TextColumns(28, 484, torch.zeros(29, dtype=torch.bool))
    assert columns.width == 29
    assert columns.log_count == pytest.approx(6.182085)
    assert columns.to("cpu").width == 29
    assert TextColumns(3, 0, torch.zeros(3, dtype=torch.bool)).log_count == 0

"""All forms of the attention agree; precision, memory, compilation, shards."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier, Thread

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from flowanchor_engine.method import attend as attend_module
from flowanchor_engine.method.attend import (
    attend,
    attend_sar,
    attend_sar_dense,
    attend_sar_sdpa,
    attend_sar_streamed,
)
from flowanchor_engine.method.columns import SarSettings, TextColumns, expand_pads
from tests.engine.method.references import dense_logits, sar_loops, softmax_loops
from tests.engine.method.shard_worker import reduce_gloo, run_shard


@dataclass(frozen=True)
class Case:
    q: Tensor
    k: Tensor
    v: Tensor
    rows: Tensor
    columns: TextColumns
    sar: SarSettings

    def to(self, dtype: torch.dtype) -> Case:
        return replace(self, q=self.q.to(dtype), k=self.k.to(dtype), v=self.v.to(dtype))

    def run(self, form: object, **options: object) -> Tensor:
        return form(self.q, self.k, self.v, self.rows, self.columns, self.sar, **options)  # type: ignore[operator,no-any-return]


def case(
    seed: int = 0,
    *,
    batch: int = 1,
    head_count: int = 2,
    count: int = 23,
    real: int = 6,
    pad_count: int = 40,
    depth: int = 8,
    **switches: object,
) -> Case:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    width = real + (1 if pad_count else 0)
    target = torch.zeros(width, dtype=torch.bool)
    target[[0, real // 2]] = True
    return Case(
        q=2 * normal(batch, count, head_count, depth).transpose(1, 2),  # strided as in diffusers
        k=normal(batch, head_count, width, depth),
        v=normal(batch, head_count, width, depth),
        rows=torch.rand(count, generator=generator) < 0.4,
        columns=TextColumns(real, pad_count, target, eos=real - 1),
        sar=SarSettings(**{"beta1": 0.3, "beta2": 0.4, **switches}),  # type: ignore[arg-type]
    )


SWITCHES = st.fixed_dictionaries(
    {
        "beta1": st.floats(0, 1),
        "beta2": st.floats(0, 1),
        "pads": st.sampled_from(["real", "all", "stats_all"]),
        "eos": st.sampled_from(["real", "exclude"]),
        "heads": st.sampled_from(["independent", "averaged"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    pad_count=st.sampled_from([0, 1, 40]),
    switches=SWITCHES,
    chunk=st.integers(1, 30),
)
def test_every_form_of_sar_attention_agrees(
    seed: int, pad_count: int, switches: dict[str, object], chunk: int
) -> None:
    heads = switches.pop("heads")
    asked = case(seed, batch=2, pad_count=pad_count)
    asked = replace(asked, sar=SarSettings(heads=heads, **switches))  # type: ignore[arg-type]
    dense = asked.run(attend_sar_dense)
    torch.testing.assert_close(asked.run(attend_sar), dense, rtol=0, atol=1e-12)
    streamed = asked.run(attend_sar_streamed, rows_per_chunk=chunk)
    torch.testing.assert_close(streamed, dense, rtol=0, atol=1e-12)
    if heads == "independent":
        torch.testing.assert_close(asked.run(attend_sar_sdpa), dense, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pads", ["real", "all", "stats_all"])
@pytest.mark.parametrize("heads", ["independent", "averaged"])
def test_attention_equals_loops(pads: str, heads: str) -> None:
    asked = case(3, count=7, real=4, pad_count=5, pads=pads, heads=heads)
    wide = asked.columns.target.new_zeros(9)
    wide[:5] = asked.columns.target
    logits = dense_logits(asked.q[0], asked.k[0], asked.columns)
    refined = sar_loops(logits, asked.rows.tolist(), wide.tolist(), 4, asked.sar, 3)
    expected = softmax_loops(refined, asked.v[0], asked.columns)
    torch.testing.assert_close(asked.run(attend_sar)[0], expected, rtol=0, atol=1e-12)
    plain = softmax_loops(logits, asked.v[0], asked.columns)
    result = attend(asked.q, asked.k, asked.v, asked.columns)[0]
    torch.testing.assert_close(result, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("pads", ["real", "all", "stats_all"])
def test_collapsed_equals_512_columns_in_fp32(pads: str) -> None:
    exact = case(5, count=300, real=28, pad_count=484, depth=32, pads=pads)
    dense = exact.run(attend_sar_dense)
    single = exact.to(torch.float32)
    for form in (attend_sar, attend_sar_streamed, attend_sar_sdpa):
        torch.testing.assert_close(single.run(form).double(), dense, rtol=0, atol=2e-6)
    # 484 equal addends round the same way, so the dense form is the less accurate one
    torch.testing.assert_close(single.run(attend_sar_dense).double(), dense, rtol=0, atol=5e-5)


def test_plain_collapsed_equals_512_columns() -> None:
    exact = case(5, count=300, real=28, pad_count=484, depth=32)
    keys, values = expand_pads(exact.k, exact.columns), expand_pads(exact.v, exact.columns)
    assert keys.shape[-2] == 512
    stock = torch.nn.functional.scaled_dot_product_attention(exact.q, keys, values)
    plain = attend(exact.q, exact.k, exact.v, exact.columns)
    torch.testing.assert_close(plain, stock, rtol=0, atol=1e-12)
    single = exact.to(torch.float32)
    plain = attend(single.q, single.k, single.v, single.columns)
    torch.testing.assert_close(plain.double(), stock, rtol=0, atol=2e-6)


def test_dropping_pads_is_not_the_same() -> None:
    asked = case(5, real=28, pad_count=484)
    words = TextColumns(28, 0, asked.columns.target[:28], eos=27)
    without = attend(asked.q, asked.k[..., :28, :], asked.v[..., :28, :], words)
    plain = attend(asked.q, asked.k, asked.v, asked.columns)
    assert (without - plain).norm() / plain.norm() > 0.1
    once = attend(asked.q, asked.k, asked.v, replace(asked.columns, pad_count=1))
    assert (once - plain).norm() / plain.norm() > 0.1


def test_beta_zero_is_plain_attention() -> None:
    asked = case(7, beta1=0.0, beta2=0.0)
    plain = attend(asked.q, asked.k, asked.v, asked.columns)
    single = asked.to(torch.float32)
    for form in (attend_sar, attend_sar_streamed, attend_sar_sdpa, attend_sar_dense):
        torch.testing.assert_close(asked.run(form), plain, rtol=0, atol=1e-13)
        loose = 2e-6 if form is not attend_sar_dense else 1e-5
        torch.testing.assert_close(single.run(form).double(), plain, rtol=0, atol=loose)


def test_sar_moves_attention_to_the_target_inside_the_mask() -> None:
    asked = case(9)
    one_hot = asked.columns.target.double()[:, None].expand(asked.v.shape).contiguous()
    asked = replace(asked, v=one_hot)
    plain = attend(asked.q, asked.k, asked.v, asked.columns)[..., 0].mean(1)[0]
    refined = asked.run(attend_sar)[..., 0].mean(1)[0]
    assert bool((refined > plain)[asked.rows].all())
    assert bool((refined < plain)[~asked.rows].all())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_fp32_logits(dtype: torch.dtype) -> None:
    low = case(11, count=200, real=28, pad_count=484, depth=32).to(dtype)
    exact = low.to(torch.float64)
    # half an ulp of the output's own format and the rounding of nothing else
    ulp = {torch.bfloat16: 2**-8, torch.float16: 2**-11}[dtype]
    for form in (attend_sar, attend_sar_streamed, attend_sar_sdpa, attend_sar_dense):
        result = low.run(form)
        assert result.dtype == dtype
        reference = exact.run(form)
        error = (result.double() - reference).abs()
        assert bool((error <= ulp * reference.abs() + 2e-5).all()), form.__name__
    plain = attend(low.q, low.k, low.v, low.columns)
    reference = attend(exact.q, exact.k, exact.v, exact.columns)
    assert bool(((plain.double() - reference).abs() <= ulp * reference.abs() + 2e-5).all())


def test_ambient_autocast_does_not_lower_the_logits() -> None:
    asked = case(11, count=50).to(torch.float32)
    expected = asked.run(attend_sar)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for form in (attend_sar, attend_sar_streamed, attend_sar_sdpa):
            torch.testing.assert_close(asked.run(form), expected, rtol=0, atol=2e-6)


def test_fp64_logits_on_request() -> None:
    asked = case(12, count=60).to(torch.float32)
    exact = asked.to(torch.float64).run(attend_sar)
    result = asked.run(attend_sar, dtype=torch.float64)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result.double(), exact, rtol=1e-7, atol=1e-8)


def test_plain_attention_is_differentiable() -> None:
    asked = case(13, count=5)
    inputs = [tensor.clone().requires_grad_() for tensor in (asked.q, asked.k, asked.v)]
    assert torch.autograd.gradcheck(lambda q, k, v: attend(q, k, v, asked.columns), inputs)


def test_long_texts_are_streamed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = case(14, count=64)
    expected = asked.run(attend_sar)
    seen: list[int] = []
    stock = attend_module.attend_sar_streamed

    def spy(*args: object, **options: object) -> Tensor:
        seen.append(1)
        return stock(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(attend_module, "attend_sar_streamed", spy)
    asked.run(attend_sar)
    assert not seen
    monkeypatch.setattr(attend_module, "STREAM_BYTES", 1000)
    torch.testing.assert_close(asked.run(attend_sar), expected, rtol=0, atol=1e-12)
    assert seen


def peak_bytes(run: object) -> int:
    """Largest total of bytes that torch holds at once while `run` works, output included."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        run()  # type: ignore[operator]
    held = peak = 0
    result = recorded.profiler.kineto_results
    changes = [(e.start_ns(), e.nbytes()) for e in result.events() if e.name() == "[memory]"]
    assert changes
    for _, change in sorted(changes, key=lambda item: item[0]):
        held += change
        peak = max(peak, held)
    return peak


@pytest.mark.slow
def test_memory_at_the_real_shape_stays_below_100_mb() -> None:
    """12 heads, 17 160 rows, 28 words and 484 pads; the output itself is not counted."""
    asked = case(15, head_count=12, count=17_160, real=28, pad_count=484, depth=128)
    asked = asked.to(torch.bfloat16)
    output = asked.q.numel() * asked.q.element_size()
    with torch.no_grad():
        for form in (attend_sar, attend_sar_streamed):
            assert peak_bytes(lambda form=form: asked.run(form)) - output < 100e6
        plain = peak_bytes(lambda: attend(asked.q, asked.k, asked.v, asked.columns))
    assert plain - output < 100e6


@pytest.mark.parametrize("form", [attend_sar, attend_sar_streamed, attend_sar_sdpa])
def test_changing_betas_does_not_recompile(form: object) -> None:
    from torch._dynamo.testing import CompileCounter

    torch._dynamo.reset()
    counter = CompileCounter()
    asked = case(16).to(torch.float32)

    def run(q: Tensor, k: Tensor, v: Tensor, beta1: Tensor, beta2: Tensor) -> Tensor:
        sar = replace(asked.sar, beta1=beta1, beta2=beta2)
        return form(q, k, v, asked.rows, asked.columns, sar)  # type: ignore[operator,no-any-return]

    compiled = torch.compile(run, backend=counter, fullgraph=True)
    with torch.no_grad():
        for beta in (0.1, 0.3, 0.0, 0.7):
            betas = (torch.tensor(beta), torch.tensor(beta / 2))
            result = compiled(asked.q, asked.k, asked.v, *betas)
            expected = run(asked.q, asked.k, asked.v, *betas)
            torch.testing.assert_close(result, expected, rtol=0, atol=1e-6)
    assert counter.frame_count == 1


@pytest.mark.parametrize(
    ("form", "heads"),
    [
        (attend_sar, "independent"),
        (attend_sar, "averaged"),
        (attend_sar_streamed, "independent"),
        (attend_sar_streamed, "averaged"),
        (attend_sar_sdpa, "independent"),
    ],
)
def test_two_shards_that_talk_equal_the_whole(form: object, heads: str) -> None:
    asked = case(17, heads=heads, count=40)
    whole = asked.run(form)
    shards = [slice(0, 15), slice(15, 40)]
    results: dict[int, Tensor] = {}
    posted: dict[int, Tensor] = {}
    meet = Barrier(2, timeout=30)

    def work(rank: int) -> None:
        def reduce(tensor: Tensor, kind: str) -> Tensor:
            posted[rank] = tensor
            meet.wait()
            both = torch.stack([posted[0], posted[1]])
            meet.wait()
            return both.amax(0) if kind == "max" else both.amin(0)

        part = replace(asked, q=asked.q[:, :, shards[rank]], rows=asked.rows[shards[rank]])
        results[rank] = part.run(form, reduce=reduce)

    threads = [Thread(target=work, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    joined = torch.cat([results[0], results[1]], 2)
    torch.testing.assert_close(joined, whole, rtol=0, atol=1e-12)
    alone = [
        replace(asked, q=asked.q[:, :, shard], rows=asked.rows[shard]).run(form) for shard in shards
    ]
    assert (torch.cat(alone, 2) - whole).abs().max() > 1e-3


@pytest.mark.slow
def test_two_gloo_ranks_equal_one_process(tmp_path: Path) -> None:
    asked = case(18, count=40).to(torch.float32)
    torch.save(
        {"q": asked.q, "k": asked.k, "v": asked.v, "rows": asked.rows,
         "target": asked.columns.target},
        tmp_path / "case.pt",
    )  # fmt: skip
    spawn(run_shard, args=(2, str(tmp_path), 6, 40, 0.3, 0.4), nprocs=2)  # type: ignore[no-untyped-call]
    parts = [torch.load(tmp_path / f"out{rank}.pt") for rank in range(2)]
    whole = asked.run(attend_sar)
    joined = torch.cat([part["talking"] for part in parts], 2)
    torch.testing.assert_close(joined, whole, rtol=0, atol=1e-5)
    alone = torch.cat([part["alone"] for part in parts], 2)
    assert (alone - whole).abs().max() > 1e-3
    assert callable(reduce_gloo)


def test_misfits_are_refused() -> None:
    asked = case(19)
    with pytest.raises(ValueError, match="text columns"):
        attend(asked.q, asked.k[..., :-1, :], asked.v[..., :-1, :], asked.columns)
    with pytest.raises(ValueError, match="mask must be bool"):
        replace(asked, rows=asked.rows[:-1]).run(attend_sar)
    with pytest.raises(ValueError, match="mask must be bool"):
        replace(asked, rows=asked.rows.float()).run(attend_sar)
    with pytest.raises(ValueError, match="each head"):
        replace(asked, sar=replace(asked.sar, heads="averaged")).run(attend_sar_sdpa)
    with pytest.raises(ValueError, match="at least one row"):
        asked.run(attend_sar_streamed, rows_per_chunk=0)


def test_logit_scale_is_one_over_root_depth() -> None:
    columns = TextColumns(2, 0, torch.tensor([True, False]))
    q = torch.ones(1, 1, 1, 4, dtype=torch.float64)
    k = torch.stack([torch.ones(4), torch.zeros(4)]).double()[None, None]
    v = torch.tensor([1.0, 0.0]).double()[None, None, :, None].expand(1, 1, 2, 4).contiguous()
    rows = torch.zeros(1, dtype=torch.bool)
    expected = math.exp(2) / (math.exp(2) + 1)
    for form in (attend_sar, attend_sar_streamed, attend_sar_sdpa, attend_sar_dense):
        result = form(q, k, v, rows, columns, SarSettings(0.0, 0.0))
        assert result.flatten().tolist() == pytest.approx([expected] * 4)

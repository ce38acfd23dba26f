"""The processor on real diffusers blocks: stock, collapsed, under SAR, and back again."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanAttnProcessor

from flowanchor_engine.errors import GuardError, ModelUnsupportedError
from flowanchor_engine.method.attend import attend_sar_dense
from flowanchor_engine.method.columns import SarSettings, TextColumns
from flowanchor_engine.wan.attention import CrossPlan, PromptKeys, SarContext, install
from flowanchor_engine.wan.capture import WordAttention
from tests.engine.wan.conftest import WIDTH_TEXT, make_bundle, make_transformer

if TYPE_CHECKING:
    from flowanchor_engine.wan.text import TextBundle

GRID = (3, 4, 4)  # latent frames, token rows, token columns
TOKENS = 48


def latent(seed: int = 0, batch: int = 1, channels: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, channels, GRID[0], 2 * GRID[1], 2 * GRID[2], generator=generator)


def columns_of(bundle: TextBundle, *targets: int) -> TextColumns:
    target = torch.zeros(bundle.real + (1 if bundle.pad_count else 0), dtype=torch.bool)
    target[list(targets)] = True
    return TextColumns(bundle.real, bundle.pad_count, target, bundle.eos)


def plan_of(bundle: TextBundle, *targets: int, **fields: Any) -> CrossPlan:
    return CrossPlan(columns_of(bundle, *targets), PromptKeys(), **fields)


def forward(
    model: Any, text: torch.Tensor, z: torch.Tensor | None = None, **more: Any
) -> torch.Tensor:
    z = latent() if z is None else z
    with torch.no_grad():
        out: torch.Tensor = model(
            hidden_states=z,
            timestep=torch.full((len(z),), 700.0),
            encoder_hidden_states=text,
            return_dict=False,
            **more,
        )[0]
    return out


def rows() -> torch.Tensor:
    mask = torch.zeros(GRID, dtype=torch.bool)
    mask[:, 1:3, 0:2] = True
    mask[0] = False
    return mask.flatten()


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.abs().max())


# ---- invariant 1 --------------------------------------------------------------------------


def test_without_a_plan_the_stock_processor_runs_bit_for_bit(transformer: Any) -> None:
    text = make_bundle(9).collapsed(512)[None]
    stock = forward(transformer, text)
    with install(transformer):
        assert torch.equal(forward(transformer, text), stock)


def test_zero_betas_are_the_stock_attention(transformer: Any) -> None:
    bundle = make_bundle(9)
    stock = forward(transformer, bundle.collapsed(512)[None])
    zero = plan_of(bundle, 2, rows=rows(), settings=SarSettings(0.0, 0.0))
    with install(transformer) as context, context.using([zero]):
        assert apart(forward(transformer, bundle.collapsed()[None]), stock) < 1e-6


# ---- invariant 7 --------------------------------------------------------------------------


@pytest.mark.parametrize("real", [1, 9, 60, 511, 512])
def test_collapsed_text_is_the_padded_text(transformer: Any, real: int) -> None:
    bundle = make_bundle(real)
    stock = forward(transformer, bundle.collapsed(512)[None])
    with install(transformer) as context, context.using([plan_of(bundle)]):
        assert apart(forward(transformer, bundle.collapsed()[None]), stock) < 1e-6


def test_collapsing_before_the_text_embedder_changes_no_bit(transformer: Any) -> None:
    bundle = make_bundle(9)
    with install(transformer) as context:
        with context.using([plan_of(bundle)]):
            short = forward(transformer, bundle.collapsed()[None])
        with context.using([plan_of(bundle)]):
            full = forward(transformer, bundle.collapsed(512)[None])
    assert torch.equal(short, full)


def test_dropping_the_pads_is_another_model(transformer: Any) -> None:
    bundle = make_bundle(9)
    stock = forward(transformer, bundle.collapsed(512)[None])
    dropped = TextColumns(bundle.real, 0, torch.zeros(bundle.real, dtype=torch.bool), bundle.eos)
    with install(transformer) as context, context.using([CrossPlan(dropped, PromptKeys())]):
        assert apart(forward(transformer, bundle.embeds[None]), stock) > 1e-2


@pytest.mark.parametrize("pads", ["real", "all", "stats_all"])
@pytest.mark.parametrize("eos", ["real", "exclude"])
@pytest.mark.parametrize("heads", ["independent", "averaged"])
def test_sar_over_collapsed_columns_is_sar_over_512(
    transformer: Any, pads: Any, eos: Any, heads: Any
) -> None:
    bundle = make_bundle(9)
    chosen = SarSettings(0.3, 0.3, pads, eos, heads)
    with install(transformer) as context:
        fields: dict[str, Any] = {"rows": rows(), "settings": chosen}
        with context.using([plan_of(bundle, 2, 5, **fields)]):
            collapsed = forward(transformer, bundle.collapsed()[None])
        with context.using([plan_of(bundle, 2, 5, logits="dense512", **fields)]):
            dense = forward(transformer, bundle.collapsed()[None])
        with context.using([plan_of(bundle)]):
            plain = forward(transformer, bundle.collapsed()[None])
    assert apart(collapsed, dense) < 1e-6
    assert apart(collapsed, plain) > 1e-3


def test_one_layer_under_sar_is_the_dense_definition_of_the_method(transformer: Any) -> None:
    """The processor feeds the method exactly the q, k and v of diffusers' own layer."""
    bundle, attn = make_bundle(9), transformer.blocks[0].attn2
    hidden = torch.randn(1, TOKENS, 64, generator=torch.Generator().manual_seed(3))
    text = transformer.condition_embedder.text_embedder(bundle.collapsed()[None])
    chosen = SarSettings(0.3, 0.4)
    with install(transformer) as context:
        plan = plan_of(bundle, 2, rows=rows(), settings=chosen)
        with context.using([plan]):
            got = attn(hidden, text)
    query = attn.norm_q(attn.to_q(hidden)).unflatten(2, (4, -1)).transpose(1, 2)
    key = attn.norm_k(attn.to_k(text)).unflatten(2, (4, -1)).transpose(1, 2)
    value = attn.to_v(text).unflatten(2, (4, -1)).transpose(1, 2)
    want = attend_sar_dense(
        query.double(), key.double(), value.double(), rows(), columns_of(bundle, 2), chosen
    )
    want = attn.to_out[0](want.float().transpose(1, 2).flatten(2))
    assert apart(got, want) < 1e-6


# ---- layouts ------------------------------------------------------------------------------


def test_fused_projections_give_the_same(transformer: Any) -> None:
    bundle = make_bundle(9)
    fields: dict[str, Any] = {"rows": rows(), "settings": SarSettings(0.3, 0.3)}
    with install(transformer) as context:
        with context.using([plan_of(bundle, 2, **fields)]):
            unfused = forward(transformer, bundle.collapsed()[None])
        transformer.fuse_qkv_projections()
        assert transformer.blocks[0].attn2.fused_projections
        # The separate layers stay after fusing: break them, so that only the fused are right.
        for block in transformer.blocks:
            block.attn2.to_k.weight.data.zero_()
            block.attn2.to_v.weight.data.zero_()
        with context.using([plan_of(bundle, 2, **fields)]):
            fused = forward(transformer, bundle.collapsed()[None])
    assert apart(fused, unfused) < 1e-6


def test_keys_are_computed_once_per_prompt_and_kept(transformer: Any) -> None:
    bundle = make_bundle(9)
    plan = plan_of(bundle)
    calls = []
    hook = transformer.blocks[1].attn2.to_k.register_forward_hook(lambda *_: calls.append(1))
    with install(transformer) as context:
        for _ in range(3):
            with context.using([plan]):
                forward(transformer, bundle.collapsed()[None])
    hook.remove()
    assert len(calls) == 1
    assert len(plan.keys.layers) == 2


def test_each_batch_row_follows_its_own_plan(transformer: Any) -> None:
    a, b = make_bundle(9, 1), make_bundle(17, 2)
    sar: dict[str, Any] = {"rows": rows(), "settings": SarSettings(0.3, 0.3)}
    z = latent(5, batch=2)
    with install(transformer) as context:
        with context.using([plan_of(a, 2, **sar)]):
            first = forward(transformer, a.collapsed()[None], z[:1])
        with context.using([plan_of(b)]):
            second = forward(transformer, b.collapsed()[None], z[1:])
        with context.using([plan_of(a, 2, **sar), plan_of(b)]):
            text = torch.stack([a.collapsed(18), b.collapsed(18)])
            both = forward(transformer, text, z)
    assert apart(both, torch.cat([first, second])) < 1e-6


def test_bfloat16_stays_near_float32() -> None:
    bundle, half = make_bundle(9), make_transformer()
    stock = forward(half, bundle.collapsed(512)[None])
    islands = half._keep_in_fp32_modules
    for name, weight in half.named_parameters():
        if not any(part in islands for part in name.split(".")):
            weight.data = weight.data.bfloat16()
    with install(half) as context, context.using([plan_of(bundle)]):
        text = bundle.collapsed()[None].bfloat16()
        got = forward(half, text, latent().bfloat16())
    assert got.dtype == torch.bfloat16
    assert apart(got.float(), stock) < 0.05


# ---- picture-conditioned models -----------------------------------------------------------


def picture_model() -> tuple[Any, torch.Tensor]:
    model = make_transformer(added_kv_proj_dim=64, image_dim=20)
    picture = torch.randn(1, 257, 20, generator=torch.Generator().manual_seed(8))
    return model, picture


def test_picture_attention_is_untouched_when_text_collapses_inside() -> None:
    model, picture = picture_model()
    bundle = make_bundle(9)
    stock = forward(model, bundle.collapsed(512)[None], encoder_hidden_states_image=picture)
    other = forward(model, bundle.collapsed(512)[None], encoder_hidden_states_image=-picture)
    assert apart(other, stock) > 1e-3  # the picture counts
    with install(model) as context, context.using([plan_of(bundle)]):
        got = forward(model, bundle.collapsed(512)[None], encoder_hidden_states_image=picture)
    assert apart(got, stock) < 1e-6


def test_shortened_text_on_a_picture_model_is_refused() -> None:
    model, picture = picture_model()
    bundle = make_bundle(9)
    short = bundle.collapsed()[None]
    forward(model, short, encoder_hidden_states_image=picture)  # stock: wrong without a sign
    with (
        install(model) as context,
        context.using([plan_of(bundle)]),
        pytest.raises(GuardError, match="mix picture and words"),
    ):
        forward(model, short, encoder_hidden_states_image=picture)


# ---- invariant 27 -------------------------------------------------------------------------


def processors(model: Any) -> list[Any]:
    return list(model.attn_processors.values())


def test_stock_processors_return_also_on_error(transformer: Any) -> None:
    before = processors(transformer)

    def fail() -> None:
        with install(transformer):
            assert processors(transformer) != before
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert all(a is b for a, b in zip(processors(transformer), before, strict=True))
    assert all(isinstance(processor, WanAttnProcessor) for processor in before)


def test_plans_are_cleared_also_on_error(transformer: Any) -> None:
    def fail(context: SarContext) -> None:
        with context.using([plan_of(make_bundle(9))]):
            assert context.plan is not None
            raise KeyError

    with install(transformer) as context:
        with pytest.raises(KeyError):
            fail(context)
        assert context.plan is None


def test_self_attention_is_left_alone(transformer: Any) -> None:
    before = [block.attn1.processor for block in transformer.blocks]
    with install(transformer):
        assert [block.attn1.processor for block in transformer.blocks] == before


def test_a_chosen_backend_reaches_both_the_plain_and_the_stock_path(transformer: Any) -> None:
    transformer.blocks[0].attn2.set_attention_backend("_native_math")
    with install(transformer):
        processor = transformer.blocks[0].attn2.processor
        assert processor._attention_backend == processor.stock._attention_backend == "_native_math"


def test_a_plan_of_another_prompt_is_refused(transformer: Any) -> None:
    short = make_bundle(9).collapsed()[None]
    with (
        install(transformer) as context,
        context.using([plan_of(make_bundle(20))]),
        pytest.raises(GuardError, match="21 are planned"),
    ):
        forward(transformer, short)


def test_a_model_without_cross_attention_is_refused() -> None:
    with pytest.raises(ModelUnsupportedError):
        SarContext(torch.nn.Linear(2, 2))


def test_vace_blocks_get_the_processor_too(transformer: Any) -> None:
    transformer.vace_blocks = torch.nn.ModuleList([make_transformer(7).blocks[0]])
    with install(transformer) as context:
        assert transformer.vace_blocks[0].attn2.processor.plans is None
        assert len(context.blocks) == 3


# ---- sharded rows -------------------------------------------------------------------------


class Rendezvous:
    """Two threads that exchange tensors: an all-reduce without processes."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2, timeout=30)
        self.slots: list[torch.Tensor | None] = [None, None]

    def reduce(self, rank: int) -> Any:
        def run(tensor: torch.Tensor, kind: str) -> torch.Tensor:
            self.slots[rank] = tensor
            self.barrier.wait()
            a, b = self.slots
            assert a is not None
            assert b is not None
            result = torch.maximum(a, b) if kind == "max" else torch.minimum(a, b)
            self.barrier.wait()
            return result

        return run


@pytest.mark.parametrize("exchange", [True, False])
def test_sharded_rows_need_the_exchange_of_column_extremes(exchange: bool) -> None:
    bundle = make_bundle(9)
    hidden = torch.randn(1, TOKENS, 64, generator=torch.Generator().manual_seed(3))
    chosen = SarSettings(0.3, 0.3)

    models = [make_transformer() for _ in range(2)]

    def run(rank: int, part: slice, reduce: Any = None) -> torch.Tensor:
        model = models[rank]
        text = model.condition_embedder.text_embedder(bundle.collapsed()[None])
        plan = plan_of(bundle, 2, rows=rows()[part], settings=chosen, reduce=reduce)
        with torch.no_grad(), install(model) as context, context.using([plan]):
            out: torch.Tensor = model.blocks[0].attn2(hidden[:, part], text)
        return out

    whole, meeting = run(0, slice(0, TOKENS)), Rendezvous()
    results: list[Any] = [None, None]

    def shard(rank: int) -> None:
        part = slice(0, 20) if rank == 0 else slice(20, TOKENS)
        results[rank] = run(rank, part, meeting.reduce(rank) if exchange else None)

    threads = [threading.Thread(target=shard, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    difference = apart(torch.cat(results, 1), whole)
    assert difference < 1e-5 if exchange else difference > 1e-3


# ---- where the words act ------------------------------------------------------------------


def test_captured_attention_is_the_softmax_of_512_columns(transformer: Any) -> None:
    bundle = make_bundle(9)
    words = WordAttention(TOKENS, 10)
    with install(transformer) as context, context.using([plan_of(bundle, capture=words)]):
        forward(transformer, bundle.collapsed()[None])
    assert words.layers == 2
    mean = words.mean()
    assert torch.allclose(mean.sum(1), torch.ones(TOKENS), atol=1e-5)
    assert mean[:, -1].mean() > 0.5  # 503 pads outweigh nine words of a random model
    heat = words.heat([2, 3], GRID)
    assert heat.shape == GRID
    assert float(heat.max()) == 1.0


def test_sar_moves_attention_of_its_word_into_the_matte(transformer: Any) -> None:
    bundle, inside = make_bundle(9), rows()
    shares = []
    for sar in (False, True):
        words = WordAttention(TOKENS, 10)
        fields: dict[str, Any] = (
            {"rows": inside, "settings": SarSettings(0.5, 0.5, "all")} if sar else {}
        )
        plan = plan_of(bundle, 2, capture=words, **fields)
        with install(transformer) as context, context.using([plan]):
            forward(transformer, bundle.collapsed()[None])
        shares.append(words.shares(inside))
    assert shares[1][0][2] > 2 * shares[0][0][2]  # inside: more
    assert shares[1][1][2] < shares[0][1][2]  # outside: less
    assert all(float(part.sum()) == pytest.approx(1, abs=1e-5) for pair in shares for part in pair)


def test_capturing_changes_no_bit(transformer: Any) -> None:
    bundle = make_bundle(9)
    outputs = []
    for words in (None, WordAttention(TOKENS, 10)):
        plan = plan_of(bundle, 2, capture=words, rows=rows(), settings=SarSettings(0.3, 0.3))
        with install(transformer) as context, context.using([plan]):
            outputs.append(forward(transformer, bundle.collapsed()[None]))
    assert torch.equal(*outputs)


def test_text_width_of_the_test_models() -> None:
    assert make_bundle(3).embeds.shape == (3, WIDTH_TEXT)

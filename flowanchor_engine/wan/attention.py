"""SAR and pad-collapsed cross-attention inside diffusers' Wan transformer.

`WanTransformer3DModel` drops `attention_kwargs`, so the only door is the processor object of
every ``attn2``. `SarContext` owns one processor per layer, puts them in place for as long
as an edit needs them, and hands each forward its plans, one per batch row:

- no plan: the stock processor runs, bit for bit;
- a plan without rows: exact attention over L+1 columns in place of 512;
- a plan with rows: the same under SAR.

The model is not subclassed, no `forward` is patched, and nothing is read from context
variables, so compiled blocks stay compiled: one graph without SAR, one with.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_wan import (
    _get_added_kv_projections,
    _get_qkv_projections,
)
from torch import Tensor

from flowanchor_engine.errors import GuardError, ModelUnsupportedError
from flowanchor_engine.method.attend import attend, attend_sar, attend_sar_dense
from flowanchor_engine.method.sar import SarWeights
from flowanchor_engine.wan.capture import WordAttention, attention_weights
from flowanchor_engine.wan.facts import TEXT_ROWS

if TYPE_CHECKING:
    from flowanchor_engine.method.columns import SarSettings, TextColumns
    from flowanchor_engine.method.sar import Reduce

__all__ = ["CrossPlan", "PromptKeys", "SarContext", "WanCrossAttention", "install"]

KeyValue = tuple[Tensor, Tensor]


@dataclass(eq=False)
class PromptKeys:
    """Keys and values of one prompt in every layer, computed once and kept.

    They live on the model's device: processors are not modules, so offloading never moves
    them. 5 MB for a prompt of 28 tokens in the 1.3B.
    """

    layers: dict[int, KeyValue] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget them: the model was moved, or its weights changed."""
        self.layers.clear()


@dataclass(frozen=True, eq=False)
class CrossPlan:
    """What one batch row's cross-attention does in a forward.

    Attributes
    ----------
    columns : TextColumns
        Roles of the text columns, on the model's device.
    keys : PromptKeys
        Cache of this prompt; share it between all plans of one prompt and model.
    rows : Tensor, bool (N,), or None
        Video tokens inside the matte. None: no SAR.
    settings : SarSettings or None
        Needed with `rows`.
    logits : {'fp32', 'fp64', 'dense512'}
        A15: precision of the refined logits, or all 512 columns for parity.
    reduce : callable, optional
        All-reduce of column extremes if the video tokens are sharded.
    capture : WordAttention, optional
        Gathers the attention of this row.
    first_token : int
        Where this row's tokens start in the clip (windows), for `capture`.
    """

    columns: TextColumns
    keys: PromptKeys
    rows: Tensor | None = None
    settings: SarSettings | None = None
    logits: Literal["fp32", "fp64", "dense512"] = "fp32"
    reduce: Reduce | None = None
    capture: WordAttention | None = None
    first_token: int = 0
    bias: Tensor = field(init=False)
    weights: SarWeights | None = field(init=False)

    def __post_init__(self) -> None:
        """Derive what all layers share, as tensors, so that compiled code need not read it."""
        if (self.rows is None) != (self.settings is None):
            msg = "a plan has rows and settings, or neither"
            raise ValueError(msg)
        bias = torch.zeros(1, 1, 1, self.columns.width, device=self.columns.target.device)
        if self.columns.pad_count:
            bias[..., -1] = self.columns.log_count
        object.__setattr__(self, "bias", bias)
        weights = None
        if self.rows is not None and self.settings is not None:
            dtype = torch.float64 if self.logits == "fp64" else torch.float32
            weights = SarWeights.of(self.rows, self.columns, self.settings, dtype)
        object.__setattr__(self, "weights", weights)


class WanCrossAttention:
    """Processor of one ``attn2``: stock, collapsed or under SAR, as `plans` says.

    Parameters
    ----------
    stock : WanAttnProcessor
        The processor that it stands in for.
    """

    # diffusers looks for both on the class; they are read and written through the stock one.
    _attention_backend: Any = None
    _parallel_config: Any = None

    def __init__(self, stock: Any) -> None:
        self.stock = stock
        self._attention_backend = getattr(stock, "_attention_backend", None)
        self._parallel_config = getattr(stock, "_parallel_config", None)
        self.plans: tuple[CrossPlan, ...] | None = None
        self.keys: list[KeyValue | None] = []

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        rotary_emb: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Attend from video tokens (B, N, D) to text (B, rows, D); see the module."""
        plans = self.plans
        if plans is None:
            stock: Tensor = self.stock(
                attn, hidden_states, encoder_hidden_states, attention_mask, rotary_emb
            )
            return stock
        if encoder_hidden_states is None or attention_mask is not None or rotary_emb is not None:
            raise GuardError("This attention layer is not a plain text cross-attention of Wan.")
        if len(plans) != hidden_states.shape[0]:
            msg = f"{len(plans)} plans for a batch of {hidden_states.shape[0]}"
            raise ValueError(msg)
        text, image = encoder_hidden_states, None
        if attn.add_k_proj is not None:
            image_rows = text.shape[1] - TEXT_ROWS
            if image_rows <= 0:
                raise GuardError(
                    "A picture-conditioned model got a shortened text, which would mix picture "
                    "and words without a sign.",
                    detail=f"{text.shape[1]} rows in all",
                )
            text, image = text[:, image_rows:], text[:, :image_rows]

        # Cross-attention keeps `to_q` in the fused layout as well.
        query = attn.norm_q(attn.to_q(hidden_states)).unflatten(2, (attn.heads, -1))
        heads = query.transpose(1, 2)
        parts = []
        for row, plan in enumerate(plans):
            known = self.keys[row]
            if known is None:
                known = self.project(attn, text[row : row + 1, : plan.columns.width], plan)
                self.keys[row] = known
            parts.append(_attend(heads[row : row + 1], known[0], known[1], plan))
        joined = parts[0] if len(parts) == 1 else torch.cat(parts)
        output = joined.transpose(1, 2).flatten(2, 3).type_as(query)
        if image is not None:
            output = output + self._image(attn, query, image)
        result: Tensor = attn.to_out[1](attn.to_out[0](output))
        return result

    @staticmethod
    def project(attn: Any, text: Tensor, plan: CrossPlan) -> KeyValue:
        """Return keys and values, each (1, H, C, d), of embedded text (1, C, D)."""
        if text.shape[1] != plan.columns.width:
            raise GuardError(
                f"The text has {text.shape[1]} rows where {plan.columns.width} are planned.",
                detail="the plan belongs to another prompt",
            )
        # No query rows: only the layout of keys and values is wanted here.
        _, key, value = _get_qkv_projections(attn, text[:, :0], text)
        key = attn.norm_k(key).unflatten(2, (attn.heads, -1)).transpose(1, 2)
        return key, value.unflatten(2, (attn.heads, -1)).transpose(1, 2)

    def _image(self, attn: Any, query: Tensor, image: Tensor) -> Tensor:
        """Attend to the picture prompt exactly as the stock processor does."""
        key, value = _get_added_kv_projections(attn, image)
        key = attn.norm_added_k(key).unflatten(2, (attn.heads, -1))
        value = value.unflatten(2, (attn.heads, -1))
        output = dispatch_attention_fn(
            query,
            key,
            value,
            attn_mask=None,
            dropout_p=0.0,
            is_causal=False,
            backend=self._attention_backend,
            parallel_config=None,
        )
        flat: Tensor = output.flatten(2, 3).type_as(query)
        return flat


def _attend(q: Tensor, k: Tensor, v: Tensor, plan: CrossPlan) -> Tensor:
    if plan.capture is not None:
        weights = attention_weights(q, k, plan.columns, plan.rows, plan.settings, plan.reduce)
        plan.capture.add(weights, plan.first_token)
    if plan.rows is None or plan.settings is None:
        if torch.compiler.is_compiling():
            return _attend_biased(q, k, v, plan.bias)
        return attend(q, k, v, plan.columns)
    if plan.logits == "dense512":
        return attend_sar_dense(q, k, v, plan.rows, plan.columns, plan.settings, plan.reduce)
    given = (plan.rows, plan.columns, plan.settings, plan.reduce)
    dtype = torch.float64 if plan.logits == "fp64" else None
    return attend_sar(q, k, v, *given, dtype=dtype, weights=plan.weights)


def _attend_biased(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """`method.attend` without Python numbers, so that prompts of all lengths share a graph."""
    compute = torch.promote_types(q.dtype, bias.dtype)
    logits = (k.to(compute) / math.sqrt(k.shape[-1])) @ q.to(compute).mT
    weights = torch.softmax(logits + bias.mT, -2)
    return (weights.mT @ v.to(compute)).type_as(q)


class SarContext:
    """The processors of one transformer.

    Parameters
    ----------
    transformer : WanTransformer3DModel
        VACE's second stack of blocks is found as well.

    Raises
    ------
    ModelUnsupportedError
        The model has no Wan cross-attention.
    """

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer
        stacks = [getattr(transformer, name, None) or () for name in ("blocks", "vace_blocks")]
        self.blocks = [block for stack in stacks for block in stack]
        layers: list[Any] = [getattr(block, "attn2", None) for block in self.blocks]
        if not layers or any(layer is None for layer in layers):
            raise ModelUnsupportedError(
                "The model has no cross-attention as Wan has it.",
                detail=type(transformer).__name__,
            )
        self._layers = layers
        self._processors = [WanCrossAttention(layer.processor) for layer in layers]

    @property
    def plan(self) -> tuple[CrossPlan, ...] | None:
        """The plans of the forward that is running, else None."""
        return self._processors[0].plans

    @property
    def compiled(self) -> bool:
        """Whether the blocks are compiled; then keys are computed before the forward."""
        parts = [self.transformer, *self.blocks]
        return any(getattr(part, "_compiled_call_impl", None) is not None for part in parts)

    @contextmanager
    def installed(self) -> Iterator[SarContext]:
        """Put the processors in place; the former ones come back, also on error."""
        former = [layer.processor for layer in self._layers]
        for processor, stock in zip(self._processors, former, strict=True):
            # A back-end may have been chosen since; the stock processor may have changed.
            processor.stock = stock
            processor._attention_backend = getattr(stock, "_attention_backend", None)
            processor._parallel_config = getattr(stock, "_parallel_config", None)
        try:
            for layer, processor in zip(self._layers, self._processors, strict=True):
                layer.set_processor(processor)
            yield self
        finally:
            for layer, stock in zip(self._layers, former, strict=True):
                layer.set_processor(stock)

    @contextmanager
    def using(self, plans: Sequence[CrossPlan] | None) -> Iterator[None]:
        """Set the plans of one forward, one per batch row; restored also on error."""
        before = [(processor.plans, processor.keys) for processor in self._processors]
        fixed = None if plans is None else tuple(plans)
        try:
            for index, processor in enumerate(self._processors):
                processor.plans = fixed
                processor.keys = [plan.keys.layers.get(index) for plan in fixed or ()]
            yield
            for index, processor in enumerate(self._processors):
                for plan, known in zip(fixed or (), processor.keys, strict=True):
                    if known is not None:
                        plan.keys.layers[index] = known
        finally:
            for processor, (former, keys) in zip(self._processors, before, strict=True):
                processor.plans, processor.keys = former, keys

    @torch.no_grad()
    def warm(self, plan: CrossPlan, text: Tensor) -> None:
        """Compute a prompt's keys in all layers before a forward.

        Compiled blocks need it: else their first pass would be another graph than the rest.

        Parameters
        ----------
        plan : CrossPlan
        text : Tensor, shape (1, C, text width)
            Real rows and one zero row for the pads, on the model's device.
        """
        from torch._dynamo import maybe_mark_dynamic  # slow to import, rarely needed

        maybe_mark_dynamic(plan.bias, 3)
        for part in vars(plan.weights).values() if plan.weights is not None else ():
            maybe_mark_dynamic(part, 0)
        if len(plan.keys.layers) == len(self._layers):
            return
        embedded = self.transformer.condition_embedder.text_embedder(text)
        for index, layer in enumerate(self._layers):
            known = WanCrossAttention.project(layer, embedded, plan)
            for part in known:
                maybe_mark_dynamic(part, 2)
            plan.keys.layers[index] = known


@contextmanager
def install(transformer: Any) -> Iterator[SarContext]:
    """Put SAR processors on a transformer's cross-attentions and take them off again.

    Yields
    ------
    SarContext
        With `using(plans)` around every forward; without plans the forward is stock.
    """
    with SarContext(transformer).installed() as context:
        yield context

"""Cross-attention over collapsed text columns, plain and under SAR.

All functions take ``q (B, H, N, d)`` and ``k, v (B, H, C, d)`` in any float dtype and
return ``(B, H, N, d)`` in q's. Logits are float32 at least: bfloat16 loses about 1e-2 on
the log of the pad count. Video rows are worked through in blocks, so the only buffer that
grows with the clip is the logits' (23 MiB at 12 heads, 17 160 rows, 29 columns); a text so
long that it would outgrow `STREAM_BYTES` is streamed in two passes instead.

Logits lie in memory column by column (see `method.sar`). With a dozen columns that makes the
explicit softmax five times as fast on a processor as fused attention, whose blocks are cut
for hundreds of keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

from flowanchor_engine.method.columns import expand_pads
from flowanchor_engine.method.sar import (
    SarWeights,
    column_extremes,
    modulate_columns_,
    modulate_rows_,
    refine_,
    refine_dense,
    row_extremes,
)

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.method.columns import SarSettings, TextColumns
    from flowanchor_engine.method.sar import Reduce

__all__ = [
    "STREAM_BYTES",
    "attend",
    "attend_sar",
    "attend_sar_dense",
    "attend_sar_sdpa",
    "attend_sar_streamed",
]

STREAM_BYTES: Final = 64 * 2**20
"""Largest buffer of refined logits, per batch item, before rows are streamed."""

_BLOCK_BYTES: Final = 12 * 2**20  # fp32 copy of one block of query rows


def attend(q: Tensor, k: Tensor, v: Tensor, columns: TextColumns) -> Tensor:
    """Attend to collapsed text exactly as to its 512 padded rows.

    Parameters
    ----------
    q, k, v : Tensor
        (B, H, N, d), (B, H, C, d), (B, H, C, d).
    columns : TextColumns
        Roles of the C columns; its pad count weighs the last one.

    Returns
    -------
    Tensor
        (B, H, N, d), differentiable.
    """
    _check(q, k, v, columns)
    if not columns.pad_count:
        return functional.scaled_dot_product_attention(q, k, v)
    compute = _compute_dtype(q, None)
    keys, values = _scaled_keys(k, compute), v.to(compute)
    result = torch.empty_like(q)
    for block in _blocks(q, compute):
        result[..., block, :] = _weights(_logits(q, block, keys), columns) @ values
    return result


def attend_sar(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rows: Tensor,
    columns: TextColumns,
    settings: SarSettings,
    reduce: Reduce | None = None,
    *,
    dtype: torch.dtype | None = None,
    weights: SarWeights | None = None,
) -> Tensor:
    """Attend under SAR with collapsed pads; equal to the dense definition.

    Parameters
    ----------
    q, k, v : Tensor
        (B, H, N, d), (B, H, C, d), (B, H, C, d).
    rows : Tensor
        bool (N,), True for video tokens inside the mask.
    columns : TextColumns
        Roles of the C columns.
    settings : SarSettings
        Betas and switches.
    reduce : callable, optional
        Combines column extremes if the rows are a shard, see `sar.refine`.
    dtype : torch.dtype, optional
        Precision of the logits (A15); float32, or float64 for float64 queries.
    weights : SarWeights, optional
        Those of `rows`, `columns` and `settings`, if they are known from another layer.
    """
    _check(q, k, v, columns, rows)
    compute = _compute_dtype(q, dtype)
    weights = _weights_of(weights, rows, columns, settings, compute)
    if q.shape[1] * q.shape[2] * columns.width * compute.itemsize > STREAM_BYTES:
        return attend_sar_streamed(
            q, k, v, rows, columns, settings, reduce=reduce, dtype=compute, weights=weights
        )
    with _full_precision(q):
        keys, values = _scaled_keys(k, compute), v.to(compute)
        logits = q.new_empty((*q.shape[:-2], columns.width, q.shape[-2]), dtype=compute).mT
        for block in _blocks(q, compute):
            logits[..., block, :] = _logits(q, block, keys)
        refine_(logits, columns, settings, weights, reduce=reduce)
        result = torch.empty_like(q)
        for block in _blocks(q, compute):
            result[..., block, :] = _weights(logits[..., block, :], columns) @ values
    return result


def attend_sar_streamed(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rows: Tensor,
    columns: TextColumns,
    settings: SarSettings,
    rows_per_chunk: int | None = None,
    reduce: Reduce | None = None,
    *,
    dtype: torch.dtype | None = None,
    weights: SarWeights | None = None,
) -> Tensor:
    """Attend under SAR in two passes over blocks of rows, keeping no logits between them.

    The first pass finds the column extremes after the text-token modulation, the second
    computes the logits again, refines them and attends. Memory does not grow with the
    clip; the logits are computed twice.

    Parameters
    ----------
    q, k, v, rows, columns, settings, reduce, dtype, weights
        As in `attend_sar`.
    rows_per_chunk : int, optional
        Rows of a block; by default as many as fit a few MiB.
    """
    _check(q, k, v, columns, rows)
    compute = _compute_dtype(q, dtype)
    weights = _weights_of(weights, rows, columns, settings, compute)
    blocks = list(_blocks(q, compute, rows_per_chunk))
    with _full_precision(q):
        keys, values = _scaled_keys(k, compute), v.to(compute)

        def logits_of(block: slice) -> Tensor:
            return _logits(q, block, keys)

        def modulated(logits: Tensor, block: slice) -> Tensor:
            if settings.heads == "averaged":
                logits = logits.mean(-3, keepdim=True)
            extremes = row_extremes(logits, columns, settings)
            return modulate_rows_(logits, weights.part(block), extremes)

        highs, lows = zip(
            *(column_extremes(modulated(logits_of(block), block)) for block in blocks),
            strict=True,
        )
        high, low = torch.stack(highs).amax(0), torch.stack(lows).amin(0)
        if reduce is not None:
            high, low = reduce(high, "max"), reduce(low, "min")

        result = torch.empty_like(q)
        for block in blocks:
            logits = logits_of(block)
            if settings.heads == "averaged":
                mean = logits.mean(-3, keepdim=True)
                change = modulated(mean.clone(), block)
                modulate_columns_(change, weights.part(block), (high, low))
                logits += change - mean
            else:
                modulated(logits, block)
                modulate_columns_(logits, weights.part(block), (high, low))
            result[..., block, :] = _weights(logits, columns) @ values
    return result


def attend_sar_sdpa(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rows: Tensor,
    columns: TextColumns,
    settings: SarSettings,
    reduce: Reduce | None = None,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Attend under SAR with one fused attention call over a few extra head dimensions.

    SAR scales logits by row and column and adds terms of low rank, so it can be carried by
    augmented queries and keys: a row gain and a column gain on q k, then a target bias, the
    two column constants, the pads' correction, the log count, and the end token's
    correction where it is excluded. Two passes for the extremes come first.

    Parameters
    ----------
    q, k, v, rows, columns, settings, reduce, dtype
        As in `attend_sar`; heads must be independent (an average over heads is not of low
        rank).
    """
    _check(q, k, v, columns, rows)
    if settings.heads != "independent":
        msg = "the one-call form refines each head by itself"
        raise ValueError(msg)
    compute = _compute_dtype(q, dtype)
    with _full_precision(q):
        queries, keys, values = q.to(compute), k.to(compute), v.to(compute)
        scaled = _scaled_keys(k, compute)
        weights = SarWeights.of(rows, columns, settings, compute)
        highs, lows, columns_high, columns_low = [], [], [], []
        untouched = _untouched(columns, settings)
        held: dict[int, list[Tensor]] = {column: [] for column in untouched}
        for block in _blocks(q, compute):
            logits = _logits(queries, block, scaled)
            row_high, row_low = row_extremes(logits, columns, settings)
            highs.append(row_high)
            lows.append(row_low)
            for column in untouched:
                held[column].append(logits[..., column : column + 1].clone())
            modulate_rows_(logits, weights.part(block), (row_high, row_low))
            column_high, column_low = column_extremes(logits)
            columns_high.append(column_high)
            columns_low.append(column_low)
        high, low = torch.cat(highs, -2), torch.cat(lows, -2)
        column_high = torch.stack(columns_high).amax(0)
        column_low = torch.stack(columns_low).amin(0)
        if reduce is not None:
            column_high, column_low = reduce(column_high, "max"), reduce(column_low, "min")

        beta1 = torch.as_tensor(settings.beta1, dtype=compute, device=q.device)
        beta2 = torch.as_tensor(settings.beta2, dtype=compute, device=q.device)
        inside = rows.to(compute).unsqueeze(-1).expand(high.shape)
        target = columns.target.to(compute).unsqueeze(-1).expand((*k.shape[:-1], 1))
        ones_column = torch.ones_like(high)
        log_count = _bias(columns, q, compute).unsqueeze(-1).expand(target.shape)
        left = [
            inside * ((1 - beta2) * beta1 * high - beta1 * low),
            inside,
            1 - inside,
            ones_column,
        ]
        right = [
            target,
            target * beta2 * column_high.transpose(-1, -2),
            target * beta2 * column_low.transpose(-1, -2),
            log_count,
        ]
        for column in untouched:
            left.append(inside * beta1 * (torch.cat(held[column], -2) - low))
            indicator = torch.zeros_like(target)
            indicator[..., column, :] = 1
            right.append(indicator)
        # Fused kernels want widths in multiples of 8.
        filler = -(q.shape[-1] + len(left)) % 8
        left += [torch.zeros_like(ones_column)] * filler
        right += [torch.zeros_like(target)] * filler
        row_gain = (1 - beta1 * inside) / math.sqrt(q.shape[-1])
        augmented_q = torch.cat([queries * row_gain, *left], -1)
        augmented_k = torch.cat([keys * (1 - beta2 * target), *right], -1)
        result = functional.scaled_dot_product_attention(
            augmented_q, augmented_k, values, scale=1.0
        )
    return result.to(q.dtype)


def attend_sar_dense(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rows: Tensor,
    columns: TextColumns,
    settings: SarSettings,
    reduce: Reduce | None = None,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """Attend under SAR over all 512 columns: the parity form, slow and large.

    Parameters
    ----------
    q, k, v, rows, columns, settings, reduce, dtype
        As in `attend_sar`; pads are expanded again here.
    """
    _check(q, k, v, columns, rows)
    compute = _compute_dtype(q, dtype)
    with _full_precision(q):
        keys = expand_pads(k.to(compute), columns)
        values = expand_pads(v.to(compute), columns)
        target = columns.target.new_zeros(keys.shape[-2])
        target[: columns.width] = columns.target
        logits = q.to(compute) @ _scaled_keys(keys, compute).mT
        refined = refine_dense(
            logits, rows, target, columns.real, settings, eos=columns.eos, reduce=reduce
        )
        return (torch.softmax(refined, -1) @ values).to(q.dtype)


def _weights_of(
    known: SarWeights | None,
    rows: Tensor,
    columns: TextColumns,
    settings: SarSettings,
    dtype: torch.dtype,
) -> SarWeights:
    if known is not None and known.to_row_max.dtype == dtype:
        return known
    return SarWeights.of(rows, columns, settings, dtype)


def _logits(q: Tensor, block: slice, keys: Tensor) -> Tensor:
    """Logits of one block of rows, (B, H, n, C), its memory column by column."""
    return (keys @ q[..., block, :].to(keys.dtype).mT).mT


def _weights(logits: Tensor, columns: TextColumns) -> Tensor:
    """Softmax of refined logits, changed in place by the pads' log count."""
    if columns.pad_count:
        logits[..., -1] += columns.log_count
    return torch.softmax(logits.mT, -2).mT


def _untouched(columns: TextColumns, settings: SarSettings) -> list[int]:
    """Columns that keep their logit in the first modulation although they are no target."""
    held = []
    if columns.pad_count and settings.pads != "all":
        held.append(columns.width - 1)
    if settings.eos == "exclude" and columns.eos is not None:
        held.append(columns.eos)
    return held


def _bias(columns: TextColumns, like: Tensor, dtype: torch.dtype) -> Tensor:
    """Log count on the pad column, (C,)."""
    bias = torch.zeros(columns.width, dtype=dtype, device=like.device)
    if columns.pad_count:
        bias[-1] = columns.log_count
    return bias


def _scaled_keys(keys: Tensor, dtype: torch.dtype) -> Tensor:
    """Keys / sqrt(d), (B, H, C, d): the scale costs nothing on this side."""
    return keys.to(dtype) / math.sqrt(keys.shape[-1])


def _blocks(q: Tensor, dtype: torch.dtype, rows: int | None = None) -> Iterator[slice]:
    """Cut the N rows into blocks whose query copy stays near `_BLOCK_BYTES`."""
    count = q.shape[-2]
    if rows is None:
        rows = max(1, _BLOCK_BYTES // (q.shape[0] * q.shape[1] * q.shape[3] * dtype.itemsize))
    if rows < 1:
        msg = f"a block needs at least one row, not {rows}"
        raise ValueError(msg)
    for start in range(0, count, rows):
        yield slice(start, min(start + rows, count))


def _compute_dtype(q: Tensor, asked: torch.dtype | None) -> torch.dtype:
    if asked is not None:
        return asked
    return torch.float64 if q.dtype == torch.float64 else torch.float32


def _full_precision(q: Tensor) -> torch.autocast:
    """Keep an ambient autocast from lowering the logits again."""
    return torch.autocast(q.device.type, enabled=False)


def _check(
    q: Tensor, k: Tensor, v: Tensor, columns: TextColumns, rows: Tensor | None = None
) -> None:
    if k.shape != v.shape or k.shape[-2] != columns.width or q.shape[:2] != k.shape[:2]:
        msg = (
            f"queries {tuple(q.shape)}, keys {tuple(k.shape)} and values {tuple(v.shape)} "
            f"do not fit {columns.width} text columns"
        )
        raise ValueError(msg)
    if rows is not None and (rows.dtype != torch.bool or rows.shape != q.shape[-2:-1]):
        msg = f"the mask must be bool ({q.shape[-2]},), not {rows.dtype} {tuple(rows.shape)}"
        raise ValueError(msg)

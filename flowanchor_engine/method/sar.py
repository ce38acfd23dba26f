"""Spatial-aware attention refinement (SAR), Eq. 14-22 of the paper, on logits.

Rows are video tokens, columns text tokens. Before the softmax of a cross-attention, per
head:

1. Text-token modulation, rows inside the mask (Eq. 15-16). Target columns move towards the
   row's maximum, ``A' = A + b1 (rowmax - A)``; the other columns towards its minimum,
   ``A' = A - b1 (A - rowmin)``.
2. Spatio-temporal modulation, target columns (Eq. 17-18). Inside the mask
   ``A'' = A' + b2 (colmax' - A')``, outside ``A'' = A' - b2 (A' - colmin')``; the extremes
   run over the tokens of all frames together.

Every step is a convex combination (Eq. 19-22), hence four in-place `lerp_` over one buffer:
no temporary of its size, no data-dependent shape, and with beta 0 the logits come back bit
for bit. The count of the pad column is added by whoever takes the softmax, afterwards.

Any strides do. Fastest is memory in which a column's rows lie together (``logits.mT``
contiguous): a text has a dozen columns, a clip thousands of rows, so that both extremes and
the `lerp_` then run along memory, ten times as fast as across it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from flowanchor_engine.method.columns import SarSettings, TextColumns

__all__ = [
    "Reduce",
    "SarWeights",
    "column_extremes",
    "modulate_columns_",
    "modulate_rows_",
    "refine",
    "refine_",
    "refine_dense",
    "row_extremes",
]

Reduce = Callable[["Tensor", Literal["max", "min"]], "Tensor"]
"""Combines column extremes of sharded rows across processes (an all-reduce)."""


@dataclass(frozen=True, eq=False)
class SarWeights:
    """How far every logit moves: one for a whole forward, since layers and heads share it.

    Attributes
    ----------
    to_row_max, to_row_min : Tensor
        (C, N), beta1 for target columns and for the others, 0 outside the mask (Eq. 15-16).
    to_column_max, to_column_min : Tensor
        (C, N), beta2 for target columns inside the mask and outside (Eq. 17-18).
    """

    to_row_max: Tensor
    to_row_min: Tensor
    to_column_max: Tensor
    to_column_min: Tensor

    @classmethod
    def of(
        cls, rows: Tensor, columns: TextColumns, settings: SarSettings, dtype: torch.dtype
    ) -> SarWeights:
        """Lay the betas over rows, bool (N,), and columns, in the precision of the logits."""
        inside = rows.to(dtype)
        target = columns.target.to(dtype).unsqueeze(-1)
        lowered = _lowered(columns, settings).to(dtype).unsqueeze(-1)
        beta1, beta2 = _scalar(settings.beta1, inside), _scalar(settings.beta2, inside)
        return cls(
            to_row_max=beta1 * target * inside,
            to_row_min=beta1 * lowered * inside,
            to_column_max=beta2 * target * inside,
            to_column_min=beta2 * target * (1 - inside),
        )

    def part(self, block: slice) -> SarWeights:
        """Return the weights of some rows."""
        return SarWeights(
            self.to_row_max[:, block],
            self.to_row_min[:, block],
            self.to_column_max[:, block],
            self.to_column_min[:, block],
        )


def row_extremes(
    logits: Tensor, columns: TextColumns, settings: SarSettings
) -> tuple[Tensor, Tensor]:
    """Return row maximum and minimum over the columns that count (Eq. 15-16).

    Parameters
    ----------
    logits : Tensor
        (..., N, C), pads collapsed, without the log of their count.
    columns, settings
        Decide which columns count: pads once unless ``pads='real'``, the end token unless
        ``eos='exclude'``.

    Returns
    -------
    tuple of Tensor
        Two of shape (..., N, 1).
    """
    stop = columns.real if settings.pads == "real" else columns.width
    if settings.eos == "exclude" and columns.eos is not None:
        parts = [logits[..., : columns.eos], logits[..., columns.eos + 1 : stop]]
        parts = [part for part in parts if part.shape[-1]]
    else:
        parts = [logits[..., :stop]]
    if not parts:
        msg = "no text column is left for the row extremes"
        raise ValueError(msg)
    high, low = _extremes(parts[0], -1)
    for part in parts[1:]:
        other_high, other_low = _extremes(part, -1)
        high, low = torch.maximum(high, other_high), torch.minimum(low, other_low)
    return high, low


def modulate_rows_(logits: Tensor, weights: SarWeights, extremes: tuple[Tensor, Tensor]) -> Tensor:
    """Apply the text-token modulation (Eq. 15-16) in place and return the logits.

    Parameters
    ----------
    logits : Tensor
        (..., N, C), changed.
    weights : SarWeights
        Of these N rows and C columns.
    extremes : tuple of Tensor
        Row maximum and minimum, see `row_extremes`.
    """
    high, low = extremes
    by_column = logits.mT
    by_column.lerp_(high.mT, weights.to_row_max)
    by_column.lerp_(low.mT, weights.to_row_min)
    return logits


def column_extremes(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return column maximum and minimum over all rows, each (..., 1, C)."""
    return _extremes(logits, -2)


def modulate_columns_(
    logits: Tensor, weights: SarWeights, extremes: tuple[Tensor, Tensor]
) -> Tensor:
    """Apply the spatio-temporal modulation (Eq. 17-18) in place and return the logits.

    Parameters
    ----------
    logits : Tensor
        (..., N, C) after `modulate_rows_`, changed.
    weights : SarWeights
        Of these N rows and C columns.
    extremes : tuple of Tensor
        Column maximum and minimum, (..., 1, C), over *all* video tokens of the clip.
    """
    high, low = extremes
    by_column = logits.mT
    by_column.lerp_(high.mT, weights.to_column_max)
    by_column.lerp_(low.mT, weights.to_column_min)
    return logits


def refine_(
    logits: Tensor,
    columns: TextColumns,
    settings: SarSettings,
    weights: SarWeights,
    *,
    reduce: Reduce | None = None,
) -> Tensor:
    """Refine logits in place with weights that are known already; see `refine`."""
    if settings.heads == "averaged":
        mean = logits.mean(-3, keepdim=True)
        refined = _refine_heads_(mean.clone(), columns, settings, weights, reduce)
        return logits.add_(refined.sub_(mean))
    return _refine_heads_(logits, columns, settings, weights, reduce)


def refine(
    logits: Tensor,
    rows: Tensor,
    columns: TextColumns,
    settings: SarSettings,
    *,
    reduce: Reduce | None = None,
) -> Tensor:
    """Return refined logits (Eq. 14-18), pads collapsed, without the log of their count.

    Parameters
    ----------
    logits : Tensor
        (..., H, N, C), float32 or float64.
    rows : Tensor
        bool (N,), True for video tokens inside the mask.
    columns : TextColumns
        Roles of the C columns.
    settings : SarSettings
        Betas and switches.
    reduce : callable, optional
        ``reduce(tensor, 'max' | 'min')`` combines column extremes if the N rows are one
        shard of the clip's tokens. Without it the extremes are the shard's own.

    Returns
    -------
    Tensor
        As `logits`; each value stays within its head's original extremes (with
        independent heads).
    """
    weights = SarWeights.of(rows, columns, settings, logits.dtype)
    return refine_(logits.clone(), columns, settings, weights, reduce=reduce)


def refine_dense(
    logits: Tensor,
    rows: Tensor,
    target: Tensor,
    real: int,
    settings: SarSettings,
    *,
    eos: int | None = None,
    reduce: Reduce | None = None,
) -> Tensor:
    """Refine logits with every pad as its own column: the letter of the equations.

    Slow and large; the form against which the others are checked.

    Parameters
    ----------
    logits : Tensor
        (..., H, N, 512): real tokens first, then pads.
    rows : Tensor
        bool (N,), True inside the mask.
    target : Tensor
        bool (512,), the columns J.
    real : int
        Number of real tokens.
    settings : SarSettings
        Betas and switches.
    eos : int, optional
        Column of the end token.
    reduce : callable, optional
        As in `refine`.
    """
    if settings.heads == "averaged":
        mean = logits.mean(-3, keepdim=True)
        return logits + (_dense_heads(mean, rows, target, real, settings, eos, reduce) - mean)
    return _dense_heads(logits, rows, target, real, settings, eos, reduce)


def _dense_heads(
    logits: Tensor,
    rows: Tensor,
    target: Tensor,
    real: int,
    settings: SarSettings,
    eos: int | None,
    reduce: Reduce | None,
) -> Tensor:
    beta1, beta2 = _scalar(settings.beta1, logits), _scalar(settings.beta2, logits)
    index = torch.arange(logits.shape[-1], device=logits.device)
    words = index < real
    if settings.eos == "exclude" and eos is not None:
        words = words & (index != eos)
    pads = index >= real
    counted = words if settings.pads == "real" else words | pads
    modulated = (words | pads if settings.pads == "all" else words) | target

    infinite = float("inf")
    row_max = logits.masked_fill(~counted, -infinite).amax(-1, keepdim=True)
    row_min = logits.masked_fill(~counted, infinite).amin(-1, keepdim=True)
    raised = logits + beta1 * (row_max - logits)
    lowered = logits - beta1 * (logits - row_min)
    inside = rows.unsqueeze(-1)
    first = torch.where(target, raised, torch.where(modulated, lowered, logits))
    first = torch.where(inside, first, logits)

    col_max, col_min = first.amax(-2, keepdim=True), first.amin(-2, keepdim=True)
    if reduce is not None:
        col_max, col_min = reduce(col_max, "max"), reduce(col_min, "min")
    raised = first + beta2 * (col_max - first)
    lowered = first - beta2 * (first - col_min)
    return torch.where(target, torch.where(inside, raised, lowered), first)


def _refine_heads_(
    logits: Tensor,
    columns: TextColumns,
    settings: SarSettings,
    weights: SarWeights,
    reduce: Reduce | None,
) -> Tensor:
    modulate_rows_(logits, weights, row_extremes(logits, columns, settings))
    high, low = column_extremes(logits)
    if reduce is not None:
        high, low = reduce(high, "max"), reduce(low, "min")
    return modulate_columns_(logits, weights, (high, low))


def _lowered(columns: TextColumns, settings: SarSettings) -> Tensor:
    """Columns of "j not in J" that the first modulation moves, bool (C,)."""
    moved = ~columns.target
    index = torch.arange(columns.width, device=moved.device)
    if settings.pads != "all":
        moved = moved & (index < columns.real)
    if settings.eos == "exclude" and columns.eos is not None:
        moved = moved & (index != columns.eos)
    return moved


def _extremes(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Maximum and minimum; on a processor `aminmax` is slower, it does not vectorise."""
    return values.amax(dim, keepdim=True), values.amin(dim, keepdim=True)


def _scalar(beta: float | Tensor, like: Tensor) -> Tensor:
    return torch.as_tensor(beta, dtype=like.dtype, device=like.device)

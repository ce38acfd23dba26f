"""Where the words act: cross-attention maps gathered while an edit runs.

Attention shows where a word is read, not what it causes; the panel says so beside the heat.
It costs one more buffer of logits per layer that is listened to and changes no result.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from flowanchor_engine.method.sar import Reduce, SarWeights, refine_

if TYPE_CHECKING:
    from flowanchor_engine.method.columns import SarSettings, TextColumns

__all__ = ["WordAttention", "attention_weights"]


def attention_weights(
    q: Tensor,
    k: Tensor,
    columns: TextColumns,
    rows: Tensor | None = None,
    settings: SarSettings | None = None,
    reduce: Reduce | None = None,
) -> Tensor:
    """Return the attention of one layer, averaged over heads.

    Parameters
    ----------
    q, k : Tensor
        (1, H, N, d) and (1, H, C, d).
    columns : TextColumns
        Roles of the C columns; the last stands for all pads.
    rows, settings, reduce
        If given, the weights are those under SAR.

    Returns
    -------
    Tensor, shape (N, C), float32
        Every row sums to 1.
    """
    moved = None
    if rows is not None and settings is not None:
        moved = SarWeights.of(rows, columns, settings, torch.float32)
    if moved is not None and settings is not None and settings.heads == "averaged":
        logits = torch.cat([_logits(q, k, head) for head in range(q.shape[1])], 1)
        refine_(logits, columns, settings, moved, reduce=reduce)
        return _softmax(logits, columns).mean(1)[0]
    total = None
    for head in range(q.shape[1]):  # one by one: the upcast queries would fill a tight card
        logits = _logits(q, k, head)
        if moved is not None and settings is not None:
            refine_(logits, columns, settings, moved, reduce=reduce)
        weights = _softmax(logits, columns)[0, 0]
        total = weights if total is None else total.add_(weights)
    assert total is not None
    return total.div_(q.shape[1])


def _logits(q: Tensor, k: Tensor, head: int) -> Tensor:
    part = slice(head, head + 1)
    return q[:, part].float() @ (k[:, part].float() / math.sqrt(k.shape[-1])).transpose(-1, -2)


def _softmax(logits: Tensor, columns: TextColumns) -> Tensor:
    if columns.pad_count:
        logits[..., -1] += columns.log_count
    return torch.softmax(logits, -1)


class WordAttention:
    """Mean cross-attention of every video token to every text column.

    Parameters
    ----------
    tokens : int
        Video tokens of the whole clip, N.
    width : int
        Text columns with the pads collapsed, C.
    device : torch.device or str
        The device of the model.
    steps : frozenset of int, optional
        Indices of the steps to listen to; all without it.
    """

    def __init__(
        self,
        tokens: int,
        width: int,
        device: torch.device | str = "cpu",
        *,
        steps: frozenset[int] | None = None,
    ) -> None:
        self._steps = steps
        self._sum = torch.zeros(tokens, width, dtype=torch.float32, device=device)
        self._count = torch.zeros(tokens, 1, dtype=torch.float32, device=device)

    def wants(self, step: int, average: int) -> bool:
        """Whether to listen to a step; of averaged noise draws the first one is enough."""
        return self._steps is None or (step in self._steps and average == 0)

    def add(self, weights: Tensor, start: int = 0) -> None:
        """Add one layer of one forward, (n, C), for the tokens from `start` on."""
        span = slice(start, start + weights.shape[0])
        self._sum[span] += weights
        self._count[span] += 1

    @property
    def layers(self) -> int:
        """How many layers of how many forwards were added (for the most seen token)."""
        return int(self._count.max())

    def mean(self) -> Tensor:
        """Return the mean weights, (N, C) on the CPU; rows never seen are zero."""
        return (self._sum / self._count.clamp(min=1)).cpu()

    def shares(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return how much of the attention each column gets inside and outside the matte.

        Parameters
        ----------
        rows : Tensor, bool (N,)
            Video tokens inside.

        Returns
        -------
        tuple of Tensor, each (C,)
            Mean over the tokens inside, and over those outside; each sums to 1, or is zero
            where there is no such token.
        """
        weights, inside = self.mean(), rows.to("cpu", torch.float32)
        outside = 1 - inside
        return (
            inside @ weights / inside.sum().clamp(min=1),
            outside @ weights / outside.sum().clamp(min=1),
        )

    def heat(self, columns: list[int], grid: tuple[int, int, int]) -> Tensor:
        """Return where a word (its columns together) is read, (frames, rows, cols), 0..1.

        Parameters
        ----------
        columns : list of int
            Text columns of the word.
        grid : tuple of int
            Latent frames, token rows and token columns of the clip.
        """
        word = self.mean()[:, columns].sum(1)
        peak = float(word.max())
        return (word / peak if peak > 0 else word).reshape(grid)

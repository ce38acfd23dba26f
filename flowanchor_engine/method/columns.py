"""What the columns of a cross-attention mean: real tokens, end of text, collapsed pads.

Wan pads every text with zeros to 512 rows and masks nothing, so all pads share one key and
one value. One column standing for all of them, with ``log(count)`` added to its logit,
gives the same softmax exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SarSettings", "TextColumns", "expand_pads"]


@dataclass(frozen=True)
class TextColumns:
    """The text side of one cross-attention, pads collapsed.

    Attributes
    ----------
    real : int
        Real tokens, the end token included; they come first.
    pad_count : int
        Pads that the last column stands for; 0 means that there is no such column.
    target : Tensor
        bool (C,), C = real + (1 if pad_count else 0): the columns J that drive the edit.
    eos : int, optional
        Column of the end token.
    """

    real: int
    pad_count: int
    target: Tensor
    eos: int | None = None

    def __post_init__(self) -> None:
        """Refuse shapes and roles that contradict each other."""
        if self.real < 1 or self.pad_count < 0:
            msg = f"a text has real tokens, not {self.real}, and pads >= 0, not {self.pad_count}"
            raise ValueError(msg)
        if self.target.dtype != torch.bool or tuple(self.target.shape) != (self.width,):
            msg = f"target columns must be bool ({self.width},), not {tuple(self.target.shape)}"
            raise ValueError(msg)
        if self.eos is not None and not 0 <= self.eos < self.real:
            msg = f"the end token must be one of {self.real} real columns, not {self.eos}"
            raise ValueError(msg)

    @property
    def width(self) -> int:
        """Columns of the collapsed attention, C."""
        return self.real + (1 if self.pad_count else 0)

    @property
    def log_count(self) -> float:
        """What the pad column's logit gains after refinement: the log of its count."""
        return math.log(self.pad_count) if self.pad_count else 0.0

    def to(self, device: torch.device | str) -> TextColumns:
        """Return the same columns with `target` on another device."""
        return TextColumns(self.real, self.pad_count, self.target.to(device), self.eos)


@dataclass(frozen=True)
class SarSettings:
    """The numbers and switches of spatial-aware attention refinement.

    Attributes
    ----------
    beta1, beta2 : float or Tensor
        Strength of the text-token and of the spatio-temporal modulation, 0..1. As 0-d
        tensors they may change under a compiled model without a recompilation.
    pads : {'real', 'all', 'stats_all'}
        A8. `real`: extremes and modulation over real tokens. `all`: pads are ordinary
        tokens outside J. `stats_all`: pads count in the extremes but keep their logit.
    eos : {'real', 'exclude'}
        A9. `exclude`: the end token neither counts in the extremes nor is modulated.
    heads : {'independent', 'averaged'}
        A7. `averaged`: the change computed on the mean over heads is added to every head.
    """

    beta1: float | Tensor
    beta2: float | Tensor
    pads: Literal["real", "all", "stats_all"] = "real"
    eos: Literal["real", "exclude"] = "real"
    heads: Literal["independent", "averaged"] = "independent"


def expand_pads(tensor: Tensor, columns: TextColumns) -> Tensor:
    """Return keys, values or logits with the pad column repeated `pad_count` times.

    Parameters
    ----------
    tensor : Tensor
        (..., C, d) keys or values.
    columns : TextColumns
        What the C columns are.

    Returns
    -------
    Tensor
        (..., real + pad_count, d): the dense form, for parity.
    """
    real, pad = tensor[..., : columns.real, :], tensor[..., columns.real :, :]
    if not columns.pad_count:
        return real
    return torch.cat([real, pad.expand(*pad.shape[:-2], columns.pad_count, pad.shape[-1])], -2)

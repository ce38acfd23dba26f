"""Where every word of the wanted text was read while an edit ran.

Gathered from the target's conditional forwards of two steps: the last anchored one, whose
latent is the cleanest that SAR acts on, and the one in the middle of the anchored ones. All
blocks and heads of a forward count alike. Attention shows where a word is read, not what it
causes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from flowanchor_engine.method import words
from flowanchor_engine.wan.capture import WordAttention

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from flowanchor_engine.method.schedule import Step
    from flowanchor_engine.method.words import CharSpan, Targets
    from flowanchor_engine.wan.text import TextBundle

__all__ = ["WordHeat", "WordMaps", "chosen_steps", "listener", "maps"]


@dataclass(frozen=True)
class WordHeat:
    """One word's attention.

    Attributes
    ----------
    span : (int, int)
        Characters of the cleaned text.
    drives : bool
    share : float
        The part of its attention that falls inside the matte, 0..1.
    """

    text: str
    span: CharSpan
    drives: bool
    share: float


@dataclass(frozen=True, eq=False)
class WordMaps:
    """The words' attention on the token grid.

    Attributes
    ----------
    words : tuple of WordHeat
    cells : Tensor, shape (words, F, rows, columns), uint8
        255 is the strongest cell of its word.
    matte_share : float
        Part of the token cells inside the matte: what `share` would be by chance.
    """

    words: tuple[WordHeat, ...]
    cells: Tensor
    matte_share: float


def chosen_steps(steps: Sequence[Step]) -> frozenset[int]:
    """Return the indices of the steps to listen to, of those that are still to run."""
    among = [step for step in steps if step.anchored] or list(steps)
    return (
        frozenset(among[place].index for place in (len(among) // 2, -1)) if among else frozenset()
    )


def listener(
    grid: tuple[int, int, int],
    text: TextBundle,
    steps: Sequence[Step],
    device: torch.device | str,
) -> WordAttention:
    """Return what `WanVelocity` shall tell its attention to.

    Parameters
    ----------
    grid : tuple of int
        Latent frames, token rows and token columns of the clip.
    text : TextBundle
        The wanted text.
    steps : sequence of Step
        Those that are still to run.
    """
    width = text.collapsed().shape[0]
    frames, rows, columns = grid
    return WordAttention(frames * rows * columns, width, device, steps=chosen_steps(steps))


def maps(
    heard: WordAttention,
    targets: Targets,
    offsets: Sequence[CharSpan],
    grid: tuple[int, int, int],
    inside: Tensor | None,
) -> WordMaps | None:
    """Turn what was heard into one map per word.

    Parameters
    ----------
    targets : Targets
        Of the wanted text; every word gets a map, driving or not.
    offsets : sequence of (int, int)
        Characters of each token.
    inside : Tensor, bool (N,), or None
        Video tokens inside the model's matte; None where everything is.

    Returns
    -------
    WordMaps or None
        None if nothing was heard.
    """
    if heard.layers == 0:
        return None
    weights = heard.mean()
    count = weights.shape[0]
    rows = torch.ones(count, dtype=torch.bool) if inside is None else inside.cpu()
    told: list[WordHeat] = []
    cells: list[Tensor] = []
    for (start, stop), drives in words.pieces(targets.text, targets.spans):
        columns = [
            column
            for column, (first, last) in enumerate(offsets)
            if first < last and max(first, start) < min(last, stop)
        ]
        mass = weights[:, columns].sum(1)
        total, peak = float(mass.sum()), float(mass.max())
        if not columns or total <= 0:
            continue
        share = float(mass[rows].sum()) / total
        told.append(WordHeat(targets.text[start:stop], (start, stop), drives, share))
        cells.append((mass * (255 / peak)).round().to(torch.uint8).reshape(grid))
    if not told:
        return None
    return WordMaps(tuple(told), torch.stack(cells), float(rows.float().mean()))

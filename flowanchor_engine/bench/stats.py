"""Intervals and paired tests for small numbers of cases, in closed form or by resampling.

Success counts get Wilson intervals and McNemar's exact test, means get percentile bootstrap
intervals. Resampling draws from a fixed seed, so that a report regenerates number for number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Interval",
    "bootstrap_mean",
    "holm",
    "mcnemar_exact",
    "paired_difference",
    "wilson",
]

_RESAMPLES = 10_000
_SEED = 20_220_742


@dataclass(frozen=True)
class Interval:
    """An estimate, its confidence interval and the number of cases behind it."""

    value: float
    low: float
    high: float
    count: int


def wilson(successes: int, count: int, *, confidence: float = 0.95) -> Interval:
    """Return a share with its Wilson score interval.

    Parameters
    ----------
    successes, count : int
        0 <= successes <= count.
    confidence : float, 0..1 exclusive

    Returns
    -------
    Interval
        NaN everywhere when `count` is 0.

    Raises
    ------
    ValueError
        If the counts contradict each other.
    """
    if not 0 <= successes <= count:
        raise ValueError(f"{successes} successes of {count} cases cannot be")
    if count == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / count
    scale = 1 + z * z / count
    middle = (share + z * z / (2 * count)) / scale
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
    # At 0 and at `count` one end is exact; rounding must not push it past the estimate.
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == count else middle + half
    return Interval(share, low, high, count)


def bootstrap_mean(
    values: Sequence[float], *, confidence: float = 0.95, resamples: int = _RESAMPLES
) -> Interval:
    """Return the mean of the finite values with its percentile bootstrap interval."""
    data = np.asarray(values, np.float64)
    data = data[np.isfinite(data)]
    if data.size == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    low, high = _percentiles(data, confidence, resamples)
    return Interval(float(data.mean()), low, high, int(data.size))


def paired_difference(
    first: Sequence[float],
    second: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = _RESAMPLES,
) -> Interval:
    """Return the mean of ``first - second`` over the same cases, with a paired bootstrap interval.

    Pairs with a value that is not finite are left out.

    Raises
    ------
    ValueError
        If the lengths differ.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs need equal lengths, not {len(first)} and {len(second)}")
    return bootstrap_mean(
        np.subtract(np.asarray(first, np.float64), np.asarray(second, np.float64)).tolist(),
        confidence=confidence,
        resamples=resamples,
    )


def _percentiles(
    data: NDArray[np.float64], confidence: float, resamples: int
) -> tuple[float, float]:
    rng = np.random.default_rng(_SEED)
    means = np.empty(resamples)
    for start in range(0, resamples, 1000):  # bounded memory for long lists
        stop = min(start + 1000, resamples)
        picks = rng.integers(0, data.size, (stop - start, data.size))
        means[start:stop] = data[picks].mean(1)
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p value of McNemar's test on discordant pairs.

    Parameters
    ----------
    only_first, only_second : int, >= 0
        Cases that only the one or only the other variant solved. Cases on which both agree
        say nothing about the difference.
    """
    if only_first < 0 or only_second < 0:
        raise ValueError("counts of pairs are not negative")
    total = only_first + only_second
    tail = sum(math.comb(total, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, float(2 * tail / 2**total))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values adjusted for their number by Holm's step-down rule, in the same order."""
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = reached
    return adjusted

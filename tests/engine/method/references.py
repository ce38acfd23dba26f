"""Independent references, written from the equations with plain loops over float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from flowanchor_engine.method.trajectory import Branch, Query

if TYPE_CHECKING:
    from flowanchor_engine.method.columns import SarSettings, TextColumns


def sar_loops(
    logits: Tensor,
    rows: Sequence[bool],
    target: Sequence[bool],
    real: int,
    settings: SarSettings,
    eos: int | None,
) -> Tensor:
    """Eq. 15-18 over (H, N, K) with every pad its own column, one number at a time."""
    b1, b2 = float(settings.beta1), float(settings.beta2)
    heads, count, width = logits.shape
    table: list[list[list[float]]] = logits.tolist()
    base = table
    if settings.heads == "averaged":
        base = [
            [
                [sum(table[h][i][j] for h in range(heads)) / heads for j in range(width)]
                for i in range(count)
            ]
        ]
    out = []
    for head in base:
        first = [list(row) for row in head]
        for i in range(count):
            if not rows[i]:
                continue
            seen = []
            for j in range(width):
                if j >= real and settings.pads == "real":
                    continue
                if j == eos and settings.eos == "exclude":
                    continue
                seen.append(head[i][j])
            for j in range(width):
                if target[j]:
                    first[i][j] = head[i][j] + b1 * (max(seen) - head[i][j])
                elif (j >= real and settings.pads != "all") or (
                    j == eos and settings.eos == "exclude"
                ):
                    continue
                else:
                    first[i][j] = head[i][j] - b1 * (head[i][j] - min(seen))
        second = [list(row) for row in first]
        for j in range(width):
            if not target[j]:
                continue
            column = [first[i][j] for i in range(count)]
            for i in range(count):
                if rows[i]:
                    second[i][j] = first[i][j] + b2 * (max(column) - first[i][j])
                else:
                    second[i][j] = first[i][j] - b2 * (first[i][j] - min(column))
        out.append(second)
    refined = torch.tensor(out, dtype=torch.float64)
    if settings.heads == "averaged":
        return logits + (refined - torch.tensor(base, dtype=torch.float64))
    return refined


def dense_logits(q: Tensor, k: Tensor, columns: TextColumns) -> Tensor:
    """Logits (H, N, real + pads) with the pad column written out, one dot product each."""
    heads, count, depth = q.shape
    width = columns.real + columns.pad_count
    out = torch.empty(heads, count, width, dtype=torch.float64)
    for h in range(heads):
        for i in range(count):
            for j in range(width):
                key = k[h, min(j, columns.width - 1)]
                out[h, i, j] = sum(
                    a * b for a, b in zip(q[h, i].tolist(), key.tolist(), strict=True)
                ) / math.sqrt(depth)
    return out


def softmax_loops(logits: Tensor, v: Tensor, columns: TextColumns) -> Tensor:
    """Attention output (H, N, d) from dense logits."""
    heads, count, width = logits.shape
    out = torch.zeros(heads, count, v.shape[-1], dtype=torch.float64)
    for h in range(heads):
        for i in range(count):
            row = logits[h, i].tolist()
            top = max(row)
            weights = [math.exp(value - top) for value in row]
            for j in range(width):
                out[h, i] += weights[j] / sum(weights) * v[h, min(j, columns.width - 1)]
    return out


def amm_loops(delta: Tensor, gamma: float, frames: int, map_: str, extent: str) -> Tensor:
    """Eq. 24-27 over (C, F, H, W)."""
    channels, length, height, width = delta.shape
    values = delta.tolist()
    level: dict[tuple[int, int, int], float] = {}
    for f in range(length):
        for y in range(height):
            for x in range(width):
                column = [values[c][f][y][x] for c in range(channels)]
                if map_ == "abs":
                    column = [abs(value) for value in column]
                if map_ == "rms":
                    level[f, y, x] = math.sqrt(sum(value**2 for value in column) / channels)
                else:
                    level[f, y, x] = sum(column) / channels
    strength = gamma * math.log(frames) / math.log((81 - 1) / 4 + 1)
    out = torch.empty(1, length, height, width, dtype=torch.float64)
    for (f, y, x), value in level.items():
        pool = [v for (g, _, _), v in level.items() if extent == "sample" or g == f]
        weight = (value - min(pool)) / (max(pool) - min(pool) + 1e-7)
        out[0, f, y, x] = 1 + strength * weight
    return out


def gaussian_slope(t: float, s: float) -> float:
    """a(t) of the closed-form oracle: data ~ normal(mu, s^2)."""
    return (t - (1 - t) * s * s) / ((1 - t) ** 2 * s * s + t * t)


class Gaussian:
    """Closed-form velocity of normal data, one mean per text; counts what it is asked."""

    def __init__(self, source: Tensor, target: Tensor, s: float = 0.7) -> None:
        self.means = {"source": source, "target": target}
        self.s = s
        self.calls: list[list[Query]] = []

    def __call__(self, queries: Sequence[Query]) -> list[Tensor]:
        self.calls.append(list(queries))
        out = []
        for query in queries:
            t = query.step.sigma
            mean = self.means["source" if query.branch.startswith("source") else "target"]
            mean = mean[:, query.window.start : query.window.stop]
            out.append(gaussian_slope(t, self.s) * (query.z - (1 - t) * mean) - mean)
        return out


def wavy(branch: Branch, z: Tensor, t: float) -> Tensor:
    """Nonlinear velocity, different in every branch and level; acts on each value alone."""
    phase = {
        Branch.SOURCE_COND: 0.3,
        Branch.SOURCE_UNCOND: 0.9,
        Branch.TARGET_COND: 1.7,
        Branch.TARGET_UNCOND: 0.8,
    }[branch]
    return torch.sin((1 + 0.3 * t) * z + phase) + 0.2 * phase * z


class Spy:
    """Answers from a function of (branch, z, sigma) and keeps every query."""

    def __init__(self, rule: Callable[[Branch, Tensor, float], Tensor] = wavy) -> None:
        self.rule = rule
        self.calls: list[list[Query]] = []

    @property
    def queries(self) -> list[Query]:
        return [query for call in self.calls for query in call]

    def __call__(self, queries: Sequence[Query]) -> list[Tensor]:
        self.calls.append(list(queries))
        return [self.rule(query.branch, query.z, query.step.sigma) for query in queries]


def algorithm_one(
    x: Tensor,
    noise: Callable[[int, int], Tensor],
    *,
    steps: int = 25,
    skip: int = 2,
    shift: float = 5.0,
    w_src: float = 5.0,
    w_tar: float = 10.0,
    gamma: float = 1.0,
    averages: int = 1,
    map_: str = "signed",
    extent: str = "sample",
    previous: bool = False,
    rule: Callable[[Branch, Tensor, float], Tensor] = wavy,
) -> Tensor:
    """Algorithm 1 as printed, with countdown indices, over a velocity rule."""
    t = [shift * (i / steps) / (1 + (shift - 1) * (i / steps)) for i in range(steps + 1)]
    z_edit = x.clone()
    for i in range(steps - skip, 0, -1):
        delta = torch.zeros_like(x)
        for k in range(averages):
            n = noise(steps - i, k).to(x.dtype)
            level = t[min(i + 1, steps)] if previous else t[i]
            z_src = (1 - level) * x + level * n
            z_tar = z_src + (z_edit - x)
            velocity = {}
            for side, z, w in (("source", z_src, w_src), ("target", z_tar, w_tar)):
                cond = rule(Branch(f"{side}_cond"), z, t[i])
                uncond = rule(Branch(f"{side}_uncond"), z, t[i])
                velocity[side] = (1 - w) * uncond + w * cond
            delta = delta + (velocity["target"] - velocity["source"]) / averages
        if gamma:
            delta = amm_loops(delta, gamma, x.shape[1], map_, extent) * delta
        z_edit = z_edit + (t[i - 1] - t[i]) * delta
    return z_edit

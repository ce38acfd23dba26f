"""Muon for weight matrices, AdamW for everything else, in one optimiser.

Muon orthogonalises the momentum of a matrix with five Newton-Schulz steps before it is applied;
on small models and few steps it gets far more out of a CPU minute than AdamW alone. The update
is scaled to a root mean square of about 0.2, so that both halves take learning rates of one
kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Parameter

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalise(batch: Tensor, steps: int = 5) -> Tensor:
    """Push the singular values of each matrix of `batch` (n, rows, columns) towards 1."""
    a, b, c = _NEWTON_SCHULZ
    x = batch.bfloat16()
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    result: Tensor = (x.mT if tall else x).float()
    return result


@dataclass(frozen=True)
class GroupRates:
    """Peak learning rate and weight decay of one half of the parameters."""

    rate: float
    decay: float = 0.0


class MuonAdam(torch.optim.Optimizer):
    """Muon on `matrices` (convolution kernels count, flattened), AdamW on `rest`.

    `set_rate_scale` multiplies both peak rates; a schedule is the caller's matter.
    """

    def __init__(
        self,
        matrices: Iterable[Parameter],
        rest: Iterable[Parameter],
        *,
        muon: GroupRates,
        adam: GroupRates,
        betas: tuple[float, float] = (0.9, 0.98),
        momentum: float = 0.95,
    ) -> None:
        groups = [
            {"params": list(matrices), "muon": True, "peak": muon.rate, "decay": muon.decay},
            {"params": list(rest), "muon": False, "peak": adam.rate, "decay": adam.decay},
        ]
        defaults = {"lr": 0.0, "betas": betas, "momentum": momentum, "updates": 0}
        super().__init__([g for g in groups if g["params"]], defaults)

    def set_rate_scale(self, scale: float) -> None:
        """Set both learning rates to `scale` times their peak."""
        for group in self.param_groups:
            group["lr"] = scale * group["peak"]

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Any) -> float: ...
    @torch.no_grad()
    def step(self, closure: Any = None) -> float | None:
        """Apply one update from the gradients; closures are not supported."""
        if closure is not None:
            raise ValueError("MuonAdam takes no closure")
        for group in self.param_groups:
            live = [p for p in group["params"] if p.grad is not None]
            if live and group["muon"]:
                self._muon_step(group, live)
            elif live:
                self._adam_step(group, live)
        return None

    def _muon_step(self, group: dict[str, Any], live: list[Parameter]) -> None:
        momentum, rate, decay = group["momentum"], group["lr"], group["decay"]
        by_shape: dict[tuple[int, int], list[tuple[Parameter, Tensor]]] = {}
        for p in live:
            state = self.state[p]
            if not state:
                state["momentum"] = torch.zeros_like(p)
            assert p.grad is not None
            state["momentum"].lerp_(p.grad, 1 - momentum)
            update = p.grad.lerp(state["momentum"], momentum)
            by_shape.setdefault((p.shape[0], p.numel() // p.shape[0]), []).append((p, update))
        for (rows, columns), pairs in by_shape.items():
            stacked = torch.stack([u.reshape(rows, columns) for _, u in pairs])
            updates = orthogonalise(stacked) * (0.2 * max(rows, columns) ** 0.5)
            for (p, _), u in zip(pairs, updates, strict=True):
                p.mul_(1 - rate * decay)
                p.add_(u.reshape(p.shape), alpha=-rate)

    def _adam_step(self, group: dict[str, Any], live: list[Parameter]) -> None:
        rate, decay = group["lr"], group["decay"]
        beta1, beta2 = group["betas"]
        for p in live:
            if not self.state[p]:
                self.state[p].update(mean=torch.zeros_like(p), square=torch.zeros_like(p))
        group["updates"] += 1
        gradients = [p.grad for p in live if p.grad is not None]
        weights: list[Tensor] = [*live]
        means = [self.state[p]["mean"] for p in live]
        squares = [self.state[p]["square"] for p in live]
        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
        scale = torch._foreach_sqrt(squares)
        torch._foreach_div_(scale, (1 - beta2 ** group["updates"]) ** 0.5)
        torch._foreach_add_(scale, 1e-8)
        torch._foreach_mul_(weights, 1 - rate * decay)
        pace = -rate / (1 - beta1 ** group["updates"])
        torch._foreach_addcdiv_(weights, means, scale, value=pace)
